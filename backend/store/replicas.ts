/** What replicas tell each other over the database. No LISTEN: it would need a session of its own behind a connection pooler. */
import { sql } from 'kysely'
import type { PassMark, Replicas } from '../loop/ports-replicas.ts'
import type { Database } from './database.ts'
import { createHistory } from './history.ts'

export function createReplicas(database: Database): Replicas {
  const { db } = database
  return {
    latestPass: createHistory(database).latestPass,
    async tell(nudges) {
      if (nudges.length === 0) return
      const rows = nudges.map(({ poolId, jobsChanged }) => ({ pool_id: poolId, jobs_changed: jobsChanged ? 1 : 0 }) as const)
      await db
        .insertInto('nudges')
        .values(rows)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    },
    async told(pools) {
      if (pools.length === 0) return []
      const { rows } = await sql<{ readonly pool_id: number; readonly jobs_changed: number }>`
        delete from nudges where pool_id = any(${pools}) returning pool_id, jobs_changed`.execute(db)
      return rows.map((row) => ({ poolId: row.pool_id, jobsChanged: row.jobs_changed === 1 }))
    },
    async newestPasses() {
      const { rows } = await sql<PassMark>`
        select pools.id as "poolId", newest.id, newest.last_at as "lastAt" from pools
        cross join lateral (select id, last_at from passes where pool_id = pools.id order by id desc limit 1) as newest`.execute(db)
      return rows
    },
  }
}
