import type { LogEntry, PassRecord } from '../../backend/loop/ports.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { StoreError } from '../../backend/store/errors.ts'
import { createHistory } from '../../backend/store/history.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { heldJournal, stillClock } from '../store/support.ts'
import { apiOf, asOperator, pass, world } from './fixture.ts'

test('the pages of log and passes follow each other in the real store', async () => {
  const database = await openDatabase({ kind: 'sqlite-memory' })
  const clock = stillClock()
  const { journal, lease } = await heldJournal(database, clock)
  const state = world()
  await createSettings(database, clock).addPool({ ...state.records.get(7)! })
  for (const at of [1, 2, 3]) {
    const entry: Omit<LogEntry, 'id' | 'poolId'> = { level: 'info', operation: 'sizingJob', message: `entry ${at}`, at, wallTimeMs: at }
    const record: PassRecord = { ...pass(at), at, tookMs: at }
    await journal.commit(7, lease, { log: [entry], pass: record })
  }
  const app = await apiOf(state, createHistory(database))
  const get = async (path: string) => (await app.inject({ url: `/api/v1/pools/7/${path}`, headers: asOperator })).json()
  const log = await get('log?top=2')
  const older = await get(`log?top=2&before=${log.next}`)
  expect([...log.entries, ...older.entries].map((entry: LogEntry) => entry.message)).toEqual(['entry 3', 'entry 2', 'entry 1'])
  const passes = await get('passes?top=2')
  const olderPasses = await get(`passes?top=2&before=${passes.next}`)
  expect([...passes.passes, ...olderPasses.passes].map((each: { tookMs: number }) => each.tookMs)).toEqual([3, 2, 1])
  expect((await get(`passes/${passes.passes[1].id}`)).pass.tookMs).toBe(2)
  await database.close()
})

test('a store that cannot be asked is told as such, with the place that says why', async () => {
  const database = await openDatabase({ kind: 'sqlite-memory' })
  const history = createHistory(database)
  const lost = () => Promise.reject(new StoreError('ECONNREFUSED', 'The database 10.0.0.4/agents does not answer.'))
  const answer = await (await apiOf(world(), { ...history, log: lost })).inject({ url: '/api/v1/pools/7/log', headers: asOperator })
  expect([answer.statusCode, answer.json()]).toEqual([
    503,
    { code: 'unavailable', message: 'The database of the service cannot be used now: GET /readyz says why.' },
  ])
  await database.close()
})
