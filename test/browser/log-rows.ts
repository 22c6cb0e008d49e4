/** Diagnostics entries that a test wants to be there, written as the service itself keeps them. */
import path from 'node:path'
import type { NewLogEntry } from '../../backend/loop/ports.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { logRow } from '../../backend/store/rows.ts'
import type { Place } from './place.ts'

/** SQLite takes so many values in one statement. */
const rowsAtOnce = 1_000

/** Between a stop and a start of the service, whose database it is. */
export async function writeLog(
  place: Place,
  poolId: number,
  count: number,
  entryOf: (index: number) => Partial<NewLogEntry>,
): Promise<void> {
  await place.stopService()
  const database = await openDatabase({ kind: 'sqlite', file: path.join(place.data, 'service.db') })
  const now = Date.now()
  for (let first = 0; first < count; first += rowsAtOnce) {
    const rows = Array.from({ length: Math.min(rowsAtOnce, count - first) }, (_, offset) => {
      const index = first + offset
      const age = (count - index) * 1_000
      const entry: NewLogEntry = {
        level: 'info',
        operation: 'sizingJob',
        message: `Entry ${index}.`,
        at: 0,
        wallTimeMs: now - age,
        ...entryOf(index),
      }
      return logRow(poolId, entry)
    })
    await database.db.insertInto('log').values(rows).execute()
  }
  await database.close()
  await place.startService()
}
