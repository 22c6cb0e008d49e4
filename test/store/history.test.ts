import { createHistory } from '../../backend/store/history.ts'
import { prune } from '../../backend/store/prune.ts'
import { forEachDialect } from './dialects.ts'
import { fullMemory, growIntent, heldJournal, logEntry, machine, pass, poolId } from './support.ts'

const messages = (entries: readonly { readonly message: string }[]) => entries.map((entry) => entry.message)

forEachDialect('the history', (host) => {
  test('the log is read from its newest entry, or followed from one on', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const history = createHistory(database)
    const full = logEntry('c', { level: 'error', machine: 'vm3', intentId: 'i', correlationId: 'k', raw: '{"code":"X"}' })
    await journal.commit(poolId, lease, { log: [logEntry('a'), logEntry('b'), full] })
    await journal.commit(8, lease, { log: [logEntry('elsewhere')] })
    const newest = await history.log(poolId, { top: 2 })
    expect(newest[0]).toStrictEqual({ ...full, id: expect.any(Number), poolId })
    expect(messages(newest)).toEqual(['c', 'b'])
    await journal.commit(poolId, lease, { log: [logEntry('d'), logEntry('e')] })
    expect(messages(await history.log(poolId, { top: 10, after: newest[0]?.id ?? 0 }))).toEqual(['d', 'e'])
    expect(messages(await history.log(poolId, { top: 10, level: 'error' }))).toEqual(['c'])
    expect(messages(await history.log(poolId, { top: 10, machine: 'vm3' }))).toEqual(['c'])
  })

  test('the pass that held at an instant is the newest that began by then', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const history = createHistory(database)
    for (const at of [100, 200, 300]) await journal.commit(poolId, lease, { pass: pass(at) })
    expect((await history.passAt(poolId, 250))?.at).toBe(200)
    expect(await history.passAt(poolId, 50)).toBeUndefined()
    expect((await history.latestPass(poolId))?.at).toBe(300)
    expect(await history.latestPass(8)).toBeUndefined()
    expect((await history.passes(poolId, { top: 2 })).map((p) => p.at)).toEqual([300, 200])
  })

  test('intents are found by their state and by the machine they name or were seen to touch', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const history = createHistory(database)
    const three = { id: '3', name: 'vmss000003', generation: 1 }
    const grow = growIntent('grow', { state: 'settled', seen: ['3', '13'] })
    const drain = growIntent('drain', {
      writtenAt: 21,
      action: { kind: 'drain', machine: three, agentId: 5, cause: 'surplus', next: 'delete' },
    })
    const remove = growIntent('delete', { writtenAt: 22, action: { kind: 'delete', machines: [{ ...three, cause: 'surplus' }] } })
    const other = growIntent('other', { writtenAt: 23, seen: ['13'] })
    await journal.commit(poolId, lease, { newIntents: [grow, drain, remove, other] })
    const ids = async (query: Parameters<typeof history.intents>[1]) => (await history.intents(poolId, query)).map((intent) => intent.id)
    expect(await ids({ top: 10, machine: '3' })).toEqual(['delete', 'drain', 'grow'])
    expect(await ids({ top: 10, machine: 'vmss000003' })).toEqual(['delete', 'drain'])
    expect(await ids({ top: 10, open: false })).toEqual(['grow'])
    expect(await ids({ top: 2 })).toEqual(['other', 'delete'])
  })

  test('waits are told from the memory of the pool', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const history = createHistory(database)
    expect(await history.waits(poolId)).toEqual({ jobs: 0, startedJobs: 0, lostToOnceRace: 0 })
    await journal.commit(poolId, lease, { pool: fullMemory })
    expect(await history.waits(poolId)).toEqual({ jobs: 3, p50Ms: 2_000, p95Ms: 9_000, startedJobs: 3, lostToOnceRace: 1 })
  })

  test('pruning keeps the newest, the open intents and the other pools, a bounded number of rows at a time', async () => {
    const database = await host.open()
    const { journal, lease } = await heldJournal(database)
    const history = createHistory(database)
    const many = Array.from({ length: 600 }, (_, i) => logEntry(`entry ${i}`))
    await journal.commit(poolId, lease, { log: many, machines: [machine('1'), machine('2')], pass: pass(1) })
    await journal.commit(8, lease, { log: [logEntry('elsewhere')] })
    await journal.commit(poolId, lease, { pass: pass(2), forgottenMachines: ['1', '2'] })
    const settled = [20, 30, 40].map((at) => growIntent(`settled ${at}`, { state: 'settled', writtenAt: at }))
    await journal.commit(poolId, lease, { newIntents: [growIntent('open', { writtenAt: 1 }), ...settled] })
    const keep = { log: 10, passes: 0, intents: 1, machines: 1, boots: 9 }
    expect(await prune(database, poolId, keep)).toBe(500 + 1 + 1 + 2)
    expect(await prune(database, poolId, keep)).toBe(90)
    expect(await prune(database, poolId, keep)).toBe(0)
    expect(messages(await history.log(poolId, { top: 100 }))).toEqual(messages(many).slice(-10).reverse())
    expect((await history.passes(poolId, { top: 10 })).map((p) => p.at)).toEqual([2])
    expect((await history.intents(poolId, { top: 10 })).map((intent) => intent.id)).toEqual(['settled 40', 'open'])
    expect([await history.machine(poolId, '1'), await history.machine(poolId, '2')].flat()).toHaveLength(1)
    expect(await history.log(8, { top: 10 })).toHaveLength(1)
  })
})
