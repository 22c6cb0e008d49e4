/** What the registration of machines remembers, and what it tells the loop. */
import type { BootCause, BootPhase } from '../core/boot.ts'
import type { Instant } from '../core/snapshot.ts'

/** One life of a machine, as a claim and a report name it. */
export type Life = {
  readonly poolId: number
  readonly machineId: string
  /** Computer name. */
  readonly machine: string
  /** Azure's creation time: identity only. */
  readonly createdAt: string
  readonly generation: number
}

/** What a machine told of one phase of its boot, or what the service found out about it. */
export type BootReport = Life & {
  readonly phase: BootPhase
  readonly result: 'ok' | 'failed'
  readonly durationMs: number
  /** At most 4 KB. */
  readonly detail: string
  /** Only of a failed phase. */
  readonly cause?: BootCause
  readonly at: Instant
  readonly wallTimeMs: number
}

/** The reports of machines' boots: written by the registration, read by the loop, the API and `why`. */
export interface Boots {
  add(report: BootReport): Promise<void>
  /** Oldest first: of every life that is still remembered, or of the present lives only. They outlive their machine. */
  of(poolId: number, machine: string): Promise<readonly BootReport[]>
  /** Reports with `at` after `since`, oldest first: what is news to the loop. */
  since(poolId: number, since: Instant): Promise<readonly BootReport[]>
}

/** Nonces and claims. One credential per life (S11): the row is committed before the credential is answered. */
export interface Registrations {
  addNonce(nonce: { readonly poolId: number; readonly machine: string; readonly nonce: string }): Promise<void>
  /** Takes the nonce away. False when it was never given to this machine, was used, or is older than five minutes. */
  useNonce(nonce: { readonly poolId: number; readonly machine: string; readonly nonce: string }): Promise<boolean>
  /** `again`: the same key claimed before; `taken`: another key did, or this one too often. */
  claim(life: Life, keyHash: string): Promise<'issued' | 'again' | 'taken'>
  /** The life whose claim this key is; undefined when there is none. */
  lifeOf(poolId: number, machine: string, keyHash: string): Promise<Life | undefined>
}
