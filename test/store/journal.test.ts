import { LeaseLost } from '../../backend/loop/ports.ts'
import { createHistory, lastInstant } from '../../backend/store/history.ts'
import { createLeases } from '../../backend/store/leases.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { forEachDialect } from './dialects.ts'
import {
  defaultSettings,
  emptyMemory,
  fullMemory,
  growIntent,
  heldJournal,
  logEntry,
  machine,
  pass,
  poolId,
  stillClock,
} from './support.ts'

forEachDialect('the journal', (host) => {
  test('a pool that was never seen is remembered as nothing', async () => {
    const { journal } = await heldJournal(await host.open())
    expect(await journal.remembered(poolId)).toEqual({ pool: undefined, machines: [], openIntents: [] })
  })

  test('gives back what it was given, with absent fields absent and present ones present', async () => {
    const { journal, lease } = await heldJournal(await host.open())
    const bare = machine('1')
    const full = machine('2', {
      onlineAt: 6.5,
      agentId: 4,
      firstRequestId: 12,
      leaving: { cause: 'used', next: 'reimage', at: 7, unregisteredAt: 8 },
      saved: { cause: 'went-offline', by: 'Ada' },
      asked: { order: 'delete', by: 'Ada', force: true },
      reimagingSince: 9,
      missingSince: 10,
    })
    const open = growIntent('b', {
      operation: 'https://azure/op',
      capacity: { from: 1, to: 3 },
      error: { code: 'X', message: 'y', correlationId: 'z' },
      seen: ['2'],
    })
    await journal.commit(poolId, lease, { pool: fullMemory, machines: [bare, full], newIntents: [growIntent('a'), open] })
    expect(await journal.remembered(poolId)).toStrictEqual({
      pool: fullMemory,
      machines: [bare, full],
      openIntents: [growIntent('a'), open],
    })
  })

  test('keeps pools apart', async () => {
    const { journal, lease } = await heldJournal(await host.open())
    await journal.commit(poolId, lease, { pool: fullMemory, machines: [machine('1')], newIntents: [growIntent('a')] })
    await journal.commit(8, lease, {
      pool: emptyMemory,
      machines: [machine('1', { stage: 'busy' })],
      newIntents: [growIntent('a', { poolId: 8 })],
    })
    expect((await journal.remembered(8)).machines).toEqual([machine('1', { stage: 'busy' })])
    expect((await journal.remembered(poolId)).pool).toEqual(fullMemory)
  })

  test('an intent is followed until its end is known; an unknown outcome is followed too', async () => {
    const { journal, lease } = await heldJournal(await host.open())
    const states = ['accepted', 'unknown', 'settled', 'failed', 'superseded'] as const
    await journal.commit(poolId, lease, { newIntents: states.map((state) => growIntent(state)) })
    await journal.commit(poolId, lease, { intents: states.map((state) => ({ id: state, state, changedAt: 25 })) })
    expect((await journal.remembered(poolId)).openIntents.map((intent) => intent.state)).toEqual(['accepted', 'unknown'])
  })

  test('a change of an intent leaves what it does not name', async () => {
    const { journal, lease } = await heldJournal(await host.open())
    await journal.commit(poolId, lease, { newIntents: [growIntent('a', { operation: 'https://azure/op', capacity: { from: 1, to: 3 } })] })
    await journal.commit(poolId, lease, { intents: [{ id: 'a', seen: ['5'], changedAt: 26 }] })
    const [intent] = (await journal.remembered(poolId)).openIntents
    expect(intent).toEqual(growIntent('a', { operation: 'https://azure/op', capacity: { from: 1, to: 3 }, seen: ['5'], changedAt: 26 }))
  })

  test('a take-over that was sent uses up the word of the person who confirmed it, and of no other pool', async () => {
    const database = await host.open()
    const { journal, lease, clock } = await heldJournal(database)
    const settings = createSettings(database, clock)
    for (const id of [poolId, 8]) {
      await settings.addPool({ poolId: id, name: 'linux', scaleSetId: 'x', settings: defaultSettings })
      await settings.confirm(id, { takeOverFrom: 'them/3' }, 'Ada')
    }
    await journal.commit(poolId, lease, { tookOver: true })
    expect([(await settings.pool(poolId))?.takeOverFrom, (await settings.pool(8))?.takeOverFrom]).toEqual([undefined, 'them/3'])
  })

  test('a part that fails leaves nothing of the commit', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const change = {
      pool: fullMemory,
      machines: [machine('1')],
      newIntents: [growIntent('a')],
      log: [logEntry('grew')],
      intents: [{ id: 'nobody', state: 'settled', changedAt: 25 }],
    } as const
    await expect(journal.commit(poolId, lease, change)).rejects.toThrow(
      'The journal of pool 7 has no intent nobody: write it before changing it.',
    )
    expect(await journal.remembered(poolId)).toEqual({ pool: undefined, machines: [], openIntents: [] })
    expect(await createHistory(database).log(poolId, { top: 10 })).toEqual([])
    await journal.commit(poolId, lease, { ...change, intents: [] })
    expect((await journal.remembered(poolId)).machines).toHaveLength(1)
  })

  test('a commit sent again after its answer got lost is refused whole, and the memory tells that it was done', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const change = { newIntents: [growIntent('a')], log: [logEntry('grew')] }
    await journal.commit(poolId, lease, change)
    await expect(journal.commit(poolId, lease, change)).rejects.toThrow(/unique/i)
    expect((await journal.remembered(poolId)).openIntents).toEqual([growIntent('a')])
    expect(await createHistory(database).log(poolId, { top: 10 })).toHaveLength(1)
  })

  test('equal passes in a row are one record that counts them', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    await journal.commit(poolId, lease, { pass: pass(100) })
    await journal.commit(8, lease, { pass: pass(150) })
    await journal.commit(poolId, lease, { pass: { repeatedAt: 200, wallTimeMs: 1_700_000_000_200 } })
    await journal.commit(poolId, lease, { pass: { repeatedAt: 300, wallTimeMs: 1_700_000_000_300 } })
    const history = createHistory(database)
    expect(await history.passes(poolId, { top: 10 })).toEqual([
      { ...pass(100), id: expect.any(Number), lastAt: 300, lastWallTimeMs: 1_700_000_000_300, repeats: 2 },
    ])
    expect((await history.latestPass(8))?.repeats).toBe(0)
  })

  test('a repeat without a record is refused', async () => {
    const { journal, lease } = await heldJournal(await host.open())
    const change = { pass: { repeatedAt: 200, wallTimeMs: 1 } }
    await expect(journal.commit(poolId, lease, change)).rejects.toThrow(
      'The journal of pool 7 has no pass that could repeat: record one first.',
    )
  })

  test('the memory of a thousand machines is replaced in one commit', async () => {
    const { journal, lease } = await heldJournal(await host.open())
    const fleet = (stage: string) => Array.from({ length: 1_000 }, (_, i) => machine(String(i), { stage }))
    await journal.commit(poolId, lease, { machines: fleet('idle') })
    await journal.commit(poolId, lease, { machines: fleet('busy'), forgottenMachines: ['3'] })
    const { machines } = await journal.remembered(poolId)
    expect(machines).toHaveLength(1_000)
    expect(machines.filter((m) => m.stage !== 'busy')).toEqual([])
  })

  test('a machine that left is still known, also when Azure gives its id to another one', async () => {
    const database = await host.open()
    const { journal, lease, clock } = await heldJournal(database)
    await journal.commit(poolId, lease, { machines: [machine('1'), machine('2')] })
    clock.at = 2_000
    const next = machine('1', { createdAt: '2026-11-21T09:00:00Z' })
    await journal.commit(poolId, lease, { forgottenMachines: ['1', '2'], machines: [next] })
    expect((await journal.remembered(poolId)).machines).toEqual([next])
    const history = createHistory(database)
    expect(await history.machine(poolId, '1')).toEqual([{ memory: next }, { memory: machine('1'), goneAt: 2_000 }])
    expect(await history.machine(poolId, machine('2').name)).toEqual([{ memory: machine('2'), goneAt: 2_000 }])
  })

  test('orders that were taken are not offered again', async () => {
    const database = await host.open()
    const { journal, lease, clock } = await heldJournal(database)
    const settings = createSettings(database, clock)
    await settings.addPool({ poolId, name: 'linux', scaleSetId: '/s', settings: defaultSettings })
    await settings.addOrder(poolId, { machineId: '1', order: 'delete', by: 'Ada', force: false })
    await settings.addOrder(poolId, { machineId: '2', order: 'save', by: 'Ada', force: true })
    const first = (await settings.pool(poolId))?.orders[0]?.id ?? 0
    await journal.commit(poolId, lease, { ordersTaken: [first] })
    expect((await settings.pool(poolId))?.orders.map((order) => order.machineId)).toEqual(['2'])
  })

  test('a commit under an old epoch, a foreign holder or an expired lease changes nothing', async () => {
    const database = await host.open()
    const { journal, lease, leases } = await heldJournal(database)
    await leases.release()
    await expect(journal.commit(poolId, lease, { pool: emptyMemory })).rejects.toThrow(LeaseLost)
    const other = createLeases(database, { holder: 'second', ttlMs: 60_000, clock: stillClock() })
    const taken = (await other.look([poolId])).lease(poolId)
    expect(taken?.epoch).toBe(lease.epoch + 1)
    await expect(journal.commit(poolId, lease, { pool: emptyMemory })).rejects.toThrow(LeaseLost)
    const next = { ...lease, epoch: lease.epoch + 1 }
    await expect(journal.commit(poolId, next, { pool: emptyMemory })).rejects.toThrow(LeaseLost)
    await expect(journal.commit(poolId, { ...next, scope: 'pool/8', holder: 'second' }, { pool: emptyMemory })).rejects.toThrow(LeaseLost)
    expect((await journal.remembered(poolId)).pool).toBeUndefined()
    await journal.commit(poolId, { ...next, holder: 'second' }, { pool: emptyMemory })
    expect((await journal.remembered(poolId)).pool).toEqual(emptyMemory)
  })

  test('the line of instants continues from the greatest one stored', async () => {
    const database = await host.open()
    expect(await lastInstant(database)).toBe(0)
    const { journal, lease, leases, clock } = await heldJournal(database, stillClock(1_000))
    expect(await lastInstant(database)).toBe(1_000)
    await journal.commit(poolId, lease, { pass: pass(1_100) })
    await journal.commit(poolId, lease, { pass: { repeatedAt: 1_200.5, wallTimeMs: 1 } })
    expect(await lastInstant(database)).toBe(1_200.5)
    await journal.commit(poolId, lease, { newIntents: [growIntent('a', { changedAt: 1_300 })] })
    expect(await lastInstant(database)).toBe(1_300)
    clock.at = 5_000
    await leases.look([poolId])
    expect(await lastInstant(database)).toBe(5_000)
  })
})
