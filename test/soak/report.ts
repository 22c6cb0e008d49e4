/** The figures of a soak. */
import { hourMs } from './plan.ts'
import type { SeedReport } from './seeds.ts'
import { addCounts, emptyCounts, holes, type Counts } from './tally.ts'

export type Summary = {
  readonly seeds: number
  readonly simulatedHours: number
  readonly events: number
  readonly jobs: number
  readonly removals: number
  readonly violations: number
  /** Simulated time by real time, for one core. */
  readonly speedup: number
  readonly counts: Counts
  /** Actions, reasons and faults that never came up. */
  readonly missing: readonly string[]
  readonly failures: readonly {
    readonly seed: number
    readonly hours: number
    readonly invariant: string
    readonly atHours: number
    readonly detail: string
  }[]
}

export function summarize(
  reports: readonly SeedReport[],
  run: { readonly wallMs: number; readonly cores: number; readonly hours: number },
): Summary {
  const counts = emptyCounts()
  for (const report of reports) addCounts(counts, report.counts)
  const sum = (of: (report: SeedReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  const simulatedMs = sum((report) => report.simulatedMs)
  return {
    seeds: reports.length,
    simulatedHours: Math.round(simulatedMs / hourMs),
    events: sum((report) => report.events),
    jobs: sum((report) => report.jobs),
    removals: sum((report) => report.removals),
    violations: sum((report) => report.violations.length),
    speedup: Math.round(simulatedMs / (run.wallMs * run.cores)),
    counts,
    missing: holes(counts),
    failures: reports
      .toSorted((left, right) => left.seed - right.seed)
      .flatMap(({ seed, violations }) =>
        violations.map(({ invariant, at, detail }) => ({ seed, hours: run.hours, invariant, atHours: at / hourMs, detail })),
      ),
  }
}

export function textOf(summary: Summary): string {
  const { seeds, simulatedHours, events, jobs, removals, violations, speedup } = summary
  const perHour = (count: number): string => (count / Math.max(1, simulatedHours)).toFixed(1)
  return [
    `${seeds} seeds, ${simulatedHours} simulated hours, ${events} events, ${perHour(jobs)} jobs and ${perHour(removals)} removals an hour.`,
    `${violations} violations. ${speedup} times faster than real time on each core.`,
    ...summary.failures.map(
      ({ seed, hours, invariant, atHours, detail }) =>
        `${invariant} broken by seed ${seed} after ${atHours.toFixed(3)} h: ${detail} (npm run soak -- --seed ${seed} --hours ${hours})`,
    ),
    ...(summary.missing.length === 0
      ? ['Every action, reason and fault came up.']
      : [`Never came up: ${summary.missing.join(', ')}. Give more seeds or hours.`]),
  ].join('\n')
}
