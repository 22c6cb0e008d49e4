/** The demo's live view as text. Pure: the same state gives the same picture, so it is tested against golden pictures. */
import type { Stage } from '../core/snapshot.ts'
import { clockTime, formatDuration } from './duration.ts'
import { countByGroup } from './stages.ts'
import { cut, fit, harmless, painter, type Paint, widthOf, wrap } from './text.ts'

export type Line = { readonly atMs: number; readonly text: string; readonly level?: 'error' | 'warning' | 'info' }
/** A reason of the newest decision. `about`: what stays the same while its numbers go on; `atMs`: since when it holds with these. */
export type ReasonLine = Line & { readonly about: string }

export type ScreenState = {
  readonly pool: string
  readonly scaleSet: string
  /** Where a browser shows the hub. */
  readonly page: string
  /** Of the API, and its data directory. */
  readonly address: string
  /** What is replayed and from where: `bitcoin-core-ci.linux.csv from day 41, 07:00`. */
  readonly source: string
  /** World time since the replay began, and how long it is to last. */
  readonly elapsedMs: number
  readonly forMs?: number
  /** Trace time at which the replay began; lines are stamped with trace time. */
  readonly startMs: number
  readonly speed: number
  /** One sentence about the run itself: slowed down, faults on. */
  readonly note?: string
  readonly jobs: { readonly waiting: number; readonly running: number; readonly finished: number }
  /** Waiting and running jobs at equal steps of world time, newest last. */
  readonly history: readonly { readonly waiting: number; readonly running: number }[]
  readonly stages: readonly Stage[]
  readonly machinesMax: number
  readonly standby: number
  readonly wanted: number | undefined
  /** Why the newest decision is as it is. What was done is in `diagnostics`. */
  readonly reasons: readonly ReasonLine[]
  readonly diagnostics: readonly Line[]
  readonly waits: { readonly p50Ms?: number; readonly p95Ms?: number; readonly longestMs?: number }
  readonly machineMs: number
}

const widest = 120
/** A decision has few reasons; Diagnostics takes the rest. */
const whyHeightMax = 8
const bars = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** The view in exactly `height` lines of at most `width` columns. */
export function renderScreen(state: ScreenState, width: number, height: number, colour: boolean): string {
  const paint = painter(colour)
  const columns = Math.min(width, widest)
  const top = [
    ...title(state, columns, paint),
    state.note === undefined ? '' : paint(cut(` ${harmless(state.note)}`, columns), 'yellow'),
    ...beside(jobsBox(state, paint), waitsBox(state, paint), columns, paint),
    ...machinesBox(state, columns, paint),
  ]
  const room = height - top.length - 1
  const whyHeight = Math.min(whyHeightMax, Math.max(3, Math.ceil(room / 2)))
  const lower = [
    ...box('Why', linesOf(state.reasons, columns - 4, paint).slice(0, whyHeight - 2), columns, paint, whyHeight),
    ...(room - whyHeight < 3 ? [] : diagnosticsBox(state, columns, room - whyHeight, paint)),
  ]
  const body = [...top, ...lower].slice(0, height - 1)
  return [...body, ...Array<string>(height - 1 - body.length).fill(''), footer(state, columns, paint)].join('\n')
}

function title(state: ScreenState, width: number, paint: Paint): readonly string[] {
  const name = `${paint('Scale Set Agents', 'bold')}  ${paint(`pool ${state.pool} on scale set ${state.scaleSet}`, 'dim')}`
  const length = state.forMs === undefined ? '' : ` of ${formatDuration(state.forMs)}`
  const time = `${clockTime(state.startMs + state.elapsedMs)}  ${state.speed} × real time`
  const second = `${state.source}, ${formatDuration(state.elapsedMs)}${length} replayed`
  return [spread(` ${name}`, `${time} `, width), paint(cut(` ${second}`, width), 'dim'), cut(` In a browser: ${state.page}`, width)]
}

type Box = { readonly title: string; readonly lines: (width: number) => readonly string[] }

function jobsBox(state: ScreenState, paint: Paint): Box {
  const peak = Math.max(1, ...state.history.flatMap((each) => [each.waiting, each.running]))
  const row = (name: string, count: number, values: readonly number[], width: number): string =>
    `${name.padEnd(9)}${String(count).padStart(5)}  ${sparkline(values, peak, width - 16)}`
  return {
    title: 'Jobs',
    lines: (width) => [
      paint(
        row(
          'waiting',
          state.jobs.waiting,
          state.history.map((each) => each.waiting),
          width,
        ),
        state.jobs.waiting > 0 ? 'yellow' : 'dim',
      ),
      paint(
        row(
          'running',
          state.jobs.running,
          state.history.map((each) => each.running),
          width,
        ),
        'green',
      ),
      `${'finished'.padEnd(9)}${String(state.jobs.finished).padStart(5)}`,
    ],
  }
}

