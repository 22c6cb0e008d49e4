/** Two replicas, one of the version before, whose PostgreSQL is lost: its connections cut, then the server away for longer than a lease. */
import { expectOneHolder, openFleet, until, type Fleet } from './fleet.ts'
import { freePort, readinessOf, type Replica } from './replica.ts'

jest.setTimeout(120_000)
/** Longer than a lease, whenever it was renewed last. */
const awayMs = 21_000
const poolCount = 4
let fleet: Fleet
let older: Replica
let newer: Replica
let well: readonly Replica[]
let unwell: Replica
let refused: Promise<string>
let pools: readonly number[]

beforeAll(async () => {
  fleet = await openFleet()
  older = await fleet.start()
  pools = await fleet.addPools(older, poolCount, { standby: 0, machinesMax: 4, idleDelayMinutes: 0 })
  newer = await fleet.start({ isNewer: true })
}, 120_000)
afterAll(() => fleet.close())

const spreadIs = (expected: string, among: readonly Replica[]) => async (): Promise<boolean> => (await fleet.spread(among)) === expected
const ready = ({ readiness }: Replica) => until('Readiness', 30, async () => (await readiness()).ready)
const allPass = async (by: Replica) => {
  const since = performance.now()
  await until('A pass of every pool', 40, () => fleet.allPassed(since, by))
}

test('a newer version brings the database to its schema, and the replica of the version before goes on beside it', async () => {
  await until('An even share', 20, spreadIs('2,2', [older, newer]))
  expect((await fleet.sql.query('select colour from pools')).rowCount).toBe(poolCount)
  refused = fleet.start().then(String, String)
})

test('its connections are cut again and again: passes go on, and nobody loses a pool', async () => {
  const takenBefore = (await fleet.story()).filter(({ kind }) => kind === 'taken').length
  for (let times = 0; times < 5; times += 1) {
    await fleet.sql.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  await Promise.all([older, newer].map(allPass))
  await Promise.all([older, newer].map(ready))
  expect((await fleet.story()).filter(({ kind }) => kind === 'taken')).toHaveLength(takenBefore)
})

test('its server is away for longer than a lease: each says so and changes nothing; then passes go on by themselves', async () => {
  const startedAt = performance.now()
  await fleet.server.shutDown()
  // Two that start meanwhile wait for it. Entra does not know the secret of the second.
  const port = await freePort()
  const starting = [fleet.start({ isNewer: true, port }), fleet.start({ isNewer: true, secret: 'another' })]
  for (const url of [older.url, newer.url, `http://127.0.0.1:${port}`]) {
    await until('Telling', 20, async () => (await readinessOf(url).catch(() => undefined))?.states.join() === 'databaseLost')
    expect((await readinessOf(url)).reasons.join()).toMatch(/does not answer .*: check that it runs/)
  }
  // What was committed before it went may still be on its way.
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const changes = await Promise.all([older.changes(), newer.changes()])
  await new Promise((resolve) => setTimeout(resolve, startedAt + awayMs - performance.now()))
  expect(await Promise.all([older.changes(), newer.changes()])).toEqual(changes)
  await fleet.server.startAgain()
  await allPass(newer)
  const [third, other] = await Promise.all(starting)
  unwell = other!
  well = [older, newer, third!]
  await Promise.all(well.map(ready))
})

test('one of the version before that started since was refused', async () => {
  expect(await refused).toContain('was written by a newer version of Scale Set Agents')
})

test('one whose Azure credential is wrong says why and gives its pools to those that are well', async () => {
  const hadPools = async () => (await fleet.story()).some(({ kind, pid }) => kind === 'taken' && pid === unwell.pid)
  await until('Having pools', 20, hadPools)
  await until('Telling', 20, async () => (await unwell.readiness()).states.includes('noToken'))
  await until('An even share of the others', 30, spreadIs('2,1,1', well))
  await until('An end of its figures', 20, async () => (await unwell.figured()).length === 0)
  expect([await fleet.heldBy(unwell), await unwell.changes()]).toEqual([[], 0])
})

test('one that gets no answers any more says so and gives its pools to those that do, and takes its share again', async () => {
  const [cut, ...others] = well as [Replica, ...Replica[]]
  cut.signal('SIGUSR2')
  await until('Telling', 60, async () => (await cut.readiness()).states.includes('noAnswer'))
  await until('An even share of the others', 15, spreadIs('2,2', others))
  cut.signal('SIGUSR2')
  await until('An even share', 30, spreadIs('2,1,1', well))
  await until('Readiness', 30, async () => (await cut.readiness()).ready)
})

test('every intent was its holder’s, and the history of the whole run breaks no invariant: nothing was done twice', async () => {
  const story = await fleet.story()
  for (const poolId of pools) expectOneHolder(story, poolId)
  const { intents, calls, pools: audited } = await fleet.audit()
  expect(audited.flatMap(({ verdicts }) => verdicts.flatMap(({ findings }) => findings))).toEqual([])
  expect(Math.min(intents, calls)).toBeGreaterThan(poolCount)
})
