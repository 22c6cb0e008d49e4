import { LeaseLost } from '../../backend/loop/ports.ts'
import type { Journal, PoolRecord } from '../../backend/loop/ports.ts'
import type { HeldLease } from '../../backend/loop/ports-replicas.ts'
import { createLoop } from '../../backend/loop/run.ts'
import type { Loop } from '../../backend/loop/run.ts'
import { minute, second } from '../support/build.ts'
import { anAzureSet, anOutside, aRecord } from '../support/loop.ts'
import type { Outside } from '../support/loop.ts'
import { quietMetrics } from '../support/service.ts'
import { createVirtualTime } from '../support/virtual-time.ts'
import type { VirtualTime } from '../support/virtual-time.ts'

type Scene = {
  readonly loop: Loop
  readonly time: VirtualTime
  readonly passes: { readonly pool: number; readonly at: number }[]
  readonly outsides: ReadonlyMap<number, Outside>
  readonly logs: string[]
  readonly pools: Set<number>
  readonly journal: { lost: boolean; fails: number; commits: number }
  readonly hold: { lease: HeldLease | undefined }
  readonly stop: () => Promise<void>
}

/** The loop over pools that never change: what is tested is when it passes. */
function start(pools: readonly number[] = [1]): Scene {
  const time = createVirtualTime()
  const passes: { pool: number; at: number }[] = []
  const logs: string[] = []
  const outsides = new Map<number, Outside>()
  const alive = new Set(pools)
  const control = { lost: false, fails: 0, commits: 0 }
  const hold: Scene['hold'] = { lease: { scope: 'service', epoch: 1, holder: 'me', leftMs: Infinity } }
  const journal: Journal = {
    remembered: async () => ({ pool: undefined, machines: [], openIntents: [] }),
    commit: async () => {
      control.commits += 1
      if (control.lost) throw new LeaseLost()
      if (control.fails > 0) {
        control.fails -= 1
        throw new Error('disk full')
      }
    },
  }
  const log = (_fields: unknown, message: string): void => void logs.push(message)
  const loop = createLoop({
    clock: time.clock,
    log: { info() {}, warn: log, error: log },
    metrics: quietMetrics,
    journal,
    boots: { add: async () => {}, of: async () => [], since: async () => [] },
    settings: {
      pools: async () => [...alive],
      pool: async (poolId) => (alive.has(poolId) ? (aRecord({ poolId }) as PoolRecord) : undefined),
      forget: async (poolId) => void alive.delete(poolId),
    },
    lease: () => hold.lease,
    ownerId: 'owner',
    extension: () => ({ known: true, at: 0, value: { name: 'x', publisher: 'p', type: 't', version: '1', settings: {}, after: [] } }),
    connect: ({ poolId }) => {
      const outside = anOutside({ scaleSet: anAzureSet({ tags: { ScaleSetAgentsOwner: 'another/9/1' } }) })
      outsides.set(poolId, outside)
      return outside
    },
  })
  loop.onPass((pool) => passes.push({ pool, at: time.now() }))
  const abort = new AbortController()
  const done = loop.run(abort.signal)
  return {
    loop,
    time,
    passes,
    outsides,
    logs,
    pools: alive,
    journal: control,
    hold,
    stop: async () => {
      abort.abort()
      await done
    },
  }
}

const times = (scene: Scene): readonly number[] => scene.passes.map(({ at }) => at / second)

test('a quiet pool passes each 12 seconds', async () => {
  const scene = start()
  await scene.time.run(1.1 * minute)
  const gaps = times(scene).map((at, index, all) => Math.round(at - (all[index - 1] ?? 0)))
  expect(gaps.slice(1, 5)).toEqual([12, 12, 12, 12])
  expect(scene.loop.lastPassAt(1)).toBe(times(scene).at(-1)! * second)
  await scene.stop()
})

test('a nudge wakes its pool at once, and without a pool all of them', async () => {
  const scene = start([1, 2])
  await scene.time.run(5 * second)
  scene.loop.nudge(1)
  await scene.time.run(6 * second)
  expect(scene.passes.slice(2)).toEqual([{ pool: 1, at: 5 * second }])
  scene.loop.nudge()
  await scene.time.run(7 * second)
  expect(
    scene.passes
      .slice(3)
      .map(({ pool }) => pool)
      .toSorted(),
  ).toEqual([1, 2])
  await scene.stop()
})

