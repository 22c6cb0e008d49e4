/** Four replicas of the built service share eight pools, under load, while every kind of fault strikes them at once. */
import type { PoolSummary } from '../../backend/api/contract.ts'
import { openFleet, until, type Fleet, type Replica } from './fleet.ts'
import { openLine, type Line } from './wire.ts'

jest.setTimeout(150_000)
const poolCount = 8
let fleet: Fleet
let line: Line
let replicas: readonly [Replica, Replica, Replica, Replica]
let pools: readonly PoolSummary[]
let feeding: NodeJS.Timeout

beforeAll(async () => {
  fleet = await openFleet()
  line = await openLine(fleet.databaseUrl)
  const first = await fleet.start()
  const others = Promise.all([fleet.start(), fleet.start(line.url), fleet.start()])
  pools = await fleet.addPools(first, poolCount, { standby: 0, machinesMax: 4, idleDelayMinutes: 0 })
  replicas = [first, ...(await others)]
  // Machines come and go all the time: the sandbox's time runs ten times as fast as the replicas'.
  feeding = setInterval(() => {
    for (const { poolId } of pools)
      void fleet.control.queueJob({ poolId, durationMs: 20_000, jobName: 'job', definition: 'ci' }).catch(() => undefined)
  }, 3_000)
}, 120_000)

afterAll(async () => {
  clearInterval(feeding)
  await fleet.close()
  await line.close()
})

/** How many pools each of these holds, most first; undefined while another one still holds some. */
async function spread(among: readonly Replica[]): Promise<string | undefined> {
  const held = [...(await fleet.holders()).values()]
  const counts = among.map(({ pid }) => held.filter((holder) => holder === pid).length)
  return counts.reduce((sum, count) => sum + count, 0) === poolCount ? counts.toSorted((a, b) => b - a).join() : undefined
}

const spreadIs = (expected: string, among: readonly Replica[]) => async (): Promise<boolean> => (await spread(among)) === expected

/** Every pool has passed since then, as this replica tells. */
const allPassed = (since: number, by: Replica) => async (): Promise<boolean> => {
  const { pools: seen } = await by.client.get<{ pools: readonly PoolSummary[] }>('/pools')
  return (
    seen.length === poolCount && seen.every(({ lastPassAgoMs }) => lastPassAgoMs !== undefined && lastPassAgoMs < performance.now() - since)
  )
}

test('the pools are spread evenly, and every replica answers for all of them', async () => {
  await until('An even share', 40, spreadIs('2,2,2,2', replicas))
  const since = performance.now() - 20_000
  for (const replica of replicas) {
    await until('News of every pool', 30, allPassed(since, replica))
    for (const { poolId } of pools) {
      const { machines } = await replica.client.get<{ machines: readonly unknown[] }>(`/pools/${poolId}/machines`)
      expect(Array.isArray(machines)).toBe(true)
    }
    await until('Readiness', 10, replica.isReady)
  }
})

test('a newer version adds to the tables: the replicas that run go on, and none of the older version starts', async () => {
  await fleet.sql.query(`alter table pools add column colour text; alter table lease add column region text default 'x';
    create table inventions (id serial primary key); update meta set value = '99' where key = 'schema'`)
  await expect(fleet.start()).rejects.toThrow('was written by a newer version of Scale Set Agents')
  await until('A pass of every pool after that', 30, allPassed(performance.now(), replicas[1]))
})

test('killed, stopped and cut off: the last one has every pool within 30 s, and nothing more is changed by those that lost theirs', async () => {
  const [killed, stopped, cutOff, last] = replicas
  const before = { stopped: await stopped.changes() }
  const startedAt = performance.now()
  killed.signal('SIGKILL')
  stopped.signal('SIGSTOP')
  line.cut()
  await until('Taking over every pool', 30, spreadIs(String(poolCount), [last]))
  const takenMs = performance.now() - startedAt
  await until('A pass of every pool', 30 - takenMs / 1_000, allPassed(startedAt, last))
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
  await until('An even share again', 30, spreadIs('3,3,2', [stopped, cutOff, last]))
})

test('one that is told to stop hands its pools over at once', async () => {
  const [, stopped, cutOff, last] = replicas
  last.signal('SIGTERM')
  await last.ended
  await until('Taking over', 8, spreadIs('4,4', [stopped, cutOff]))
})

test('the database saw one holder for each epoch of a pool, and no intent of any other', async () => {
  const story = await fleet.story()
  expect(story.filter(({ kind }) => kind === 'intent').length).toBeGreaterThan(poolCount)
  for (const { poolId } of pools) {
    let holder = { epoch: 0, pid: 0 }
    for (const { kind, epoch, pid } of story.filter(({ pool }) => pool === poolId)) {
      if (kind === 'taken') expect(epoch).toBe(holder.epoch + 1)
      else expect([epoch, pid]).toEqual([holder.epoch, holder.pid])
      if (kind === 'taken') holder = { epoch, pid }
    }
    expect(holder.epoch).toBeGreaterThan(1)
  }
})
