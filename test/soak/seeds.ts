/** What is reported of one seed. Clock seeds run twice: with the jumps of the computer's clock and without. */
import type { Violation } from './history.ts'
import { drawPlan } from './plan.ts'
import type { Breakage } from './replica.ts'
import { runSeed, type SeedResult } from './run-seed.ts'

export type SeedReport = Omit<SeedResult, 'actions' | 'story'>

export async function judgeSeed(seed: number, hours: number, breakage: Breakage = {}): Promise<SeedReport> {
  const plan = drawPlan(seed, hours)
  const result = await runSeed(plan, { breakage })
  if (plan.kind !== 'clock' || result.violations.length > 0) return reportOf(result, [])
  const steady = await runSeed({ ...plan, jumps: [] }, { breakage })
  const violations = compareActions(result.actions, steady.actions)
  return {
    ...reportOf(result, violations),
    simulatedMs: result.simulatedMs + steady.simulatedMs,
    events: result.events + steady.events,
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
