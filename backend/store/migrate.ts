import { sql, type Kysely, type Transaction } from 'kysely'
import { StoreError } from './errors.ts'
import { first } from './migrations/0001-first.ts'
import { registration } from './migrations/0002-registration.ts'
import { shares } from './migrations/0003-shares.ts'
import { audit } from './migrations/0004-audit.ts'
import { takeOver } from './migrations/0005-take-over.ts'
import type { Dialect, Schema } from './schema.ts'

/** In order; the schema's version is how many of them ran. Imported, not found on disk: the service is one bundled file. */
const migrations: readonly ((tx: Transaction<Schema>, dialect: Dialect) => Promise<void>)[] = [first, registration, shares, audit, takeOver]

/** Any constant: replicas that start at the same moment take turns. */
const migrationLock = 20_261_121

/**
 * Brings the tables to this version in one transaction (Kysely's own Migrator uses none on SQLite).
 * Throws when the database is from a newer version, having changed nothing.
 */
export async function migrate(db: Kysely<Schema>, dialect: Dialect, name: string): Promise<void> {
  for (let times = 1; (await versionOf(db, dialect, name)) !== migrations.length; times += 1) {
    try {
      await migrateOnce(db, dialect, name)
    } catch (error) {
      if (times === triesMax || !isUndone(error)) throw error
    }
  }
}

/** A replica of the version before goes on meanwhile: its transactions and this one may wait for each other, and PostgreSQL undoes one. */
const triesMax = 10
/** PostgreSQL: serialization_failure, deadlock_detected. */
const undone: ReadonlySet<unknown> = new Set(['40001', '40P01'])

function isUndone(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && undone.has(error.code)
}

async function migrateOnce(db: Kysely<Schema>, dialect: Dialect, name: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(tx)
    const version = await versionOf(tx, dialect, name)
    if (version === 0) await createMeta(tx)
    for (const up of migrations.slice(version)) await up(tx, dialect)
    await tx
      .updateTable('meta')
      .set({ value: String(migrations.length) })
      .where('key', '=', 'schema')
      .execute()
  })
}

async function versionOf(db: Kysely<Schema>, dialect: Dialect, name: string): Promise<number> {
  if (!(await hasMeta(db, dialect))) return 0
  const row = await db.selectFrom('meta').select('value').where('key', '=', 'schema').executeTakeFirst()
  const version = Number(row?.value ?? 0)
  if (version <= migrations.length) return version
  throw new StoreError(
    'newer',
    `The database ${name} was written by a newer version of Scale Set Agents (schema ${version}, this version knows ${migrations.length}): ` +
      'start the newer version, or restore a backup made before the upgrade.',
  )
}

async function hasMeta(db: Kysely<Schema>, dialect: Dialect): Promise<boolean> {
  const found =
    dialect === 'postgres'
      ? await sql`select 1 from pg_catalog.pg_tables where schemaname = current_schema() and tablename = 'meta'`.execute(db)
      : await sql`select 1 from sqlite_master where type = 'table' and name = 'meta'`.execute(db)
  return found.rows.length > 0
}

async function createMeta(tx: Transaction<Schema>): Promise<void> {
  await tx.schema
    .createTable('meta')
    .addColumn('key', 'text', (key) => key.primaryKey())
    .addColumn('value', 'text', (value) => value.notNull())
    .execute()
  await tx.insertInto('meta').values({ key: 'schema', value: '0' }).execute()
}
