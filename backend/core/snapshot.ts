/**
 * What was observed of one pool, how old it is, and which parts are unknown.
 *
 * Unknown is not empty. A part that could not be read is an {@link Unknown}, and the functions that may remove a
 * machine only accept a {@link CompleteSnapshot}, in which every part is known.
 */
import type { BootFailure, BootPhase } from './boot.ts'

/** Milliseconds on the service's own monotonic line. It continues over restarts; time spent switched off does not pass. */
export type Instant = number

export type Known<T> = { readonly known: true; readonly value: T; readonly at: Instant }
export type Unknown = { readonly known: false; readonly why: string }
/** A complete answer with the time of reading, or the reason why there is none. */
export type Reading<T> = Known<T> | Unknown

/** An unfinished job request of the pool's queue. */
export type Job = {
  readonly requestId: number
  readonly name: string
  readonly pipeline: string
  /** The build that it belongs to, for a link. Jobs of releases and of maintenance have none. */
  readonly build?: { readonly project: string; readonly id: number }
  /** Our first observation of it. */
  readonly seenAt: Instant
  /** Demands as Azure DevOps writes them: `maven`, `node -equals 20`, `tool -gtVersion 1.2`. */
  readonly demands: readonly string[]
  /** The agent it was assigned to. A job with an agent is running, not waiting. */
  readonly agentId?: number
  /** Since when a suitable idle agent leaves it untaken (our first observation). */
  readonly passedOverSince?: Instant
  /** Agents that could take it: those that Azure DevOps names, and those that came since; absent when it names none. */
  readonly matchedAgentIds?: readonly number[]
}

export type AgentRef = {
  readonly id: number
  readonly name: string
  readonly online: boolean
  readonly enabled: boolean
  readonly version?: string
}

/** An agent of the pool that is not ours: capacity, never touched. */
export type OtherAgent = AgentRef & { readonly busy: boolean }

/** An agent of ours whose machine is gone. */
export type OrphanAgent = AgentRef & { readonly since: Instant; readonly requestId?: number }

/** The offline agent that keeps jobs from failing while the pool is empty. */
export type Placeholder = {
  readonly agentId: number
  readonly version: string
  readonly capabilities: Readonly<Record<string, string>>
}

/** Why a machine leaves. Each is a row of the Diagnostics tab. */
export type LeaveCause =
  | 'surplus'
  | 'used'
  | 'disabled-by-person'
  | 'asked-by-person'
  | 'failed-to-start'
  | 'failed-to-restart'
  | 'creation-failed'
  | 'extension-failed'
  | 'went-offline'
  | 'pool-deleted'
  | 'stopped'

/** What happens to a machine once its agent is gone. */
export type NextLife = 'delete' | 'reimage'

type MachineFacts = {
  /** Azure's instance id in the scale set. */
  readonly id: string
  /** Computer name: the name its agent registers with. */
  readonly name: string
  /** One life between two reimages, counted from 1. */
  readonly generation: number
  /** Our first observation of the present stage. */
  readonly since: Instant
  /** Made from an older model of the scale set. */
  readonly oldModel?: true
  /** Ran a job in this generation: its caches are warm. */
  readonly warm?: true
  /** Azure refuses to touch it: a person set instance protection. */
  readonly protected?: true
  /** A person's order that the loop has not finished. */
  readonly asked?: { readonly order: 'delete' | 'reimage'; readonly by: string; readonly force: boolean }
}