test("a nudge reads the jobs anew, also right after many changes of people's", async () => {
  const scene = start()
  const jobReads = (): number => scene.outsides.get(1)!.calls.filter((call) => call === 'jobs').length
  await scene.time.run(2 * second)
  for (let order = 1; order <= 50; order += 1) {
    scene.loop.wake(1)
    await scene.time.run(2 * second + order)
  }
  expect([scene.passes.length, jobReads()]).toEqual([51, 1])
  scene.loop.nudge(1)
  await scene.time.run(3 * second)
  expect(jobReads()).toBe(2)
  await scene.stop()
})

test('a nudge during a pass is not lost', async () => {
  const scene = start()
  const end = scene.loop.onPass((pool) => {
    end()
    scene.loop.nudge(pool)
  })
  await scene.time.run(second)
  expect(times(scene)).toEqual([0, 0])
  await scene.stop()
})

test('a new pool is found within ten seconds, or at once after a nudge; one that is gone ends', async () => {
  const scene = start()
  await scene.time.run(second)
  scene.pools.add(2)
  scene.loop.nudge(2)
  await scene.time.run(2 * second)
  expect(scene.passes.some(({ pool, at }) => pool === 2 && at <= 2 * second)).toBe(true)
  scene.pools.delete(2)
  await scene.time.run(minute)
  expect(scene.passes.filter(({ pool, at }) => pool === 2 && at > 15 * second)).toEqual([])
  expect(await scene.loop.latest(2)).toBeUndefined()
  await scene.stop()
})

test('after failed passes it waits 5, 10, 20, 40, 60, 60 seconds, says why, and starts from the journal', async () => {
  const scene = start()
  scene.journal.fails = 6
  await scene.time.run(134 * second)
  expect([times(scene), scene.journal.commits]).toEqual([[], 5])
  expect(scene.loop.failure(1)).toBe('disk full')
  expect(new Set(scene.logs)).toEqual(new Set(['Pass failed; the next one starts from the journal.']))
  await scene.time.run(136 * second)
  await scene.time.run(196 * second)
  expect([times(scene), scene.loop.failure(1)]).toEqual([[195], undefined])
  await scene.stop()
})

test('S5: without the lease nothing passes and nothing fails; when a commit finds it lost, that is told and tried again', async () => {
  const scene = start()
  await scene.time.run(second)
  scene.hold.lease = undefined
  await scene.time.run(20 * second)
  expect([times(scene), scene.logs, scene.loop.own(1)?.at]).toEqual([[0], [], 0])
  scene.hold.lease = { scope: 'service', epoch: 2, holder: 'me', leftMs: Infinity }
  scene.journal.lost = true
  await scene.time.run(40 * second)
  expect([times(scene), new Set(scene.logs)]).toEqual([[0], new Set(['Pass stopped: nothing may be changed now. GET /readyz says why.'])])
  scene.journal.lost = false
  await scene.time.run(2 * minute)
  expect(times(scene).length).toBeGreaterThan(2)
  await scene.stop()
})

test('one broken pool does not delay another', async () => {
  const scene = start([1, 2])
  await scene.time.run(second)
  const stuck = scene.outsides.get(1)!
  Object.assign(stuck.pipelines, { jobs: () => new Promise(() => {}) })
  await scene.time.run(2 * minute)
  expect(scene.passes.filter(({ pool }) => pool === 1).length).toBeLessThanOrEqual(2)
  expect(scene.passes.filter(({ pool }) => pool === 2)).toHaveLength(10)
})

test('of many pools each has its turn', async () => {
  const scene = start(Array.from({ length: 100 }, (_each, index) => index + 1))
  await scene.time.run(minute)
  for (let pool = 1; pool <= 100; pool += 1) expect(scene.passes.filter((each) => each.pool === pool).length).toBeGreaterThanOrEqual(5)
  await scene.stop()
})

test('told to stop, it ends without waiting for the next pass, and a listener may leave', async () => {
  const scene = start()
  await scene.time.run(second)
  await scene.stop()
  expect(scene.time.now()).toBe(second)
})
