/**
 * What the checker judges: everything that happened in the world, at the service's ports and in its journal, in order.
 * Nothing here comes from the service's own reasoning.
 */
import type { Answer, World, WorldEvent } from '../../backend/simulator/facts.ts'
import type { WorldCall } from '../support/world-ports.ts'

/** A machine as an intent names it. */
export type Target = { readonly id: string; readonly generation: number; readonly cause?: string; readonly force?: boolean }

/** An intent as the journal holds it; the sentence is what Diagnostics would show for its reason. */
export type WrittenIntent = {
  readonly id: string
  readonly kind: string
  readonly sentence: string
  readonly machines: readonly Target[]
  readonly agentId?: number
}

/** What a person set, as far as it binds the service. */
export type Bounds = {
  readonly machinesMax: number
  readonly tearDownAfterUse: boolean
  readonly paused: boolean
  readonly deleting: boolean
}

export type Order = {
  readonly machineId: string
  readonly order: 'delete' | 'reimage' | 'save' | 'unsave' | 'adopt' | 'try-again' | 'disable' | 'enable'
  readonly force: boolean
}

/** One call of one process of the service; the same object while it begins, arrives and is answered. */
export type Call = WorldCall & { readonly process: string }

export type Entry =
  | { readonly kind: 'world'; readonly event: WorldEvent }
  | { readonly kind: 'begun' | 'arrived'; readonly call: Call; readonly at: number }
  | { readonly kind: 'answered'; readonly call: Call; readonly answer: Answer<unknown>; readonly at: number }
  /** A commit that is durable. */
  | {
      readonly kind: 'committed'
      readonly process: string
      readonly epoch: number
      readonly intents: readonly WrittenIntent[]
      readonly at: number
    }
  /** A process got the lease. */
  | { readonly kind: 'lease'; readonly process: string; readonly epoch: number; readonly at: number }
  /** A process began a pass under these settings. */
  | { readonly kind: 'pass'; readonly process: string; readonly bounds: Bounds; readonly at: number }
  /** A person's order, taken in by the service. */
  | { readonly kind: 'order'; readonly order: Order; readonly at: number }
  | { readonly kind: 'replace-confirmed'; readonly at: number }
  | { readonly kind: 'planted'; readonly agentId: number; readonly at: number }

export type Truth = Pick<World['truth'], 'scaleSet' | 'machines' | 'agents' | 'requests'>

/** The pool under judgement, and what the world does that Azure does not document. */
export type Scene = {
  readonly truth: Truth
  readonly poolId: number
  readonly scaleSetId: string
  readonly ownerId: string
  /** Our agent process ends after one job, and `once-ignored` may keep it. */
  readonly tearDownAfterUse: boolean
}

export type Violation = { readonly invariant: string; readonly at: number; readonly detail: string }

/** Looks at every entry in order and reports what it finds wrong. */
export type Judge = (entry: Entry) => void
export type Report = (invariant: string, at: number, detail: string) => void
