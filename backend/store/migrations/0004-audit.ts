import type { Transaction } from 'kysely'
import { addAfter, type Head } from '../audit.ts'
import type { Schema } from '../schema.ts'

/** The chain of what people changed. The changes of settings that are known already are its first records. */
export async function audit(tx: Transaction<Schema>): Promise<void> {
  await tx.schema
    .createTable('audit')
    .addColumn('id', 'integer', (id) => id.primaryKey())
    .addColumn('record', 'text', (c) => c.notNull())
    .addColumn('hash', 'text', (c) => c.notNull())
    .execute()
  const known = tx.selectFrom('settings_history').selectAll()
  let head: Head = { record: 0, hash: '' }
  for (const row of await known.orderBy('wall_time_ms').orderBy('pool_id').orderBy('version').execute()) {
    const [before, after] = [JSON.parse(row.before) as object, JSON.parse(row.after) as object]
    const change = { at: row.wall_time_ms, by: row.by, poolId: row.pool_id, what: 'settings', version: row.version, before, after } as const
    head = await addAfter(tx, head, change)
  }
}
