/** Scenarios of one file: each is a test, a few run at the same time, and a failed one shows what the machines said. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogList } from '../../../backend/api/contract.ts'
import { place } from './place.ts'
import { openPool } from './pool.ts'
import type { PoolWish, TestPool } from './pool.ts'
import { startRig } from './rig.ts'
import type { Rig } from './rig.ts'

/** Opens the pool `name` of the scenario; it is closed at its end. */
export type Open = (name: string, wish?: PoolWish) => Promise<TestPool>
export type Scenario = (open: Open, rig: Rig) => Promise<void>

const atOnce = 4

/** Declares the tests. All scenarios share one rig, and each has pools of its own. */
export function scenarios(all: Readonly<Record<string, Scenario>>): void {
  const results = new Map<string, Result>()
  let rig: Rig | undefined

  beforeAll(async () => {
    rig = await startRig()
    const waiting = Object.entries(all).filter(([name]) => isWanted(name))
    // Each lane takes the next one as soon as it is free.
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await results.get(next[0])?.play()
    }
    for (const [name, scenario] of waiting)
      results.set(
        name,
        lateResult(() => play(name, scenario, rig!)),
      )
    for (let count = 0; count < atOnce; count++) void lane()
  }, 60_000)

  for (const name of Object.keys(all)) test(name, async () => results.get(name)?.end, 600_000)

  afterAll(async () => {
    await Promise.allSettled([...results.values()].map(({ end }) => end))
    await rig?.close()
    expect(rig?.fleet.faults).toEqual([])
  }, 120_000)
}

type Result = { readonly end: Promise<void>; play(): Promise<void> }

/** A result that can be waited for before its work has begun. `play` never rejects. */
function lateResult(work: () => Promise<void>): Result {
  let settle: (work: Promise<void>) => void = () => undefined
  const end = new Promise<void>((resolve) => (settle = resolve))
  return {
    end,
    play() {
      settle(work())
      return end.catch(() => undefined)
    },
  }
}

/** Jest leaves tests out by their name; what is left out is not played either. */
function isWanted(name: string): boolean {
  return place.only === undefined || new RegExp(place.only, 'i').test(name)
}

async function play(name: string, scenario: Scenario, rig: Rig): Promise<void> {
  const pools: TestPool[] = []
  const startedMs = Date.now()
  try {
    await scenario(async (poolName, wish) => {
      const pool = await openPool(rig, poolName, wish)
      pools.push(pool)
      return pool
    }, rig)
    process.stderr.write(`  ${((Date.now() - startedMs) / 1000).toFixed(1)} s  ${name}\n`)
  } catch (error) {
    process.stderr.write(`  ${((Date.now() - startedMs) / 1000).toFixed(1)} s  FAILED ${name}: ${(error as Error).message}\n`)
    throw new Error(
      `${(error as Error).stack}\n${(await Promise.all(pools.map((pool) => story(rig, pool)))).join('\n')}\nWarnings of the service:\n${rig.warnings.slice(-5).join('\n')}`,
      { cause: error },
    )
  } finally {
    await Promise.allSettled(pools.map((pool) => pool.close()))
  }
}

/** What Diagnostics and the machines tell, for whoever reads a failed test. */
async function story(rig: Rig, { poolId, scaleSetId }: TestPool): Promise<string> {
  const { entries } = await rig.client.get<LogList>(`/pools/${poolId}/log?top=50`)
  const lives = rig.fleet.lives(scaleSetId)
  const logs = await Promise.all(lives.map(async ({ machine, number }) => `${machine.name}, life ${number}:\n${await logOf(machine)}`))
  const calls = [...rig.fronts.service.seen, ...rig.fronts.devOps.seen].filter(({ from }) =>
    lives.some(({ machine }) => machine.address === from),
  )
  return [
    `Diagnostics of pool ${poolId}, newest first:`,
    ...entries.map(({ message }) => `  ${message}`),
    ...logs,
    ...calls.slice(-20).map(({ method, path, status }) => `  ${method} ${path} ${status}`),
  ].join('\n')
}

async function logOf(machine: { run(command: readonly string[]): Promise<{ output: string }> }): Promise<string> {
  const commands = 'tail -n 40 /var/log/enableagent.log; journalctl --no-pager -n 20 -u scale-set-agent.service -u scale-set-agent.path'
  const late = sleep(5_000, { output: 'no answer in 5 s' }, { ref: false })
  const { output } = await Promise.race([machine.run(['sh', '-c', commands]), late])
  return output
}
