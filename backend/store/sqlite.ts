import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely'
import Libsql from 'libsql'
import { explained, StoreError } from './errors.ts'
import { networkFileSystemOf } from './mounts.ts'

const busyTimeoutMs = 5_000
/** Statements differ by their number of rows; beyond this many the cache starts anew. */
const cachedStatementsMax = 500

/**
 * SQLite on a local disk, durable at every commit, or in memory for `:memory:`. Faults are worded with `name`; a file on a network
 * file system is one. `mounts`: Linux's list of mounts, unless it is where Linux has it.
 */
export function sqliteDialect(file: string, name: string, mounts?: string): SqliteDialect {
  return new SqliteDialect({ database: async () => cached(openFile(file, mounts), name) })
}

function openFile(file: string, mounts?: string): Libsql.Database {
  if (file !== ':memory:') prepareFolder(file, mounts)
  const raw = new Libsql(file)
  raw.exec(`pragma busy_timeout = ${busyTimeoutMs}`)
  raw.exec('pragma foreign_keys = on')
  raw.exec('pragma synchronous = full')
  // Fails on a file that is not a database. One that a newer version wrote has this mode already and stays untouched.
  raw.exec('pragma journal_mode = wal')
  return raw
}

/** On a network file system two services would both believe to have the lock, and a commit would not be on a disk. */
function prepareFolder(file: string, mounts?: string): void {
  const type = networkFileSystemOf(file, mounts)
  if (type !== undefined)
    throw new StoreError(
      'network',
      `The database ${file} would lie on a network file system (${type}), where SQLite loses data: name a directory on a local or block disk with --data, or set SCALE_SET_AGENTS_DATABASE_URL to a PostgreSQL.`,
    )
  mkdirSync(dirname(file), { recursive: true })
}

/** Keeps prepared statements: preparing costs five times as much as running. Kysely uses one at a time, to its end. */
function cached(raw: Libsql.Database, name: string): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>()
  const undo = rollback(raw, name)
  return {
    prepare(sql) {
      if (sql === 'rollback') return undo
      const known = statements.get(sql)
      if (known !== undefined) return known
      if (statements.size >= cachedStatementsMax) statements.clear()
      const statement = worded(() => wordedStatement(raw.prepare(sql), name), name)
      statements.set(sql, statement)
      return statement
    },
    close() {
      statements.clear()
      raw.close()
    },
  }
}

function wordedStatement(statement: Libsql.Statement<unknown[]>, name: string): SqliteStatement {
  return {
    reader: statement.reader,
    all: (parameters) => worded(() => statement.all(parameters), name),
    run: (parameters) => worded(() => statement.run(parameters), name),
    iterate: (parameters) => worded(() => statement.iterate(parameters), name),
  }
}

/** SQLite itself rolls back on a full disk; a second rollback would fail and hide the reason of the first. */
function rollback(raw: Libsql.Database, name: string): SqliteStatement {
  const statement = wordedStatement(raw.prepare('rollback'), name)
  return { ...statement, run: (parameters) => (raw.inTransaction ? statement.run(parameters) : { changes: 0, lastInsertRowid: 0 }) }
}

function worded<T>(call: () => T, name: string): T {
  try {
    return call()
  } catch (error) {
    throw explained(error, name)
  }
}
