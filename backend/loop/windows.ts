/** Lowest and highest values of the last while, as monotone queues of [instant, value]: small, and kept over restarts. */
import type { Instant } from '../core/snapshot.ts'

export type Queue = readonly (readonly [Instant, number])[]

/** Adds a value to a queue whose front is always the lowest of the last `spanMs`. */
export function pushLowest(queue: Queue, at: Instant, value: number, spanMs: number): Queue {
  return push(queue, at, value, spanMs, (older) => older >= value)
}

/** Adds a value to a queue whose front is always the highest of the last `spanMs`. */
export function pushHighest(queue: Queue, at: Instant, value: number, spanMs: number): Queue {
  return push(queue, at, value, spanMs, (older) => older <= value)
}

/**
 * An entry holds from its instant until the next one's. A new value that outdoes older ones takes over their beginning:
 * from there on no window has a better value. The same queue comes back when nothing changed.
 */
function push(queue: Queue, at: Instant, value: number, spanMs: number, isOutdone: (older: number) => boolean): Queue {
  const kept = queue.filter((_entry, index) => (queue[index + 1]?.[0] ?? at) > at - spanMs)
  let from = at
  for (let last = kept.at(-1); last !== undefined && isOutdone(last[1]); last = kept.at(-1)) {
    kept.pop()
    from = last[0]
  }
  const before = queue.at(-1)
  if (kept.length === queue.length - 1 && before !== undefined && before[0] === from && before[1] === value) return queue
  return [...kept, [from, value]]
}

const least = 5
const known = new WeakMap<readonly number[], Percentiles | undefined>()

export type Percentiles = { readonly p50Ms: number; readonly p95Ms: number }

/** Median and 95th percentile of durations; `undefined` for fewer than five. Sorted once for each new one, not in every pass. */
export function percentiles(times: readonly number[]): Percentiles | undefined {
  if (!known.has(times)) known.set(times, sortedOut(times))
  return known.get(times)
}

function sortedOut(times: readonly number[]): Percentiles | undefined {
  const sorted = times.toSorted((left, right) => left - right)
  const [p50Ms, p95Ms] = [0.5, 0.95].map((share) => sorted[Math.floor(sorted.length * share)])
  return times.length < least || p50Ms === undefined || p95Ms === undefined ? undefined : { p50Ms, p95Ms }
}
