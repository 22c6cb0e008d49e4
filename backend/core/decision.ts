/** What is decided: numbers, actions and reasons. Types only. */
import type { BootFailure } from './boot.ts'
import type { Instant, LeaveCause, NextLife } from './snapshot.ts'

/** One machine in one of its lives. An action on it is void once the generation has changed. */
export type MachineRef = { readonly id: string; readonly name: string; readonly generation: number }

/** One call to the outside. It names every machine it touches. */
export type Action =
  /** Raise the capacity so that `by` more machines come. Raised only; If-Match on a fresh read. */
  | { readonly kind: 'grow'; readonly by: number; readonly machinesMax: number }
  /** Write the present capacity again: Azure owes machines and no operation runs. */
  | { readonly kind: 'ask-again'; readonly owed: number; readonly machinesMax: number }
  /** Disable the agent: its job ends, it takes no other. */
  | { readonly kind: 'drain'; readonly machine: MachineRef; readonly agentId: number; readonly cause: LeaveCause; readonly next: NextLife }
  /** Enable an agent that we disabled and that is wanted again. */
  | { readonly kind: 'restore'; readonly machine: MachineRef; readonly agentId: number }
  /** Delete the agent from the pool. Azure DevOps refuses while a job runs. */
  | {
      readonly kind: 'unregister'
      readonly machine: MachineRef
      readonly agentId: number
      readonly cause: LeaveCause
      readonly next: NextLife
    }
  /** Delete an agent of ours whose machine is gone. */
  | { readonly kind: 'unregister-orphan'; readonly agentId: number; readonly name: string }
  | { readonly kind: 'delete'; readonly machines: readonly (MachineRef & { readonly cause: LeaveCause; readonly force?: true })[] }
  | { readonly kind: 'reimage'; readonly machines: readonly (MachineRef & { readonly cause: LeaveCause; readonly force?: true })[] }
  /** Keep for investigation: nothing touches it until a person lets it go. */
  | { readonly kind: 'save'; readonly machine: MachineRef; readonly agentId?: number; readonly cause: LeaveCause }
  | { readonly kind: 'claim' }
  | { readonly kind: 'refresh-claim' }
  | { readonly kind: 'put-extension' }
  | { readonly kind: 'add-placeholder'; readonly capabilities: Readonly<Record<string, string>> }
  | { readonly kind: 'update-placeholder'; readonly agentId: number; readonly capabilities: Readonly<Record<string, string>> }
  /** Take our extension, then our tag, off the scale set. */
  | { readonly kind: 'release'; readonly part: 'extension' | 'tag' }
  | { readonly kind: 'delete-pool' }
export type ActionKind = Action['kind']

/**
 * Why, as a code with data; `explain.ts` words it. `blocked` reasons name a limit: lift it and the decision changes.
 * Every action has a reason (S13) and every machine that stays although it could leave has one too.
 */
