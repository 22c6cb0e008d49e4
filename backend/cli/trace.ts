/** The part of a recorded trace that the demo replays. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { parseTrace, type Arrival } from '../simulator/traffic.ts'
import { clockTime, formatDuration } from './duration.ts'
import { exitCodes, Failure } from './exit.ts'

const dayMs = 86_400_000
/** How long a time of day a newcomer is shown first. */
const busyMs = 2 * 3_600_000

export type Replay = {
  /** `bitcoin-core-ci.linux.csv from day 41, 07:00`. */
  readonly source: string
  readonly startMs: number
  /** Sorted; `atMs` counts from the start of the replay. */
  readonly arrivals: readonly Arrival[]
}

/** @throws Failure when the file cannot be read, is no trace, or has no job in the part asked for. */
export function readReplay(file: string, part: { readonly fromMs?: number; readonly forMs?: number }): Replay {
  return cutReplay(basename(file), readTrace(file), part)
}

/** Without `fromMs` it begins where the next two hours have the most jobs. */
export function cutReplay(name: string, trace: readonly Arrival[], part: { readonly fromMs?: number; readonly forMs?: number }): Replay {
  const startMs = part.fromMs ?? busiestStart(trace, part.forMs === undefined ? busyMs : Math.min(part.forMs, busyMs))
  const endMs = part.forMs === undefined ? Infinity : startMs + part.forMs
  const arrivals = trace
    .filter(({ atMs }) => atMs >= startMs && atMs < endMs)
    .map((arrival) => ({ ...arrival, atMs: arrival.atMs - startMs }))
  if (arrivals.length === 0) {
    const last = formatDuration(trace.at(-1)?.atMs ?? 0)
    throw new Failure(
      exitCodes.usage,
      `The trace ${name} has no job in the part asked for; it ends after ${last}. Choose an earlier --from or a longer --for.`,
    )
  }
  return { source: `${name} from day ${Math.floor(startMs / dayMs) + 1}, ${clockTime(startMs)}`, startMs, arrivals }
}

/** The arrival that begins the window of `windowMs` with the most arrivals. */
export function busiestStart(trace: readonly Arrival[], windowMs: number): number {
  let best = { atMs: 0, jobs: 0 }
  let end = 0
  trace.forEach(({ atMs }, begin) => {
    while (end < trace.length && (trace[end]?.atMs ?? Infinity) < atMs + windowMs) end += 1
    if (end - begin > best.jobs) best = { atMs, jobs: end - begin }
  })
  return best.atMs
}

function readTrace(file: string): readonly Arrival[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure(exitCodes.noInput, `The trace ${file} cannot be read. Check the path given with --trace.`, error)
  }
  try {
    return parseTrace(text)
  } catch (error) {
    throw new Failure(exitCodes.usage, `The trace ${file} is not usable: ${error instanceof Error ? error.message : String(error)}`, error)
  }
}
