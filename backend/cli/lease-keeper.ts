/** Holds the lease of the service: takes it when it is free, renews it, and knows at any moment whether it still holds. */
import type { ServiceClock } from '../adapters/clock.ts'
import type { Lease, Log } from '../loop/ports.ts'
import type { HeldLease, Leases } from '../store/lease.ts'

/** Real time between two renewals; the lease outlives two of them that fail. */
export const renewMs = 10_000
export const leaseMs = 30_000
/** A call that is sent must end before another replica may act. */
const marginMs = 5_000

export type LeaseKeeper = {
  /** The lease, as long as it is certain that no other replica has it. */
  current(): Lease | undefined
  /** Why this replica may change nothing now. */
  problem(): string | undefined
  /** Renews until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
  /** Gives the lease back, so that another replica need not wait for its end. */
  release(): Promise<void>
}

export async function createLeaseKeeper(parts: {
  readonly leases: Leases
  readonly clock: ServiceClock
  readonly log: Log
}): Promise<LeaseKeeper> {
  const { leases, clock, log } = parts
  let held: HeldLease | undefined
  let why = 'This replica has not asked for the lease yet.'

  async function look(): Promise<void> {
    try {
      const validUntil = held === undefined ? undefined : await leases.renew(held)
      held = held !== undefined && validUntil !== undefined ? { ...held, validUntil } : await leases.acquire()
      if (held === undefined) why = await describeHolder(leases)
    } catch (error) {
      why = `The lease could not be renewed: ${error instanceof Error ? error.message : String(error)}`
      log.warn({ error: why }, 'The lease could not be renewed; nothing is changed once it has run out.')
    }
  }

  function current(): Lease | undefined {
    const isCertain = held !== undefined && clock.now() < held.validUntil - marginMs * clock.speed
    return isCertain && held !== undefined ? { epoch: held.epoch, holder: held.holder } : undefined
  }

  await look()
  return {
    current,
    problem: () => (current() === undefined ? why : undefined),
    async run(signal) {
      while (!signal.aborted) {
        await clock.real.sleep(renewMs, signal)
        if (!signal.aborted) await look()
      }
    },
    async release() {
      const lease = held
      held = undefined
      if (lease !== undefined) await leases.release(lease)
    },
  }
}

async function describeHolder(leases: Leases): Promise<string> {
  const other = await leases.heldBy()
  if (other === undefined) return 'The lease was free a moment ago and is asked for again.'
  return `Replica ${other.holder} holds the lease for ${Math.ceil(other.forMs / 1_000)} s more; this one stands by.`
}
