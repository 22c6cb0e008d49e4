/** A failing seed is shrunk to what it needs, and what is printed replays it. */
import { drawPlan } from './plan.ts'
import { sabotages } from './sabotage.ts'
import { judgePlan } from './seeds.ts'
import { shrink, type Judge, type Reproduction } from './shrink.ts'
import { argumentsOf, faultsOf, namesIn, planOf, settingsOf, type Wish } from './wish.ts'

const broken = [{ invariant: 'S5', at: 0, detail: 'made up' }]
const seed = 13
const drawn = drawPlan(seed, 4)
const [first, , third] = faultsOf(drawn)
const [, setting] = settingsOf(drawn)

/** Breaks where all of these names are in the plan, as a fault that needs several things to go wrong. */
function needs(names: readonly (string | undefined)[], plans: string[] = []): Judge {
  return async (plan) => {
    plans.push(JSON.stringify(plan))
    const present = [...faultsOf(plan), ...settingsOf(plan)]
    return names.every((name) => name !== undefined && present.includes(name)) ? broken : []
  }
}

test('only what the failure needs is left', async () => {
  const least = await shrink({ seed, hours: 4, faults: faultsOf(drawn) }, 'S5', needs([first, third, setting]))
  expect(least).toMatchObject({ faults: [first, third], settings: [setting], hours: 4, invariant: 'S5', detail: 'made up' })
})

test('a failure that needs nothing is left with nothing, in the fewest hours', async () => {
  const least = await shrink({ seed, hours: 24 }, 'S5', async () => broken)
  expect(least.replay).toBe(`npm run soak -- --seed ${seed} --hours 1 --faults none --settings none`)
})

test('settings that contradict each other are not tried', async () => {
  const plans: string[] = []
  await shrink({ seed, hours: 4, faults: [] }, 'S5', needs(['standby'], plans))
  const tried = plans.map((plan) => (JSON.parse(plan) as { settings: { standby?: number; machinesMax?: number } }).settings)
  expect(tried.length).toBeGreaterThan(3)
  for (const { standby = 1, machinesMax = 2 } of tried) expect(standby).toBeLessThanOrEqual(machinesMax)
})

test('a seed that does not fail is not shrunk', async () => {
  await expect(shrink({ seed, hours: 4 }, 'S5', async () => [])).rejects.toThrow('--seed 13 --hours 4 does not break S5')
})

test('a name that the seed does not draw is refused with those it does', () => {
  expect(() => planOf({ seed, hours: 4, faults: ['flood'] })).toThrow(`draws no fault "flood" in so many hours; it draws ${first}`)
})

test('a service that does not look at a pause is shrunk to the pause', async () => {
  const judge: Judge = async (plan, only) => (await judgePlan(plan, sabotages['S12']!.breakage, only)).violations
  const breaks = async (wish: Wish) => (await judge(planOf(wish), 'S12')).some(({ invariant }) => invariant === 'S12')
  const least = await shrink(await firstOf(breaks), 'S12', judge)
  const kept = [...least.faults, ...least.settings]
  expect(least.faults).toContain('pause')
  expect(kept.length).toBeLessThan(least.before / 4)
  const replayed = wishIn(least)
  expect(await breaks(replayed)).toBe(true)
  for (const name of kept) expect(await breaks(without(replayed, name))).toBe(false)
})

/** Seed 15 shows it today; another one does when plans are drawn otherwise. */
async function firstOf(breaks: (wish: Wish) => Promise<boolean>): Promise<Wish> {
  for (const each of [15, ...Array.from({ length: 50 }, (_each, at) => at + 1)])
    if (await breaks({ seed: each, hours: 1 })) return { seed: each, hours: 1 }
  throw new Error('No seed pauses the pool while something is to be done.')
}

/** From the printed command, as a person types it. */
function wishIn({ replay }: Reproduction): Wish {
  const value = (option: string): string => new RegExp(`--${option} (\\S+)`).exec(replay)![1]!
  const wish = {
    seed: Number(value('seed')),
    hours: Number(value('hours')),
    faults: namesIn(value('faults')),
    settings: namesIn(value('settings')),
  }
  expect(replay).toBe(`npm run soak -- ${argumentsOf(wish)}`)
  return wish
}

function without(wish: Wish, name: string): Wish {
  const rest = (names: readonly string[] = []) => names.filter((each) => each !== name)
  return { ...wish, faults: rest(wish.faults), settings: rest(wish.settings) }
}
