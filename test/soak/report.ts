/** The figures of a soak, added up seed by seed: a long run keeps nothing of a seed but its failures. */
import type { Violation } from './history.ts'
import { hourMs } from './plan.ts'
import type { SeedReport } from './seeds.ts'
import type { Reproduction } from './shrink.ts'
import { addCounts, emptyCounts, holes, type Counts } from './tally.ts'
import { argumentsOf, type Wish } from './wish.ts'

export type SeedFailure = Wish & {
  readonly invariant: string
  readonly atHours: number
  readonly detail: string
  readonly replay: string
}

export type Summary = {
  readonly seeds: number
  /** Seeds that once failed, run besides. */
  readonly regressions: number
  readonly simulatedHours: number
  readonly events: number
  readonly decisions: number
  readonly jobs: number
  readonly removals: number
  readonly violations: number
  /** Simulated time by real time, for one core. */
  readonly speedup: number
  readonly counts: Counts
  /** Actions, reasons and faults that never came up. */
  readonly missing: readonly string[]
  readonly failures: readonly SeedFailure[]
  /** The first failures again, with as little as they need. */
  readonly smallest: readonly Reproduction[]
}

export type Totals = {
  /** Answers the failures of this seed. */
  add(wish: Wish, report: SeedReport): readonly SeedFailure[]
  readonly done: number
  failures(): readonly SeedFailure[]
  summary(run: { readonly wallMs: number; readonly cores: number; readonly regressions: number }): Omit<Summary, 'smallest'>
}

export function createTotals(): Totals {
  const counts = emptyCounts()
  const sums = { simulatedMs: 0, events: 0, decisions: 0, jobs: 0, removals: 0 }
  const found: SeedFailure[] = []
  let done = 0
  const failures = () => found.toSorted((left, right) => left.seed - right.seed)
  return {
    add(wish, report) {
      done += 1
      addCounts(counts, report.counts)
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += report[name]
      const more = report.violations.map((violation) => failureOf(wish, violation))
      found.push(...more)
      return more
    },
    get done() {
      return done
    },
    failures,
    summary({ wallMs, cores, regressions }) {
      const { simulatedMs, ...rest } = sums
      return {
        seeds: done - regressions,
        regressions,
        simulatedHours: Math.round(simulatedMs / hourMs),
        ...rest,
        violations: found.length,
        speedup: Math.round(simulatedMs / (wallMs * cores)),
        counts,
        missing: holes(counts),
        failures: failures(),
      }
    },
  }
}

function failureOf(wish: Wish, { invariant, at, detail }: Violation): SeedFailure {
  return { ...wish, invariant, atHours: at / hourMs, detail, replay: `npm run soak -- ${argumentsOf(wish)}` }
}

export function failureText({ seed, invariant, atHours, detail, replay }: SeedFailure): string {
  return `${invariant} broken by seed ${seed} after ${atHours.toFixed(3)} h: ${detail} (${replay})`
}

/** One line for programs and one for people. */
export function reproductionText(reproduction: Reproduction): string {
  const { invariant, faults, settings, before, replay } = reproduction
  return [
    JSON.stringify(reproduction),
    `${invariant} needs ${faults.length + settings.length} of ${before} faults and settings: ${replay}`,
  ].join('\n')
}

export function textOf(summary: Summary): string {
  const { seeds, regressions, simulatedHours, events, decisions, jobs, removals, violations, speedup } = summary
  const perHour = (count: number): string => (count / Math.max(1, simulatedHours)).toFixed(1)
  return [
    `${seeds} seeds and ${regressions} that once failed, ${simulatedHours} simulated hours, ${events} events, ${decisions} decisions, ` +
      `${perHour(jobs)} jobs and ${perHour(removals)} removals an hour.`,
    `${violations} violations. ${speedup} times faster than real time on each core.`,
    ...summary.failures.map(failureText),
    ...summary.smallest.map(reproductionText),
    ...(summary.missing.length === 0
      ? ['Every action, reason and fault came up.']
      : [`Never came up: ${summary.missing.join(', ')}. Give more seeds or hours.`]),
  ].join('\n')
}
