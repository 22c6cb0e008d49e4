import type { Transaction } from 'kysely'
import type { Schema } from '../schema.ts'

/** A confirmed take-over names whose claim it is about. One that named nobody counts no more: it has to be given again. */
export async function takeOver(tx: Transaction<Schema>): Promise<void> {
  await tx.schema.alterTable('pools').addColumn('take_over_from', 'text').execute()
}
