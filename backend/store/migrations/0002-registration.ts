import type { CreateTableBuilder, Transaction } from 'kysely'
import type { Dialect, Schema } from '../schema.ts'
import { withCountedId } from './0001-first.ts'

/** How machines become agents: nonces, claims and the reports of their boots. */
export async function registration(tx: Transaction<Schema>, dialect: Dialect): Promise<void> {
  for (const table of [nonces(tx), claims(tx), reports(withCountedId(tx.schema.createTable('boot_reports'), dialect))])
    await table.execute()
  await tx.schema.createIndex('nonces_by_end').on('nonces').columns(['expires_at']).execute()
  await tx.schema.createIndex('claims_by_key').on('claims').columns(['pool_id', 'key_hash']).execute()
  await tx.schema.createIndex('boot_reports_of_machine').on('boot_reports').columns(['pool_id', 'machine', 'id']).execute()
  await tx.schema.createIndex('boot_reports_in_time').on('boot_reports').columns(['pool_id', 'at']).execute()
}

type Table = CreateTableBuilder<string, string>

const nonces = (tx: Transaction<Schema>): Table =>
  tx.schema
    .createTable('nonces')
    .addColumn('nonce', 'text', (nonce) => nonce.primaryKey())
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'double precision', (c) => c.notNull())

/** The key is the life itself: two claims of one life cannot both be written. */
const claims = (tx: Transaction<Schema>): Table =>
  tx.schema
    .createTable('claims')
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('machine_id', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('key_hash', 'text', (c) => c.notNull())
    .addColumn('answers', 'integer', (c) => c.notNull())
    .addColumn('issued_at', 'double precision', (c) => c.notNull())
    .addPrimaryKeyConstraint('claims_key', ['pool_id', 'machine_id', 'created_at', 'generation'])

const reports = (table: Table): Table =>
  table
    .addColumn('pool_id', 'integer', (c) => c.notNull())
    .addColumn('machine_id', 'text', (c) => c.notNull())
    .addColumn('machine', 'text', (c) => c.notNull())
    .addColumn('created_at', 'text', (c) => c.notNull())
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('phase', 'text', (c) => c.notNull())
    .addColumn('result', 'text', (c) => c.notNull())
    .addColumn('duration_ms', 'double precision', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .addColumn('cause', 'text')
    .addColumn('at', 'double precision', (c) => c.notNull())
    .addColumn('wall_time_ms', 'double precision', (c) => c.notNull())
