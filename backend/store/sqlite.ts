import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { SqliteDialect, type SqliteDatabase, type SqliteStatement } from 'kysely'
import Libsql from 'libsql'
import { explained } from './errors.ts'

const busyTimeoutMs = 5_000
/** Statements differ by their number of rows; beyond this many the cache starts anew. */
const cachedStatementsMax = 500

/** SQLite on a local disk, durable at every commit, or in memory for `:memory:`. Faults are worded with `name`. */
export function sqliteDialect(file: string, name: string): SqliteDialect {
  return new SqliteDialect({ database: async () => cached(openFile(file), name) })
}

function openFile(file: string): Libsql.Database {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const raw = new Libsql(file)
  raw.exec(`pragma busy_timeout = ${busyTimeoutMs}`)
  raw.exec('pragma foreign_keys = on')
  raw.exec('pragma synchronous = full')
  // Fails on a file that is not a database. One that a newer version wrote has this mode already and stays untouched.
  raw.exec('pragma journal_mode = wal')
  return raw
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
