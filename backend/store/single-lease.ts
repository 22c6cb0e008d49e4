/**
 * One lease for the whole of an SQLite file. SQLite has no clock of its own, and the computer's may jump: the lease is
 * free when it was given back, or when nobody renewed it for its whole life by our own clock.
 */
import { sql } from 'kysely'
import type { Instant } from '../core/snapshot.ts'
import type { Lease } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { compile } from './statements.ts'
import type { HeldBy, LeaseOptions, Leases } from './lease.ts'

const scope = 'service'

export interface SingleLease extends Leases {
  /** Who holds it and for how long still; `undefined` when it is free. */
  heldBy(): Promise<HeldBy | undefined>
}

/** Whoever gets it gets a new epoch, also after a restart. */
export function createSingleLease({ db }: Database, { holder, ttlMs, clock }: LeaseOptions): SingleLease {
  let held: Lease | undefined
  let watched: { readonly epoch: number; readonly renewedAt: number; readonly since: Instant } | undefined

  const read = async () => {
    const row = await db.selectFrom('lease').selectAll().where('scope', '=', scope).executeTakeFirst()
    if (row !== undefined && (watched?.epoch !== row.epoch || watched.renewedAt !== row.renewed_at)) {
      watched = { epoch: row.epoch, renewedAt: row.renewed_at, since: clock.now() }
    }
    return row
  }
  const leftMs = (): number => (watched === undefined ? 0 : watched.since + ttlMs - clock.now())
  const mine = () => db.updateTable('lease').where('scope', '=', scope).where('holder', '=', holder)

  const update = compile(
    db,
    sql`update lease set expires_at = 1, renewed_at = ${0} where scope = ${''} and holder = ${''} and epoch = ${0}`,
  )
  const renew = async ({ epoch }: Lease, sentAt: Instant): Promise<boolean> => (await update(db, [sentAt, scope, holder, epoch])) > 0

  async function acquire(sentAt: Instant): Promise<Lease | undefined> {
    const row = await read()
    if (row !== undefined && row.expires_at > 0 && row.holder !== holder && leftMs() > 0) return undefined
    const [epoch, renewedAt] = [row?.epoch ?? 0, row?.renewed_at ?? 0]
    const { rows } = await sql<{ readonly epoch: number }>`
      insert into lease (scope, epoch, holder, expires_at, renewed_at) values (${scope}, 1, ${holder}, 1, ${sentAt})
      on conflict (scope) do update set epoch = lease.epoch + 1, holder = excluded.holder, expires_at = 1, renewed_at = excluded.renewed_at
      where lease.epoch = ${epoch} and lease.renewed_at = ${renewedAt}
      returning epoch`.execute(db)
    const taken = rows[0]?.epoch
    return taken === undefined ? undefined : { scope, epoch: taken, holder }
  }

  async function heldBy(): Promise<HeldBy | undefined> {
    const row = await read()
    return row === undefined || row.expires_at <= 0 || leftMs() <= 0 ? undefined : { holder: row.holder, forMs: leftMs() }
  }

  return {
    heldBy,
    async look() {
      const sentAt = clock.now()
      if (held === undefined || !(await renew(held, sentAt))) held = await acquire(sentAt)
      const lease = held
      if (lease !== undefined) return { validUntil: sentAt + ttlMs, lease: () => lease }
      const other = await heldBy()
      return { validUntil: sentAt, lease: () => undefined, ...(other === undefined ? {} : { heldBy: other }) }
    },
    async release() {
      held = undefined
      await mine().set({ expires_at: 0 }).execute()
    },
  }
}
