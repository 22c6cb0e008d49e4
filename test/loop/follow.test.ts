/** Two replicas of the loop over one store: each passes the pools that it holds and follows the others. */
import type { Journal, PoolRecord, StoredPass } from '../../backend/loop/ports.ts'
import type { Nudge, Replicas } from '../../backend/loop/ports-replicas.ts'
import { createLoop } from '../../backend/loop/run.ts'
import { minute, second } from '../support/build.ts'
import { anAzureSet, anOutside, aRecord } from '../support/loop.ts'
import { quietMetrics } from '../support/service.ts'
import { createVirtualTime } from '../support/virtual-time.ts'

/** What the replicas share. */
function aStore() {
  const passes = new Map<number, StoredPass>()
  const holder = new Map([
    [1, 'a'],
    [2, 'b'],
  ])
  const store = { passes, nudges: [] as Nudge[], reads: 0, isDown: false, holder, pools: new Set([1, 2]) }
  const whole = async <T>(value: T): Promise<T> => {
    if (store.isDown) throw new Error('no route to the database')
    return value
  }
  const replicas: Replicas = {
    tell: async (nudges) => void store.nudges.push(...(await whole(nudges))),
    async told(pools) {
      const told = store.nudges.filter(({ poolId }) => pools.includes(poolId))
      store.nudges = store.nudges.filter(({ poolId }) => !pools.includes(poolId))
      return whole(told)
    },
    newestPasses: () => whole([...passes].map(([poolId, { id, lastAt }]) => ({ poolId, id, lastAt }))),
    async latestPass(poolId) {
      store.reads += 1
      return whole(passes.get(poolId))
    },
  }
  const journal: Journal = {
    remembered: async () => ({ pool: undefined, machines: [], openIntents: [] }),
    async commit(poolId, _lease, { pass }) {
      const before = passes.get(poolId)
      if (pass === undefined) return
      if ('at' in pass)
        passes.set(poolId, { ...pass, id: (before?.id ?? 0) + 1, lastAt: pass.at, lastWallTimeMs: pass.wallTimeMs, repeats: 0 })
      else passes.set(poolId, { ...before!, lastAt: pass.repeatedAt, lastWallTimeMs: pass.wallTimeMs, repeats: before!.repeats + 1 })
    },
  }
  return { store, replicas, journal }
}

function start() {
  const time = createVirtualTime()
  const { store, replicas, journal } = aStore()
  const logs: string[] = []
  const jobReads: number[] = []
  const left: [replica: string, poolId: number][] = []
  const log = (_fields: unknown, message: string): void => void logs.push(message)
  const replica = (name: string) => {
    const told: number[] = []
    const loop = createLoop({
      clock: time.clock,
      log: { info() {}, warn: log, error: log },
      metrics: { ...quietMetrics, left: (poolId) => void left.push([name, poolId]) },
      journal,
      replicas,
      boots: { add: async () => {}, of: async () => [], since: async () => [] },
      settings: {
        pools: async () => [...store.pools],
        pool: async (poolId) => (store.pools.has(poolId) ? (aRecord({ poolId }) as PoolRecord) : undefined),
        forget: async (poolId) => void store.pools.delete(poolId),
      },
      lease: (poolId) =>
        store.holder.get(poolId) === name ? { scope: `pool/${poolId}`, epoch: 1, holder: name, leftMs: 10_000 } : undefined,
      ownerId: 'owner',
      extension: () => ({ known: false, why: 'not in this test' }),
      connect: ({ poolId }) => {
        const outside = anOutside({ scaleSet: anAzureSet({ tags: { ScaleSetAgentsOwner: 'another/9/1' } }) })
        const jobs = async () => {
          jobReads.push(poolId)
          return { known: true, value: [], at: time.now() } as const
        }
        return { ...outside, pipelines: { ...outside.pipelines, jobs } }
      },
    })
    loop.onPass((poolId) => void told.push(poolId))
    return { loop, told }
  }
  const [a, b] = [replica('a'), replica('b')]
  const abort = new AbortController()
  const done = Promise.all([a.loop.run(abort.signal), b.loop.run(abort.signal)])
  const stop = async (): Promise<void> => {
    abort.abort()
    await done
  }
  return { time, store, logs, jobReads, left, a, b, stop }
}

test('each replica answers for every pool, and hears of each pass within two seconds', async () => {
  const { time, store, a, b, stop } = start()
  await time.run(2.5 * second)
  for (const { loop, told } of [a, b]) {
    expect(new Set(told)).toEqual(new Set([1, 2]))
    for (const poolId of [1, 2]) expect([(await loop.latest(poolId))?.snapshot.poolId, loop.lastPassAt(poolId)]).toEqual([poolId, 0])
  }
  expect([a.loop.own(1)?.at, a.loop.own(2)]).toEqual([0, undefined])
  // A record is read once, until there is a newer one.
  expect([await a.loop.latest(2), store.reads]).toEqual([expect.anything(), 2])
  await time.run(15 * second)
  expect(a.loop.lastPassAt(2)).toBe(store.passes.get(2)!.lastAt)
  expect(a.loop.lastPassAt(2)).toBeGreaterThan(10 * second)
  const latest = await a.loop.latest(2)
  expect(latest?.at).toBe(a.loop.lastPassAt(2))
  // The jobs of a pass that repeats the one before were read by that pass.
  expect(latest?.snapshot.jobs).toEqual({ known: true, value: [], at: latest?.at })
  await stop()
})

test('a nudge reaches the replica that holds the pool within a second, and makes it read the jobs', async () => {
  const { time, a, b, jobReads, stop } = start()
  await time.run(5 * second)
  const before = b.told.filter((poolId) => poolId === 2).length
  a.loop.wake(2)
  await time.run(6.5 * second)
  expect([b.told.filter((poolId) => poolId === 2).length - before, jobReads]).toEqual([1, [1, 2]])
  a.loop.nudge()
  await time.run(8 * second)
  expect(jobReads.toSorted()).toEqual([1, 1, 2, 2])
  await stop()
})

test('pools that change hands end on one replica and pass on the other within a second, without an error', async () => {
  const { time, store, a, b, logs, left, stop } = start()
  await time.run(5 * second)
  store.holder.set(1, 'b')
  await time.run(6.5 * second)
  expect(b.loop.own(1)?.at).toBeGreaterThan(4 * second)
  await time.run(minute)
  expect([a.loop.own(1), logs]).toEqual([undefined, []])
  // Its figures end with it.
  expect(left).toEqual([['a', 1]])
  expect((await a.loop.latest(1))?.at).toBe(a.loop.lastPassAt(1))
  await stop()
})

test('a store that is down is told once, and what is known stays', async () => {
  const { time, store, a, logs, stop } = start()
  await time.run(3 * second)
  store.isDown = true
  await time.run(8 * second)
  // Once by each replica.
  expect([logs.length, a.loop.lastPassAt(2)]).toEqual([2, 0])
  a.loop.nudge(2)
  await time.run(9 * second)
  expect(logs.at(-1)).toBe('Another replica could not be nudged.')
  await expect(a.loop.latest(2)).rejects.toThrow('no route to the database')
  store.isDown = false
  await time.run(20 * second)
  expect(a.loop.lastPassAt(2)).toBeGreaterThan(10 * second)
  expect(await a.loop.latest(2)).toBeDefined()
  await stop()
})
