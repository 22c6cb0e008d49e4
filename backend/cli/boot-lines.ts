/** The timeline of a boot, as lines of text. */
import type { BootPhaseView, BootView } from '../api/contract.ts'
import { formatDuration, wallTime } from './duration.ts'

/** Of the newest life; of earlier ones only their number. Nothing when the machine never told anything. */
export function bootLines({ lives: [newest, ...earlier] }: BootView): readonly string[] {
  if (newest === undefined) return []
  const life = newest.generation === 1 ? 'since its creation' : `since its ${ordinal(newest.generation - 1)} reimage`
  const rest = earlier.length === 0 ? '' : `; ${earlier.length} earlier: --json`
  return [`Boot ${life}${rest}`, ...newest.phases.flatMap(phaseLines)]
}

/** `  package        failed   12 s  2026-11-21 07:42:09`, and below it why and what to do. Of a phase that went well, its warnings. */
function phaseLines({ phase, result, durationMs, atMs, detail, cause, causeText, fix }: BootPhaseView): readonly string[] {
  const line = `  ${phase.padEnd(14)} ${result.padEnd(6)} ${formatDuration(durationMs).padStart(12)}  ${wallTime(atMs)}`
  const said = detail.split('\n').filter((each) => each.trim() !== '')
  if (result === 'ok') return [line, ...said.map((each) => `    Warning: ${each}`)]
  return [
    line,
    `    ${cause ?? 'unknown'}: ${causeText ?? ''}`,
    `    Fix: ${fix ?? ''}`,
    ...said.slice(0, 1).map((each) => `    The machine said: ${each}`),
  ]
}

function ordinal(count: number): string {
  const ending = count % 100 >= 11 && count % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')
  return `${count}${ending}`
}
