/**
 * The right to change pools. A row, not a session's lock, so that it holds behind a connection pooler; each holder gets
 * a new epoch, and the journal checks the epoch in the transaction that writes (S5).
 */
import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Instant } from '../core/snapshot.ts'
import type { Clock, Lease } from '../loop/ports.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

export const scope = 'service'

export type LeaseClock = Pick<Clock, 'now' | 'wallTimeMs'>
/** `validUntil` is on our own line and counted from before the call was sent: past it another replica may hold the lease. */
export type HeldLease = Lease & { readonly validUntil: Instant }

export interface Leases {
  /** `undefined` while another replica holds it. Whoever gets it gets a new epoch, also after a restart. */
  acquire(): Promise<HeldLease | undefined>
  /** Until when it holds now; `undefined` when another replica has taken it. */
  renew(lease: Lease): Promise<Instant | undefined>
  /** Lets another replica take it at once. */
  release(lease: Lease): Promise<void>
  /** Who holds it and for how long still, for the message of the replica that does not get it. */
  heldBy(): Promise<{ readonly holder: string; readonly forMs: number } | undefined>
}

/** `holder` names this process: no two may use the same one. */
export function createLeases(
  database: Database,
  options: { readonly holder: string; readonly ttlMs: number; readonly clock: LeaseClock },
): Leases {
  const { db } = database
  const { holder, ttlMs, clock } = options
  const now = () => judgingTime(database, clock)
  const mine = (lease: Lease) =>
    db.updateTable('lease').where('scope', '=', scope).where('epoch', '=', lease.epoch).where('holder', '=', lease.holder)
  return {
    async acquire() {
      const sentAt = clock.now()
      const { rows } = await sql<{ readonly epoch: number }>`
        insert into lease (scope, epoch, holder, expires_at, renewed_at) values (${scope}, 1, ${holder}, ${now()} + ${ttlMs}, ${sentAt})
        on conflict (scope) do update set epoch = lease.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at, renewed_at = excluded.renewed_at
        where lease.expires_at <= ${now()} or lease.holder = excluded.holder
        returning epoch`.execute(db)
      const epoch = rows[0]?.epoch
      return epoch === undefined ? undefined : { epoch, holder, validUntil: sentAt + ttlMs }
    },
    async renew(lease) {
      const sentAt = clock.now()
      const expires = sql<number>`${now()} + ${ttlMs}`
      const result = await mine(lease).set({ expires_at: expires, renewed_at: sentAt }).executeTakeFirst()
      return result.numUpdatedRows === 0n ? undefined : sentAt + ttlMs
    },
    async release(lease) {
      await mine(lease).set({ expires_at: 0 }).execute()
    },
    async heldBy() {
      const left = sql<number>`expires_at - ${now()}`
      const row = await db
        .selectFrom('lease')
        .select(['holder', left.as('left')])
        .where('scope', '=', scope)
        .executeTakeFirst()
      return row === undefined || row.left <= 0 ? undefined : { holder: row.holder, forMs: row.left }
    },
  }
}

/**
 * For the journal: whether `lease` is the current one. In PostgreSQL the row stays locked until the commit, so nobody
 * can take the lease in between; in SQLite there is one writer.
 */
export function createLeaseCheck(database: Database, clock: LeaseClock): (tx: Kysely<Schema>, lease: Lease) => Promise<boolean> {
  const lock = database.dialect === 'postgres' ? sql`for share` : sql``
  const query = sql`select 1 from lease where scope = ${scope} and epoch = ${0} and holder = ${''} and expires_at > ${judgingTime(database, clock)} ${lock}`
  const compiled = query.compile(database.db)
  return async (tx, lease) => {
    const time = database.dialect === 'postgres' ? [] : [clock.wallTimeMs()]
    const { rows } = await tx.executeQuery({ ...compiled, parameters: [scope, lease.epoch, lease.holder, ...time] })
    return rows.length > 0
  }
}

/** Leases are judged by one clock only (S14): the server's in PostgreSQL; in SQLite that of the computer the file is on. */
function judgingTime(database: Database, clock: LeaseClock): RawBuilder<number> {
  if (database.dialect === 'sqlite') return sql<number>`${clock.wallTimeMs()}`
  return sql<number>`(extract(epoch from clock_timestamp()) * 1000)::double precision`
}
