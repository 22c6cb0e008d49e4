/** What the demo says at its end. */
import { formatDuration } from './duration.ts'
import type { SandboxState } from './sandbox-control.ts'
import type { Score } from './tally.ts'

export type Summary = {
  readonly trace: string
  readonly seed: number
  readonly speed: number
  readonly worldMs: number
  readonly jobs: { readonly queued: number; readonly started: number; readonly finished: number }
  readonly waits: { readonly p50Ms: number | null; readonly p95Ms: number | null; readonly longestMs: number | null }
  readonly machineHours: number
  readonly busyKills: number
  readonly faults: Readonly<Record<string, number>>
}

export function summarize(
  run: { readonly trace: string; readonly seed: number; readonly speed: number; readonly worldMs: number },
  score: Score,
  state: SandboxState,
): Summary {
  const machineMs = state.scaleSets.reduce((sum, scaleSet) => sum + scaleSet.machineMs, 0)
  return {
    ...run,
    worldMs: Math.round(run.worldMs),
    jobs: { queued: score.queued, started: score.waits.jobs, finished: score.finished },
    waits: { p50Ms: score.waits.p50Ms ?? null, p95Ms: score.waits.p95Ms ?? null, longestMs: score.waits.longestMs ?? null },
    machineHours: Math.round(machineMs / 36_000) / 100,
    busyKills: score.busyKills,
    faults: state.faultCounts,
  }
}

export function describeSummary(summary: Summary): string {
  const { jobs, waits, faults } = summary
  const shown = (ms: number | null): string => (ms === null ? '-' : formatDuration(ms))
  const struck = Object.entries(faults).filter(([, count]) => count > 0)
  const rows: readonly (readonly [string, string])[] = [
    ['replayed', `${formatDuration(summary.worldMs)} of ${summary.trace} at ${summary.speed} × real time`],
    ['jobs', `${jobs.queued} queued, ${jobs.started} started, ${jobs.finished} finished`],
    ['waits', `half within ${shown(waits.p50Ms)}, 95 % within ${shown(waits.p95Ms)}, longest ${shown(waits.longestMs)}`],
    ['machine-hours', String(summary.machineHours)],
    ...(struck.length === 0 ? [] : [['faults', struck.map(([name, count]) => `${name} ${count}`).join(', ')] as const]),
    ['busy kills', String(summary.busyKills)],
  ]
  return rows.map(([name, value]) => `${name.padEnd(14)}${value}`).join('\n')
}
