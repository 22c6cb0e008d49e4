/** A PostgreSQL that falls silent in the middle of a statement, as behind a dead switch: nobody hears the end of the connection. */
import { sql } from 'kysely'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { isLost, StoreError } from '../../backend/store/errors.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { postgres } from '../store/dialects.ts'
import { growIntent, heldJournal, poolId } from '../store/support.ts'
import { openLine, type Line } from './wire.ts'

let near: Database
let far: Database
let line: Line
beforeAll(async () => {
  const place = await (await postgres()).newDatabase()
  if (place.kind !== 'postgres') throw new Error('These tests are for PostgreSQL.')
  line = await openLine(place.url)
  far = await openDatabase({ ...place, url: `${line.url}?query_timeout=1000` })
  near = await openDatabase(place)
}, 60_000)
afterAll(async () => {
  await Promise.all([near.close(), far.close()])
  await line.close()
})

const session = async () => (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(far.db)).rows[0]!.pid
const isAsleep = async () =>
  (await sql`select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`.execute(near.db)).rows.length > 0
const lost = (error: unknown) => error instanceof StoreError && isLost(error)

test('a statement without an answer is given up in time, and its connection, which still owes one, is not used again', async () => {
  const before = await session()
  line.cut()
  const error: unknown = await session().catch((reason: unknown) => reason)
  expect([lost(error), String(error)]).toEqual([true, expect.stringMatching(/does not answer \(Query read timeout\): check that it runs/)])
  line.restore()
  expect(await session()).not.toBe(before)
})

test('a connection that the server ends between two statements fails the next one, and nothing else', async () => {
  const transaction = far.db.transaction().execute(async (tx) => {
    const { pid } = (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)).rows[0]!
    await sql`select pg_terminate_backend(${pid})`.execute(near.db)
    await new Promise((resolve) => setTimeout(resolve, 200))
    await sql`select 1`.execute(tx)
  })
  expect(lost(await transaction.catch((reason: unknown) => reason))).toBe(true)
  expect(await session()).toBeGreaterThan(0)
})

test('a commit whose answer is lost rejects; what it wrote is there once, and the memory tells', async () => {
  const { journal, lease } = await heldJournal(near)
  // The commit itself takes a while, so that it is cut off from its answer.
  await sql`create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(2); return new; end'`.execute(near.db)
  await sql`create constraint trigger slow after insert on intents deferrable initially deferred for each row execute function slow()`.execute(
    near.db,
  )
  const overTheLine = createJournal(far, { now: () => 1_000 })
  const change = { newIntents: [growIntent('a')] }
  const commit = overTheLine.commit(poolId, lease, change).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  while (!(await isAsleep()));
  line.cut()
  expect(lost(await commit)).toBe(true)
  line.restore()
  while (await isAsleep());
  expect((await overTheLine.remembered(poolId)).openIntents).toEqual([growIntent('a')])
  await expect(overTheLine.commit(poolId, lease, change)).rejects.toThrow(/unique/i)
  expect((await journal.remembered(poolId)).openIntents).toHaveLength(1)
})
