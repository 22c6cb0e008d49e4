/** Four replicas of the built service share eight pools, under load, while every kind of fault strikes them at once. */
import { expectOneHolder, openFleet, until, type Fleet } from './fleet.ts'
import { freePort, readinessOf, type Replica } from './replica.ts'
import { leavesState } from './session-state.ts'
import { openLine, openPooler, type Line, type Pooler } from './wire.ts'

jest.setTimeout(150_000)
const poolCount = 8
let fleet: Fleet
let line: Line
let pooler: Pooler
let replicas: readonly [Replica, Replica, Replica, Replica]
let pools: readonly number[]

beforeAll(async () => {
  fleet = await openFleet()
  line = await openLine(fleet.databaseUrl)
  pooler = await openPooler(fleet.databaseUrl)
  const first = await fleet.start()
  const others = Promise.all([fleet.start(), fleet.start({ databaseUrl: line.url }), fleet.start({ databaseUrl: pooler.url })])
  pools = await fleet.addPools(first, poolCount, { standby: 0, machinesMax: 4, idleDelayMinutes: 0 })
  replicas = [first, ...(await others)]
}, 120_000)

afterAll(async () => {
  await fleet.close()
  await Promise.all([line.close(), pooler.close()])
})

const spreadIs = (expected: string, among: readonly Replica[]) => async (): Promise<boolean> => (await fleet.spread(among)) === expected

test('the pools are spread evenly, and every replica answers for all of them', async () => {
  await until('An even share', 40, spreadIs('2,2,2,2', replicas))
  const since = performance.now() - 20_000
  for (const replica of replicas) {
    await until('News of every pool', 30, () => fleet.allPassed(since, replica))
    for (const poolId of pools) {
      const { machines } = await replica.client.get<{ machines: readonly unknown[] }>(`/pools/${poolId}/machines`)
      expect(Array.isArray(machines)).toBe(true)
    }
    await until('Readiness', 10, async () => (await replica.readiness()).ready)
    // The others' pools are theirs to tell.
    await until('Figures of its own pools', 20, async () => String(await replica.figured()) === String(await fleet.heldBy(replica)))
  }
})

test('killed, stopped and cut off: the last one has every pool within 30 s, and nothing more is changed by those that lost theirs', async () => {
  const [killed, stopped, cutOff, last] = replicas
  const before = { stopped: await stopped.changes() }
  const startedAt = performance.now()
  killed.signal('SIGKILL')
  stopped.signal('SIGSTOP')
  line.cut()
  // It is started again at once, and finds no database.
  const port = await freePort()
  const restarted = fleet.start({ databaseUrl: line.url, port })
  await until('Taking over every pool', 30, spreadIs(String(poolCount), [last]))
  const takenMs = performance.now() - startedAt
  await until('A pass of every pool', 30 - takenMs / 1_000, () => fleet.allPassed(startedAt, last))
  for (const url of [cutOff.url, `http://127.0.0.1:${port}`])
    await until('Telling', 20, async () => (await readinessOf(url).catch(() => undefined))?.states.join() === 'databaseLost')
  const cutOffBefore = await cutOff.changes()
  const since = (await fleet.story()).length
  stopped.signal('SIGCONT')
  line.heal()
  const hasAgain = async ({ pid }: Replica): Promise<boolean> =>
    (await fleet.story()).slice(since).some(({ kind, pid: taker }) => kind === 'taken' && taker === pid)
  const watch = async (replica: Replica, known: number): Promise<number> => {
    let looks = 0
    await until('Holding pools again', 60, async () => {
      const changes = await replica.changes()
      if (await hasAgain(replica)) return true
      expect(changes).toBe(known)
      looks += 1
      return false
    })
    return looks
  }
  const looks = await Promise.all([watch(stopped, before.stopped), watch(cutOff, cutOffBefore)])
  expect(Math.min(...looks)).toBeGreaterThan(0)
  replicas = [await restarted, stopped, cutOff, last]
  await until('An even share again', 30, spreadIs('2,2,2,2', replicas))
})

test('one that is told to stop hands its pools over at once', async () => {
  const [restarted, stopped, cutOff, last] = replicas
  last.signal('SIGTERM')
  await last.ended
  await until('Taking over', 8, spreadIs('3,3,2', [restarted, stopped, cutOff]))
})

test('the one behind a pooler, which had every pool for a while, left nothing in a session', () => {
  expect(pooler.statements.size).toBeGreaterThan(30)
  expect([...pooler.statements].filter(leavesState)).toEqual([])
})

test('the database saw one holder for each epoch of a pool, and no intent of any other', async () => {
  const story = await fleet.story()
  expect(story.filter(({ kind }) => kind === 'intent').length).toBeGreaterThan(poolCount)
  for (const poolId of pools) expectOneHolder(story, poolId)
})

test('the history of the whole run breaks no invariant', async () => {
  const { broken, intents, calls, pools: audited } = await fleet.audit()
  expect(audited.flatMap(({ verdicts }) => verdicts.flatMap(({ findings }) => findings))).toEqual([])
  expect([broken, audited.length]).toEqual([0, poolCount])
  expect(Math.min(intents, calls)).toBeGreaterThan(poolCount)
})
