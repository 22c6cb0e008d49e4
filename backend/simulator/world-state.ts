/** What the world remembers. Facts are replaced on each change, so a list handed out stays what it was. */
import type {
  AgentFacts,
  AutoscaleFacts,
  BootstrapEnd,
  MachineFacts,
  OperationFacts,
  PoolFacts,
  QueueFacts,
  RequestFacts,
  ScaleSetFacts,
  WorldEvent,
  WorldTime,
} from './facts.ts'
import type { Behaviours, Latencies, WorldOptions } from './facts-life.ts'
import { createRandom } from './random.ts'
import type { Random } from './random.ts'
import { createWorldClock } from './world-clock.ts'
import type { WorldClock } from './world-clock.ts'
import { createFaults } from './world-faults.ts'
import type { Faults } from './world-faults.ts'
import { createHistory } from './world-history.ts'
import type { History } from './world-history.ts'
import { createBuckets } from './world-throttle.ts'
import type { Buckets } from './world-throttle.ts'

/** An agent process that the world runs on a machine. Azure DevOps learns of its end later. */
export type AgentProcess = { readonly machine: Machine; readonly agent: Agent; readonly once: boolean; alive: boolean; hadItsJob: boolean }

export type Machine = {
  facts: MachineFacts
  readonly set: ScaleSet
  /** Raised when what was planned for the machine no longer holds. */
  life: number
  /** Counts in `sku.capacity`. */
  counts: boolean
  /** The operation that waits for it. */
  operation?: Operation | undefined
  process?: AgentProcess | undefined
  /** The extensions of its present life have to be done by then. */
  extensionsEndBy?: WorldTime
  /** Its bootstrap extension runs outside the world. */
  bootstrap?: { readonly life: number; readonly end: (outcome: BootstrapEnd) => void } | undefined
}

export type ScaleSet = {
  facts: ScaleSetFacts
  readonly machines: Map<string, Machine>
  /** Machines asked for and not yet listed. */
  readonly coming: Set<{ dropped: boolean }>
  /** Machines that are gone while the capacity still has them. */
  ghosts: number
  nextInstance: number
  readonly freeIds: number[]
  running: number
  /** Deleted: nothing more is made in it. */
  gone: boolean
  machineMs: number
  countedAt: WorldTime
  listed?: readonly MachineFacts[] | undefined
  readonly buckets: Buckets
  readonly pastLists: History<readonly MachineFacts[]>
  readonly pastFacts: History<ScaleSetFacts>
}

export type Operation = { facts: OperationFacts; open: number; error?: { readonly code: string; readonly message: string } | undefined }

export type Agent = {
  facts: AgentFacts
  readonly pool: Pool
  process?: AgentProcess | undefined
  /** A real process of the sandbox. */
  session?: Session | undefined
  /** Assigned to it, running on it, or waiting for its lock to run out. */
  request?: Request | undefined
  reserved: boolean
  /** Its one job is over; it takes no other before it ends. */
  resting: boolean
  removed: boolean
  /** Raised when its connection changes, so that an older time-out is void. */
  connection: number
}

export type Session = {
  readonly id: string
  readonly agent: Agent
  /** The machine it comes from, and the life of it. */
  readonly from?: { readonly machine: Machine; readonly life: number } | undefined
  polledAt: WorldTime
}

export type Request = {
  facts: RequestFacts
  readonly pool: Pool
  state: 'waiting' | 'reserved' | 'assigned' | 'running' | 'done'
  agent?: Agent | undefined
  process?: AgentProcess | undefined
}

export type Pool = {
  facts: PoolFacts
  readonly agents: Map<number, Agent>
  readonly unfinished: Map<number, Request>
  /** Oldest first. */
  readonly finished: RequestFacts[]
  readonly waiting: Request[]
  readonly idle: Set<Agent>
  listed?: readonly AgentFacts[] | undefined
  /** Agents by the demands they satisfy; emptied when an agent's capabilities change. */
  readonly matches: Map<string, readonly number[]>
  readonly pastAgents: History<readonly AgentFacts[]>
  readonly pastRequests: History<readonly RequestFacts[]>
}

