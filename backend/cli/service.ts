/** The composition root: opens the store, makes the adapters, starts the loop and the API, and takes all of it down again. */
import { existsSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createAgentPackages } from '../adapters/agent-packages.ts'
import { createClock, type ServiceClock } from '../adapters/clock.ts'
import { createMetrics } from '../adapters/metrics.ts'
import { loadAgentScripts } from '../api/agent-scripts.ts'
import { buildApp } from '../api/app.ts'
import { compareVersions } from '../core/versions.ts'
import { agentVersionMin } from '../core/settings.ts'
import { isLoopback } from '../environment-fields.ts'
import type { Configuration } from '../environment.ts'
import { createPools } from '../loop/pools.ts'
import type { Log } from '../loop/ports.ts'
import { createLoop } from '../loop/run.ts'
import { headOf, type Head } from '../store/audit.ts'
import { createBoots } from '../store/boots.ts'
import { openDatabase, type Database, type DatabasePlace } from '../store/database.ts'
import { createHistory, lastInstant } from '../store/history.ts'
import { createJournal } from '../store/journal.ts'
import { createLeases } from '../store/leases.ts'
import type { LeaseOptions } from '../store/lease.ts'
import { createNotes } from '../store/notes.ts'
import { prune } from '../store/prune.ts'
import { createReplicas } from '../store/replicas.ts'
import { createSettings } from '../store/settings.ts'
import { createSingleLease } from '../store/single-lease.ts'
import { forgetAddress, noteAddress, operatorKeyFor, prepareDataDirectory } from './data-directory.ts'
import { codeOf, exitCodes, listenFailure } from './exit.ts'
import { extensionFor } from './extension-entry.ts'
import { createLeaseKeeper, paces, type LeaseKeeper } from './lease-keeper.ts'
import { checkSignIn, connectOutside, type Outside } from './outside.ts'
import { organizationNameOf, ownerIdOf } from './owner.ts'
import { probeWhileUnwell } from './probe.ts'
import { createRegistration } from './registration.ts'
import { withFormerScripts } from './script-memory.ts'
import { signInFor } from './sign-in.ts'
import { Blocked } from './waiting-room.ts'

export type ServiceOptions = {
  readonly configuration: Configuration
  readonly log: Log
  readonly packageFolder: string
  readonly version: string
  /** World time in real time; 1 except in the demo. */
  readonly speed?: number
  /** Called when all is well: whoever holds the address until then leaves it. */
  readonly beforeListening?: () => Promise<void>
}

export type Service = {
  readonly url: string
  readonly operatorKey: string
  readonly clock: ServiceClock
  /** Rejects when the loop or the lease ends by a fault. */
  readonly running: Promise<void>
  /** Ends the pass, gives the lease back and closes everything. */
  stop(): Promise<void>
}

/** Real time between two looks for rows that are too old to keep. */
const pruneMs = 10 * 60_000

type Ends = (() => Promise<void> | void)[]

/** Resolves once the API listens. What was opened is closed again, last first, when a later part fails. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const ends: Ends = []
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  try {
    return { ...(await start(options, ends)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function start(options: ServiceOptions, ends: Ends): Promise<Omit<Service, 'stop'>> {
  const { configuration, log, speed = 1 } = options
  prepareDataDirectory(configuration.data)
  const operatorKey = operatorKeyFor(configuration.data, configuration.operatorKey)
  const database = await openWhole(placeOf(configuration))
  ends.push(database.close)
  const clock = createClock({ startAt: await lastInstant(database), speed })
  const metrics = createMetrics({ processFigures: true })
  const outside = connectOutside(configuration, clock, metrics)
  ends.push(outside.close)
  await checkSignIn(outside.devOps, configuration, clock)
  const holder = `${hostname()}/${process.pid}/${clock.newId().slice(0, 8)}`
  const pace = paces[database.dialect]
  const lease = { holder, ttlMs: pace.leaseMs * speed, clock }
  if (database.dialect === 'sqlite') await onlyServiceOf(configuration.data, database, lease)
  const { pools } = createSettings(database, clock)
  const { isUnwell } = outside.watch
  const keeper = await createLeaseKeeper({ leases: createLeases(database, lease), pools, pace, clock, log, isUnwell })
  ends.push(keeper.release)

  const stopped = new AbortController()
  const ground = { database, clock, metrics, outside, keeper, operatorKey, signal: stopped.signal }
  const { app, loop, settings, packages } = await compose(options, ground)
  ends.push(async () => app.close())
  await options.beforeListening?.()
  const { host, port } = configuration
  const url = await app.listen({ host, port }).catch((error: unknown) => Promise.reject(listenFailure(error, host, port)))
  noteAddress(configuration.data, url)
  ends.push(() => forgetAddress(configuration.data, url))

  const { signal } = stopped
  const parts = [
    loop.run(signal),
    keeper.run(signal, loop.isPassing),
    probeWhileUnwell({ clock, log, settings, outside }, signal),
    packages.run(signal, loop.nudge),
    pruneNowAndThen(database, settings, clock, log, signal),
  ]
  const running = Promise.all(parts).then(() => undefined)
  // Whoever awaits it hears of a fault; nobody may be waiting yet.
  running.catch(() => undefined)
  ends.push(async () => {
    stopped.abort()
    await Promise.allSettled(parts)
  })
  return { url, operatorKey, clock, running }
}

/** Opens the database. A file that was made for it and could not be filled, on a full disk, is taken away again. */
export async function openWhole(place: DatabasePlace, open: typeof openDatabase = openDatabase): Promise<Database> {
  const isNew = place.kind === 'sqlite' && !existsSync(place.file)
  try {
    return await open(place)
  } catch (error) {
    if (isNew) for (const end of ['', '-wal', '-shm']) rmSync(place.file + end, { force: true })
    throw error
  }
}

