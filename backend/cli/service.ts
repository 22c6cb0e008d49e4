/** The composition root: opens the store, makes the adapters, starts the loop and the API, and takes all of it down again. */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { createDevOpsHttp, createPipelines } from '../adapters/azure-devops.ts'
import { createClock, type ServiceClock } from '../adapters/clock.ts'
import { createAzureHttp } from '../adapters/compute.ts'
import { clouds, createAzureAuthorization, createAzureCredential, createDevOpsAuthorization, type AzureConfig, type DevOpsConfig } from '../adapters/credentials.ts'
import { createDevOpsAdmin } from '../adapters/devops-admin.ts'
import type { Http } from '../adapters/http.ts'
import { createMetrics, type MetricsRegistry } from '../adapters/metrics.ts'
import { createScaleSetChecks, type ScaleSetChecks } from '../adapters/scale-set-checks.ts'
import { createScaleSet } from '../adapters/scale-set.ts'
import { loadAgentScripts } from '../api/agent-scripts.ts'
import { buildApp } from '../api/app.ts'
import type { Configuration } from '../environment.ts'
import type { CheckedAccess } from '../loop/pool-check.ts'
import { createPools } from '../loop/pools.ts'
import type { Log, ScaleSet } from '../loop/ports.ts'
import { createLoop } from '../loop/run.ts'
import { openDatabase, type Database } from '../store/database.ts'
import { createHistory, lastInstant } from '../store/history.ts'
import { createJournal } from '../store/journal.ts'
import { createLeases } from '../store/lease.ts'
import { prune } from '../store/prune.ts'
import { createSettings } from '../store/settings.ts'
import { forgetAddress, noteAddress, operatorKeyFor, prepareDataDirectory } from './data-directory.ts'
import { exitCodes, Failure, listenFailure } from './exit.ts'
import { extensionEntry } from './extension-entry.ts'
import { createLeaseKeeper, leaseMs } from './lease-keeper.ts'
import { createOrganization } from './organization.ts'
import { ownerIdOf } from './owner.ts'

