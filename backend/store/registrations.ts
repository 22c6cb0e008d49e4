/** Nonces and claims: what lets any replica take a claim, and only one claim of a life win (S11). */
import { sql, type RawBuilder } from 'kysely'
import type { Registrations } from '../loop/ports-boot.ts'
import type { Clock } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { serverTime } from './lease.ts'

export const nonceMsMax = 5 * 60_000
/** How often one claim is answered: a script that is killed and run again asks again. */
const answersMax = 20

/** A nonce's age is judged by one clock: PostgreSQL's own, or with SQLite the line of the one service that has the file. */
export function createRegistrations(database: Database, clock: Pick<Clock, 'now'>): Registrations {
  const { db } = database
  const now = (): RawBuilder<number> => (database.dialect === 'postgres' ? serverTime : sql<number>`${clock.now()}`)
  return {
    async addNonce({ poolId, machine, nonce }) {
      await db.deleteFrom('nonces').where('expires_at', '<=', now()).execute()
      const expiresAt = sql<number>`${now()} + ${nonceMsMax}`
      await db.insertInto('nonces').values({ nonce, pool_id: poolId, machine, expires_at: expiresAt }).execute()
    },
    async useNonce({ poolId, machine, nonce }) {
      const given = db.deleteFrom('nonces').where('nonce', '=', nonce).where('pool_id', '=', poolId).where('machine', '=', machine)
      const { numDeletedRows } = await given.where('expires_at', '>', now()).executeTakeFirst()
      return numDeletedRows === 1n
    },
    async claim({ poolId, machineId, machine, createdAt, generation }, keyHash) {
      const life = { pool_id: poolId, machine_id: machineId, created_at: createdAt, generation }
      const row = { ...life, machine, key_hash: keyHash, answers: 1, issued_at: clock.now() }
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('claims')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst()
      if (numInsertedOrUpdatedRows === 1n) return 'issued'
      const { numUpdatedRows } = await db
        .updateTable('claims')
        .set((of) => ({ answers: of('answers', '+', 1) }))
        .where((of) => of.and(life))
        .where('key_hash', '=', keyHash)
        .where('answers', '<', answersMax)
        .executeTakeFirst()
      return numUpdatedRows === 1n ? 'again' : 'taken'
    },
    async lifeOf(poolId, machine, keyHash) {
      const row = await db
        .selectFrom('claims')
        .select(['machine', 'machine_id', 'created_at', 'generation'])
        .where('pool_id', '=', poolId)
        .where('key_hash', '=', keyHash)
        // Windows tells its computer name in capitals.
        .where(sql<string>`lower(machine)`, '=', machine.toLowerCase())
        .orderBy('issued_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && { poolId, machine: row.machine, machineId: row.machine_id, createdAt: row.created_at, generation: row.generation }
    },
  }
}
