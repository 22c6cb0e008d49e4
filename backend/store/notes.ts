/** Small things written beside the journal, by any replica: entries of Diagnostics that no pass makes, and texts kept by name. */
import type { NewLogEntry } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { logRow } from './rows.ts'

export type Notes = {
  /** One more entry of the pool's Diagnostics. */
  tell(poolId: number, entry: NewLogEntry): Promise<void>
  /** The text kept under this name; `undefined` when there is none. */
  kept(name: string): Promise<string | undefined>
  keep(name: string, text: string): Promise<void>
}

export function createNotes({ db }: Database): Notes {
  return {
    async tell(poolId, entry) {
      await db.insertInto('log').values(logRow(poolId, entry)).execute()
    },
    kept: async (name) => (await db.selectFrom('meta').select('value').where('key', '=', name).executeTakeFirst())?.value,
    async keep(name, text) {
      await db
        .insertInto('meta')
        .values({ key: name, value: text })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ value: text }))
        .execute()
    },
  }
}
