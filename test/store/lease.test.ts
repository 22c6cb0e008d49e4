import { sql } from 'kysely'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/leases.ts'
import { createSingleLease } from '../../backend/store/single-lease.ts'
import { forEachDialect, postgres } from './dialects.ts'
import { emptyMemory, fullMemory, heldJournal, machine, poolId, stillClock } from './support.ts'

/** One replica of a pool: a look gives the pool's epoch, if it holds it. */
function replica(database: Database, holder: string, clock = stillClock(), ttlMs = 60_000) {
  const leases = createLeases(database, { holder, ttlMs, clock })
  return { ...leases, epoch: async () => (await leases.look([poolId])).lease(poolId)?.epoch }
}

forEachDialect('the lease of a pool', (host) => {
  test('goes to one replica, which knows until when on its own line', async () => {
    const database = await host.open()
    const clock = stillClock()
    const [first, second] = [replica(database, 'first', clock), replica(database, 'second', clock)]
    const holding = await first.look([poolId])
    expect([holding.lease(poolId), holding.validUntil]).toEqual([expect.objectContaining({ epoch: 1, holder: 'first' }), 61_000])
    expect(await second.epoch()).toBeUndefined()
    clock.at = 9_000
    const again = await first.look([poolId])
    expect([again.lease(poolId)?.epoch, again.validUntil]).toEqual([1, 69_000])
  })

  test('goes to one of five that ask at the same moment', async () => {
    const database = await host.open()
    const epochs = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((holder) => replica(database, holder).epoch()))
    expect(epochs.filter((epoch) => epoch !== undefined)).toEqual([1])
  })

  test('given back, goes to another under a new epoch', async () => {
    const database = await host.open()
    const [first, second] = [replica(database, 'first'), replica(database, 'second')]
    await first.epoch()
    await first.release()
    expect(await second.epoch()).toBe(2)
    expect(await first.epoch()).toBeUndefined()
  })
})

describe('the lease on SQLite', () => {
  test('is one for all pools, whose holder the others can name', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    const clock = stillClock()
    const second = createSingleLease(database, { holder: 'second', ttlMs: 60_000, clock })
    expect(await second.heldBy()).toBeUndefined()
    const holding = await replica(database, 'first', clock).look([])
    expect(holding.lease(8)).toEqual(holding.lease(9))
    expect((await second.look([])).heldBy).toEqual({ holder: 'first', forMs: 60_000 })
    await database.close()
  })

  test('is taken over when nobody renewed it for its life on our own clock, whatever the wall clock says', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    const clock = stillClock()
    const [first, second] = [replica(database, 'first', clock), replica(database, 'second', clock)]
    await first.epoch()
    expect(await second.epoch()).toBeUndefined()
    clock.at += 59_000
    await first.epoch()
    expect(await second.epoch()).toBeUndefined()
    clock.at += 59_000
    expect(await second.epoch()).toBeUndefined()
    clock.at += 1_000
    expect(await second.epoch()).toBe(2)
    await database.close()
  })

  test('fences off the earlier life of a process that starts again with its own name', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    const { journal, lease } = await heldJournal(database)
    expect(await replica(database, lease.holder).epoch()).toBe(lease.epoch + 1)
    await expect(journal.commit(poolId, lease, { pool: emptyMemory })).rejects.toThrow('This replica no longer holds the lease')
    await database.close()
  })
})

describe('two replicas on one PostgreSQL', () => {
  beforeAll(postgres, 60_000)

  test('that start at the same moment make the tables once, and the one that lost the lease is shut out', async () => {
    const place = await (await postgres()).newDatabase()
    const [one, two] = await Promise.all([openDatabase(place), openDatabase(place)])
    try {
      const { journal, lease, leases } = await heldJournal(one)
      await journal.commit(poolId, lease, { pool: fullMemory })
      await leases.release()
      const clock = stillClock()
      const second = (await replica(two, 'second', clock).look([poolId])).lease(poolId)
      const [late, inTime] = await Promise.allSettled([
        journal.commit(poolId, lease, { pool: emptyMemory }),
        createJournal(two, clock).commit(poolId, second ?? lease, { machines: [machine('1')] }),
      ])
      expect([late.status, inTime.status]).toEqual(['rejected', 'fulfilled'])
      expect(await createJournal(one, clock).remembered(poolId)).toEqual({ pool: fullMemory, machines: [machine('1')], openIntents: [] })
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  test('the lease is not given away in the middle of a commit', async () => {
    const place = await (await postgres()).newDatabase()
    const [one, two] = await Promise.all([openDatabase(place), openDatabase(place)])
    try {
      const { journal, lease, leases } = await heldJournal(one)
      await sql`create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return new; end'`.execute(one.db)
      await sql`create trigger slow before insert on machines for each row execute function slow()`.execute(one.db)
      const commit = journal.commit(poolId, lease, { machines: [machine('1')] })
      const asleep = () => sql`select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`.execute(two.db)
      while ((await asleep()).rows.length === 0);
      await leases.release()
      const second = replica(two, 'second')
      expect(await second.epoch()).toBeUndefined()
      await commit
      expect(await second.epoch()).toBe(lease.epoch + 1)
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  test('an expired lease writes nothing even while nobody took it', async () => {
    const database = await openDatabase(await (await postgres()).newDatabase())
    const clock = stillClock()
    const lease = (await replica(database, 'first', clock, 0).look([poolId])).lease(poolId)
    expect(lease?.epoch).toBe(1)
    const commit = createJournal(database, clock).commit(poolId, lease!, { pool: emptyMemory })
    await expect(commit).rejects.toThrow('This replica no longer holds the lease')
    await database.close()
  })
})
