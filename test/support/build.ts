/** Builders with valid defaults: a test overrides what it is about. */
import type { Action } from '../../backend/core/decision.ts'
import { defaultSettings, type PoolSettings } from '../../backend/core/settings.ts'
import type {
  AgentRef,
  Instant,
  Job,
  Known,
  Machine,
  OrphanAgent,
  OtherAgent,
  Placeholder,
  PoolSnapshot,
  Reading,
  ScaleSetState,
  Stage,
} from '../../backend/core/snapshot.ts'

export const second = 1_000
export const minute = 60_000
export const hour = 60 * minute
/** The present in every snapshot that these builders make. */
export const now: Instant = 100 * hour
/** A Monday, 12:00 UTC. */
export const wallTimeMs = Date.UTC(2026, 0, 5, 12)

export function known<T>(value: T, ageMs = 0): Known<T> {
  return { known: true, value, at: now - ageMs }
}

export function unknown(why = 'status 500'): { readonly known: false; readonly why: string } {
  return { known: false, why }
}

export function someSettings(over: Partial<PoolSettings> = {}): PoolSettings {
  return { ...defaultSettings, machinesMax: 10, standby: 0, ...over }
}

/** What a test may say of a machine. Numbered `n`: instance id `n`, name `m{n}`, agent id `100 + n`. */
export type MachineOver = {
  readonly stage: Stage
  readonly n?: number
  /** How long the stage has lasted. */
  readonly forMs?: number
  /** `null`: no agent is registered. */
  readonly agent?: Partial<AgentRef> | null
} & Partial<Record<'requestId' | 'generation', number>> &
  Partial<Record<'cause' | 'next' | 'code' | 'why' | 'after' | 'phase', string>> &
  Pick<Machine, 'asked' | 'oldModel' | 'warm' | 'protected'> & { readonly unseen?: true }

export function aMachine(over: MachineOver): Machine {
  const { n = 1, forMs = minute, agent, stage, ...rest } = over
  const facts = { id: String(n), name: `m${n}`, generation: 1, since: now - forMs, stage }
  return { ...facts, ...stageDefaults(stage, n), ...agentOver(stage, n, agent), ...rest } as Machine
}

/** Machines numbered from 1. */
export function someMachines(...overs: readonly MachineOver[]): readonly Machine[] {
  return overs.map((over, index) => aMachine({ n: index + 1, ...over }))
}

function stageDefaults(stage: Stage, n: number): object {
  switch (stage) {
    case 'starting':
      return { after: 'create' }
    case 'busy':
      return { requestId: 500 + n }
    case 'draining':
    case 'unregistered':
      return { cause: 'surplus', next: 'delete' }
    case 'failed':
      return { cause: 'creation-failed', code: 'OSProvisioningTimedOut' }
    case 'unclear':
      return { why: 'the agents could not be read' }
    default:
      return {}
  }
}

/** Stages that cannot be without an agent, and how it then stands. */
const agentOf: Partial<Record<Stage, Partial<AgentRef>>> = {
  idle: {},
  busy: {},
  used: { online: false },
  draining: { enabled: false },
  disabled: { enabled: false },
  offline: { online: false },
}

function agentOver(stage: Stage, n: number, over: MachineOver['agent']): { readonly agent?: AgentRef } {
  const base = agentOf[stage]
  if (over === null || (over === undefined && base === undefined)) return {}
  return { agent: { id: 100 + n, name: `m${n}`, online: true, enabled: true, version: '4.248.0', ...base, ...over } }
}

export function aJob(over: Partial<Job> = {}): Job {
  const requestId = over.requestId ?? 1
  return { requestId, name: `job ${requestId}`, pipeline: 'build', seenAt: now - 30 * second, demands: [], ...over }
}

/** Waiting jobs with the requests `from`, `from` + 1 … */
export function someJobs(count: number, over: Partial<Job> = {}, from = 1): readonly Job[] {
  return Array.from({ length: count }, (_each, index) => aJob({ ...over, requestId: from + index }))
}

export const placeholder: Placeholder = { agentId: 9, version: '4.248.0', capabilities: { 'Agent.OS': 'Linux' } }

