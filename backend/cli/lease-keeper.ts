/** Keeps this replica's leases: looks in time, and knows at any moment which pools it certainly still holds. */
import type { ServiceClock } from '../adapters/clock.ts'
import type { HeldLease } from '../loop/ports-replicas.ts'
import type { Log } from '../loop/ports.ts'
import type { Holding, Leases } from '../store/lease.ts'
import type { Dialect } from '../store/schema.ts'

/** In real time. A call that is sent ends `marginMs` before another replica may act, which may be on another computer. */
export type LeasePace = { readonly leaseMs: number; readonly renewMs: number; readonly marginMs: number; readonly elsewhere: boolean }

/** On PostgreSQL another replica takes over within `leaseMs` + `renewMs`. Each lease outlives two looks that fail. */
export const paces: Readonly<Record<Dialect, LeasePace>> = {
  sqlite: { leaseMs: 30_000, renewMs: 10_000, marginMs: 5_000, elsewhere: false },
  postgres: { leaseMs: 20_000, renewMs: 3_000, marginMs: 3_000, elsewhere: true },
}

export type LeaseKeeper = {
  /** The pool's lease, as long as it is certain that no other replica has it. */
  current(poolId: number): HeldLease | undefined
  /** Why this replica may change nothing now. */
  problem(): string | undefined
  /** Looks until `signal` aborts. A pool that passes is not given to another replica. */
  run(signal: AbortSignal, isPassing: (poolId: number) => boolean): Promise<void>
  /** Gives everything back, so that no other replica need wait for its end. */
  release(): Promise<void>
}

export async function createLeaseKeeper(parts: {
  readonly leases: Leases
  readonly pools: () => Promise<readonly number[]>
  readonly pace: LeasePace
  readonly clock: ServiceClock
  readonly log: Log
  /** Azure or Azure DevOps cannot be changed from here: other replicas, if they can, are to do it. */
  readonly isUnwell?: () => boolean
}): Promise<LeaseKeeper> {
  const { leases, pools, pace, clock, log } = parts
  const isUnwell = twiceInARow(parts.isUnwell)
  let holding: Holding | undefined
  let wallMsAtLook = 0
  let why = 'This replica has not asked for the lease yet.'

  async function look(isPassing?: (poolId: number) => boolean): Promise<void> {
    const wallMs = clock.real.wallTimeMs()
    try {
      holding = await leases.look(await pools(), { ...(isPassing && { isPassing }), isUnwell: isUnwell() })
      wallMsAtLook = wallMs
      // Pools change hands with what is remembered of them, in instants of the line of who held them.
      if (holding.othersAt !== undefined) clock.catchUp(holding.othersAt)
      why = standsBy(holding)
    } catch (error) {
      why = couldNot(error)
      log.warn({ error: why }, 'The lease could not be renewed; nothing is changed once it has run out.')
    }
  }

  /**
   * Our own line stands still while the computer is suspended, as a virtual machine is during maintenance, and other computers go on: then
   * the wall clock tells. One that is set forward costs the lease until the next look, one that is set back nothing.
   */
  const leftMs = (): number => {
    if (holding === undefined) return 0
    const lineMs = (holding.validUntil - clock.now()) / clock.speed
    const wallMs = pace.elsewhere ? wallMsAtLook + pace.leaseMs - clock.real.wallTimeMs() : Infinity
    return Math.min(lineMs, wallMs) - pace.marginMs
  }

  await look()
  return {
    current(poolId) {
      const lease = leftMs() > 0 ? holding?.lease(poolId) : undefined
      return lease && { ...lease, leftMs: leftMs() }
    },
    problem: () => (leftMs() > 0 ? undefined : why),
    async run(signal, isPassing) {
      while (!signal.aborted) {
        await clock.real.sleep(pace.renewMs, signal)
        if (!signal.aborted) await look(isPassing)
      }
    },
    async release() {
      if (holding === undefined) return
      holding = undefined
      await leases.release()
    },
  }
}

function couldNot(error: unknown): string {
  return `The lease could not be renewed: ${error instanceof Error ? error.message : String(error)}`
}

function standsBy({ heldBy }: Holding): string {
  if (heldBy === undefined) return 'The lease has run out, because it was not renewed in time; it is asked for again.'
  return `Replica ${heldBy.holder} holds the lease for ${Math.ceil(heldBy.forMs / 1_000)} s more; this one stands by.`
}

/** One refusal may be of one pool alone, and over with the next answer. */
function twiceInARow(holds: () => boolean = () => false): () => boolean {
  let before = false
  return () => {
    const [first, now] = [before, holds()]
    before = now
    return first && now
  }
}
