/**
 * The right to change pools. A row, not a session's lock, so that it holds behind a connection pooler; each holder gets
 * a new epoch, and the journal checks the epoch in the transaction that writes (S5).
 */
import { sql, type Kysely } from 'kysely'
import type { Instant } from '../core/snapshot.ts'
import type { Clock, Lease } from '../loop/ports.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export type LeaseClock = Pick<Clock, 'now'>

/** What a replica may change. Past `validUntil`, on our own line and counted from before the call was sent, it is nothing. */
export type Holding = {
  readonly validUntil: Instant
  lease(poolId: number): Lease | undefined
  /** Where the lines of the other replicas that live stand at this moment, the furthest of them. */
  readonly othersAt?: Instant
  /** Who has the one lease of an SQLite file, when we have not. */
  readonly heldBy?: HeldBy
}
export type HeldBy = { readonly holder: string; readonly forMs: number }

export type LookOptions = {
  /** A pool that passes now is never given back. */
  readonly isPassing?: (poolId: number) => boolean
  /** This replica can do nothing for its pools now: those that can get them all. Ignored where there is one lease only. */
  readonly isUnwell?: boolean
}

export interface Leases {
  /** Renews what is held and takes what is due. */
  look(pools: readonly number[], looks?: LookOptions): Promise<Holding>
  /** Lets other replicas take everything at once. */
  release(): Promise<void>
}

/** `holder` names this process: no two may use the same one. */
export type LeaseOptions = { readonly holder: string; readonly ttlMs: number; readonly clock: LeaseClock }

/** Wall time in milliseconds by PostgreSQL's own clock, whichever replica asks. */
export const serverTime = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::double precision`

/**
 * For the journal: whether `lease` is the current one. In PostgreSQL the row stays locked until the commit, so nobody
 * can take the lease in between; in SQLite there is one writer, and the epoch alone tells.
 */
export function createLeaseCheck(database: Database): (tx: Kysely<Schema>, lease: Lease) => Promise<boolean> {
  const rest = database.dialect === 'postgres' ? sql`expires_at > ${serverTime} for key share` : sql`expires_at > 0`
  const compiled = sql`select 1 from lease where scope = ${''} and epoch = ${0} and holder = ${''} and ${rest}`.compile(database.db)
  return async (tx, lease) => {
    const { rows } = await tx.executeQuery({ ...compiled, parameters: [lease.scope, lease.epoch, lease.holder] })
    return rows.length > 0
  }
}
