/** How pools are shared out among replicas on PostgreSQL. A clock that stands still is theirs; the leases are judged by the server's. */
import { sql } from 'kysely'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import type { LookOptions } from '../../backend/store/lease.ts'
import { createShares } from '../../backend/store/shares.ts'
import { postgres } from './dialects.ts'
import { stillClock } from './support.ts'

beforeAll(postgres, 60_000)
let database: Database
beforeEach(async () => {
  database = await openDatabase(await (await postgres()).newDatabase())
})
afterEach(() => database.close())

const pools = Array.from({ length: 10 }, (_each, index) => index + 1)

function replica(holder: string, ttlMs = 60_000, at = 1_000) {
  const leases = createShares(database, { holder, ttlMs, clock: stillClock(at) })
  return {
    ...leases,
    /** The pools it holds after a look. */
    async look(of: readonly number[] = pools, options: LookOptions = {}) {
      const holding = await leases.look(of, options)
      return pools.filter((poolId) => holding.lease(poolId) !== undefined)
    },
    othersAt: async () => (await leases.look(pools)).othersAt,
    epoch: async (poolId: number) => (await leases.look(pools)).lease(poolId)?.epoch,
  }
}

/** All look in turn until nothing moves. */
async function settle(...replicas: readonly ReturnType<typeof replica>[]): Promise<readonly (readonly number[])[]> {
  for (let round = 0; round < 3; round += 1) for (const each of replicas) await each.look()
  return Promise.all(replicas.map((each) => each.look()))
}

const sizes = (held: readonly (readonly number[])[]): readonly number[] => held.map(({ length }) => length)
const expire = (holder: string) => sql`update lease set expires_at = 1 where holder = ${holder}`.execute(database.db)
const scopes = async () => (await database.db.selectFrom('lease').select('scope').orderBy('scope').execute()).map(({ scope }) => scope)

test('one replica alone holds every pool; with three each pool has one holder, evenly', async () => {
  const [a, b, c] = [replica('a'), replica('b'), replica('c')]
  expect(await a.look()).toEqual(pools)
  const held = await settle(a, b, c)
  expect(sizes(held)).toEqual([4, 3, 3])
  expect(held.flat().toSorted((x, y) => x - y)).toEqual(pools)
})

test('replicas that look all at once share all the same', async () => {
  const all = ['a', 'b', 'c', 'd'].map((holder) => replica(holder))
  for (let round = 0; round < 4; round += 1) await Promise.all(all.map((each) => each.look()))
  const held = await Promise.all(all.map((each) => each.look()))
  expect(sizes(held)).toEqual([3, 3, 2, 2])
  expect(new Set(held.flat()).size).toBe(10)
})

test('what one that is silent held goes to the others under new epochs, and comes back to it when it returns', async () => {
  const [a, b] = [replica('a'), replica('b')]
  const [ofA] = await settle(a, b)
  await expire('a')
  expect(await b.look()).toEqual(pools)
  // It was stopped meanwhile: its next look finds out that it holds nothing, and then it gets its share again.
  expect(await a.look()).toEqual([])
  expect(sizes(await settle(b, a))).toEqual([5, 5])
  expect(await b.epoch(ofA![0]!)).toBeUndefined()
  expect(await a.epoch(ofA![0]!)).toBe(3)
})

test('a pool that passes is not given back before its pass has ended', async () => {
  const [a, b] = [replica('a'), replica('b')]
  await a.look()
  await b.look()
  expect(await a.look(pools, { isPassing: () => true })).toEqual(pools)
  expect(await a.look(pools, { isPassing: (poolId) => poolId > 2 })).toEqual([3, 4, 5, 6, 7, 8, 9, 10])
  expect(await b.look()).toEqual([1, 2])
  expect(await a.look(pools, { isPassing: () => false })).toEqual([3, 4, 5, 6, 7])
})

test('a replica that gives everything back is no longer counted', async () => {
  const [a, b] = [replica('a'), replica('b')]
  await settle(a, b)
  await b.release()
  expect(await a.look()).toEqual(pools)
})

test('one that is unwell gives everything to those that are well, but a pool that passes, and takes its share once it is well', async () => {
  const [a, b, c] = [replica('a'), replica('b'), replica('c')]
  await settle(a, b, c)
  expect(await a.look(pools, { isUnwell: true, isPassing: (poolId) => poolId === 1 })).toEqual([1])
  expect(await a.look(pools, { isUnwell: true })).toEqual([])
  expect(sizes(await settle(b, c))).toEqual([5, 5])
  expect(await a.look(pools, { isUnwell: true })).toEqual([])
  expect(sizes(await settle(a, b, c))).toEqual([4, 3, 3])
})

test('when none is well, each keeps what it has and takes what nobody has; the first that is well gets all', async () => {
  const [a, b] = [replica('a'), replica('b')]
  await settle(a, b)
  await expire('b')
  expect(await a.look(pools, { isUnwell: true })).toEqual(pools)
  expect([await b.look(pools, { isUnwell: true }), await a.look(pools, { isUnwell: true })]).toEqual([[], pools])
  await b.look()
  expect(await a.look(pools, { isUnwell: true })).toEqual([])
  expect(await b.look()).toEqual(pools)
  // Its own row is not written again and again.
  expect(await scopes()).not.toContain('member/a')
})

test('each knows where the furthest line of the others that live stands, by the time that went by at the server since they told', async () => {
  const [a, b, c] = [replica('a'), replica('b', 60_000, 9_000), replica('c', 60_000, 5_000)]
  expect(await b.othersAt()).toBeUndefined()
  await c.look()
  await sql`select pg_sleep(0.05)`.execute(database.db)
  const at = await a.othersAt()
  expect(at).toBeGreaterThanOrEqual(9_050)
  expect(at).toBeLessThan(9_000 + 30_000)
  await b.release()
  expect(await a.othersAt()).toBeLessThan(9_000)
})

test('a new pool is taken by one that has room, and the rows of what is gone are removed', async () => {
  const [a, b] = [replica('a'), replica('b')]
  await settle(a, b)
  const fewer = pools.slice(0, 4)
  expect(await b.look(fewer)).toEqual([])
  expect(await a.look(fewer)).toEqual([1, 2])
  expect(await b.look(fewer)).toEqual([3, 4])
  await expire('b')
  await a.look([1, 2])
  await a.look([1, 2])
  expect(await scopes()).toEqual(['member/a', 'pool/1', 'pool/2', 'service'])
  expect(await a.look([1, 2, 3])).toEqual([1, 2, 3])
})

test('a look that moves nothing is three statements, for ten pools as for a thousand', async () => {
  const many = Array.from({ length: 1_000 }, (_each, index) => index + 1)
  const one = replica('a')
  await one.look(many)
  let statements = 0
  const counting = database.db.withPlugin({
    transformQuery: ({ node }) => {
      statements += 1
      return node
    },
    transformResult: async ({ result }) => result,
  })
  const counted = createShares({ ...database, db: counting }, { holder: 'a', ttlMs: 60_000, clock: stillClock() })
  expect((await counted.look(many)).lease(1_000)?.epoch).toBe(1)
  expect(statements).toBe(3)
})

test('a pool whose holder was cut off before it knew is found by its next look', async () => {
  const one = replica('a')
  await one.look()
  // As after a restart of the connection in the middle of taking: the rows are ours, and nobody told.
  expect(await replica('a').look()).toEqual(pools)
})
