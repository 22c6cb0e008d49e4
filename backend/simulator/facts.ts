/**
 * The facts and commands of Azure and Azure DevOps as one small world, without HTTP and without our service's beliefs.
 * `world.ts` advances it in virtual time; the sandbox puts the documented protocols before it; the soak judges it.
 *
 * Everything is in the other side's own terms: instance ids, provisioning states, job requests. Nothing here knows what
 * a pass, an intent or a stage is.
 */
import type { FaultName, FaultSetting } from './facts-life.ts'

/** World time in ms from the world's start. */
export type WorldTime = number
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What a command or read answers. `lost`: no answer arrives; whether it was applied is not told. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false
      readonly status: number
      readonly code: string
      readonly message: string
      readonly retryAfterS?: number
      readonly details?: Json
    }
  | { readonly ok: false; readonly lost: true }

// ---------------------------------------------------------------- Azure

export type ScaleSetFacts = {
  /** Full resource id, case kept as created. */
  readonly id: string
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly name: string
  readonly location: string
  readonly skuName: string
  readonly capacity: number
  /** Changes with every write. */
  readonly etag: string
  readonly tags: Readonly<Record<string, string>>
  readonly provisioningState: 'Creating' | 'Updating' | 'Succeeded' | 'Failed' | 'Deleting'
  /** `properties` as put or patched: upgradePolicy, overprovision, singlePlacementGroup, orchestrationMode, virtualMachineProfile … */
  readonly properties: { readonly [key: string]: Json }
  /** Counts changes of virtualMachineProfile; a machine made from an older one has latestModelApplied false. */
  readonly modelVersion: number
  readonly createdAt: WorldTime
  readonly zones?: readonly string[]
  readonly identity?: Json
}

export type MachineFacts = {
  readonly instanceId: string
  readonly scaleSetId: string
  /** `{scale set}_{instance id}`. */
  readonly name: string
  /** Computer-name prefix and the id in base 36, six places: the name its agent takes. */
  readonly computerName: string
  readonly vmId: string
  readonly createdAt: WorldTime
  readonly provisioningState: 'Creating' | 'Updating' | 'Succeeded' | 'Failed' | 'Deleting'
  readonly powerState: 'starting' | 'running' | 'stopping' | 'stopped' | 'deallocated'
  /** Set while provisioningState is Failed: `AllocationFailed`, `VMExtensionProvisioningError` … */
  readonly failure?: { readonly code: string; readonly message: string; readonly extension?: string }
  readonly extensions: readonly {
    readonly name: string
    readonly type: string
    readonly state: 'creating' | 'succeeded' | 'failed'
    readonly code?: string
    readonly message?: string
  }[]
  readonly modelVersion: number
  readonly protection: { readonly fromScaleIn: boolean; readonly fromScaleSetActions: boolean }
  /** Times it was reimaged. */
  readonly reimages: number
  /** The agent process on it: what the truth is, whatever Azure DevOps shows. */
  readonly agentProcess: 'none' | 'configuring' | 'listening' | 'running-job' | 'ended'
  /** Jobs that started on it since creation or the last reimage. */
  readonly jobsStarted: number
}

export type OperationFacts = {
  readonly id: string
  readonly scaleSetId: string
  readonly kind: 'update' | 'delete-instances' | 'reimage' | 'delete-scale-set' | 'create-scale-set' | 'other'
  readonly state: 'InProgress' | 'Succeeded' | 'Failed' | 'Canceled'
  readonly startedAt: WorldTime
  readonly endedAt?: WorldTime
  readonly error?: { readonly code: string; readonly message: string }
}

export type UsageFacts = { readonly name: string; readonly localizedName: string; readonly current: number; readonly limit: number }

export type ScaleSetPatch = {
  readonly capacity?: number
  readonly skuName?: string
  readonly tags?: Readonly<Record<string, string>>
  /** Merged into properties as ARM merges a PATCH: objects by key, arrays replaced. */
  readonly properties?: { readonly [key: string]: Json }
  readonly identity?: Json
}

