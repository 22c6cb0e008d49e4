import { createQueryId, sql } from 'kysely'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/leases.ts'
import { migrate } from '../../backend/store/migrate.ts'
import { createReplicas } from '../../backend/store/replicas.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { postgres } from './dialects.ts'
import { defaultSettings, heldJournal, pass, poolId, stillClock } from './support.ts'

beforeAll(postgres, 60_000)
let database: Database
beforeEach(async () => {
  database = await openDatabase(await (await postgres()).newDatabase())
})
afterEach(() => database.close())

const addPool = (id: number) =>
  createSettings(database, stillClock()).addPool({ poolId: id, name: `p${id}`, scaleSetId: `/s${id}`, settings: defaultSettings })

test('what is told about a pool is heard once, by the one that asks for it', async () => {
  const replicas = createReplicas(database)
  await replicas.tell([])
  await replicas.tell([
    { poolId: 1, jobsChanged: true },
    { poolId: 1, jobsChanged: true },
    { poolId: 1, jobsChanged: false },
    { poolId: 2, jobsChanged: false },
  ])
  expect([await replicas.told([]), await replicas.told([3])]).toEqual([[], []])
  expect(await replicas.told([1])).toEqual([
    { poolId: 1, jobsChanged: true },
    { poolId: 1, jobsChanged: false },
  ])
  expect([await replicas.told([1]), await replicas.told([1, 2])]).toEqual([[], [{ poolId: 2, jobsChanged: false }]])
})

test('the newest pass of each pool is known, also when it only repeats the one before', async () => {
  const replicas = createReplicas(database)
  for (const id of [poolId, 8]) await addPool(id)
  expect(await replicas.newestPasses()).toEqual([])
  const { journal, lease } = await heldJournal(database)
  await journal.commit(poolId, lease, { pass: pass(1) })
  await journal.commit(poolId, lease, { pass: pass(2) })
  expect(await replicas.newestPasses()).toEqual([{ poolId, id: 2, lastAt: 2 }])
  await journal.commit(poolId, lease, { pass: { repeatedAt: 5.5, wallTimeMs: 9 } })
  expect(await replicas.newestPasses()).toEqual([{ poolId, id: 2, lastAt: 5.5 }])
  expect(await replicas.latestPass(poolId)).toMatchObject({ id: 2, at: 2, lastAt: 5.5, repeats: 1 })
})

test("the one lease of the version before ends where the pools' leases begin, and nobody gets it again", async () => {
  const { db } = database
  await addPool(poolId)
  await backToVersion2()
  await sql`update lease set epoch = 6, holder = 'old', expires_at = ${serverNow} + 600`.execute(db)
  const old = { scope: 'service', epoch: 6, holder: 'old' }
  const journal = createJournal(database, stillClock())
  await journal.commit(poolId, old, { pass: pass(1) })
  await migrate(db, 'postgres', 'test')
  await expect(journal.commit(poolId, old, { pass: pass(2) })).rejects.toThrow('no longer holds the lease')
  const shares = createLeases(database, { holder: 'new', ttlMs: 60_000, clock: stillClock() })
  expect((await shares.look([poolId])).lease(poolId)).toBeUndefined()
  // The condition under which the version before takes its lease.
  const free = await sql`select 1 from lease where scope = 'service' and expires_at <= ${serverNow}`.execute(db)
  expect(free.rows).toEqual([])
  await sql`select pg_sleep(0.7)`.execute(db)
  expect((await shares.look([poolId])).lease(poolId)).toEqual({ scope: `pool/${poolId}`, epoch: 7, holder: 'new' })
})

test('migrations after the first only add, so that a replica of the version before goes on', async () => {
  const { db } = database
  const statements: string[] = []
  const noting = db.withPlugin({
    transformQuery({ node, queryId: _ }) {
      statements.push(db.getExecutor().compileQuery(node, createQueryId()).sql)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  await sql`drop table audit, nudges, nonces, claims, boot_reports`.execute(db)
  await sql`alter table pools drop column take_over_from`.execute(db)
  await db.updateTable('meta').set({ value: '1' }).where('key', '=', 'schema').execute()
  await migrate(noting, 'postgres', 'test')
  expect(statements.filter((text) => /^create table/i.test(text)).length).toBeGreaterThan(3)
  expect(statements.filter((text) => /\b(drop|rename|alter column|truncate|delete)\b/i.test(text))).toEqual([])
})

const serverNow = sql`extract(epoch from clock_timestamp()) * 1000`

/** The tables as the version before left them. */
async function backToVersion2(): Promise<void> {
  const { db } = database
  await sql`drop table audit, nudges`.execute(db)
  await sql`alter table pools drop column take_over_from`.execute(db)
  await db.deleteFrom('lease').execute()
  await sql`insert into lease values ('service', 1, '', 0, 0)`.execute(db)
  await db.updateTable('meta').set({ value: '2' }).where('key', '=', 'schema').execute()
}
