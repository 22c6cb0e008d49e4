/** From a failing seed to the least that still fails: shorter, then with fewer faults and settings. */
import type { Violation } from './history.ts'
import type { Plan } from './plan.ts'
import { argumentsOf, faultsOf, isAllowed, planOf, settingsOf, type Wish } from './wish.ts'

export type Reproduction = Required<Wish> & {
  readonly invariant: string
  readonly detail: string
  /** How many names there were before. */
  readonly before: number
  readonly replay: string
}

/** What is broken in a run; it may go on until `only` is. */
export type Judge = (plan: Plan, only: string) => Promise<readonly Violation[]>

const hoursTried = [1, 2, 3, 4, 6, 8, 12, 16]

/**
 * No name of the result can be taken out without losing the failure. The detail may be another one: what counts is that
 * the same invariant breaks. @throws Error when the seed does not break it.
 */
export async function shrink(start: Wish, invariant: string, judge: Judge): Promise<Reproduction> {
  const seen = async (wish: Wish): Promise<Violation | undefined> => {
    const plan = planOf(wish)
    return isAllowed(plan) ? (await judge(plan, invariant)).find((each) => each.invariant === invariant) : undefined
  }
  const wish = await shortest(start, seen)
  const plan = planOf(wish)
  const [faults, settings] = [faultsOf(plan), settingsOf(plan)]
  const keeping = (names: readonly string[]) => ({
    seed: wish.seed,
    hours: wish.hours,
    faults: faults.filter((name) => names.includes(name)),
    settings: settings.filter((name) => names.includes(name)),
  })
  const kept = await fewest([...faults, ...settings], async (names) => (await seen(keeping(names))) !== undefined)
  const least = keeping(kept)
  const violation = await seen(least)
  if (violation === undefined) throw new Error(`${argumentsOf(start)} does not break ${invariant}: nothing can be shrunk.`)
  return {
    ...least,
    invariant,
    detail: violation.detail,
    before: faults.length + settings.length,
    replay: `npm run soak -- ${argumentsOf(least)}`,
  }
}

/** Fewer hours draw another plan of the same seed; often it fails as well, and is quicker to look at. */
async function shortest(start: Wish, seen: (wish: Wish) => Promise<Violation | undefined>): Promise<Wish> {
  if (start.faults !== undefined || start.settings !== undefined) return start
  for (const hours of hoursTried.filter((each) => each < start.hours)) {
    const wish = { seed: start.seed, hours }
    if ((await seen(wish)) !== undefined) return wish
  }
  return start
}

/** Takes out ever smaller parts, until no single name can go. */
async function fewest(all: readonly string[], fails: (names: readonly string[]) => Promise<boolean>): Promise<readonly string[]> {
  let kept = all
  for (let size = kept.length; size >= 1;) {
    const before = kept.length
    for (let at = 0; at < kept.length;) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
      if (await fails(fewer)) kept = fewer
      else at += size
    }
    // What could not go alone before may go now.
    if (size > 1 || kept.length === before) size = Math.floor(size / 2)
  }
  return kept
}
