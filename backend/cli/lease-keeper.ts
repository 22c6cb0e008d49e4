/** Keeps this replica's leases: looks in time, and knows at any moment which pools it certainly still holds. */
import type { ServiceClock } from '../adapters/clock.ts'
import type { HeldLease } from '../loop/ports-replicas.ts'
import type { Log } from '../loop/ports.ts'
import type { Holding, Leases } from '../store/lease.ts'
import type { Dialect } from '../store/schema.ts'

/** In real time. A call that is sent ends `marginMs` before another replica may act. */
export type LeasePace = { readonly leaseMs: number; readonly renewMs: number; readonly marginMs: number }

/** On PostgreSQL another replica takes over within `leaseMs` + `renewMs`. Each lease outlives two looks that fail. */
export const paces: Readonly<Record<Dialect, LeasePace>> = {
  sqlite: { leaseMs: 30_000, renewMs: 10_000, marginMs: 5_000 },
  postgres: { leaseMs: 20_000, renewMs: 3_000, marginMs: 3_000 },
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
}): Promise<LeaseKeeper> {
  const { leases, pools, pace, clock, log } = parts
  let holding: Holding | undefined
  let why = 'This replica has not asked for the lease yet.'

  async function look(isPassing?: (poolId: number) => boolean): Promise<void> {
    try {
      holding = await leases.look(await pools(), isPassing)
      why = standsBy(holding)
    } catch (error) {
      why = `The lease could not be renewed: ${error instanceof Error ? error.message : String(error)}`
      log.warn({ error: why }, 'The lease could not be renewed; nothing is changed once it has run out.')
    }
  }

  const leftMs = (): number => (holding === undefined ? 0 : (holding.validUntil - clock.now()) / clock.speed - pace.marginMs)

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

function standsBy({ heldBy }: Holding): string {
  if (heldBy === undefined) return 'The lease has run out, because it was not renewed in time; it is asked for again.'
  return `Replica ${heldBy.holder} holds the lease for ${Math.ceil(heldBy.forMs / 1_000)} s more; this one stands by.`
}
