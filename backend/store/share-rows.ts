/** The statements behind the shares of one replica. What they return is in milliseconds. */
import { sql } from 'kysely'
import type { Instant } from '../core/snapshot.ts'
import type { Lease } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { serverTime, type LeaseOptions } from './lease.ts'

/** `renewedAt`: on the line of its holder. */
export type ShareRow = { readonly scope: string; readonly holder: string; readonly leftMs: number; readonly renewedAt: Instant }
type Taken = Pick<Lease, 'scope' | 'epoch'>

/** Rows that nobody renewed for so long, of pools or replicas that are no more, are removed. */
export const rememberedMs = 3_600_000

export function createShareRows({ db }: Database, { holder, ttlMs }: LeaseOptions) {
  const expiry = sql<number>`${serverTime} + ${ttlMs}::double precision`
  return {
    async tellThatWeLive(sentAt: Instant): Promise<void> {
      await sql`insert into lease (scope, epoch, holder, expires_at, renewed_at)
        values (${`member/${holder}`}, 1, ${holder}, ${expiry}, ${sentAt})
        on conflict (scope) do update set expires_at = excluded.expires_at, renewed_at = excluded.renewed_at`.execute(db)
    },
    async tellThatWeAreUnwell(): Promise<void> {
      await sql`update lease set expires_at = 0 where scope = ${`member/${holder}`}`.execute(db)
    },
    /** Also what was taken by a statement whose answer got lost. A row that was given back stays so. */
    async renew(sentAt: Instant): Promise<readonly Taken[]> {
      const { rows } = await sql<Taken>`update lease set expires_at = ${expiry}, renewed_at = ${sentAt}
        where holder = ${holder} and scope like 'pool/%' and expires_at > 0 returning scope, epoch`.execute(db)
      return rows
    },
    async read(): Promise<readonly ShareRow[]> {
      const { rows } =
        await sql<ShareRow>`select scope, holder, expires_at - ${serverTime} as "leftMs", renewed_at as "renewedAt" from lease
        where scope like 'pool/%' or scope like 'member/%'`.execute(db)
      return rows
    },
    async giveBack(scopes: readonly string[]): Promise<void> {
      await sql`update lease set expires_at = 0 where holder = ${holder} and scope = any(${scopes})`.execute(db)
    },
    /** Rows that another replica takes at this moment, or that a commit still stands on, are left to the next look. */
    async take(scopes: readonly string[], most: number, sentAt: Instant): Promise<readonly Taken[]> {
      await sql`insert into lease (scope, epoch, holder, expires_at, renewed_at)
        select scope, 0, '', 0, 0 from unnest(${scopes}::text[]) as scope on conflict do nothing`.execute(db)
      const { rows } = await sql<Taken>`
        with free as materialized (
          select scope from lease where scope = any(${scopes}) and expires_at <= ${serverTime} limit ${most} for update skip locked)
        update lease set epoch = lease.epoch + 1, holder = ${holder}, expires_at = ${expiry}, renewed_at = ${sentAt}
        from free where lease.scope = free.scope returning lease.scope, lease.epoch`.execute(db)
      return rows
    },
    async forget(scopes: readonly string[]): Promise<void> {
      await sql`delete from lease where scope = any(${scopes}) and expires_at <= ${serverTime} - ${rememberedMs}::double precision`.execute(
        db,
      )
    },
    async release(): Promise<void> {
      await sql`update lease set expires_at = 0 where holder = ${holder}`.execute(db)
    },
  }
}
