import { sql, type Transaction } from 'kysely'
import type { Dialect, Schema } from '../schema.ts'

/** The year 9999 in Unix milliseconds: no lease lasts so long. */
const neverEndsAt = 253_370_764_800_000

/** Replicas share the pools, and tell each other what is new. */
export async function shares(tx: Transaction<Schema>, dialect: Dialect): Promise<void> {
  await tx.schema
    .createTable('nudges')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('jobs_changed', 'integer', (c) => c.notNull())
    .addPrimaryKeyConstraint('nudges_key', ['pool_id', 'jobs_changed'])
    .execute()
  if (dialect === 'postgres') await endServiceLease(tx)
}

/**
 * Replicas of the version before knew one lease for all pools, and may still run. Each pool's lease goes on from it and
 * ends with it; nobody gets the old one again, and who held it finds out before its next commit.
 */
async function endServiceLease(tx: Transaction<Schema>): Promise<void> {
  await sql`insert into lease (scope, epoch, holder, expires_at, renewed_at)
    select 'pool/' || pools.id, lease.epoch, lease.holder, lease.expires_at, 0 from pools, lease where lease.scope = 'service'`.execute(tx)
  await sql`insert into lease (scope, epoch, holder, expires_at, renewed_at) values ('service', 1, 'of a newer version', ${neverEndsAt}, 0)
    on conflict (scope) do update set epoch = lease.epoch + 1, holder = excluded.holder, expires_at = excluded.expires_at`.execute(tx)
}
