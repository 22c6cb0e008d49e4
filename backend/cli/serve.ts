/** `serve`: the service until it is told to stop. */
import { describeProblems, readEnvironment, type Environment } from '../environment.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'

export type ServeOptions = {
  readonly config?: string
  readonly data?: string
  readonly port?: number
  readonly env: Environment
  readonly stop: AbortSignal
  readonly packageFolder: string
  readonly version: string
}

/** Ends with 0 after SIGTERM or SIGINT, once the pass that runs has ended. */
export async function serve(options: ServeOptions): Promise<ExitCode> {
  const { config, data, port, env, stop, packageFolder, version } = options
  const overrides = {
    ...(config !== undefined && { configFile: config }),
    ...(data !== undefined && { data }),
    ...(port !== undefined && { port }),
  }
  const { configuration, problems } = readEnvironment(env, overrides)
  if (configuration === undefined) throw new Failure(exitCodes.configuration, describeProblems(problems))
  // Loaded only now: a wrong setting is told at once, without the Azure SDK.
  const [{ startService }, { createLog }] = await Promise.all([import('./service.ts'), import('../adapters/log.ts')])
  const log = createLog({ level: configuration.logLevel })
  const service = await startService({ configuration, log, packageFolder, version })
  log.info({ url: service.url, data: configuration.data, organization: configuration.organizationUrl }, 'The service listens.')
  try {
    await Promise.race([service.running, aborted(stop)])
  } finally {
    log.info({}, 'The service stops: it ends the pass that runs and gives the lease back.')
    await service.stop()
  }
  return exitCodes.ok
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
}
