/** `serve`: the service until it is told to stop. */
import { createClock } from '../adapters/clock.ts'
import { describeProblems, readEnvironment, type Environment } from '../environment.ts'
import { asFailure, exitCodes, Failure, type ExitCode } from './exit.ts'
import type { Service, ServiceOptions } from './service.ts'
import { openWaitingRoom, waitsIn } from './waiting-room.ts'

export type ServeOptions = {
  readonly config?: string
  readonly data?: string
  readonly port?: number
  readonly env: Environment
  readonly stop: AbortSignal
  readonly packageFolder: string
  readonly version: string
}

/** Between two tries to start. */
const tryAgainMs = 10_000

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
  const service = await startOnceItCan(startService, { configuration, log, packageFolder, version }, stop)
  if (service === undefined) return exitCodes.ok
  log.info({ url: service.url, data: configuration.data, organization: configuration.organizationUrl }, 'The service listens.')
  try {
    await Promise.race([service.running, aborted(stop)])
  } finally {
    log.info({}, 'The service stops: it ends the pass that runs and gives the lease back.')
    await service.stop()
  }
  return exitCodes.ok
}

/** `undefined` when it was told to stop before it could. Throws what does not pass by itself. */
async function startOnceItCan(
  start: (options: ServiceOptions) => Promise<Service>,
  options: ServiceOptions,
  stop: AbortSignal,
): Promise<Service | undefined> {
  const { configuration, log } = options
  while (!stop.aborted) {
    try {
      return await start(options)
    } catch (error) {
      const state = waitsIn(error)
      if (state === undefined) throw error
      const sentence = asFailure(error).message
      // Whoever has the address is a service that people see already.
      const close = await openWaitingRoom(configuration, { state, sentence }).catch(() => Promise.reject(asFailure(error)))
      const mayHeal = state !== 'databaseNewer'
      const next = mayHeal ? `waits and tries again every ${tryAgainMs / 1000} s` : `ends in ${tryAgainMs / 1000} s`
      log.error({ state }, `${sentence} The service ${next}.`)
      await createClock({ startAt: 0, speed: 1 }).real.sleep(tryAgainMs, stop)
      await close()
      if (!mayHeal) throw error
    }
  }
  return undefined
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
}