type WithoutTime<E> = E extends WorldEvent ? Omit<E, 'at'> : never
export type Happening = WithoutTime<WorldEvent>

export type WorldState = {
  readonly clock: WorldClock
  readonly random: Random
  readonly faults: Faults
  readonly behaviours: Behaviours
  readonly latencies: Latencies
  readonly coresOfSku: Readonly<Record<string, number>>
  readonly subnetSize: number
  readonly agentReleaseMs: number
  readonly machinesRunAgents: boolean
  coreLimit: number
  parallelJobs: number | undefined
  /** By lower-case resource id. */
  readonly scaleSets: Map<string, ScaleSet>
  /** Machine-milliseconds of scale sets that are gone. */
  readonly bills: Map<string, number>
  readonly operations: Map<string, Operation>
  readonly autoscale: AutoscaleFacts[]
  readonly pools: Map<number, Pool>
  readonly queues: QueueFacts[]
  readonly sessions: Map<string, Session>
  readonly listeners: Set<(event: WorldEvent) => void>
  nextEtag: number
  nextPool: number
  nextQueue: number
  nextAgent: number
  nextRequest: number
  nextDefinition: number
  readonly definitions: Map<string, number>
  emit(happening: Happening): void
}

/** Medians and 95th percentiles of a Linux machine of two cores. Assumed; close to what users report for the built-in feature. */
export const defaultLatencies: Latencies = {
  list: { p50: 4_000, p95: 12_000 },
  create: { p50: 55_000, p95: 120_000 },
  enable: { p50: 45_000, p95: 100_000 },
  reimage: { p50: 60_000, p95: 140_000 },
  delete: { p50: 60_000, p95: 180_000 },
  assign: { p50: 1_500, p95: 5_000 },
  receive: { p50: 700, p95: 3_000 },
}

export const defaultBehaviours: Behaviours = {
  capacityFalls: 'acceptance',
  overlapRefused: false,
  etagIgnored: false,
  reimageChangesVmId: false,
  tagsReplaced: true,
  instanceIdsReused: false,
}

export function createState(options: WorldOptions): WorldState {
  const clock = createWorldClock()
  const random = createRandom(options.seed)
  const listeners = new Set<(event: WorldEvent) => void>()
  const emit = (happening: Happening): void => {
    if (listeners.size === 0) return
    const event = { at: clock.now(), ...happening }
    for (const listener of [...listeners]) listener(event)
  }
  return {
    clock,
    random: random.fork('life'),
    listeners,
    emit,
    faults: createFaults(random.fork('faults'), clock.now, (fault) => emit({ kind: 'fault', fault })),
    behaviours: { ...defaultBehaviours, ...options.behaviours },
    latencies: { ...defaultLatencies, ...options.latencies },
    coresOfSku: options.coresOfSku ?? {},
    coreLimit: options.coreLimit ?? 10_000,
    parallelJobs: options.parallelJobs,
    subnetSize: options.subnetSize ?? 4_091,
    agentReleaseMs: options.agentReleaseMs ?? Infinity,
    machinesRunAgents: options.machinesRunAgents ?? true,
    scaleSets: new Map(),
    bills: new Map(),
    operations: new Map(),
    autoscale: [],
    pools: new Map(),
    queues: [],
    sessions: new Map(),
    definitions: new Map(),
    nextEtag: 1,
    nextPool: 1,
    nextQueue: 1,
    nextAgent: 1,
    nextRequest: 1,
    nextDefinition: 1,
  }
}

export function createScaleSet(facts: ScaleSetFacts, now: WorldTime): ScaleSet {
  return {
    facts,
    machines: new Map(),
    coming: new Set(),
    ghosts: 0,
    nextInstance: 0,
    freeIds: [],
    running: 0,
    gone: false,
    machineMs: 0,
    countedAt: now,
    buckets: createBuckets(),
    pastLists: createHistory(),
    pastFacts: createHistory(),
  }
}

export function createPool(facts: PoolFacts): Pool {
  return {
    facts,
    agents: new Map(),
    unfinished: new Map(),
    finished: [],
    waiting: [],
    idle: new Set(),
    matches: new Map(),
    pastAgents: createHistory(),
    pastRequests: createHistory(),
  }
}
