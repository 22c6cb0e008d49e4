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

export type LeaseClock = Pick<Clock, 'now'>
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
  heldBy(): Promise<(Lease & { readonly forMs: number }) | undefined>
}

type Options = { readonly holder: string; readonly ttlMs: number; readonly clock: LeaseClock }

/** `holder` names this process: no two may use the same one. */
export function createLeases(database: Database, options: Options): Leases {
  const { db } = database
  const { ttlMs, clock } = options
  const contest = database.dialect === 'postgres' ? byServerClock(db, options) : byStandingStill(db, options)
  const mine = (lease: Lease) =>
    db.updateTable('lease').where('scope', '=', scope).where('epoch', '=', lease.epoch).where('holder', '=', lease.holder)
  return {
    ...contest,
    async renew(lease) {
      const sentAt = clock.now()
      const result = await mine(lease).set({ expires_at: contest.expiry(), renewed_at: sentAt }).executeTakeFirst()
      return result.numUpdatedRows === 0n ? undefined : sentAt + ttlMs
    },
    async release(lease) {
      await mine(lease).set({ expires_at: 0 }).execute()
    },
  }
}

type Contest = Pick<Leases, 'acquire' | 'heldBy'> & {
  /** What a renewal writes; 0 is a lease that was given back. */ expiry(): RawBuilder<number>
}

/** PostgreSQL: the server's clock judges all replicas (S14). */
function byServerClock(db: Kysely<Schema>, { holder, ttlMs, clock }: Options): Contest {
  const expiry = () => sql<number>`${serverTime} + ${ttlMs}`
  return {
    expiry,
    async acquire() {
      const sentAt = clock.now()
      const { rows } = await sql<{ readonly epoch: number }>`
        insert into lease (scope, epoch, holder, expires_at, renewed_at) values (${scope}, 1, ${holder}, ${expiry()}, ${sentAt})
        on conflict (scope) do update set epoch = lease.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at, renewed_at = excluded.renewed_at
        where lease.expires_at <= ${serverTime} or lease.holder = excluded.holder
        returning epoch`.execute(db)
      const epoch = rows[0]?.epoch
      return epoch === undefined ? undefined : { epoch, holder, validUntil: sentAt + ttlMs }
    },
    async heldBy() {
      const left = sql<number>`expires_at - ${serverTime}`
      const row = await db
        .selectFrom('lease')
        .select(['epoch', 'holder', left.as('left')])
        .where('scope', '=', scope)
        .executeTakeFirst()
      return row === undefined || row.left <= 0 ? undefined : { epoch: row.epoch, holder: row.holder, forMs: row.left }
    },
  }
}

/**
 * SQLite has no clock of its own, and the computer's may jump: a lease is free when it was given back, or when nobody
 * renewed it for its whole life by our own clock.
 */
function byStandingStill(db: Kysely<Schema>, { holder, ttlMs, clock }: Options): Contest {
  let watched: { readonly epoch: number; readonly renewedAt: number; readonly since: Instant } | undefined
  const read = async () => {
    const row = await db.selectFrom('lease').selectAll().where('scope', '=', scope).executeTakeFirst()
    if (row !== undefined && (watched?.epoch !== row.epoch || watched.renewedAt !== row.renewed_at)) {
      watched = { epoch: row.epoch, renewedAt: row.renewed_at, since: clock.now() }
    }
    return row
  }
  const leftMs = (): number => (watched === undefined ? 0 : watched.since + ttlMs - clock.now())
  return {
    expiry: () => sql<number>`1`,
    async acquire() {
      const row = await read()
      if (row !== undefined && row.expires_at > 0 && row.holder !== holder && leftMs() > 0) return undefined
      const sentAt = clock.now()
      const [epoch, renewedAt] = [row?.epoch ?? 0, row?.renewed_at ?? 0]
      const { rows } = await sql<{ readonly epoch: number }>`
        insert into lease (scope, epoch, holder, expires_at, renewed_at) values (${scope}, 1, ${holder}, 1, ${sentAt})
        on conflict (scope) do update set epoch = lease.epoch + 1, holder = excluded.holder, expires_at = 1, renewed_at = excluded.renewed_at
        where lease.epoch = ${epoch} and lease.renewed_at = ${renewedAt}
        returning epoch`.execute(db)
      const taken = rows[0]?.epoch
      return taken === undefined ? undefined : { epoch: taken, holder, validUntil: sentAt + ttlMs }
    },
    async heldBy() {
      const row = await read()
      return row === undefined || row.expires_at <= 0 || leftMs() <= 0
        ? undefined
        : { epoch: row.epoch, holder: row.holder, forMs: leftMs() }
    },
  }
}

/** Wall time in milliseconds by PostgreSQL's own clock, whichever replica asks. */
export const serverTime = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::double precision`

/**
 * For the journal: whether `lease` is the current one. In PostgreSQL the row stays locked until the commit, so nobody
 * can take the lease in between; in SQLite there is one writer, and the epoch alone tells.
 */
export function createLeaseCheck(database: Database): (tx: Kysely<Schema>, lease: Lease) => Promise<boolean> {
  const rest = database.dialect === 'postgres' ? sql`expires_at > ${serverTime} for share` : sql`expires_at > 0`
  const compiled = sql`select 1 from lease where scope = ${scope} and epoch = ${0} and holder = ${''} and ${rest}`.compile(database.db)
  return async (tx, lease) => {
    const { rows } = await tx.executeQuery({ ...compiled, parameters: [scope, lease.epoch, lease.holder] })
    return rows.length > 0
  }
}
