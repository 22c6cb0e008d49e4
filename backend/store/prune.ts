import { sql } from 'kysely'
import type { Database } from './database.ts'

/** How many rows of each kind a pool keeps. */
export type Keep = {
  readonly log: number
  readonly passes: number
  readonly intents: number
  readonly machines: number
  /** Reports of boots; they outlive their machine. */
  readonly boots: number
}
export const defaultKeep: Keep = { log: 10_000, passes: 1_000, intents: 5_000, machines: 2_000, boots: 10_000 }

/** One call stays short, so that no pass waits for it. */
const rowsMax = 500

/**
 * Drops what is older than the newest rows to keep, at most 500 rows of each kind; returns how many went, so a caller
 * that gets more than 0 calls again later. Open intents and the newest pass always stay.
 */
export async function prune(database: Database, poolId: number, keep: Keep = defaultKeep): Promise<number> {
  let gone = 0
  for (const [table, kept] of [
    ['log', keep.log],
    ['passes', Math.max(1, keep.passes)],
    ['gone_machines', keep.machines],
    ['boot_reports', keep.boots],
  ] as const) {
    const old = database.db.selectFrom(table).select('id').where('pool_id', '=', poolId).orderBy('id', 'desc').limit(rowsMax).offset(kept)
    gone += Number((await database.db.deleteFrom(table).where('id', 'in', old).executeTakeFirst()).numDeletedRows)
  }
  return gone + (await pruneIntents(database, poolId, keep.intents)) + (await pruneClaims(database, poolId, keep.machines))
}

/** Claims of machines that are still there stay, whatever their number: they are what keeps a life from a second credential. */
async function pruneClaims({ db }: Database, poolId: number, kept: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from claims where pool_id = ${poolId}
      and not exists (select 1 from machines where machines.pool_id = claims.pool_id and machines.id = claims.machine_id)
      and issued_at < (select issued_at from claims where pool_id = ${poolId} order by issued_at desc limit 1 offset ${Math.max(0, kept - 1)})`.execute(
    db,
  )
  return Number(numAffectedRows ?? 0)
}

async function pruneIntents({ db }: Database, poolId: number, kept: number): Promise<number> {
  const closed = db.selectFrom('intents').select('id').where('pool_id', '=', poolId).where('open', '=', 0)
  const old = closed.orderBy('written_at', 'desc').orderBy('id', 'desc').limit(rowsMax).offset(kept)
  return Number((await db.deleteFrom('intents').where('pool_id', '=', poolId).where('id', 'in', old).executeTakeFirst()).numDeletedRows)
}
