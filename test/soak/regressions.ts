/**
 * Seeds that once failed. Every soak runs them first. A seed draws its old plan only while plan.ts draws as it did then,
 * so what was learned has a test of its own too; one with faults and settings fails when it draws others, and is then renewed or
 * taken out. A reproduction that `soak` printed can be put here as it is.
 */
import type { Wish } from './wish.ts'

export const regressions: readonly (Wish & { readonly was: string })[] = [
  {
    seed: 1,
    hours: 1,
    faults: ['devops-5xx', 'agent-dies', 'crash-before-send'],
    settings: ['machinesMax', 'standby', 'tearDownAfterUse', 'capabilities', 'overlapRefused'],
    was: 'S8, by the judge: an agent that died with its one job before it was drained counted as one of a mass failure',
  },
  { seed: 188, hours: 4, was: 'S1: a drained agent was taken back on a list older than its drain' },
  { seed: 318, hours: 4, was: 'liveness: a pool that was to be deleted was still there' },
  { seed: 515, hours: 4, was: 'S8: two unhealthy machines were deleted in one pass, one was allowed' },
  { seed: 639, hours: 4, was: 'S8: a machine was deleted two minutes after most were lost at once' },
  { seed: 926, hours: 4, was: 'S9: a machine was reimaged twice in one life, by two processes' },
]
