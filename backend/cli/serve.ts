/** `serve`: the service until it is told to stop. */
import { createClock } from '../adapters/clock.ts'
import { describeProblems, readEnvironment, type Environment } from '../environment.ts'
import { asFailure, exitCodes, Failure, type ExitCode } from './exit.ts'
import type { Log } from '../loop/ports.ts'
import type { Service, ServiceOptions } from './service.ts'
import { createWaitingRoom, waitsIn, type WaitingRoom } from './waiting-room.ts'

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
  const room = createWaitingRoom(options.configuration)
  try {
    while (!stop.aborted) {
      try {
        // A try may take long, and is watched too.
        return await start({ ...options, beforeListening: room.close })
      } catch (error) {
        await waitAfter(error, room, options.log, stop)
      }
    }
    return undefined
  } finally {
    await room.close()
  }
}

/** Throws the error where another try would not help, after it was told for a while if it has a state. */
async function waitAfter(error: unknown, room: WaitingRoom, log: Log, stop: AbortSignal): Promise<void> {
  const state = waitsIn(error)
  if (state === undefined) throw error
  const sentence = asFailure(error).message
  // Whoever has the address is a service that people see already.
  await room.tell({ state, sentence }).catch(() => Promise.reject(asFailure(error)))
  const mayHeal = state !== 'databaseNewer'
  const next = mayHeal ? `waits and tries again every ${tryAgainMs / 1000} s` : `ends in ${tryAgainMs / 1000} s`
  log.error({ state }, `${sentence} The service ${next}.`)
  await createClock({ startAt: 0, speed: 1 }).real.sleep(tryAgainMs, stop)
  if (!mayHeal) throw error
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })))
}
