/** One process of the service in virtual time, all of whose I/O crosses the edge: real loop, journal, settings and lease. */
import { createLeaseKeeper, paces } from '../../backend/cli/lease-keeper.ts'
import { extensionEntry } from '../../backend/loop/extension.ts'
import type { Clock, Journal, Log, PoolRecord } from '../../backend/loop/ports.ts'
import type { Boots } from '../../backend/loop/ports-boot.ts'
import { createLoop } from '../../backend/loop/run.ts'
import type { World } from '../../backend/simulator/facts.ts'
import type { Random } from '../../backend/simulator/random.ts'
import type { Database } from '../../backend/store/database.ts'
import { lastInstant } from '../../backend/store/history.ts'
import { createJournal } from '../../backend/store/journal.ts'
import type { Leases } from '../../backend/store/lease.ts'
import { createSettings, type SettingsStore } from '../../backend/store/settings.ts'
import { createSingleLease } from '../../backend/store/single-lease.ts'
import { boundsOf } from '../soak/replica.ts'
import type { Call, Entry } from '../soak/history.ts'
import { bootstrap, quietMetrics } from '../support/service.ts'
import type { VirtualTime } from '../support/virtual-time.ts'
import { worldPipelines, worldScaleSet, type WorldCall } from '../support/world-ports.ts'
import type { Edge, Mortal, Side } from './boundary.ts'
import { writtenIntent } from './written-intent.ts'

export type ProcessParts = {
  readonly name: string
  readonly world: World
  readonly time: VirtualTime
  readonly database: Database
  readonly boots: Boots
  readonly random: Random
  readonly ownerId: string
  readonly edge: Edge
  readonly enter: (entry: Entry) => void
  /** It ended, by a crash or because it was told to. */
  readonly onEnd: () => void
  readonly breakage: Breakage
}

/** Where the process is broken on purpose. */
export type Breakage = { readonly journal?: (journal: Journal) => Journal; readonly settings?: (settings: SettingsStore) => SettingsStore }

export type ServiceProcess = {
  alive(): boolean
  /** The API's way in: what a person writes, answered once it is stored. */
  readonly settings: SettingsStore
  /** SIGTERM: the pass that runs is ended, the lease given back. */
  stop(): Promise<void>
}

/** A request that its sender did not outlive arrives this much later than others; the next process is up by then. */
export const lateMs = 4_000

const silent: Log = { info() {}, warn() {}, error() {} }

export async function startProcess(parts: ProcessParts): Promise<ServiceProcess> {
  const { name, time, edge, enter, database } = parts
  let isAlive = true
  const end = (): void => {
    if (!isAlive) return
    isAlive = false
    parts.onEnd()
  }
  const mortal: Mortal = { alive: () => isAlive, die: end, sleep: (ms) => new Promise((resolve) => time.after(ms, resolve)) }
  const io = <T>(side: Side, what: string, writes: boolean, run: () => Promise<T>): Promise<T> =>
    edge.cross(mortal, { side, name: what, writes }, run)
  await io('process', 'start', false, async () => undefined)
  const startAt = await io('database', 'last instant', false, () => lastInstant(database))
  const clock = time.clockFrom(startAt, { wake: (goOn) => void (isAlive && goOn()) })
  const pace = paces.sqlite
  const leaseOf = (holder: string) => createSingleLease(database, { holder, ttlMs: pace.leaseMs, clock })
  const leases = edged(leaseOf(name), io)
  const left = await io('database', 'lease holder', false, leaseOf(name).heldBy)
  if (left !== undefined) await edged(leaseOf(left.holder), io).release()
  const settings = edgedSettings(parts, createSettings(database, clock), io)
  const keeper = await createLeaseKeeper({
    leases: announced(leases, (epoch) => enter({ kind: 'lease', process: name, epoch, at: time.now() })),
    // One lease for all pools: which there are is not asked.
    pools: async () => [],
    pace,
    clock: { ...clock, speed: 1, catchUp: () => undefined, real: { nowMs: clock.now, wallTimeMs: clock.wallTimeMs, sleep: clock.sleep } },
    log: silent,
  })
  const stopped = new AbortController()
  const ports = { ...portsOf(parts), clock: { ...clock, sleep: patient(parts) } }
  const loop = createLoop({
    ...{ clock, log: silent, metrics: quietMetrics, lease: keeper.current, ownerId: parts.ownerId, settings },
    boots: { ...parts.boots, since: (pool, at) => io('database', 'reports', false, () => parts.boots.since(pool, at)) },
    journal: edgedJournal(parts, clock, io),
    extension: (record, scaleSet) => ({ known: true, value: extensionEntry(record, scaleSet, bootstrap), at: 0 }),
    connect: (record) => ({
      pipelines: edgedPort('azure-devops', worldPipelines(ports), io),
      scaleSet: edgedPort('azure', worldScaleSet(ports, record.scaleSetId), io),
    }),
  })
  void keeper.run(stopped.signal, loop.isPassing)
  const running = loop.run(stopped.signal)
  return {
    alive: () => isAlive,
    settings,
    async stop() {
      await io('process', 'stop', false, async () => stopped.abort())
      await running
      // A database that fails here is told at the terminal; the process ends all the same.
      await keeper.release().catch(() => undefined)
      await io('process', 'end', false, async () => undefined)
      end()
    },
  }
}

