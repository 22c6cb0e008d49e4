/** One process of the service in virtual time: it can be killed at a call, be paused, and be started again on the same store. */
import { createLeaseKeeper, paces } from '../../backend/cli/lease-keeper.ts'
import { explain } from '../../backend/core/explain.ts'
import { extensionEntry } from '../../backend/loop/extension.ts'
import type { Clock, Intent, Journal, Lease, Log, Pipelines, PoolRecord, ScaleSet } from '../../backend/loop/ports.ts'
import type { Latest } from '../../backend/loop/follow.ts'
import { createLoop } from '../../backend/loop/run.ts'
import type { HeldLease } from '../../backend/loop/ports-replicas.ts'
import type { Boots } from '../../backend/loop/ports-boot.ts'
import type { World } from '../../backend/simulator/facts.ts'
import type { Random } from '../../backend/simulator/random.ts'
import type { Database } from '../../backend/store/database.ts'
import { lastInstant } from '../../backend/store/history.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/leases.ts'
import { quietMetrics } from '../support/service.ts'
import { uninterrupted, type Life, type VirtualTime } from '../support/virtual-time.ts'
import { worldPipelines, worldScaleSet, type WorldCall } from '../support/world-ports.ts'
import type { Bounds, Call, Entry, WrittenIntent } from './history.ts'
import type { ProcessFault } from './plan.ts'

/** Where a replica is broken on purpose; see sabotage.ts. Everything absent is as in production. */
export type Breakage = {
  readonly pipelines?: (port: Pipelines, world: World) => Pipelines
  readonly scaleSet?: (port: ScaleSet) => ScaleSet
  readonly journal?: (journal: Journal, currentLease: () => Lease | undefined) => Journal
  readonly record?: (record: PoolRecord, worldMs: number) => PoolRecord
  readonly lease?: (current: () => HeldLease | undefined) => () => HeldLease | undefined
  readonly clock?: (clock: Clock) => Clock
  readonly boots?: (boots: Boots) => Boots
  /** The record that the extension's entry is made from. */
  readonly extension?: (record: PoolRecord) => PoolRecord
}

export type ReplicaParts = {
  readonly name: string
  readonly world: World
  readonly time: VirtualTime
  readonly database: Database
  readonly boots: Boots
  readonly random: Random
  readonly ownerId: string
  readonly poolId: number
  readonly record: () => PoolRecord | undefined
  readonly forget: () => void
  readonly ordersTaken: (ids: readonly number[]) => void
  readonly enter: (entry: Entry) => void
  readonly onPass: (latest: Latest) => void
  readonly onTrouble: (message: string) => void
  /** It died by itself, at a call, as armed. */
  readonly onDeath: (replica: Replica) => void
  readonly breakage: Breakage
}

export type Replica = {
  readonly name: string
  readonly alive: boolean
  kill(): void
  pause(): void
  resume(): void
  /** The fault strikes at the next call or commit that it fits. */
  arm(fault: ProcessFault, onChange: boolean, struck: () => void): void
}

const bootstrap = {
  serviceUrl: 'https://service.example',
  packageUrl: 'https://agents.example/agent.tar.gz',
  packageSha256: '1',
  scriptFolder: 'https://service.example/scripts/1/0',
  scriptSha256: '0',
} as const

