/** What is reported of one seed. Clock seeds run twice: with the jumps of the computer's clock and without. */
import type { Violation } from './history.ts'
import { drawPlan, type Plan } from './plan.ts'
import type { Breakage } from './replica.ts'
import { runSeed, type SeedResult } from './run-seed.ts'

export type SeedReport = Omit<SeedResult, 'actions' | 'story'>

export function judgeSeed(seed: number, hours: number): Promise<SeedReport> {
  return judgePlan(drawPlan(seed, hours))
}

/** `breakage` makes what one process is broken by; `only` as for `runSeed`. */
export async function judgePlan(plan: Plan, breakage: () => Breakage = () => ({}), only?: string): Promise<SeedReport> {
  const run = (each: Plan) => runSeed(each, { breakage: breakage(), ...(only === undefined ? {} : { only }) })
  const result = await run(plan)
  if (plan.kind !== 'clock' || result.violations.some(({ invariant }) => only === undefined || invariant === only))
    return reportOf(result, [])
  const steady = await run({ ...plan, jumps: [] })
  const violations = compareActions(result.actions, steady.actions)
  return {
    ...reportOf(result, violations),
    simulatedMs: result.simulatedMs + steady.simulatedMs,
    events: result.events + steady.events,
    decisions: result.decisions + steady.decisions,
    jobs: result.jobs + steady.jobs,
    removals: result.removals + steady.removals,
  }
}

function reportOf({ actions: _actions, story: _story, ...result }: SeedResult, more: readonly Violation[]): SeedReport {
  return { ...result, violations: [...result.violations, ...more] }
}

/** S14: a wrong clock changes no decision. */
export function compareActions(jumped: readonly string[], steady: readonly string[]): readonly Violation[] {
  const length = Math.max(jumped.length, steady.length)
  for (let i = 0; i < length; i++) {
    if (jumped[i] === steady[i]) continue
    return [
      {
        invariant: 'S14',
        at: 0,
        detail: `action ${i + 1} is "${jumped[i] ?? 'none'}" with a jumping clock and "${steady[i] ?? 'none'}" without`,
      },
    ]
  }
  return []
}
