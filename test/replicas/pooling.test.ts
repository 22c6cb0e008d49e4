/** Behind a pooler that gives each transaction another session: nothing of ours may live in one. */
import { sql } from 'kysely'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { createHistory } from '../../backend/store/history.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/leases.ts'
import { createReplicas } from '../../backend/store/replicas.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { postgres } from '../store/dialects.ts'
import { defaultSettings, emptyMemory, growIntent, machine, pass, poolId, stillClock } from '../store/support.ts'
import { leavesState } from './session-state.ts'
import { openPooler, type Pooler } from './wire.ts'

let pooler: Pooler
let database: Database
beforeAll(async () => {
  const place = await (await postgres()).newDatabase()
  if (place.kind !== 'postgres') throw new Error('These tests are for PostgreSQL.')
  pooler = await openPooler(place.url)
  database = await openDatabase({ ...place, url: pooler.url })
}, 60_000)
afterAll(async () => {
  await database.close()
  await pooler.close()
})

const session = async () => (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db)).rows[0]!.pid

test('the pooler does give each statement another session', async () => {
  expect(new Set([await session(), await session(), await session()]).size).toBe(3)
})

test('leases, journal, history and nudges work', async () => {
  const clock = stillClock()
  await createSettings(database, clock).addPool({ poolId, name: 'linux', scaleSetId: '/s', settings: defaultSettings })
  const leases = createLeases(database, { holder: 'a', ttlMs: 60_000, clock })
  const [journal, replicas] = [createJournal(database, clock), createReplicas(database)]
  for (let round = 0; round < 5; round += 1) {
    const lease = (await leases.look([poolId])).lease(poolId)
    expect(lease?.epoch).toBe(1)
    await journal.commit(poolId, lease!, {
      pool: emptyMemory,
      machines: [machine('1')],
      newIntents: [growIntent(`i${round}`)],
      pass: pass(round),
    })
    await replicas.tell([{ poolId, jobsChanged: true }])
    expect(await replicas.told([poolId])).toEqual([{ poolId, jobsChanged: true }])
  }
  expect((await journal.remembered(poolId)).openIntents).toHaveLength(5)
  expect(await replicas.newestPasses()).toEqual([{ poolId, id: 5, lastAt: 4 }])
  expect(await createHistory(database).latestPass(poolId)).toMatchObject({ id: 5 })
  await leases.release()
  expect((await createLeases(database, { holder: 'b', ttlMs: 60_000, clock }).look([poolId])).lease(poolId)?.epoch).toBe(2)
})

test('nothing that was said leaves anything in a session', () => {
  const words = [
    'w1: select 1',
    'begin; set statement_timeout = 1',
    'select pg_advisory_lock(7)',
    'listen nudges',
    'create temp table t ()',
  ]
  expect(words.filter(leavesState)).toEqual(words)
  expect(pooler.statements.size).toBeGreaterThan(30)
  expect([...pooler.statements].filter(leavesState)).toEqual([])
})

test('a transaction has its limits, and no session keeps them', async () => {
  const limit = async (db: Database['db']) =>
    (await sql<{ l: string }>`select current_setting('idle_in_transaction_session_timeout') as l`.execute(db)).rows[0]!.l
  expect(await database.db.transaction().execute((tx) => limit(tx as Database['db']))).toBe('10s')
  expect([await limit(database.db), await limit(database.db), await limit(database.db)]).toEqual(['0', '0', '0'])
})