export type AutoscaleFacts = {
  readonly name: string
  readonly resourceGroup: string
  readonly enabled: boolean
  readonly targetResourceId: string
}

/** Commands of Azure Resource Manager's compute provider. Every one passes the fault switches. Ids compare without case. */
export interface AzureSide {
  scaleSets(subscriptionId: string, resourceGroup?: string): Answer<readonly ScaleSetFacts[]>
  scaleSet(id: string): Answer<ScaleSetFacts>
  /** PUT: create or replace. Operation while it runs. */
  putScaleSet(
    id: string,
    body: {
      readonly location: string
      readonly skuName: string
      readonly capacity: number
      readonly tags: Readonly<Record<string, string>>
      readonly properties: { readonly [key: string]: Json }
      readonly identity?: Json
      readonly zones?: readonly string[]
    },
    ifMatch?: string,
  ): Answer<{ readonly scaleSet: ScaleSetFacts; readonly operationId: string }>
  patchScaleSet(
    id: string,
    patch: ScaleSetPatch,
    ifMatch?: string,
  ): Answer<{ readonly scaleSet: ScaleSetFacts; readonly operationId?: string }>
  deleteScaleSet(id: string): Answer<{ readonly operationId: string }>
  /** The Tags API at the scale set's scope: Merge or Delete of single tags, without If-Match. Changes the etag. */
  mergeTags(
    id: string,
    operation: 'Merge' | 'Delete' | 'Replace',
    tags: Readonly<Record<string, string>>,
  ): Answer<Readonly<Record<string, string>>>
  /** High-cost read with instance view. */
  machines(scaleSetId: string): Answer<readonly MachineFacts[]>
  machine(scaleSetId: string, instanceId: string): Answer<MachineFacts>
  deleteInstances(scaleSetId: string, instanceIds: readonly string[]): Answer<{ readonly operationId: string }>
  reimage(scaleSetId: string, instanceIds: readonly string[]): Answer<{ readonly operationId: string }>
  /** start, restart, powerOff, deallocate, updateInstances. */
  instanceAction(
    scaleSetId: string,
    instanceIds: readonly string[],
    action: 'start' | 'restart' | 'powerOff' | 'deallocate' | 'update',
  ): Answer<{ readonly operationId: string }>
  setProtection(scaleSetId: string, instanceId: string, protection: MachineFacts['protection']): Answer<{ readonly operationId: string }>
  operation(id: string): Answer<OperationFacts>
  usages(subscriptionId: string, location: string): Answer<readonly UsageFacts[]>
  autoscaleSettings(subscriptionId: string, resourceGroup: string): Answer<readonly AutoscaleFacts[]>
}

// ---------------------------------------------------------------- Azure DevOps

export type PoolFacts = {
  readonly id: number
  readonly name: string
  readonly autoProvision: boolean
  readonly autoUpdate: boolean
  readonly createdAt: WorldTime
  readonly options: number
}
export type QueueFacts = {
  readonly id: number
  readonly name: string
  readonly projectId: string
  readonly poolId: number
  readonly authorizedForAll: boolean
}

export type AgentFacts = {
  readonly id: number
  readonly poolId: number
  readonly name: string
  readonly version: string
  readonly osDescription: string
  readonly enabled: boolean
  readonly online: boolean
  readonly createdAt: WorldTime
  readonly statusChangedAt: WorldTime
  readonly systemCapabilities: Readonly<Record<string, string>>
  readonly userCapabilities: Readonly<Record<string, string>>
  /** The machine whose process registered it; absent for agents the world does not run. */
  readonly machine?: { readonly scaleSetId: string; readonly instanceId: string }
  readonly publicKey?: { readonly exponent: string; readonly modulus: string }
  readonly clientId: string
  readonly assignedRequestId?: number
  readonly lastCompletedRequestId?: number
}