function waitsBox(state: ScreenState, paint: Paint): Box {
  const row = (name: string, ms: number | undefined): string =>
    `${paint(name.padEnd(12), 'dim')}${ms === undefined ? '-' : formatDuration(ms)}`
  return {
    title: 'Waits so far',
    lines: () => [row('half (p50)', state.waits.p50Ms), row('95 % (p95)', state.waits.p95Ms), row('longest', state.waits.longestMs)],
  }
}

function machinesBox(state: ScreenState, width: number, paint: Paint): readonly string[] {
  const groups = countByGroup(state.stages)
  const inner = width - 4
  const gap = state.stages.length * 2 > inner * 2 ? '' : ' '
  const perRow = Math.floor(inner / (1 + gap.length))
  const glyphs = groups.flatMap((group) => Array<string>(group.count).fill(paint(group.glyph, group.colour)))
  const legend =
    groups.length === 0
      ? paint('no machines', 'dim')
      : groups.map((group) => `${paint(group.glyph, group.colour)} ${group.count} ${group.name}`).join('   ')
  const wanted = state.wanted === undefined ? '' : `, ${state.wanted} wanted`
  const name = `Machines  ${state.stages.length}${wanted}, at most ${state.machinesMax}, ${state.standby} on standby, ${hours(state.machineMs)} machine-hours`
  return box(name, [glyphs.slice(0, perRow).join(gap), glyphs.slice(perRow, perRow * 2).join(gap), legend], width, paint, 5)
}

function diagnosticsBox(state: ScreenState, width: number, height: number, paint: Paint): readonly string[] {
  // The newest lines that fit.
  return box('Diagnostics', linesOf(state.diagnostics, width - 4, paint).slice(-Math.max(0, height - 2)), width, paint, height)
}

function footer(state: ScreenState, width: number, paint: Paint): string {
  return spread(paint(` API ${state.address}`, 'dim'), paint('Ctrl-C ends with a summary ', 'dim'), width)
}

/** A long line is broken under its time stamp, and cut after two lines. */
function linesOf(entries: readonly Line[], width: number, paint: Paint): readonly string[] {
  return entries.flatMap((entry) =>
    wrap(harmless(entry.text), width - 7, 2).map((part, at) => {
      const stamp = at === 0 ? clockTime(entry.atMs) : '     '
      return `${paint(stamp, 'dim')}  ${entry.level === 'error' ? paint(part, 'red') : entry.level === 'warning' ? paint(part, 'yellow') : part}`
    }),
  )
}

function beside(left: Box, right: Box, width: number, paint: Paint): readonly string[] {
  const leftWidth = Math.floor((width - 1) * 0.62)
  const rightWidth = width - 1 - leftWidth
  const rightBox = box(right.title, right.lines(rightWidth - 4), rightWidth, paint, 5)
  return box(left.title, left.lines(leftWidth - 4), leftWidth, paint, 5).map((line, at) => `${line} ${rightBox[at] ?? ''}`)
}

function box(name: string, lines: readonly string[], width: number, paint: Paint, height: number): readonly string[] {
  const label = cut(name, width - 6)
  const rule = '─'.repeat(Math.max(0, width - 5 - widthOf(label)))
  const side = paint('│', 'dim')
  const inner = Array.from({ length: height - 2 }, (_, at) => `${side} ${fit(lines[at] ?? '', width - 4)} ${side}`)
  return [`${paint('┌─', 'dim')} ${label} ${paint(`${rule}┐`, 'dim')}`, ...inner, paint(`└${'─'.repeat(width - 2)}┘`, 'dim')]
}

function spread(left: string, right: string, width: number): string {
  const room = width - widthOf(left) - widthOf(right)
  return room < 1 ? cut(left, width) : left + ' '.repeat(room) + right
}

function sparkline(values: readonly number[], peak: number, width: number): string {
  return values
    .slice(-Math.max(0, width))
    .map((value) => bars[value === 0 ? 0 : Math.max(1, Math.round((value / peak) * 8))] ?? ' ')
    .join('')
}

function hours(ms: number): string {
  return (ms / 3_600_000).toFixed(1)
}