/** One VM instance of the scale set, with or without its agent. Exactly one stage holds; see docs/architecture.md. */
export type Machine = MachineFacts &
  /** Azure is creating it. ElasticNodeState creatingCompute. */
  (
    | { readonly stage: 'creating' }
    /** Azure is done, its agent is not online yet. ElasticNodeState startingAgent, or restartingAgent after a reimage. */
    | {
        readonly stage: 'starting'
        readonly after: 'create' | 'reimage'
        readonly agent?: AgentRef
        /** The last phase of its boot that it told of. */
        readonly phase?: BootPhase
      }
    /** Online, enabled, without a job. ElasticNodeState idle. */
    | { readonly stage: 'idle'; readonly agent: AgentRef }
    /** Runs or was assigned a job. ElasticNodeState assigned. */
    | { readonly stage: 'busy'; readonly agent: AgentRef; readonly requestId: number }
    /** A one-job machine whose job ended. ElasticNodeState pendingReimageCandidate. */
    | { readonly stage: 'used'; readonly agent: AgentRef }
    /** We disabled its agent. ElasticNodeState pendingDelete, pendingReimage, or assignedPendingDelete while a job runs. */
    | {
        readonly stage: 'draining'
        readonly agent: AgentRef
        readonly requestId?: number
        readonly cause: LeaveCause
        readonly next: NextLife
        /** The agents were not listed since then: it may have got a job that nobody has seen. */
        readonly unseen?: true
      }
    /** A person disabled its agent. ElasticNodeState pendingDelete, or assignedPendingDelete while a job runs. */
    | { readonly stage: 'disabled'; readonly agent: AgentRef; readonly requestId?: number }
    /** Was online and is not now; Azure DevOps may still count a job on it. ElasticNodeState offline. */
    | { readonly stage: 'offline'; readonly agent: AgentRef; readonly requestId?: number }
    /** Azure DevOps confirmed that its agent is gone; the machine may be deleted or reimaged. ElasticNodeState pendingDelete, pendingReimage. */
    | { readonly stage: 'unregistered'; readonly cause: LeaveCause; readonly next: NextLife }
    /** Our reimage runs. ElasticNodeState reimagingCompute. */
    | { readonly stage: 'reimaging' }
    /** Being deleted, by us or by anybody. ElasticNodeState deletingCompute. */
    | { readonly stage: 'deleting' }
    /** Could not be created or started. ElasticNodeState failedVMPendingDelete, failedToStartPendingDelete, failedToRestartPendingDelete. */
    | {
        readonly stage: 'failed'
        readonly cause: 'creation-failed' | 'extension-failed' | 'stopped'
        /** Azure's, or the named cause of a failed boot. */
        readonly code: string
        /** Of its boot that failed. */
        readonly phase?: BootPhase
        readonly agent?: AgentRef
        readonly requestId?: number
      }
    /** Kept for investigation. ElasticNodeState saved. */
    | { readonly stage: 'saved'; readonly agent?: AgentRef; readonly requestId?: number }
    /** Its agent could not be read, or the two sides contradict each other. ElasticNodeState none. */
    | { readonly stage: 'unclear'; readonly why: string }
    /** Not ours: named and left alone until a person adopts it. ElasticNodeState new. */
    | { readonly stage: 'foreign' }
  )
export type Stage = Machine['stage']
export type MachineIn<S extends Stage> = Extract<Machine, { readonly stage: S }>

/** The scale set as Azure Resource Manager describes it. */
export type ScaleSetState = {
  readonly capacity: number
  /** Of its image. */
  readonly os?: 'linux' | 'windows'
  /** Whose tag it carries. Only `ours` may be changed. */
  readonly claim: 'ours' | 'free' | 'other' | 'built-in'
  readonly claimedBy?: string
  /** Our first observation of the present claim counter; a claim that stands still may be taken over. */
  readonly claimSeenAt?: Instant
  /** Our own claim counter was last written at. */
  readonly claimRefreshedAt?: Instant
  /** Our VM extension entry in the model. */
  readonly extension: 'current' | 'outdated' | 'absent'
  /** A long-running operation of the scale set is known to run. */
  readonly operationRunning: boolean
  readonly singlePlacementGroup: boolean
  /** Findings that stop growth; see `core/checks.ts`. */
  readonly blockers: readonly string[]
}