export type RequestFacts = {
  readonly id: number
  readonly poolId: number
  readonly jobName: string
  readonly definition: { readonly id: number; readonly name: string }
  readonly planType: 'Build' | 'Release' | 'PoolMaintenance'
  readonly demands: readonly string[]
  readonly queuedAt: WorldTime
  readonly assignedAt?: WorldTime
  /** The agent took it. */
  readonly receivedAt?: WorldTime
  readonly finishedAt?: WorldTime
  readonly lockedUntil?: WorldTime
  readonly agentId?: number
  readonly result?: 'succeeded' | 'failed' | 'canceled' | 'abandoned'
  /** How long it will run once started. */
  readonly durationMs: number
  readonly matchedAgentIds: readonly number[]
}

export type NewAgent = {
  readonly name: string
  readonly version: string
  readonly osDescription: string
  readonly enabled?: boolean
  readonly systemCapabilities: Readonly<Record<string, string>>
  readonly userCapabilities?: Readonly<Record<string, string>>
  readonly publicKey?: { readonly exponent: string; readonly modulus: string }
}

/** Commands of Azure DevOps' distributed task service. Every one passes the fault switches. */
export interface DevOpsSide {
  pools(): Answer<readonly PoolFacts[]>
  pool(id: number): Answer<PoolFacts>
  addPool(name: string, autoProvision: boolean): Answer<PoolFacts>
  updatePool(
    id: number,
    change: { readonly name?: string; readonly autoProvision?: boolean; readonly autoUpdate?: boolean },
  ): Answer<PoolFacts>
  /** Removes its agents and queues; unfinished requests are cancelled. */
  deletePool(id: number): Answer<void>
  queues(projectId: string): Answer<readonly QueueFacts[]>
  addQueue(projectId: string, poolId: number, name: string, authorizeAll: boolean): Answer<QueueFacts>
  agents(poolId: number): Answer<readonly AgentFacts[]>
  agent(poolId: number, agentId: number): Answer<AgentFacts>
  /** 409 TaskAgentExistsException when the name is taken. */
  addAgent(poolId: number, agent: NewAgent): Answer<AgentFacts>
  /** config --replace: keeps id and user capabilities. */
  replaceAgent(poolId: number, agentId: number, agent: NewAgent): Answer<AgentFacts>
  updateAgent(
    poolId: number,
    agentId: number,
    change: {
      readonly enabled?: boolean
      readonly userCapabilities?: Readonly<Record<string, string>>
      readonly version?: string
      readonly systemCapabilities?: Readonly<Record<string, string>>
    },
  ): Answer<AgentFacts>
  /** 400 TaskAgentJobStillRunningException while a job runs. */
  deleteAgent(poolId: number, agentId: number): Answer<void>
  /** Unfinished requests of the pool; with `completed`, also that many of the newest finished ones. */
  requests(poolId: number, completed?: number): Answer<readonly RequestFacts[]>
  request(poolId: number, requestId: number): Answer<RequestFacts>
  /** Self-hosted parallel jobs bought and in use; 404 when the organization has no such limit. */
  parallelJobs(): Answer<{ readonly total: number; readonly used: number }>
  // What an agent process of its own does (the sandbox's agent protocol; the world's simulated machines use the same).
  openSession(poolId: number, agentId: number): Answer<{ readonly sessionId: string }>
  closeSession(sessionId: string): Answer<void>
  /** The request assigned to the session's agent and not yet received. */
  nextMessage(sessionId: string): Answer<RequestFacts | undefined>
  receive(sessionId: string, requestId: number): Answer<RequestFacts>
  renew(poolId: number, requestId: number): Answer<RequestFacts>
  finish(poolId: number, requestId: number, result: NonNullable<RequestFacts['result']>): Answer<RequestFacts>
}

// ---------------------------------------------------------------- what happens

