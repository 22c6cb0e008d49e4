/**
 * What people changed, as a chain: each record is hashed together with the hash before it, so that one that is changed, removed or
 * moved later is found by `scale-set-agents audit`. Records are only added, and outlive their pool.
 */
import { createHash } from 'node:crypto'
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Confirmed, Order } from '../loop/ports-people.ts'
import type { Dialect, Schema } from './schema.ts'

/** What was not there before has no `before`. */
export type PersonChange = { readonly by: string; readonly poolId: number } & (
  | { readonly what: 'made'; readonly after: object }
  | { readonly what: 'settings'; readonly version: number; readonly before: object; readonly after: object }
  | { readonly what: 'confirmed'; readonly after: Confirmed }
  | { readonly what: 'ordered'; readonly after: Pick<Order, 'machineId' | 'order' | 'force'> }
)

/** `at`: wall time in milliseconds. */
export type AuditRecord = { readonly at: number } & PersonChange

/** Where the chain ends. Kept elsewhere, in a log, it proves that nothing before it was taken away. */
export type Head = { readonly record: number; readonly hash: string }

export type Recorder = (tx: Transaction<Schema>, change: AuditRecord) => Promise<Head>

/** Any constant: replicas that write at the same moment take turns, each until it committed. */
const chainLock = 20_261_122

/** Adds a record in the transaction of the change itself: as its last statement, so that nobody waits for locks with this one in hand. */
export function createRecorder(dialect: Dialect): Recorder {
  return async (tx, change) => {
    // A lock of the transaction, which also holds behind a pooler. SQLite has one writer anyway.
    if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${chainLock})`.execute(tx)
    return addAfter(tx, await headOf(tx), change)
  }
}

export async function headOf(db: Kysely<Schema>): Promise<Head> {
  const row = await db.selectFrom('audit').select(['id', 'hash']).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row === undefined ? { record: 0, hash: '' } : { record: row.id, hash: row.hash }
}

/** For whoever has the chain for itself. The text is kept as it was hashed: nothing is left to how JSON may be written. */
export async function addAfter(tx: Transaction<Schema>, head: Head, change: AuditRecord): Promise<Head> {
  const record = JSON.stringify(change)
  const next = { record: head.record + 1, hash: createHash('sha256').update(`${head.hash}\n${record}`).digest('hex') }
  await tx.insertInto('audit').values({ id: next.record, record, hash: next.hash }).execute()
  return next
}
