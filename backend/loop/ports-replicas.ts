/** What several replicas of the service share: the right to change a pool, and what they tell each other. */
import type { Instant } from '../core/snapshot.ts'
import type { Lease, StoredPass } from './ports.ts'

/** `leftMs`: real time for which no other replica can hold it. A call that is sent must end within it. */
export type HeldLease = Lease & { readonly leftMs: number }

/** A pool's newest pass. Another `id` or `lastAt` is a newer one. */
export type PassMark = { readonly poolId: number; readonly id: number; readonly lastAt: Instant }

/** The pool passes at once, and reads its jobs anew when they changed. */
export type Nudge = { readonly poolId: number; readonly jobsChanged: boolean }

/** The other replicas, over the database. */
export interface Replicas {
  /** For the replica that holds the pool, whichever that is. */
  tell(nudges: readonly Nudge[]): Promise<void>
  /** What was told about these pools since the last question. */
  told(pools: readonly number[]): Promise<readonly Nudge[]>
  /** Of every pool that has had a pass. */
  newestPasses(): Promise<readonly PassMark[]>
  latestPass(poolId: number): Promise<StoredPass | undefined>
}
