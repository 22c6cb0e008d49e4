/** How the world lives: life cycles, undocumented behaviours and faults, as data. */
/** A duration drawn from a log-normal with this median and 95th percentile, in ms. */
export type Latency = { readonly p50: number; readonly p95: number }

export type Latencies = {
  /** PATCH accepted → machine listed as Creating. */
  readonly list: Latency
  /** Listed → Succeeded/running (extension starts). */
  readonly create: Latency
  /** Extension start → agent online. */
  readonly enable: Latency
  readonly reimage: Latency
  readonly delete: Latency
  /** Idle agent there → request assigned. */
  readonly assign: Latency
  /** Assigned → received by the agent. */
  readonly receive: Latency
}

/** What Azure does not document, as switches. The comment names the source or says "assumed". */
export type Behaviours = {
  /** When `sku.capacity` falls for deleted instances. Assumed; all three tested. */
  readonly capacityFalls: 'acceptance' | 'late' | 'completion'
  /** A second update while an operation runs answers 409 OperationNotAllowed. Assumed. */
  readonly overlapRefused: boolean
  /** If-Match is accepted and not looked at. Assumed. */
  readonly etagIgnored: boolean
  /** Reimage gives the machine a new vmId. azure-facts "[?]". */
  readonly reimageChangesVmId: boolean
  /** PATCH replaces the tag map whole. azure-facts "[?]". */
  readonly tagsReplaced: boolean
  /** Deleted instance ids are given out again. Assumed off; tested on. */
  readonly instanceIdsReused: boolean
}

/** Every fault is off unless set. `rate` is a probability per call or per life; `untilMs` ends it. */
export type FaultName =
  // Azure's answers
  | 'throttled'
  | 'throttled-without-retry-after'
  | 'azure-5xx'
  | 'azure-lost-before'
  | 'azure-lost-after'
  | 'token-expired'
  | 'role-removed'
  | 'scale-set-gone'
  | 'stale-list'
  | 'partial-list'
  | 'capacity-read-zero'
  | 'stale-capacity'
  | 'operation-gone'
  /** What the behaviour `overlapRefused` does to every call, by chance. */
  | 'overlapping-operation'
  // Azure's machines
  | 'quota'
  | 'subnet-full'
  | 'allocation-failed'
  | 'creation-failed'
  | 'extension-failed'
  | 'custom-script-failed'
  | 'stuck-creating'
  | 'stuck-deleting'
  | 'slow-delete'
  | 'reimage-failed'
  | 'vanished-machine'
  | 'appeared-machine'
  | 'machine-stops'
  // Azure DevOps' answers
  | 'sign-in-page'
  | 'devops-throttled'
  | 'devops-5xx'
  | 'devops-lost-before'
  | 'devops-lost-after'
  | 'stale-agents'
  | 'stale-jobs'
  // agents and people
  | 'agent-never-online'
  | 'agent-flaps'
  | 'agent-dies'
  | 'job-assigned-during-removal'
  | 'once-ignored'
  | 'job-cancelled'
  | 'maintenance-job'
  | 'person-disables-agent'
  | 'person-deletes-agent'
  | 'person-saves-nothing'
export type FaultSetting = { readonly rate: number; readonly untilMs?: number; readonly sizeMs?: number }

export type WorldOptions = {
  readonly seed: number
  readonly latencies?: Partial<Latencies>
  readonly behaviours?: Partial<Behaviours>
  /** Cores of one machine of a size; 2 unless named. */
  readonly coresOfSku?: Readonly<Record<string, number>>
  /** Regional core quota. */
  readonly coreLimit?: number
  /** Self-hosted parallel jobs of the organization; as many as wanted unless named. */
  readonly parallelJobs?: number
  /** A newer agent version is out each time this has passed; new machines start with it. Never unless named. */
  readonly agentReleaseMs?: number
  /** Addresses in the machines' subnet. */
  readonly subnetSize?: number
  /**
   * Machines boot and register by themselves (true), or real ones do it outside (false): their bootstrap extension is
   * announced as `machine-bootstrap`, and their agents come through the agent protocol.
   */
  readonly machinesRunAgents?: boolean
}
