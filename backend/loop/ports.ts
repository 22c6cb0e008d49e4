/** What the loop needs from the outside, in our words. Adapters and stores implement it; vendor shapes stop there. */
import type { Action, Decision, Reason } from '../core/decision.ts'
import type { AgentRef, Instant, Job, LeaveCause, NextLife, PoolSnapshot, Reading, Room } from '../core/snapshot.ts'
import type { PoolSettings } from '../core/settings.ts'
import type { MachineBoot, PoolBoots } from './ports-boot.ts'
import type { Order } from './ports-people.ts'

/** The only source of time, deadlines, waiting and ids. */
export interface Clock {
  /** The service's own line: monotonic, continued over restarts. */
  now(): Instant
  /** Milliseconds since 1970, for display and schedules only. */
  wallTimeMs(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** A signal that aborts after `ms`, or with `parent`. */
  deadline(ms: number, parent?: AbortSignal): AbortSignal
  newId(): string
}

/** What became of a change that was sent. Unknown means: it may or may not have happened; look before repeating. */
export type CallOutcome =
  | { readonly kind: 'done'; readonly operation?: string; readonly etag?: string; readonly detail?: string }
  /** The other side refused and nothing changed. `retryAfterMs` only when it said so. */
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly code: string
      readonly message: string
      readonly retryAfterMs?: number
      readonly correlationId?: string
    }
  | { readonly kind: 'unknown'; readonly why: string; readonly correlationId?: string }

// ---------------------------------------------------------------- Azure DevOps

export type PipelinesJob = {
  readonly requestId: number
  readonly name: string
  readonly pipeline: string
  readonly build?: NonNullable<Job['build']>
  readonly demands: readonly string[]
  readonly agentId?: number
  readonly matchedAgentIds?: readonly number[]
  /** ISO time by Azure DevOps' clock: for display only. */
  readonly queuedAt: string
}

export type PipelinesAgent = AgentRef & {
  /** The request it runs or was assigned; maintenance jobs count too. */
  readonly requestId?: number
  /** The last request it finished. */
  readonly lastRequestId?: number
  readonly capabilities?: Readonly<Record<string, string>>
}

