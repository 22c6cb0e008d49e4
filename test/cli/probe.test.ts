import { probeWhileUnwell } from '../../backend/cli/probe.ts'
import { createTestClock } from '../adapters/outside.ts'

/** Stops after so many pauses; what stops the replica is over after so many reads of Azure. */
async function run({ pauses, heals = Infinity, pools = [7] }: { pauses: number; heals?: number; pools?: readonly number[] | Error }) {
  const clock = createTestClock()
  const stop = new AbortController()
  const seen = { agents: [] as number[], scaleSets: [] as string[], warnings: 0 }
  await probeWhileUnwell(
    {
      clock: {
        ...clock,
        real: {
          ...clock.real,
          async sleep(ms, signal) {
            await clock.real.sleep(ms, signal)
            if (clock.pauses.length >= pauses) stop.abort()
          },
        },
      },
      log: { info: () => undefined, warn: () => void (seen.warnings += 1), error: () => undefined },
      settings: {
        pools: async () => (pools instanceof Error ? Promise.reject(pools) : pools),
        pool: async (poolId) => ({ poolId, scaleSetId: '/linux' }) as never,
      },
      outside: {
        watch: { isUnwell: () => seen.scaleSets.length < heals } as never,
        pipelines: { agents: async (poolId: number) => void seen.agents.push(poolId) } as never,
        scaleSet: (id) => ({ read: async () => void seen.scaleSets.push(id) }) as never,
      },
    },
    stop.signal,
  )
  return { ...seen, pauses: clock.pauses }
}

test('what stops a replica is looked at every ten seconds, on both sides, and no longer than it stops', async () => {
  expect(await run({ pauses: 5, heals: 2 })).toEqual({
    agents: [7, 7],
    scaleSets: ['/linux', '/linux'],
    warnings: 0,
    pauses: [10_000, 10_000, 10_000, 10_000, 10_000],
  })
})

test('a database that is lost, or one without pools, ends nothing', async () => {
  expect(await run({ pauses: 3, pools: new Error('no route to the database') })).toMatchObject({ warnings: 2, agents: [] })
  expect(await run({ pauses: 3, pools: [] })).toMatchObject({ warnings: 0, agents: [] })
})