/** One service to an SQLite file. What a process that is gone left behind is taken over at once. */
async function onlyServiceOf(directory: string, database: Database, lease: LeaseOptions): Promise<void> {
  const other = await createSingleLease(database, lease).heldBy()
  const [host, pid] = other?.holder.split('/') ?? []
  if (other === undefined || host !== hostname()) return
  if (Number(pid) === process.pid || !isRunning(Number(pid)))
    return createSingleLease(database, { ...lease, holder: other.holder }).release()
  throw new Blocked(
    'anotherService',
    exitCodes.system,
    `Another service (process ${pid}) uses the data directory ${directory}. Stop it first, or name another directory with --data.`,
  )
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

type Ground = {
  readonly database: Database
  readonly clock: ServiceClock
  readonly metrics: ReturnType<typeof createMetrics>
  readonly outside: Outside
  readonly keeper: LeaseKeeper
  readonly operatorKey: string
  /** The service stops. */
  readonly signal: AbortSignal
}

/** The loop, the pools and the API over them. */
async function compose(options: ServiceOptions, ground: Ground) {
  const { configuration, log, packageFolder, version } = options
  const { database, clock, metrics, outside, keeper, signal } = ground
  const { pipelines, organization } = outside
  const ownerId = await ownerIdOf(database, configuration.organizationUrl)
  // A log that is kept elsewhere proves later that no record was taken away.
  const tellHead = (head: Head): void => log.info(head, 'The records of what people changed end here.')
  tellHead(await headOf(database.db))
  const settings = createSettings(database, clock, tellHead)
  const scripts = await withFormerScripts(await loadAgentScripts(join(packageFolder, 'dist', 'agent-scripts')), createNotes(database))
  const serviceUrl = configuration.publicUrl ?? `http://${configuration.host}:${configuration.port}`
  const packages = await packagesOf(ground, log)
  const boots = createBoots(database)
  const loop = createLoop({
    clock,
    log,
    metrics,
    settings: {
      ...settings,
      async forget(poolId) {
        await settings.forget(poolId)
        await metrics.forget(poolId)
      },
    },
    ownerId,
    journal: createJournal(database, clock),
    // With a wrong clock, or without a credential, nobody holds the right to change anything.
    lease: (poolId) => (outside.watch.stops() ? undefined : keeper.current(poolId)),
    connect: (record) => ({ pipelines, scaleSet: outside.scaleSet(record.scaleSetId) }),
    boots,
    ...(database.dialect === 'postgres' && { replicas: createReplicas(database) }),
    extension: extensionFor({ scripts, serviceUrl, packages, organizationUrl: configuration.organizationUrl, ...patOf(configuration) }),
  })
  const pools = createPools({
    owner: ownerId,
    store: settings,
    organization,
    agents: pipelines.agents,
    setEnabled: pipelines.setEnabled,
    scaleSet: outside.scaleSet,
    scaleSets: outside.scaleSets,
    wake: loop.wake,
  })
  const registrar = createRegistration({
    ...{ configuration, database, clock, log, metrics, outside, settings, packages, boots, signal },
    nudge: loop.nudge,
  })
  const app = await buildApp({
    ...(await entrances(configuration, ground, settings.pools)),
    ...{ version, clock, realTime: clock.real, log, loop, pools, settings, organization, metrics, scripts, registrar, boots },
    history: createHistory(database),
    leaseProblem: keeper.problem,
    troubles: outside.watch.troubles,
  })
  return { app, loop, settings, packages }
}

/** Who may come in, and by what. */
async function entrances(configuration: Configuration, ground: Ground, pools: () => Promise<readonly number[]>) {
  const { organizationUrl, hookSecret, host } = configuration
  const { database, clock, outside, operatorKey } = ground
  const signIn = await signInFor({ configuration, database, clock, identity: outside.identity, pools })
  return {
    operatorKey,
    organizationUrl,
    organizationName: organizationNameOf(organizationUrl),
    // With sign-in there is often a proxy before the service, so that whoever comes seems to come from here.
    isLocal: signIn === undefined && isLoopback(host),
    ...(hookSecret !== undefined && { hookSecret }),
    ...(signIn !== undefined && { signIn }),
  }
}

async function packagesOf({ outside, clock, database }: Ground, log: Log) {
  const packages = createAgentPackages({
    ...{ http: outside.devOps, clock, log, compareVersions },
    ...createNotes(database),
    versionMin: agentVersionMin,
  })
  await packages.recall()
  return packages
}

/** The personal access token that registers agents, if it is one that does. */
function patOf({ registrar, devOpsCredential }: Configuration): { readonly pat?: string } {
  const credential = registrar ?? devOpsCredential
  return credential.kind === 'pat' ? { pat: credential.pat } : {}
}

function placeOf(configuration: Configuration): DatabasePlace {
  if (configuration.databaseUrl !== undefined) return { kind: 'postgres', url: configuration.databaseUrl }
  return { kind: 'sqlite', file: join(configuration.data, 'service.db') }
}

async function pruneNowAndThen(
  database: Database,
  settings: { pools(): Promise<readonly number[]> },
  clock: ServiceClock,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.real.sleep(pruneMs, signal)
    if (signal.aborted) return
    try {
      for (const poolId of await settings.pools()) await prune(database, poolId)
    } catch (error) {
      log.warn({ error: String(error) }, 'Old records were not removed; the next round tries again.')
    }
  }
}