/** One Azure DevOps agent pool. Reads never throw: what is not a complete answer is Unknown. */
export interface Pipelines {
  jobs(poolId: number, signal: AbortSignal): Promise<Reading<readonly PipelinesJob[]>>
  agents(poolId: number, signal: AbortSignal): Promise<Reading<readonly PipelinesAgent[]>>
  /** One agent, fresh, with capabilities. `undefined` when Azure DevOps says it does not exist. */
  agent(poolId: number, agentId: number, signal: AbortSignal): Promise<Reading<PipelinesAgent | undefined>>
  setEnabled(poolId: number, agentId: number, enabled: boolean, signal: AbortSignal): Promise<CallOutcome>
  /** Refused with code `TaskAgentJobStillRunningException` while a job runs; `done` also when it was gone already. */
  removeAgent(poolId: number, agentId: number, signal: AbortSignal): Promise<CallOutcome>
  addPlaceholder(
    poolId: number,
    name: string,
    version: string,
    capabilities: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CallOutcome>
  updatePlaceholder(
    poolId: number,
    agentId: number,
    version: string,
    capabilities: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CallOutcome>
  deletePool(poolId: number, signal: AbortSignal): Promise<CallOutcome>
  /** Self-hosted parallel jobs that the organization still lets start. Unknown when it does not tell. */
  parallelJobsFree(signal: AbortSignal): Promise<Reading<number>>
  /** Lowest wait the organization asked for by rate headers; polling is stretched by it. */
  slowDownMs(): number
}

// ---------------------------------------------------------------- Azure

export type AzureMachine = {
  readonly id: string
  readonly vmId: string
  readonly name: string
  /** Azure's creation time: identity only, never compared with our time. */
  readonly createdAt: string
  readonly provisioning: 'creating' | 'updating' | 'succeeded' | 'failed' | 'deleting'
  readonly power?: 'running' | 'starting' | 'stopped' | 'deallocated' | 'other'
  readonly latestModel: boolean
  readonly protected: boolean
  /** Set when provisioning or an extension failed. `ours` = the failing part is our VM extension. */
  readonly failure?: { readonly code: string; readonly message: string; readonly ours: boolean }
}

export type AzureScaleSet = {
  readonly id: string
  readonly location: string
  readonly capacity: number
  readonly etag: string
  readonly skuName: string
  readonly tags: Readonly<Record<string, string>>
  readonly os: 'linux' | 'windows'
  readonly imagePublisher?: string
  readonly imageOffer?: string
  readonly imageSku?: string
  readonly orchestration: 'uniform' | 'flexible'
  readonly upgradePolicy: string
  readonly overprovision: boolean
  readonly singlePlacementGroup: boolean
  readonly provisioning: string
  readonly extensions: readonly {
    readonly name: string
    readonly publisher: string
    readonly type: string
    readonly settings: Readonly<Record<string, unknown>>
    /** Extensions that must have succeeded before it runs. */
    readonly after: readonly string[]
  }[]
  readonly subnetIds: readonly string[]
  /** The machines' administrator account. */
  readonly adminUsername?: string
  readonly hasIdentity: boolean
}

/** The VM extension entry that runs our bootstrap script; see docs/extension.md. */
export type ExtensionEntry = {
  readonly name: string
  readonly publisher: string
  readonly type: string
  readonly version: string
  readonly settings: Readonly<Record<string, unknown>>
  readonly protectedSettings?: Readonly<Record<string, unknown>>
  /** Extensions that must have succeeded before ours runs. */
  readonly after: readonly string[]
}

/** Makes the entry that a pool wants on its scale set. Unknown, with the reason, while no agent can be installed: the model stays as it is. */
export type ExtensionFor = (record: PoolRecord, scaleSet: AzureScaleSet) => Reading<ExtensionEntry>

export type AzureOperation =
  | { readonly state: 'running' }
  | { readonly state: 'succeeded' }
  | { readonly state: 'failed'; readonly code: string; readonly message: string }
  /** Azure no longer knows it. */
  | { readonly state: 'gone' }

/** One scale set. Reads never throw; changes are sent once, without the SDK's retries, and return at acceptance. */
export interface ScaleSet {
  /** `undefined` when Azure says it does not exist. */
  read(signal: AbortSignal): Promise<Reading<AzureScaleSet | undefined>>
  machines(signal: AbortSignal): Promise<Reading<readonly AzureMachine[]>>
  operation(address: string, signal: AbortSignal): Promise<Reading<AzureOperation>>
  /** Room left by the region's quota for this size; slow to change, read rarely. */
  rooms(skuName: string, signal: AbortSignal): Promise<Reading<readonly Room[]>>
  setCapacity(seen: AzureScaleSet, capacity: number, signal: AbortSignal): Promise<CallOutcome>
  deleteMachines(ids: readonly string[], signal: AbortSignal): Promise<CallOutcome>
  reimageMachines(ids: readonly string[], signal: AbortSignal): Promise<CallOutcome>
  /** Adds one tag to those of `seen`, compare-and-swap on `seen.etag`: the claim. */
  claimTag(seen: AzureScaleSet, name: string, value: string, signal: AbortSignal): Promise<CallOutcome>
  /** Merges one tag through the Tags API; the others are not touched. */
  mergeTag(name: string, value: string, signal: AbortSignal): Promise<CallOutcome>
  /** Takes one tag off through the Tags API. */
  removeTag(name: string, value: string, signal: AbortSignal): Promise<CallOutcome>
  /** Adds or replaces our entry in the model's extension profile; the others stay as they are. */
  putExtension(seen: AzureScaleSet, entry: ExtensionEntry, signal: AbortSignal): Promise<CallOutcome>
  removeExtension(seen: AzureScaleSet, name: string, signal: AbortSignal): Promise<CallOutcome>
}

// ---------------------------------------------------------------- what the service remembers

/** What is remembered of one machine. Keyed by instance id; another `createdAt` is another machine. */
export type MachineMemory = MachineBoot & {
  readonly id: string
  readonly name: string
  readonly createdAt: string
  readonly generation: number
  /** How we know it is ours; `none` is left alone. */
  readonly ownedBy: 'growth' | 'proof' | 'adopted' | 'none'
  readonly stage: string
  readonly stageSince: Instant
  /** First observation of this generation. */
  readonly bornAt: Instant
  /** The agent was seen online in this generation. */
  readonly onlineAt?: Instant
  readonly agentId?: number
  /** First job seen in this generation. */
  readonly firstRequestId?: number
  /** Newest job seen in this generation. */
  readonly lastRequestId?: number
  /** The agent that we unregistered: an old list may still show it. */
  readonly formerAgentId?: number
  /** We disabled the agent, why and when; or it left the pool then. */
  readonly leaving?: { readonly cause: LeaveCause; readonly next: NextLife; readonly at: Instant; readonly unregisteredAt?: Instant }
  readonly saved?: { readonly cause: LeaveCause; readonly by: string }
  readonly asked?: { readonly order: 'delete' | 'reimage'; readonly by: string; readonly force: boolean }
  /** Our last reimage was accepted then. */
  readonly reimagingSince?: Instant
  /** Absent from complete lists since then. */
  readonly missingSince?: Instant
  readonly latestModel: boolean
}

/** What is remembered of one pool beside its machines. Small; written on change. */
export type PoolMemory = PoolBoots & {
  /** Lowest surplus and highest demand over time, as monotone queues of [instant, value]. */
  readonly surplus: readonly (readonly [Instant, number])[]
  readonly demand: readonly (readonly [Instant, number])[]
  readonly watchedSince?: Instant
  readonly lastWatchedAt?: Instant
  readonly jobs: Readonly<Record<string, { readonly seenAt: Instant; readonly startedAt?: Instant }>>
  readonly orphans: Readonly<Record<string, Instant>>
  /** When the machines were first listed completely. */
  readonly firstListedAt?: Instant
  /** The machines of that list which a person gave up for replacement have been taken. */
  readonly replaced?: true
  /** Azure says since then that the scale set does not exist. */
  readonly scaleSetGoneSince?: Instant
  readonly claim?: { readonly value: string; readonly seenAt: Instant; readonly refreshedAt?: Instant }
  readonly recentUpdates: readonly Instant[]
  /** Many machines were last seen to be lost at once then. */
  readonly massFailureAt?: Instant
  /** Azure last refused a removal then, because it was busy with the scale set. */
  readonly busyAt?: Instant
  readonly growthTrouble?: { readonly code: string; readonly message: string; readonly times: number; readonly lastAt: Instant }
  readonly refused?: PoolSnapshot['refused']
  /** Room left when it was read, and the capacity then: what we grew since is taken off. */
  readonly rooms: readonly Room[]
  readonly roomsAt?: Instant
  readonly roomsCapacity?: number
  readonly learned?: { readonly capabilities: Readonly<Record<string, string>>; readonly version: string; readonly at: Instant }
  /** The offline agent we registered, with the capabilities we gave it. */
  readonly placeholder?: { readonly agentId: number; readonly capabilities: Readonly<Record<string, string>> }
  /** Names of machines of ours that are gone, and since when: an agent that turns up under one is an orphan. */
  readonly gone: Readonly<Record<string, Instant>>
  /** Capacity above the machines listed, and since when it stood. */
  readonly owed?: { readonly machines: number; readonly since: Instant }
  /** Recent boot durations in ms, newest last, at most 50. */
  readonly bootMs: readonly number[]
  readonly reimageMs: readonly number[]
  /** Waits of recent jobs from seen to started in ms, newest last, at most 200. */
  readonly waitMs: readonly number[]
  readonly startedJobs: number
  readonly lostToOnceRace: number
}

export type IntentState = 'written' | 'accepted' | 'settled' | 'failed' | 'superseded' | 'unknown'

/** An action in the journal, from written to settled. `written` is committed before anything is sent. */
export type Intent = {
  readonly id: string
  readonly poolId: number
  readonly epoch: number
  readonly action: Action
  readonly reason: Reason
  readonly state: IntentState
  readonly writtenAt: Instant
  readonly changedAt: Instant
  readonly operation?: string
  /** Machine ids whose effect was seen: those that grew, were deleted, or came back. */
  readonly seen: readonly string[]
  /** Capacity before and after, for growth. */
  readonly capacity?: { readonly from: number; readonly to: number }
  readonly error?: { readonly code: string; readonly message: string; readonly correlationId?: string }
}

export type IntentChange = { readonly id: string } & Partial<Pick<Intent, 'state' | 'operation' | 'seen' | 'capacity' | 'error'>> & {
    readonly changedAt: Instant
  }

/** One row of Diagnostics, in the shape of Azure DevOps' ElasticPoolLog. */
export type LogEntry = {
  readonly id: number
  readonly poolId: number
  readonly level: 'error' | 'warning' | 'info'
  readonly operation: 'configurationJob' | 'sizingJob' | 'increaseCapacity' | 'reimage' | 'deleteVMs'
  readonly message: string
  readonly at: Instant
  readonly wallTimeMs: number
  readonly machine?: string
  readonly intentId?: string
  readonly correlationId?: string
  /** Azure's own words. */
  readonly raw?: string
}
export type NewLogEntry = Omit<LogEntry, 'id' | 'poolId'>

export type Counts = Readonly<
  Record<
    'waiting' | 'running' | 'idle' | 'busy' | 'starting' | 'leaving' | 'failed' | 'saved' | 'foreign' | 'unclear' | 'total' | 'capacity',
    number
  >
>

/** What one pass saw and did. Equal passes in a row are one record with a count. */
export type PassRecord = {
  readonly at: Instant
  readonly wallTimeMs: number
  readonly counts: Counts
  readonly decision: Decision
  readonly snapshot: PoolSnapshot
  readonly settingsVersion: number
  readonly tookMs: number
}
export type StoredPass = PassRecord & {
  readonly id: number
  readonly lastAt: Instant
  readonly lastWallTimeMs: number
  readonly repeats: number
}

/** The right to change the pools of `scope`: held by one replica at a time, told apart by its epoch. */
export type Lease = { readonly scope: string; readonly epoch: number; readonly holder: string }

export type Remembered = {
  readonly pool: PoolMemory | undefined
  readonly machines: readonly MachineMemory[]
  readonly openIntents: readonly Intent[]
}

/** One atomic step of what the service remembers. */
export type JournalChange = {
  readonly pool?: PoolMemory
  readonly machines?: readonly MachineMemory[]
  readonly forgottenMachines?: readonly string[]
  readonly newIntents?: readonly Intent[]
  readonly intents?: readonly IntentChange[]
  readonly log?: readonly NewLogEntry[]
  /** A new record, or the note that the newest record repeated. */
  readonly pass?: PassRecord | { readonly repeatedAt: Instant; readonly wallTimeMs: number }
  /** Orders that are now part of the machines' memory. */
  readonly ordersTaken?: readonly number[]
  /** The confirmed take-over was sent: the next one needs a new word. */
  readonly tookOver?: true
}

/** Thrown by {@link Journal.commit} when another replica holds the lease; nothing was written. */
export class LeaseLost extends Error {
  constructor() {
    super('This replica no longer holds the lease of the pool. It changes nothing until it holds it again.')
  }
}

export interface Journal {
  remembered(poolId: number): Promise<Remembered>
  /** All or nothing, durable when it resolves, and only under the current epoch. Throws {@link LeaseLost}. */
  commit(poolId: number, lease: Lease, change: JournalChange): Promise<void>
}

/** A pool that the service runs. */
export type PoolRecord = {
  readonly poolId: number
  readonly name: string
  /** Azure resource id of the scale set, as given. */
  readonly scaleSetId: string
  readonly settings: PoolSettings
  readonly version: number
  readonly orders: readonly Order[]
  /** Machines in the scale set when the pool was made, which a person confirmed for replacement. */
  readonly replaceConfirmed: boolean
  /** A person confirmed taking over the claim of this owner, once it stands still. Good for one claim. */
  readonly takeOverFrom?: string
}

export interface Settings {
  pools(): Promise<readonly number[]>
  pool(poolId: number): Promise<PoolRecord | undefined>
  /** The pool was deleted for good. */
  forget(poolId: number): Promise<void>
}

// ---------------------------------------------------------------- logs and figures

export type Log = Readonly<Record<'info' | 'warn' | 'error', (fields: Readonly<Record<string, unknown>>, message: string) => void>>

/** Figures of one pass, for /metrics and the live views. */
export interface Metrics {
  pass(poolId: number, counts: Counts, tookMs: number): void
  passFailed(poolId: number): void
  call(api: 'azure-devops' | 'azure', operation: string, outcome: 'ok' | 'refused' | 'throttled' | 'unknown', tookMs: number): void
  jobStarted(poolId: number, waitedMs: number): void
  booted(poolId: number, tookMs: number): void
  /** Jobs that an agent was given and ended without, having had its one job. */
  assignmentsLost(poolId: number, count: number): void
  action(poolId: number, kind: Action['kind'], outcome: IntentState): void
  /** The pool passes here no more: what it is like now is told by the replica that holds it. */
  left(poolId: number): void
}
