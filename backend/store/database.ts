import { Kysely } from 'kysely'
import { explained } from './errors.ts'
import { migrate } from './migrate.ts'
import { postgresDialect } from './postgres.ts'
import type { Dialect, Schema } from './schema.ts'
import { sqliteDialect } from './sqlite.ts'

/**
 * Where the service keeps its memory. `ca`: PEM text of the authority that signed the server's certificate. `mounts`: a list of
 * mounts to believe in place of Linux's.
 */
export type DatabasePlace =
  | { readonly kind: 'sqlite'; readonly file: string; readonly mounts?: string }
  | { readonly kind: 'sqlite-memory' }
  | { readonly kind: 'postgres'; readonly url: string; readonly ca?: string }

export type Database = { readonly db: Kysely<Schema>; readonly dialect: Dialect; close(): Promise<void> }

/**
 * Opens the database, makes it when it is absent, and brings its tables to this version.
 * Throws `StoreError`: one sentence with the next step. A database from a newer version is refused untouched.
 */
export async function openDatabase(place: DatabasePlace): Promise<Database> {
  const name = nameOf(place)
  try {
    return await open(place, name)
  } catch (error) {
    throw explained(error, name)
  }
}

async function open(place: DatabasePlace, name: string): Promise<Database> {
  const dialect = place.kind === 'postgres' ? 'postgres' : 'sqlite'
  const db = new Kysely<Schema>({ dialect: driverFor(place, name) })
  try {
    await migrate(db, dialect, name)
  } catch (error) {
    await db.destroy()
    throw error
  }
  return { db, dialect, close: () => db.destroy() }
}

function driverFor(place: DatabasePlace, name: string) {
  if (place.kind === 'postgres') return postgresDialect(place.url, place.ca, name)
  return place.kind === 'sqlite' ? sqliteDialect(place.file, name, place.mounts) : sqliteDialect(':memory:', name)
}

/** For messages: the file, or the server and the database without user and password. */
function nameOf(place: DatabasePlace): string {
  if (place.kind === 'sqlite') return place.file
  if (place.kind === 'sqlite-memory') return 'in memory'
  const url = URL.canParse(place.url) ? new URL(place.url) : undefined
  return url === undefined ? 'of the database URL' : `${url.host}${url.pathname}`
}
