/** The demo without a terminal: one line for each change. Pure. */
import { clockTime } from './duration.ts'
import type { Line, ScreenState } from './screen.ts'
import { describeStages } from './stages.ts'
import { harmless } from './text.ts'

/** The lines that lead from one state to the next; none when nothing changed. */
export function changesBetween(before: ScreenState, after: ScreenState): readonly string[] {
  const stamp = clockTime(after.startMs + after.elapsedMs)
  const told = (name: string, lines: readonly Line[]): readonly string[] =>
    lines.map((line) => `${clockTime(line.atMs)}  ${name.padEnd(8)}  ${harmless(line.text)}`)
  const pool = describePool(after)
  return [
    // A reason that goes on with other numbers is not told again.
    ...told(
      'why',
      after.reasons.filter((line) => !before.reasons.some(({ about }) => about === line.about)),
    ),
    ...told(
      'did',
      after.diagnostics.filter((line) => !before.diagnostics.includes(line)),
    ),
    ...(pool === describePool(before) ? [] : [`${stamp}  pool      ${pool}`]),
  ]
}

function describePool({ jobs, stages }: ScreenState): string {
  return `${jobs.waiting} waiting, ${jobs.running} running, ${jobs.finished} finished; machines: ${describeStages(stages)}`
}
