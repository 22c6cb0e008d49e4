/** Job arrivals: a recorded trace, or drawn from a seed. */
import type { WorldTime } from './facts.ts'
import type { Latency } from './facts-life.ts'
import type { Random } from './random.ts'

export type Arrival = {
  readonly atMs: WorldTime
  readonly durationMs: number
  readonly label?: string
  /** How long the job waited where the trace was recorded. */
  readonly observedStartDelayMs?: number
}

const required = ['queued_at', 'duration_s'] as const
const optional = ['label', 'observed_start_delay_s'] as const
type Column = (typeof required)[number] | (typeof optional)[number]

/**
 * Reads a trace: a header line and one job a line, times in seconds, sorted by `queued_at`; columns in any order.
 * @throws Error with one sentence that names the line and the next step.
 */
export function parseTrace(csvText: string): readonly Arrival[] {
  const lines = csvText.replace(/^\uFEFF/, '').split(/\r?\n/)
  const columns = readHeader(lines[0] ?? '')
  const arrivals: Arrival[] = []
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (line.trim() === '') continue
    const arrival = readRow(line, columns, i + 1)
    const before = arrivals.at(-1)
    if (before && before.atMs > arrival.atMs)
      throw new Error(`Line ${i + 1} of the trace is queued before the line above it; sort the file by queued_at.`)
    arrivals.push(arrival)
  }
  if (arrivals.length === 0) throw new Error('The trace has no job after line 1; give a file with at least one row.')
  return arrivals
}

/** Arrivals as a Poisson stream, up to and including `untilMs`. */
export function seededTraffic(
  random: Random,
  { perHour, durationMs, untilMs }: { readonly perHour: number; readonly durationMs: Latency; readonly untilMs: WorldTime },
): readonly Arrival[] {
  if (perHour <= 0) return []
  const meanGapMs = 3_600_000 / perHour
  const arrivals: Arrival[] = []
  for (let atMs = random.exponential(meanGapMs); atMs <= untilMs; atMs += random.exponential(meanGapMs)) {
    arrivals.push({ atMs: Math.round(atMs), durationMs: random.logNormal(durationMs) })
  }
  return arrivals
}

function readHeader(line: string): readonly Column[] {
  const names = line.split(',').map((name) => name.trim())
  const known: readonly string[] = [...required, ...optional]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`Line 1 of the trace has the unknown column '${unknown}'; use only ${known.join(', ')}.`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new Error(`Line 1 of the trace has the column '${twice}' twice; keep one of them.`)
  const missing = required.find((name) => !names.includes(name))
  if (missing !== undefined) throw new Error(`Line 1 of the trace lacks the column '${missing}'; add it, in seconds.`)
  return names as Column[]
}

function readRow(line: string, columns: readonly Column[], lineNumber: number): Arrival {
  const cells = line.split(',').map((cell) => cell.trim())
  if (cells.length !== columns.length) {
    throw new Error(
      `Line ${lineNumber} of the trace has ${cells.length} values for ${columns.length} columns; give one value for each column.`,
    )
  }
  const cell = (name: Column): string => cells[columns.indexOf(name)] ?? ''
  const seconds = (name: Column): number => readMs(cell(name), name, lineNumber)
  return {
    atMs: seconds('queued_at'),
    durationMs: seconds('duration_s'),
    ...(cell('label') === '' ? {} : { label: cell('label') }),
    ...(cell('observed_start_delay_s') === '' ? {} : { observedStartDelayMs: seconds('observed_start_delay_s') }),
  }
}

function readMs(text: string, name: Column, lineNumber: number): number {
  const value = text === '' ? NaN : Number(text)
  if (!Number.isFinite(value)) throw new Error(`Line ${lineNumber} of the trace has '${text}' as ${name}; write a number of seconds.`)
  if (value < 0) throw new Error(`Line ${lineNumber} of the trace has the negative ${name} ${text}; write zero or more seconds.`)
  return Math.round(value * 1000)
}