export type ServiceOptions = {
  readonly configuration: Configuration
  readonly log: Log
  readonly packageFolder: string
  readonly version: string
  /** World time in real time; 1 except in the demo. */
  readonly speed?: number
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

/** Resolves once the API listens. What was opened is closed again when a later part fails. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { configuration } = options
  prepareDataDirectory(configuration.data)
  const operatorKey = operatorKeyFor(configuration.data, configuration.operatorKey)
  const database = await openDatabase(await placeOf(configuration))
  try {
    return await startOn(database, operatorKey, options)
  } catch (error) {
    await database.close()
    throw error
  }
}

async function startOn(database: Database, operatorKey: string, options: ServiceOptions): Promise<Service> {
  const { configuration, log, version, speed = 1 } = options
  const clock = createClock({ startAt: await lastInstant(database), speed })
  const metrics = createMetrics({ processFigures: true })
  const outside = connectOutside(configuration, clock, metrics)
  await checkSignIn(outside.devOps, configuration, clock)
  const holder = `${hostname()}-${process.pid}-${clock.newId().slice(0, 8)}`
  const keeper = await createLeaseKeeper({ leases: createLeases(database, { holder, ttlMs: leaseMs * clock.speed, clock }), clock, log })
  const ownerId = await ownerIdOf(database, configuration.organizationUrl)
  const settings = createSettings(database, clock)
  const scripts = await loadAgentScripts(join(options.packageFolder, 'dist', 'agent-scripts'))
  const serviceUrl = configuration.publicUrl ?? `http://${configuration.host}:${configuration.port}`
  const stopped = new AbortController()

  const loop = createLoop({
    clock,
    log,
    metrics,
    journal: createJournal(database, clock),
    settings,
    lease: keeper.current,
    connect: (record) => ({ pipelines: outside.pipelines, scaleSet: outside.scaleSet(record.scaleSetId) }),
    ownerId,
    extension: (record) => extensionEntry(scripts, serviceUrl, record),
  })
  const pools = createPools({
    owner: ownerId,
    store: settings,
    organization: outside.organization,
    agents: outside.pipelines.agents,
    scaleSet: outside.scaleSet,
    nudge: loop.nudge,
  })
  const app = await buildApp({
    operatorKey,
    ...(configuration.hookSecret !== undefined && { hookSecret: configuration.hookSecret }),
    version,
    clock,
    log,
    loop,
    pools,
    settings,
    history: createHistory(database),
    organization: outside.organization,
    metrics,
    scripts,
    leaseProblem: keeper.problem,
  })
  const url = await listen(app, configuration)
  noteAddress(configuration.data, url)

  const running = Promise.all([loop.run(stopped.signal), keeper.run(stopped.signal), pruneNowAndThen(database, settings, clock, log, stopped.signal)]).then(() => undefined)
  // Whoever awaits it hears of a fault; nobody may be waiting yet.
  running.catch(() => undefined)
  return {
    url,
    operatorKey,
    clock,
    running,
    async stop() {
      stopped.abort()
      forgetAddress(configuration.data)
      await app.close()
      await running.catch(() => undefined)
      await Promise.all([outside.close(), database.close()])
    },
  }
}

function connectOutside(configuration: Configuration, clock: ServiceClock, metrics: MetricsRegistry) {
  const azure = azureConfig(configuration)
  const devOpsConfig: DevOpsConfig = { url: configuration.organizationUrl, credential: configuration.devOpsCredential, ...caOf(configuration) }
  const source = createAzureCredential(azure)
  const devOps = createDevOpsHttp({ config: devOpsConfig, authorization: createDevOpsAuthorization(devOpsConfig, source, clock), clock, metrics })
  const azureHttp = createAzureHttp({ config: azure, authorization: createAzureAuthorization(azure, source, clock), clock, metrics })
  return {
    devOps,
    pipelines: createPipelines({ http: devOps }),
    organization: createOrganization(devOps, createDevOpsAdmin({ http: devOps })),
    scaleSet: (scaleSetId: string) => accessTo(createScaleSet({ config: azure, http: azureHttp, scaleSetId, clock }), createScaleSetChecks({ http: azureHttp, scaleSetId }), scaleSetId),
    close: () => Promise.all([devOps.close(), azureHttp.close()]),
  }
}

/** The adapter lists the settings of this scale set only; the check wants to be told so. */
function accessTo(scaleSet: ScaleSet, checks: ScaleSetChecks, targetResourceId: string): ScaleSet & CheckedAccess {
  return {
    ...scaleSet,
    permissions: checks.permissions,
    async autoscale(signal) {
      const settings = await checks.autoscale(signal)
      return settings.known ? { ...settings, value: settings.value.map((setting) => ({ ...setting, targetResourceId })) } : settings
    },
  }
}

/** A cloud of its own as soon as an address differs from the named cloud's. */
function azureConfig(configuration: Configuration): AzureConfig {
  const { cloud, credential, resourceManagerUrl, authorityUrl } = configuration.azure
  const named = clouds[cloud]
  const isCustom = (resourceManagerUrl ?? named.resourceManagerUrl) !== named.resourceManagerUrl || (authorityUrl ?? named.authorityUrl) !== named.authorityUrl
  return {
    ...named,
    cloud: isCustom ? 'custom' : cloud,
    credential,
    ...(resourceManagerUrl !== undefined && { resourceManagerUrl, audience: resourceManagerUrl }),
    ...(authorityUrl !== undefined && { authorityUrl }),
    ...caOf(configuration),
  }
}

function caOf({ caFile }: Configuration): { readonly caFile?: string } {
  return caFile === undefined ? {} : { caFile }
}

async function placeOf(configuration: Configuration) {
  if (configuration.databaseUrl !== undefined) return { kind: 'postgres', url: configuration.databaseUrl } as const
  return { kind: 'sqlite', file: join(configuration.data, 'service.db') } as const
}

/** A credential that is refused stops the start; an Azure DevOps that does not answer does not: the loop waits for it. */
async function checkSignIn(devOps: Http, { organizationUrl, devOpsCredential }: Configuration, clock: ServiceClock): Promise<void> {
  const look = await devOps.look({ operation: 'check sign-in', method: 'GET', url: '_apis/distributedtask/pools?poolName=none', signal: clock.deadline(20_000) })
  const isRefused = look.kind === 'refused' ? [401, 403].includes(look.status) : look.kind === 'unknown' && look.why.includes('sign-in page')
  if (isRefused) {
    const step =
      devOpsCredential.kind === 'pat'
        ? 'Give SCALE_SET_AGENTS_PAT a token that has not expired, with the scope Agent Pools (read, manage)'
        : 'Add the identity to the organization, or set SCALE_SET_AGENTS_PAT'
    throw new Failure(exitCodes.notAllowed, `Azure DevOps (${organizationUrl}) does not accept the service's credential. ${step}.`)
  }
  if (look.kind === 'refused' && look.status === 404) {
    throw new Failure(exitCodes.configuration, `There is no organization or collection at ${organizationUrl}. Correct SCALE_SET_AGENTS_ORGANIZATION_URL.`)
  }
}

async function listen(app: Awaited<ReturnType<typeof buildApp>>, { host, port }: Configuration): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    await app.close()
    throw listenFailure(error, host, port)
  }
}

async function pruneNowAndThen(database: Database, settings: { pools(): Promise<readonly number[]> }, clock: ServiceClock, log: Log, signal: AbortSignal): Promise<void> {
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