/** One thing that happened, for judges and for the terminal view. `machine` is an instance id. */
export type WorldEvent = { readonly at: WorldTime } & (
  | {
      readonly kind: 'capacity'
      readonly scaleSetId: string
      readonly from: number
      readonly to: number
      readonly by: 'patch' | 'delete' | 'other'
    }
  | {
      readonly kind:
        | 'machine-listed'
        | 'machine-running'
        | 'machine-failed'
        | 'machine-deleted'
        | 'machine-vanished'
        | 'machine-appeared'
        | 'machine-reimaged'
      readonly scaleSetId: string
      readonly machine: string
    }
  /** With `machinesRunAgents` false: somebody outside runs the bootstrap extension now, and ends it with `endBootstrap`. */
  | { readonly kind: 'machine-bootstrap'; readonly scaleSetId: string; readonly machine: string; readonly life: number }
  | { readonly kind: 'delete-accepted' | 'reimage-accepted'; readonly scaleSetId: string; readonly machines: readonly string[] }
  | {
      readonly kind: 'agent-added' | 'agent-online' | 'agent-offline' | 'agent-enabled' | 'agent-disabled' | 'agent-removed'
      readonly poolId: number
      readonly agentId: number
      readonly name: string
      readonly by: 'machine' | 'api' | 'person'
    }
  | {
      readonly kind: 'job-queued' | 'job-assigned' | 'job-started' | 'job-finished' | 'job-abandoned' | 'job-cancelled'
      readonly poolId: number
      readonly requestId: number
      readonly agentId?: number
      readonly machine?: string
    }
  | { readonly kind: 'tags' | 'extension'; readonly scaleSetId: string }
  | { readonly kind: 'fault'; readonly fault: FaultName }
)

/** How a bootstrap extension that ran outside ended. */
export type BootstrapEnd = { readonly ok: true } | { readonly ok: false; readonly message: string }

export interface World {
  readonly azure: AzureSide
  readonly devops: DevOpsSide
  now(): WorldTime
  /** Runs everything due up to and including `until`. */
  advance(until: WorldTime): void
  /** When the next thing is due; undefined when nothing is. */
  nextAt(): WorldTime | undefined
  /** Called synchronously for each event, after the facts changed. Returns the function that ends it. */
  watch(listener: (event: WorldEvent) => void): () => void
  setFault(name: FaultName, setting: FaultSetting | undefined): void
  faults(): ReadonlyMap<FaultName, FaultSetting>
  /** Times each fault really struck. */
  faultCounts(): ReadonlyMap<FaultName, number>
  // Set-up and people; these pass no fault switch.
  queueJob(job: {
    readonly poolId: number
    readonly durationMs: number
    readonly jobName?: string
    readonly definition?: string
    readonly demands?: readonly string[]
  }): number
  cancelJob(requestId: number): void
  addAutoscale(setting: AutoscaleFacts): void
  setCoreLimit(cores: number): void
  /** Self-hosted parallel jobs of the organization; undefined lifts the limit. */
  setParallelJobs(jobs: number | undefined): void
  personSetsEnabled(poolId: number, agentId: number, enabled: boolean): void
  /**
   * Ends the bootstrap extension that a `machine-bootstrap` event announced. Nothing happens when the machine waits for
   * none any more, or is in another life than `life`, that of the event; the present one unless given.
   */
  endBootstrap(scaleSetId: string, instanceId: string, end: BootstrapEnd, life?: number): void
  /** The truth, unfiltered by faults: for judges, never for the sandbox's answers. */
  truth: {
    scaleSet(id: string): ScaleSetFacts | undefined
    machines(scaleSetId: string): readonly MachineFacts[]
    agents(poolId: number): readonly AgentFacts[]
    requests(poolId: number): readonly RequestFacts[]
    /** Machine-milliseconds that existed so far (billable). */
    machineMs(scaleSetId: string): number
  }
}