export type Part = 'jobs' | 'agents' | 'scaleSet' | 'machines'
export type SnapshotOver = Partial<
  Omit<
    PoolSnapshot,
    | 'jobs'
    | 'agents'
    | 'scaleSet'
    | 'machines'
    | 'capabilities'
    | 'lowestSurplus'
    | 'parallelJobsFree'
    | 'growthTrouble'
    | 'bootTrouble'
    | 'azureBusyAt'
  >
> & {
  readonly jobs?: readonly Job[]
  readonly machines?: readonly Machine[]
  readonly scaleSet?: Partial<ScaleSetState>
  readonly others?: readonly OtherAgent[]
  readonly orphans?: readonly OrphanAgent[]
  /** `null`: there is none yet. */
  readonly placeholder?: Placeholder | null
  readonly newestVersion?: string
  /** `null`: none learned and none declared. */
  readonly capabilities?: Readonly<Record<string, string>> | null
  readonly unknown?: readonly Part[]
  readonly ageMs?: Partial<Record<Part, number>>
  readonly lowestSurplus?: number | undefined
  readonly parallelJobsFree?: number | undefined
  readonly azureBusyAt?: number | undefined
  readonly growthTrouble?: PoolSnapshot['growthTrouble'] | undefined
  readonly bootTrouble?: PoolSnapshot['bootTrouble'] | undefined
}

const nothing = {
  jobs: [],
  machines: [],
  scaleSet: {},
  others: [],
  orphans: [],
  placeholder,
  capabilities: placeholder.capabilities,
  unknown: [],
  ageMs: {},
} as const satisfies SnapshotOver

/** A fresh and complete snapshot of a pool that is ours, whose capacity counts the machines that are not being deleted. */
export function aSnapshot(over: SnapshotOver = {}): PoolSnapshot {
  const given: SnapshotOver & Required<Pick<SnapshotOver, keyof typeof nothing>> = { ...nothing, ...over }
  const {
    jobs,
    machines,
    scaleSet,
    others,
    orphans,
    newestVersion,
    unknown: dark,
    ageMs,
    placeholder: held,
    capabilities,
    ...plain
  } = given
  const part = <T>(name: Part, value: T): Reading<T> => (dark.includes(name) ? unknown() : known(value, ageMs[name]))
  const capacity = machines.filter(({ stage }) => stage !== 'deleting').length
  const agents = { others, orphans, placeholder: held ?? undefined, newestVersion }
  return withoutUndefined({
    poolId: 7,
    wallTimeMs,
    jobs: part('jobs', jobs),
    agents: part('agents', withoutUndefined(agents)),
    scaleSet: part('scaleSet', aScaleSet({ capacity, ...scaleSet })),
    machines: part('machines', machines),
    capabilities: capabilities === null ? unknown('no agent of this pool has been online yet') : known(capabilities),
    asked: 0,
    owed: 0,
    deleteInFlight: false,
    recentUpdates: [],
    rooms: [],
    peakDemand: 0,
    boot: {},
    reimage: {},
    ...plain,
  }) as PoolSnapshot
}

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))
}

export function aScaleSet(over: Partial<ScaleSetState> = {}): ScaleSetState {
  return {
    capacity: 0,
    claim: 'ours',
    claimSeenAt: now - minute,
    claimRefreshedAt: now - minute,
    extension: 'current',
    operationRunning: false,
    singlePlacementGroup: false,
    blockers: [],
    ...over,
  }
}

/** An action on one line: `grow 2`, `drain m1 surplus → delete`, `delete m1 m2`. */
export function lineOf(action: Action): string {
  switch (action.kind) {
    case 'grow':
      return `grow ${action.by}`
    case 'ask-again':
      return `ask-again ${action.owed}`
    case 'drain':
    case 'unregister':
      return `${action.kind} ${action.machine.name} ${action.cause} → ${action.next}`
    case 'restore':
      return `restore ${action.machine.name}`
    case 'save':
      return `save ${action.machine.name} ${action.cause}`
    case 'delete':
    case 'reimage':
      return `${action.kind} ${action.machines.map((each) => `${each.name}${each.force === true ? ' (forced)' : ''}`).join(' ')}`
    case 'unregister-orphan':
      return `unregister-orphan ${action.name}`
    case 'release':
      return `release ${action.part}`
    default:
      return action.kind
  }
}
