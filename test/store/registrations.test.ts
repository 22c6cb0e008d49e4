import type { BootReport } from '../../backend/loop/ports-boot.ts'
import { createBoots } from '../../backend/store/boots.ts'
import { lastInstant } from '../../backend/store/history.ts'
import { createNotes } from '../../backend/store/notes.ts'
import { prune, defaultKeep } from '../../backend/store/prune.ts'
import { createRegistrations } from '../../backend/store/registrations.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { forEachDialect } from './dialects.ts'
import { heldJournal, machine, poolId, stillClock } from './support.ts'

const name = 'vmss000003'
const life = { poolId, machineId: '3', machine: name, createdAt: '2026-11-21T08:00:00Z', generation: 1 }
const report = (at: number, change: Partial<BootReport> = {}): BootReport => ({
  ...life,
  phase: 'package',
  result: 'ok',
  durationMs: 1.5,
  detail: '',
  at,
  wallTimeMs: 1_700_000_000_000 + at,
  ...change,
})

forEachDialect('registrations', (host) => {
  test('a nonce is taken once, by the machine that it was given to', async () => {
    const registrations = createRegistrations(await host.open(), stillClock())
    const given = { poolId, machine: name, nonce: 'n1' }
    await registrations.addNonce(given)
    expect(await registrations.useNonce({ ...given, machine: 'other' })).toBe(false)
    expect(await registrations.useNonce({ ...given, poolId: 8 })).toBe(false)
    const uses = await Promise.all(Array.from({ length: 20 }, () => registrations.useNonce(given)))
    expect(uses.filter((used) => used)).toHaveLength(1)
  })

  test('one key claims a life, and may ask again', async () => {
    const registrations = createRegistrations(await host.open(), stillClock())
    const outcomes = await Promise.all(Array.from({ length: 30 }, (_, at) => registrations.claim(life, `key ${at % 10}`)))
    expect(outcomes.filter((outcome) => outcome === 'issued')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'again')).toHaveLength(2)
    expect(await registrations.claim({ ...life, generation: 2 }, 'other')).toBe('issued')
  })

  test('a key names its life, whatever the case of the name', async () => {
    const registrations = createRegistrations(await host.open(), stillClock())
    await registrations.claim(life, 'mine')
    expect(await registrations.lifeOf(poolId, 'VMSS000003', 'mine')).toEqual(life)
    expect(await registrations.lifeOf(poolId, 'other', 'mine')).toBeUndefined()
    expect(await registrations.lifeOf(poolId, name, 'other')).toBeUndefined()
    expect(await registrations.lifeOf(8, name, 'mine')).toBeUndefined()
  })

  test('reports come back as they were told, the news after an instant', async () => {
    const boots = createBoots(await host.open())
    const told = [
      report(10),
      report(20, { result: 'failed', cause: 'disk-full', detail: 'No space\nleft' }),
      report(30, { machine: 'other' }),
    ]
    for (const each of told) await boots.add(each)
    expect(await boots.of(poolId, name)).toEqual(told.slice(0, 2))
    expect(await boots.since(poolId, 10)).toEqual(told.slice(1))
    expect(await boots.since(8, 0)).toEqual([])
  })

  test('a report of a replica whose line is behind is news all the same', async () => {
    const boots = createBoots(await host.open())
    await boots.add(report(1_000))
    await boots.add(report(400))
    await boots.add(report(400, { poolId: 8 }))
    expect(await boots.since(poolId, 1_000)).toMatchObject([{ wallTimeMs: 1_700_000_000_400 }])
    expect(await boots.since(8, 0)).toMatchObject([{ at: 400 }])
  })

  test('a new process goes on after the newest report', async () => {
    const database = await host.open()
    await createBoots(database).add(report(77_000))
    expect(await lastInstant(database)).toBe(77_000)
  })

  test('old reports go; a claim stays as long as its machine', async () => {
    const database = await host.open()
    const clock = stillClock()
    const registrations = createRegistrations(database, clock)
    const { journal, lease } = await heldJournal(database, clock)
    await journal.commit(poolId, lease, { machines: [machine('3')] })
    await registrations.claim(life, 'of the machine that is there')
    for (let id = 10; id < 20; id += 1) {
      clock.at += 1
      await registrations.claim({ ...life, machineId: String(id) }, `key ${id}`)
      await createBoots(database).add(report(id))
    }
    await prune(database, poolId, { ...defaultKeep, machines: 4, boots: 3 })
    expect((await createBoots(database).of(poolId, name)).map(({ at }) => at)).toEqual([17, 18, 19])
    const left = await database.db.selectFrom('claims').select('machine_id').orderBy('machine_id').execute()
    expect(left.map((row) => row.machine_id)).toEqual(['16', '17', '18', '19', '3'])
  })

  test('nonces that nobody used go when the next one is given', async () => {
    const database = await host.open()
    const registrations = createRegistrations(database, stillClock())
    await registrations.addNonce({ poolId, machine: name, nonce: 'old' })
    await database.db.updateTable('nonces').set({ expires_at: 1 }).execute()
    await registrations.addNonce({ poolId, machine: name, nonce: 'new' })
    expect(await database.db.selectFrom('nonces').select('nonce').execute()).toEqual([{ nonce: 'new' }])
  })

  test('a pool that is deleted takes all of it along', async () => {
    const database = await host.open()
    const registrations = createRegistrations(database, stillClock())
    await registrations.addNonce({ poolId, machine: name, nonce: 'n' })
    await registrations.claim(life, 'key')
    await createBoots(database).add(report(10))
    await createSettings(database, stillClock()).forget(poolId)
    for (const table of ['nonces', 'claims', 'boot_reports'] as const)
      expect(await database.db.selectFrom(table).selectAll().execute()).toEqual([])
  })

  test('a text is kept by its name until another takes its place', async () => {
    const notes = createNotes(await host.open())
    expect(await notes.kept('a')).toBeUndefined()
    await notes.keep('a', 'first')
    await notes.keep('a', 'second')
    expect(await notes.kept('a')).toBe('second')
  })
})