/** Starts the real loop with real journal and leases on this store. */
export async function startReplica(parts: ReplicaParts): Promise<Replica> {
  const { name, time, enter, breakage } = parts
  let armed: { readonly fault: ProcessFault; readonly onChange: boolean; readonly struck: () => void } | undefined
  const process = createLife()
  const own = time.clockFrom(await lastInstant(parts.database), process.life)
  const clock = breakage.clock?.(own) ?? own
  const log: Log = { info() {}, warn: (fields, message) => tell(fields, message), error: (fields, message) => tell(fields, message) }
  const pace = paces.sqlite
  const leases = createLeases(parts.database, { holder: name, ttlMs: pace.leaseMs, clock: own })
  let epoch: number | undefined
  const look: typeof leases.look = async (pools) => {
    const holding = await leases.look(pools)
    const newest = holding.lease(parts.poolId)?.epoch
    if (newest !== undefined && newest !== epoch) enter({ kind: 'lease', process: name, epoch: newest, at: time.now() })
    epoch = newest
    return holding
  }
  const real = { nowMs: own.now, wallTimeMs: own.wallTimeMs, sleep: own.sleep }
  const pools = async () => (parts.record() === undefined ? [] : [parts.poolId])
  const keeper = await createLeaseKeeper({
    leases: { ...leases, look },
    pools,
    pace,
    clock: { ...own, speed: 1, catchUp: () => undefined, real },
    log,
  })
  const current = () => keeper.current(parts.poolId)
  const lease = breakage.lease?.(current) ?? current
  const replica: Replica = {
    name,
    get alive() {
      return process.alive()
    },
    kill: process.kill,
    pause: process.pause,
    resume: process.resume,
    arm(fault, onChange, struck) {
      armed = { fault, onChange, struck }
    },
  }
  const journal = failing(recorded())
  const ports = {
    world: parts.world,
    clock,
    random: parts.random,
    worldNow: time.now,
    onBegin: (call: WorldCall) => {
      enter({ kind: 'begun', call: named(call), at: time.now() })
      if (call.change || armed?.onChange === false) strike('crash-before-send')
    },
    onCall: (call: WorldCall) => enter({ kind: 'arrived', call: named(call), at: time.now() }),
    onAnswer: (call: WorldCall, answer: Extract<Entry, { kind: 'answered' }>['answer']) => {
      enter({ kind: 'answered', call: named(call), answer, at: time.now() })
      if (call.change || armed?.onChange === false) strike('crash-after-send')
    },
  }
  const loop = createLoop({
    clock,
    log,
    metrics: quietMetrics,
    lease,
    ownerId: parts.ownerId,
    boots: breakage.boots?.(parts.boots) ?? parts.boots,
    journal: breakage.journal?.(journal, current) ?? journal,
    extension: (record, scaleSet) => ({ known: true, value: extensionEntry(record, scaleSet, bootstrap), at: 0 }),
    settings: {
      pools,
      pool: async () => readRecord(),
      forget: async () => parts.forget(),
    },
    connect: (record) => {
      const [pipelines, scaleSet] = [worldPipelines(ports), worldScaleSet(ports, record.scaleSetId)]
      return { pipelines: breakage.pipelines?.(pipelines, parts.world) ?? pipelines, scaleSet: breakage.scaleSet?.(scaleSet) ?? scaleSet }
    },
  })
  loop.onPass((poolId) => {
    const latest = loop.own(poolId)
    if (latest !== undefined) parts.onPass(latest)
  })
  void keeper.run(uninterrupted, loop.isPassing)
  void loop.run(new AbortController().signal)
  return replica

  function named(call: WorldCall): Call {
    return Object.assign(call, { process: name })
  }

  function tell(fields: object, message: string): void {
    parts.onTrouble(`${message} ${JSON.stringify(fields)}`)
  }

  function readRecord(): PoolRecord | undefined {
    const record = parts.record()
    if (record === undefined) return undefined
    enter({ kind: 'pass', process: name, bounds: boundsOf(record), at: time.now() })
    return breakage.record?.(record, time.now()) ?? record
  }

  function recorded(): Journal {
    const real = createJournal(parts.database, clock)
    return {
      remembered: real.remembered,
      async commit(poolId, held, change) {
        await real.commit(poolId, held, change)
        const intents = change.newIntents?.map((intent) => written(intent, clock.now())) ?? []
        enter({ kind: 'committed', process: name, epoch: held.epoch, intents, at: time.now() })
        if (change.ordersTaken?.length) parts.ordersTaken(change.ordersTaken)
      },
    }
  }

  function failing(inner: Journal): Journal {
    return {
      remembered: inner.remembered,
      async commit(poolId, held, change) {
        if (strike('commit-fails')) throw new Error('The database could not be written: the disk is full.')
        await inner.commit(poolId, held, change)
        if (strike('commit-answer-lost')) throw new Error('The database did not answer the commit.')
      },
    }
  }

  function strike(fault: ProcessFault): boolean {
    if (armed?.fault !== fault || !process.alive()) return false
    const { struck } = armed
    armed = undefined
    struck()
    if (fault !== 'crash-before-send' && fault !== 'crash-after-send') return true
    process.kill()
    parts.onDeath(replica)
    return true
  }
}

/** What is due goes on while the process runs, later when it was paused, and never after its death. */
function createLife(): { life: Life; alive(): boolean; kill(): void; pause(): void; resume(): void } {
  let state: 'runs' | 'paused' | 'dead' = 'runs'
  let held: (() => void)[] = []
  return {
    life: {
      wake(goOn) {
        if (state === 'runs') goOn()
        else if (state === 'paused') held.push(goOn)
      },
    },
    alive: () => state !== 'dead',
    kill() {
      state = 'dead'
    },
    pause() {
      if (state === 'runs') state = 'paused'
    },
    resume() {
      if (state !== 'paused') return
      state = 'runs'
      const due = held
      held = []
      for (const goOn of due) goOn()
    },
  }
}

export function boundsOf(record: PoolRecord): Bounds {
  const { machinesMax, tearDownAfterUse, paused, deleting } = record.settings
  return { machinesMax, tearDownAfterUse, paused, deleting }
}

function written({ id, action, reason }: Intent, now: number): WrittenIntent {
  const machines =
    'machines' in action
      ? action.machines
      : 'machine' in action
        ? [{ ...action.machine, ...('cause' in action ? { cause: action.cause } : {}) }]
        : []
  return {
    id,
    kind: action.kind,
    sentence: worded(() => explain(reason, now)),
    machines,
    ...('agentId' in action && action.agentId !== undefined ? { agentId: action.agentId } : {}),
  }
}

function worded(sentence: () => string): string {
  try {
    return String(sentence())
  } catch (error) {
    return `undefined (${String(error)})`
  }
}