export type Reason =
  // demand
  | {
      readonly code: 'need'
      readonly waiting: number
      readonly standby: number
      readonly idle: number
      readonly coming: number
      /** Idle agents beside those counted, which can take none of the jobs. */
      readonly unsuited?: number
      readonly need: number
    }
  | {
      readonly code: 'enough'
      readonly waiting: number
      readonly standby: number
      readonly idle: number
      readonly coming: number
      readonly unsuited?: number
    }
  | { readonly code: 'learn-capabilities' }
  | { readonly code: 'no-agent-could-take'; readonly requestId: number; readonly job: string; readonly demand: string }
  | { readonly code: 'passed-over'; readonly requestId: number; readonly job: string; readonly since: Instant }
  | { readonly code: 'parallel-jobs'; readonly free: number; readonly waiting: number }
  // limits: blocked by
  | { readonly code: 'maximum'; readonly machinesMax: number; readonly total: number; readonly needed: number; readonly granted: number }
  | {
      readonly code: 'room'
      readonly kind: 'quota' | 'subnet' | 'placement-group'
      readonly detail: string
      readonly needed: number
      readonly granted: number
    }
  | { readonly code: 'update-rate'; readonly sent: number; readonly freeAt: Instant }
  | { readonly code: 'backing-off'; readonly azureCode: string; readonly message: string; readonly times: number; readonly freeAt: Instant }
  | (BootFailure & {
      readonly code: 'boot-trouble'
      readonly times: number
      readonly needed: number
      readonly granted: number
      readonly coming: number
      readonly tryAt: Instant
    })
  /** `until`: a pool that is deleted waits for them so long. */
  | { readonly code: 'owed'; readonly machines: number; readonly until?: Instant }
  | { readonly code: 'paused' }
  | {
      readonly code: 'unknown'
      readonly part: 'jobs' | 'agents' | 'scale-set' | 'machines'
      readonly why: string
      readonly stops: 'all' | 'growth' | 'removal'
    }
  | {
      readonly code: 'too-old'
      readonly part: 'jobs' | 'agents' | 'scale-set' | 'machines'
      readonly at: Instant
      readonly stops: 'growth' | 'removal'
    }
  | { readonly code: 'not-ours'; readonly claim: 'free' | 'other' | 'built-in'; readonly by?: string }
  | { readonly code: 'scale-set-blocked'; readonly finding: string }
  // why a machine leaves
  | {
      readonly code: 'leaves'
      readonly machine: string
      readonly cause: LeaveCause
      readonly next: NextLife
      readonly step: 'drain' | 'unregister' | 'remove'
      readonly detail?: string
    }
  | {
      readonly code: 'leave-together'
      readonly next: NextLife
      readonly machines: readonly { readonly machine: string; readonly cause: LeaveCause }[]
    }
  | { readonly code: 'saved'; readonly machine: string; readonly cause: LeaveCause; readonly saved: number; readonly savedMax: number }
  | { readonly code: 'restored'; readonly machine: string; readonly waiting: number }
  | { readonly code: 'orphan'; readonly agent: string; readonly since: Instant }
  // why a machine stays
  | { readonly code: 'stays'; readonly machine: string; readonly why: StayCause; readonly untilMs?: Instant; readonly detail?: string }
  | { readonly code: 'unhealthy-budget'; readonly unhealthy: number; readonly allowed: number }
  | { readonly code: 'mass-failure'; readonly unhealthy: number; readonly total: number }
  | { readonly code: 'delete-in-flight'; readonly waiting: number }
  | { readonly code: 'azure-busy'; readonly waiting: number; readonly freeAt: Instant }
  | { readonly code: 'refused'; readonly action: ActionKind; readonly azureCode: string; readonly times: number; readonly freeAt: Instant }
  // upkeep
  | { readonly code: 'upkeep'; readonly what: 'claim' | 'refresh-claim' | 'put-extension' | 'release' | 'delete-pool' }
  | { readonly code: 'placeholder'; readonly what: 'add' | 'capabilities' | 'version' }
  | { readonly code: 'invariant'; readonly invariant: string; readonly action: ActionKind; readonly detail: string }
export type ReasonCode = Reason['code']

export type StayCause =
  | 'busy'
  | 'standby'
  | 'delay'
  | 'starting'
  | 'grace'
  | 'job-counted'
  | 'saved'
  | 'protected'
  | 'foreign'
  | 'unclear'
  | 'being-deleted'
  | 'being-reimaged'
  | 'waits-for-job'
  | 'removal-elsewhere'
  | 'demand'

/** An action with the reason that led to it. */
export type Step = { readonly action: Action; readonly reason: Reason }

export type Decision = {
  /** Machines the pool should have: needed for jobs and standby, held to the limits. */
  readonly wanted: number
  readonly steps: readonly Step[]
  /** Reasons without an action: limits that bound, machines that stay, jobs that cannot run. */
  readonly reasons: readonly Reason[]
  readonly lookAgainInMs: number
}

export type { Instant }
