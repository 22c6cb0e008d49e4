import type { CreateTableBuilder, Transaction } from 'kysely'
import type { Dialect, Schema } from '../schema.ts'

/** The first schema: settings, memory, journal, history, lease. The table `meta` exists already. */
export async function first(tx: Transaction<Schema>, dialect: Dialect): Promise<void> {
  const counted = <T extends string>(table: T) => withCountedId(tx.schema.createTable(table), dialect)
  for (const table of [...service(tx), ...memory(tx, counted), ...history(counted)]) await table.execute()
  await tx.schema.createIndex('orders_of_pool').on('orders').columns(['pool_id', 'id']).execute()
  await tx.schema.createIndex('gone_machines_of_pool').on('gone_machines').columns(['pool_id', 'id']).execute()
  await tx.schema.createIndex('intents_by_state').on('intents').columns(['pool_id', 'open', 'written_at']).execute()
  await tx.schema.createIndex('log_of_pool').on('log').columns(['pool_id', 'id']).execute()
  await tx.schema.createIndex('passes_of_pool').on('passes').columns(['pool_id', 'id']).execute()
}

type Table = CreateTableBuilder<string, string>
type Counted = (table: string) => Table

/** An id the database counts up, never used twice. */
export function withCountedId(table: Table, dialect: Dialect): Table {
  if (dialect === 'postgres') return table.addColumn('id', 'serial', (id) => id.primaryKey())
  return table.addColumn('id', 'integer', (id) => id.primaryKey().autoIncrement())
}

const service = (tx: Transaction<Schema>): readonly Table[] => [
  tx.schema
    .createTable('lease')
    .addColumn('scope', 'text', (scope) => scope.primaryKey())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('holder', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'double precision', (c) => c.notNull())
    .addColumn('renewed_at', 'double precision', (c) => c.notNull()),
  tx.schema
    .createTable('pools')
    .addColumn('id', 'integer', (id) => id.primaryKey())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('scale_set_id', 'text', (c) => c.notNull())
    .addColumn('settings', 'text', (c) => c.notNull())
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('replace_confirmed', 'integer', (c) => c.notNull())
    .addColumn('take_over_confirmed', 'integer', (c) => c.notNull())
    .addColumn('wall_time_ms', 'double precision', (c) => c.notNull()),
  tx.schema
    .createTable('settings_history')
    .addColumn('pool_id', 'integer', (c) => c.notNull().references('pools.id').onDelete('cascade'))
    .addColumn('version', 'integer', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('wall_time_ms', 'double precision', (c) => c.notNull())
    .addColumn('before', 'text', (c) => c.notNull())
    .addColumn('after', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('settings_history_key', ['pool_id', 'version']),
]

// What the journal writes does not reference `pools`: the last pass of a pool ends after the pool was forgotten.
const memory = (tx: Transaction<Schema>, counted: Counted): readonly Table[] => [
  counted('orders')
    .addColumn('pool_id', 'integer', (c) => c.notNull().references('pools.id').onDelete('cascade'))
    .addColumn('machine_id', 'text', (c) => c.notNull())
    .addColumn('order', 'text', (c) => c.notNull())
    .addColumn('by', 'text', (c) => c.notNull())
    .addColumn('force', 'integer', (c) => c.notNull()),
  tx.schema
    .createTable('pool_memory')
    .addColumn('pool_id', 'integer', (id) => id.primaryKey())
    .addColumn('json', 'text', (c) => c.notNull()),
  tx.schema
    .createTable('machines')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('machines_key', ['pool_id', 'id']),
  tx.schema
    .createTable('intents')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('epoch', 'integer', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('open', 'integer', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('reason', 'text', (c) => c.notNull())
    .addColumn('operation', 'text')
    .addColumn('seen', 'text', (c) => c.notNull())
    .addColumn('capacity', 'text')
    .addColumn('error', 'text')
    .addColumn('written_at', 'double precision', (c) => c.notNull())
    .addColumn('changed_at', 'double precision', (c) => c.notNull())
    .addPrimaryKeyConstraint('intents_key', ['pool_id', 'id']),
]

const history = (counted: Counted): readonly Table[] => [
  counted('gone_machines')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('machine_id', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('json', 'text', (c) => c.notNull())
    .addColumn('gone_at', 'double precision', (c) => c.notNull()),
  counted('log')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('level', 'text', (c) => c.notNull())
    .addColumn('operation', 'text', (c) => c.notNull())
    .addColumn('message', 'text', (c) => c.notNull())
    .addColumn('at', 'double precision', (c) => c.notNull())
    .addColumn('wall_time_ms', 'double precision', (c) => c.notNull())
    .addColumn('machine', 'text')
    .addColumn('intent_id', 'text')
    .addColumn('correlation_id', 'text')
    .addColumn('raw', 'text'),
  counted('passes')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('at', 'double precision', (c) => c.notNull())
    .addColumn('last_at', 'double precision', (c) => c.notNull())
    .addColumn('wall_time_ms', 'double precision', (c) => c.notNull())
    .addColumn('last_wall_time_ms', 'double precision', (c) => c.notNull())
    .addColumn('repeats', 'integer', (c) => c.notNull())
    .addColumn('counts', 'text', (c) => c.notNull())
    .addColumn('decision', 'text', (c) => c.notNull())
    .addColumn('snapshot', 'text', (c) => c.notNull())
    .addColumn('settings_version', 'integer', (c) => c.notNull())
    .addColumn('took_ms', 'double precision', (c) => c.notNull()),
]