/** Room that a limit outside the pool's settings leaves, in machines that may still be added. */
export type Room = { readonly kind: 'quota' | 'subnet' | 'placement-group'; readonly machines: number; readonly detail: string }

/** The last refusals to create machines, for backing off. */
export type GrowthTrouble = { readonly code: string; readonly message: string; readonly times: number; readonly lastAt: Instant }

/** A step that was refused, or left because the world had moved, `times` in a row; not sent again before `freeAt`. */
export type Refused = { readonly code: string; readonly message: string; readonly times: number; readonly freeAt: Instant }

/** Machines in a row that did not become agents for the same cause. Any that comes online ends it. */
export type BootTrouble = BootFailure & {
  readonly times: number
  readonly lastAt: Instant
  /** Growth is paused: one machine at a time is tried, the next from `tryAt` on. `tries` have failed since. */
  readonly paused?: { readonly since: Instant; readonly tries: number; readonly tryAt: Instant }
}

type Percentiles = { readonly p50Ms: number; readonly p95Ms: number }

export type PoolSnapshot = {
  readonly poolId: number
  /** Milliseconds since 1970 by the computer's clock. Only `schedule.ts` may use it. */
  readonly wallTimeMs: number
  readonly jobs: Reading<readonly Job[]>
  readonly agents: Reading<{
    readonly others: readonly OtherAgent[]
    readonly orphans: readonly OrphanAgent[]
    readonly placeholder?: Placeholder
    /** The newest agent version seen in this pool, which a placeholder follows. */
    readonly newestVersion?: string
  }>
  readonly scaleSet: Reading<ScaleSetState>
  /** Azure says since then that the scale set does not exist. */
  readonly scaleSetGoneSince?: Instant
  readonly machines: Reading<readonly Machine[]>
  /** Capabilities every agent of this pool has, declared or learned from one that came online. Unknown: none learned yet. */
  readonly capabilities: Reading<Readonly<Record<string, string>>>
  /** Machines asked for by growth that Azure does not list yet. */
  readonly asked: number
  /** Capacity above the machines listed, seen twice with no operation running: Azure owes them. */
  readonly owed: number
  /** Since when Azure owes some. */
  readonly owedSince?: Instant
  /** An earlier delete call of ours has not settled. */
  readonly deleteInFlight: boolean
  /** The pool's own deletion was written down, and the pool is still ours to forget. */
  readonly deletionUnfinished?: true
  /** Azure last refused a removal then, because it was busy with the scale set. */
  readonly azureBusyAt?: Instant
  /** Updates of the scale set that we sent during the last minute, oldest first. */
  readonly recentUpdates: readonly Instant[]
  /** Many machines were last seen to be lost at once then. */
  readonly massFailureAt?: Instant
  readonly rooms: readonly Room[]
  readonly growthTrouble?: GrowthTrouble
  /** By step, as `core/refused.ts` names them. */
  readonly refused?: Readonly<Record<string, Refused>>
  readonly bootTrouble?: BootTrouble
  /** Parallel jobs that the organization still lets start; absent when not known. */
  readonly parallelJobsFree?: number
  /** Lowest (idle − standby) during the last delay; absent while we have not watched for that long. */
  readonly lowestSurplus?: number
  /** Highest (running + waiting) during the last delay. */
  readonly peakDemand: number
  /** Measured times from being asked for to coming online; absent until there are some. */
  readonly boot: Partial<Percentiles> & {
    /** By phase, as the machines report them. */
    readonly phases?: Readonly<Partial<Record<BootPhase, Percentiles>>>
  }
  readonly reimage: { readonly p50Ms?: number }
}

/** A snapshot in which every part is known: the only thing from which a removal can be derived (S6). */
export type CompleteSnapshot = PoolSnapshot & {
  readonly jobs: Known<readonly Job[]>
  readonly agents: Extract<PoolSnapshot['agents'], { readonly known: true }>
  readonly scaleSet: Known<ScaleSetState>
  readonly machines: Known<readonly Machine[]>
}
