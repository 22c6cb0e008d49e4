/** Statements of the journal's hot path, compiled once: Kysely's building costs more than SQLite's running. */
import { sql, type CompiledQuery, type Kysely, type RawBuilder } from 'kysely'
import type { Schema } from './schema.ts'

export type Bind = string | number | null

/** Keeps a statement well below the parameter limits of SQLite (32,766) and PostgreSQL (65,535). */
const rowsMax = 200

/** A statement written with `${0}` or `${''}` where its parameters go, run with others. Returns the rows it changed. */
export function compile(
  db: Kysely<Schema>,
  query: RawBuilder<unknown>,
): (tx: Kysely<Schema>, parameters: readonly Bind[]) => Promise<number> {
  const compiled = query.compile(db)
  return async (tx, parameters) => Number((await tx.executeQuery({ ...compiled, parameters })).numAffectedRows ?? 0)
}

/** Writes any number of rows with few statements; with `key`, rows that exist are replaced. */
export function bulkInsert<Row extends Readonly<Record<keyof Row, Bind>>>(
  db: Kysely<Schema>,
  table: keyof Schema,
  columns: readonly (keyof Row & string)[],
  key?: readonly (keyof Row & string)[],
): (tx: Kysely<Schema>, rows: readonly Row[]) => Promise<void> {
  const byLength = new Map<number, CompiledQuery>()
  return async (tx, rows) => {
    for (let from = 0; from < rows.length; from += rowsMax) {
      const chunk = rows.slice(from, from + rowsMax)
      const compiled = byLength.get(chunk.length) ?? insertOf(table, columns, key, chunk.length).compile(db)
      byLength.set(chunk.length, compiled)
      await tx.executeQuery({ ...compiled, parameters: chunk.flatMap((row) => columns.map((column) => row[column])) })
    }
  }
}

function insertOf(table: string, columns: readonly string[], key: readonly string[] | undefined, rows: number): RawBuilder<unknown> {
  const row = sql`(${sql.join(columns.map(() => null))})`
  const replaced = columns.filter((column) => !key?.includes(column)).map((column) => sql`${sql.ref(column)} = excluded.${sql.ref(column)}`)
  const onConflict =
    key === undefined ? sql`` : sql`on conflict (${sql.join(key.map((k) => sql.ref(k)))}) do update set ${sql.join(replaced)}`
  return sql`insert into ${sql.table(table)} (${sql.join(columns.map((c) => sql.ref(c)))}) values ${sql.join(Array.from({ length: rows }, () => row))} ${onConflict}`
}
