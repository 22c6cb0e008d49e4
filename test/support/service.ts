/** The real loop, journal and gateway over a world in virtual time. */
import { defaultSettings, type PoolSettings } from '../../backend/core/settings.ts'
import { extensionEntry } from '../../backend/loop/extension.ts'
import type { Journal, Log, Metrics, PoolRecord, Settings } from '../../backend/loop/ports.ts'
import { createLoop, type Loop } from '../../backend/loop/run.ts'
import type { World } from '../../backend/simulator/facts.ts'
import { createRandom } from '../../backend/simulator/random.ts'
import { createWorld } from '../../backend/simulator/world.ts'
import type { WorldOptions } from '../../backend/simulator/facts-life.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/leases.ts'
import { createHistory } from '../../backend/store/history.ts'
import { createVirtualTime, type VirtualTime } from './virtual-time.ts'
import { worldBoots } from './world-boots.ts'
import { worldPipelines, worldScaleSet, type WorldCall } from './world-ports.ts'

export const scaleSetId = '/subscriptions/0000/resourceGroups/agents/providers/Microsoft.Compute/virtualMachineScaleSets/linux'

export type Service = {
  readonly world: World
  readonly time: VirtualTime
  readonly loop: Loop
  readonly poolId: number
  readonly record: PoolRecord
  readonly journal: Journal
  readonly history: ReturnType<typeof createHistory>
  readonly problems: string[]
  set(settings: Partial<PoolSettings>): void
  order(order: Omit<PoolRecord['orders'][number], 'id'>): void
  /** A person lets the claim of this owner be taken over. */
  letTakeOver(owner: string): void
  forMinutes(minutes: number): Promise<void>
  stop(): Promise<void>
}

export const bootstrap = {
  serviceUrl: 'https://service.example',
  packageUrl: 'https://agents.example/agent.tar.gz',
  packageSha256: '1',
  scriptFolder: 'https://service.example/scripts/1/0',
  scriptSha256: '0',
} as const

/** Lives in which a step takes about a minute. */
export const quick = {
  list: { p50: 5_000, p95: 5_001 },
  create: { p50: 60_000, p95: 60_001 },
  enable: { p50: 30_000, p95: 30_001 },
  reimage: { p50: 60_000, p95: 60_001 },
  delete: { p50: 60_000, p95: 60_001 },
  assign: { p50: 2_000, p95: 2_001 },
  receive: { p50: 1_000, p95: 1_001 },
} as const

export const quietMetrics: Metrics = {
  pass() {},
  passFailed() {},
  call() {},
  jobStarted() {},
  booted() {},
  assignmentsLost() {},
  action() {},
  left() {},
}

/** Starts the service over a new world with one pool and one empty scale set. */
export async function startService(
  options: {
    seed?: number
    settings?: Partial<PoolSettings>
    world?: Partial<WorldOptions>
    capacity?: number
    onCall?: (call: WorldCall) => void
  } = {},
): Promise<Service> {
  const seed = options.seed ?? 1
  const time = createVirtualTime()
  const world = createWorld({ seed, ...options.world })
  const poolId = addPoolAndScaleSet(world, options.capacity ?? 0)
  let record: PoolRecord = {
    poolId,
    name: 'linux',
    scaleSetId,
    settings: { ...defaultSettings, ...options.settings },
    version: 1,
    orders: [],
    replaceConfirmed: false,
  }
  let orders = 0
  const settings: Settings = {
    pools: async () => (record.name === '' ? [] : [poolId]),
    pool: async () => (record.name === '' ? undefined : record),
    forget: async () => {
      record = { ...record, name: '' }
    },
  }
  const database = await openDatabase({ kind: 'sqlite-memory' })
  const leases = createLeases(database, { holder: 'one', ttlMs: 1e12, clock: time.clock })
  const lease = (await leases.look([poolId])).lease(poolId)
  const journal = createJournal(database, time.clock)
  const taking: Journal = {
    remembered: (id) => journal.remembered(id),
    async commit(id, held, change) {
      await journal.commit(id, held, change)
      if (change.ordersTaken !== undefined)
        record = { ...record, orders: record.orders.filter((order) => !change.ordersTaken?.includes(order.id)) }
      if (change.tookOver === true) record = withoutTakeOver(record)
    },
  }
  const problems: string[] = []
  const log: Log = {
    info() {},
    warn: (fields, message) => problems.push(`${message} ${JSON.stringify(fields)}`),
    error: (fields, message) => problems.push(`${message} ${JSON.stringify(fields)}`),
  }
  const parts = {
    world,
    clock: time.clock,
    random: createRandom(seed).fork('calls'),
    worldNow: time.now,
    ...(options.onCall === undefined ? {} : { onCall: options.onCall }),
  }
  const loop = createLoop({
    clock: time.clock,
    log,
    metrics: quietMetrics,
    journal: taking,
    boots: worldBoots(world, poolId, scaleSetId, () => record.settings.tearDownAfterUse),
    settings,
    lease: () => lease && { ...lease, leftMs: Infinity },
    ownerId: 'owner',
    extension: (pool, scaleSet) => ({ known: true, value: extensionEntry(pool, scaleSet, bootstrap), at: 0 }),
    connect: (pool) => ({ pipelines: worldPipelines(parts), scaleSet: worldScaleSet(parts, pool.scaleSetId) }),
  })
  const abort = new AbortController()
  const done = loop.run(abort.signal)
  return {
    world,
    time,
    loop,
    poolId,
    journal,
    problems,
    history: createHistory(database),
    get record() {
      return record
    },
    set(change) {
      record = { ...record, settings: { ...record.settings, ...change }, version: record.version + 1 }
    },
    order(order) {
      record = { ...record, orders: [...record.orders, { ...order, id: (orders += 1) }] }
    },
    letTakeOver(owner) {
      record = { ...record, takeOverFrom: owner }
    },
    async forMinutes(minutes) {
      await time.run(time.now() + minutes * 60_000)
      world.advance(time.now())
    },
    async stop() {
      abort.abort()
      await time.run(time.now() + 60_000)
      await done
      await database.close()
    },
  }
}

function withoutTakeOver({ takeOverFrom: _used, ...record }: PoolRecord): PoolRecord {
  return record
}

export function addPoolAndScaleSet(world: World, capacity: number, id: string = scaleSetId): number {
  const pool = world.devops.addPool('linux', false)
  if (!pool.ok) throw new Error('The world refused a pool.')
  const made = world.azure.putScaleSet(id, {
    location: 'westeurope',
    skuName: 'Standard_D2_v3',
    capacity,
    tags: { team: 'ci' },
    properties: {
      orchestrationMode: 'Uniform',
      overprovision: false,
      singlePlacementGroup: false,
      upgradePolicy: { mode: 'Manual' },
      virtualMachineProfile: {
        osProfile: { computerNamePrefix: 'linux' },
        storageProfile: {
          imageReference: { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server' },
          osDisk: { osType: 'Linux' },
        },
      },
    },
  })
  if (!made.ok) throw new Error(`The world refused a scale set: ${JSON.stringify(made)}`)
  return pool.value.id
}
