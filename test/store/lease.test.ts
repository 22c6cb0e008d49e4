import { sql } from 'kysely'
import { openDatabase } from '../../backend/store/database.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { createLeases } from '../../backend/store/lease.ts'
import { forEachDialect, postgres } from './dialects.ts'
import { emptyMemory, fullMemory, heldJournal, machine, poolId, stillClock } from './support.ts'

forEachDialect('the lease', (host) => {
  test('goes to one replica, which the other can name', async () => {
    const database = await host.open()
    const clock = stillClock()
    const first = createLeases(database, { holder: 'first', ttlMs: 60_000, clock })
    const second = createLeases(database, { holder: 'second', ttlMs: 60_000, clock })
    expect(await second.heldBy()).toBeUndefined()
    expect(await first.acquire()).toEqual({ epoch: 1, holder: 'first', validUntil: 61_000 })
    expect(await second.acquire()).toBeUndefined()
    const held = await second.heldBy()
    expect(held?.holder).toBe('first')
    expect(held?.forMs).toBeGreaterThan(50_000)
    expect(held?.forMs).toBeLessThanOrEqual(60_000)
  })

  test('of two that ask at the same moment one gets it', async () => {
    const database = await host.open()
    const ask = (holder: string) => createLeases(database, { holder, ttlMs: 60_000, clock: stillClock() }).acquire()
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(ask))
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1)
  })

  test('released or expired, it goes to another under a new epoch and cannot be renewed by the first', async () => {
    const database = await host.open()
    const clock = stillClock()
    const first = createLeases(database, { holder: 'first', ttlMs: 60_000, clock })
    const second = createLeases(database, { holder: 'second', ttlMs: 0, clock })
    const lease = { epoch: 1, holder: 'first' }
    await first.acquire()
    await first.release(lease)
    expect((await second.acquire())?.epoch).toBe(2)
    // The second one's lease lasted 0 ms.
    expect(await second.heldBy()).toBeUndefined()
    expect(await first.renew(lease)).toBeUndefined()
    // SQLite has no clock of its own: the first must have seen the row stand still for a whole life.
    const third = await first.acquire()
    clock.at += 60_000
    expect((third ?? (await first.acquire()))?.epoch).toBe(3)
  })

  test('a renewal says until when it holds on our own line', async () => {
    const { leases, lease, clock } = await heldJournal(await host.open())
    clock.at = 9_000
    expect(await leases.renew(lease)).toBe(69_000)
  })

  test('a process that starts again with its own name fences off its earlier life', async () => {
    const { journal, leases, lease } = await heldJournal(await host.open())
    expect((await leases.acquire())?.epoch).toBe(lease.epoch + 1)
    await expect(journal.commit(poolId, lease, { pool: emptyMemory })).rejects.toThrow('This replica no longer holds the lease')
  })
})

describe('the lease on SQLite', () => {
  test('is taken over when nobody renewed it for its life on our own clock, whatever the wall clock says', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    const clock = stillClock()
    const first = createLeases(database, { holder: 'first', ttlMs: 60_000, clock })
    const second = createLeases(database, { holder: 'second', ttlMs: 60_000, clock })
    const lease = await first.acquire()
    expect(await second.acquire()).toBeUndefined()
    clock.at += 59_000
    await first.renew(lease ?? { epoch: 0, holder: '' })
    expect(await second.acquire()).toBeUndefined()
    clock.at += 59_000
    expect(await second.acquire()).toBeUndefined()
    clock.at += 1_000
    expect((await second.acquire())?.epoch).toBe(2)
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
      await leases.release(lease)
      const clock = stillClock()
      const second = await createLeases(two, { holder: 'second', ttlMs: 60_000, clock }).acquire()
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
      await leases.release(lease)
      await createLeases(two, { holder: 'second', ttlMs: 60_000, clock: stillClock() }).acquire()
      expect((await createJournal(two, stillClock()).remembered(poolId)).machines).toEqual([machine('1')])
      await commit
    } finally {
      await Promise.all([one.close(), two.close()])
    }
  })

  test('an expired lease writes nothing even while nobody took it', async () => {
    const database = await openDatabase(await (await postgres()).newDatabase())
    const clock = stillClock()
    const lease = await createLeases(database, { holder: 'first', ttlMs: 0, clock }).acquire()
    const commit = createJournal(database, clock).commit(poolId, lease ?? { epoch: 0, holder: '' }, { pool: emptyMemory })
    await expect(commit).rejects.toThrow('This replica no longer holds the lease')
    await database.close()
  })
})