type Io = <T>(side: Side, what: string, writes: boolean, run: () => Promise<T>) => Promise<T>

function edged(leases: Leases, io: Io): Leases {
  return {
    look: (pools) => io('database', 'take or renew lease', true, () => leases.look(pools)),
    release: () => io('database', 'release lease', true, () => leases.release()),
  }
}

function announced(leases: Leases, tell: (epoch: number) => void): Leases {
  let epoch: number | undefined
  return {
    ...leases,
    async look(pools) {
      const holding = await leases.look(pools)
      const newest = holding.lease(0)?.epoch
      if (newest !== undefined && newest !== epoch) tell(newest)
      epoch = newest
      return holding
    },
  }
}

function edgedSettings({ name, time, enter, breakage }: ProcessParts, real: SettingsStore, io: Io): SettingsStore {
  const settings = breakage.settings?.(real) ?? real
  return {
    ...settings,
    pools: () => io('database', 'pools', false, () => settings.pools()),
    pool: (id) =>
      io('database', 'settings', false, async () => {
        const record = await settings.pool(id)
        if (record !== undefined) enter({ kind: 'pass', process: name, bounds: boundsOf(record), at: time.now() })
        return record
      }),
    forget: (id) => io('database', 'forget pool', true, () => settings.forget(id)),
    updateSettings: (...wish) => io('database', 'change settings', true, () => settings.updateSettings(...wish)),
    addOrder: (...wish) => io('database', 'store order', true, () => settings.addOrder(...wish)),
  }
}

/** Entries are made when the database has it, whoever hears of that. */
function edgedJournal({ name, time, enter, database, breakage }: ProcessParts, clock: Clock, io: Io): Journal {
  const real = createJournal(database, clock)
  const told: Journal = {
    remembered: real.remembered,
    async commit(poolId, lease, change) {
      const orders = await ordersOf(database, change.ordersTaken ?? [])
      await real.commit(poolId, lease, change)
      const intents = change.newIntents?.map((intent) => writtenIntent(intent, clock.now())) ?? []
      enter({ kind: 'committed', process: name, epoch: lease.epoch, intents, at: time.now() })
      for (const order of orders) enter({ kind: 'order', order, at: time.now() })
    },
  }
  const crossing: Journal = {
    remembered: (id) => io('database', 'remembered', false, () => told.remembered(id)),
    commit: (id, lease, change) => io('database', commitName(change), true, () => told.commit(id, lease, change)),
  }
  return breakage.journal?.(crossing) ?? crossing
}

function commitName(change: Parameters<Journal['commit']>[2]): string {
  return change.newIntents !== undefined ? 'commit intents' : change.pass === undefined ? 'commit outcome' : 'commit pass'
}

async function ordersOf(database: Database, ids: readonly number[]): Promise<readonly PoolOrder[]> {
  if (ids.length === 0) return []
  const rows = await database.db.selectFrom('orders').selectAll().where('id', 'in', ids).execute()
  return rows.map((row) => ({ machineId: row.machine_id, order: row.order as PoolOrder['order'], force: row.force === 1 }))
}
type PoolOrder = Pick<PoolRecord['orders'][number], 'machineId' | 'order' | 'force'>

function portsOf({ name, world, time, random, enter }: ProcessParts) {
  const named = (call: WorldCall): Call => Object.assign(call, { process: name })
  return {
    ...{ world, random, worldNow: time.now },
    onBegin: (call: WorldCall) => enter({ kind: 'begun', call: named(call), at: time.now() }),
    onCall: (call: WorldCall) => enter({ kind: 'arrived', call: named(call), at: time.now() }),
    onAnswer: (call: WorldCall, answer: Extract<Entry, { kind: 'answered' }>['answer']) =>
      enter({ kind: 'answered', call: named(call), answer, at: time.now() }),
  }
}

/** What is on its way goes on without its process. */
function patient({ time, edge }: ProcessParts): Clock['sleep'] {
  return (ms) => new Promise((resolve) => time.after(ms + (edge.isLate() ? lateMs : 0), resolve))
}

const changing = /^(set|remove|add|update|delete|reimage|claim|merge|put)/

/** All that a port does crosses the edge; what answers at once is not I/O. */
function edgedPort<Port extends object>(side: Side, port: Port, io: Io): Port {
  return Object.fromEntries(
    Object.entries(port).map(([name, ask]: [string, (...given: readonly unknown[]) => unknown]) => [
      name,
      name === 'slowDownMs' ? ask : (...given: readonly unknown[]) => io(side, name, changing.test(name), async () => ask(...given)),
    ]),
  ) as Port
}
