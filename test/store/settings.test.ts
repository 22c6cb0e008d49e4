import { createHistory } from '../../backend/store/history.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { forEachDialect } from './dialects.ts'
import { defaultSettings, fullMemory, growIntent, heldJournal, logEntry, machine, pass, poolId, stillClock } from './support.ts'

const linux = { poolId, name: 'linux', scaleSetId: '/subscriptions/s/vmss', settings: { ...defaultSettings, standby: 2 } }

forEachDialect('the settings', (host) => {
  test('a pool is read back as it was added, with the orders that wait', async () => {
    const settings = createSettings(await host.open(), stillClock())
    expect(await settings.pool(poolId)).toBeUndefined()
    expect(await settings.addPool(linux)).toBe('ok')
    await settings.addPool({ ...linux, poolId: 3, replaceConfirmed: true })
    await settings.addOrder(poolId, { machineId: '4', order: 'reimage', by: 'Ada', force: true })
    expect(await settings.pools()).toEqual([3, poolId])
    expect((await settings.pool(3))?.replaceConfirmed).toBe(true)
    expect(await settings.pool(poolId)).toEqual({
      ...linux,
      version: 1,
      orders: [{ id: expect.any(Number), machineId: '4', order: 'reimage', by: 'Ada', force: true }],
      replaceConfirmed: false,
    })
  })

  test('a pool is added once', async () => {
    const settings = createSettings(await host.open(), stillClock())
    await settings.addPool(linux)
    expect(await settings.addPool({ ...linux, name: 'other' })).toBe('conflict')
    expect((await settings.pool(poolId))?.name).toBe('linux')
  })

  test('a change based on an old version is a conflict and leaves no trace', async () => {
    const settings = createSettings(await host.open(), stillClock(5))
    await settings.addPool(linux)
    const after = { ...linux.settings, standby: 5 }
    expect(await settings.updateSettings(poolId, 1, after, 'Ada')).toBe('ok')
    expect(await settings.updateSettings(poolId, 1, { ...after, standby: 9 }, 'Bob')).toBe('conflict')
    expect(await settings.updateSettings(99, 1, after, 'Bob')).toBe('conflict')
    expect(await settings.pool(poolId)).toMatchObject({ version: 2, settings: after })
    expect(await settings.history(poolId, 10)).toEqual([
      { version: 2, by: 'Ada', wallTimeMs: 1_700_000_000_005, before: linux.settings, after },
    ])
  })

  test('what a person decides is an entry of Diagnostics', async () => {
    const database = await host.open()
    const settings = createSettings(database, stillClock(5))
    await settings.addPool(linux)
    const steps = [{ standby: 5, machinesMax: 9 }, { paused: true }, { paused: false }, {}, { deleting: true, paused: false }]
    let present = linux.settings
    for (const [at, change] of steps.entries()) {
      present = { ...present, ...change }
      await settings.updateSettings(poolId, at + 1, present, 'Ada')
    }
    expect(await settings.updateSettings(poolId, 1, { ...present, standby: 9 }, 'Bob')).toBe('conflict')
    await settings.confirm(poolId, 'replace', 'Ada')
    await settings.confirm(99, 'replace', 'Ada')
    const entries = await createHistory(database).log(poolId, { top: 10 })
    expect(entries.map(({ operation, message }) => [operation, message]).reverse()).toEqual(
      [
        'Ada changed machinesMax from 2 to 9, changed standby from 2 to 5.',
        'Ada paused the pool.',
        'Ada resumed the pool.',
        'Ada asked for the pool to be deleted.',
        'Ada confirmed that the machines found when the pool was made are replaced.',
      ].map((message) => ['configurationJob', message]),
    )
    expect(entries[0]).toMatchObject({ level: 'info', at: 5, wallTimeMs: 1_700_000_000_005 })
  })

  test('of two changes at the same moment one wins', async () => {
    const settings = createSettings(await host.open(), stillClock())
    await settings.addPool(linux)
    const changes = await Promise.all([3, 4].map((standby) => settings.updateSettings(poolId, 1, { ...linux.settings, standby }, 'Ada')))
    expect([...changes].sort()).toEqual(['conflict', 'ok'])
  })

  test('settings written before a field existed get its default', async () => {
    const database = await host.open()
    const settings = createSettings(database, stillClock())
    await settings.addPool(linux)
    await database.db.updateTable('pools').set({ settings: '{"standby":2}' }).execute()
    expect((await settings.pool(poolId))?.settings).toEqual(linux.settings)
  })

  test('what a person confirms is kept, each for itself', async () => {
    const settings = createSettings(await host.open(), stillClock())
    await settings.addPool(linux)
    await settings.confirm(poolId, { takeOverFrom: 'them/3' }, 'Ada')
    expect(await settings.pool(poolId)).toMatchObject({ takeOverFrom: 'them/3', replaceConfirmed: false })
    await settings.confirm(poolId, 'replace', 'Ada')
    expect(await settings.pool(poolId)).toMatchObject({ takeOverFrom: 'them/3', replaceConfirmed: true })
  })

  test('an order for a pool that is not there is refused', async () => {
    const settings = createSettings(await host.open(), stillClock())
    await expect(settings.addOrder(99, { machineId: '1', order: 'delete', by: 'Ada', force: false })).rejects.toThrow(/foreign key/i)
  })

  test('forgetting a pool drops everything of it and nothing of another', async () => {
    const database = await host.open()
    const { journal, lease, clock } = await heldJournal(database)
    const settings = createSettings(database, clock)
    const history = createHistory(database)
    for (const id of [poolId, 8]) {
      await settings.addPool({ ...linux, poolId: id })
      await settings.updateSettings(id, 1, linux.settings, 'Ada')
      await settings.addOrder(id, { machineId: '1', order: 'delete', by: 'Ada', force: false })
      const change = {
        pool: fullMemory,
        machines: [machine('1')],
        newIntents: [growIntent('a', { poolId: id })],
        log: [logEntry('x')],
        pass: pass(1),
      }
      await journal.commit(id, lease, change)
    }
    await settings.forget(poolId)
    expect(await settings.pools()).toEqual([8])
    expect(await journal.remembered(poolId)).toEqual({ pool: undefined, machines: [], openIntents: [] })
    expect([await history.log(poolId, { top: 9 }), await history.passes(poolId, { top: 9 }), await settings.history(poolId, 9)]).toEqual([
      [],
      [],
      [],
    ])
    expect((await journal.remembered(8)).machines).toHaveLength(1)
    expect((await settings.pool(8))?.orders).toHaveLength(1)
    expect(await history.log(8, { top: 9 })).toHaveLength(1)
  })

  test('a pool that comes back starts without the memory of the earlier one', async () => {
    const database = await host.open()
    const { journal, lease, clock } = await heldJournal(database)
    await journal.commit(poolId, lease, { pool: fullMemory, machines: [machine('1')] })
    await createSettings(database, clock).addPool(linux)
    expect(await journal.remembered(poolId)).toEqual({ pool: undefined, machines: [], openIntents: [] })
  })
})
