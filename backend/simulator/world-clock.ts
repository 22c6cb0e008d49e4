/** Virtual time: what is due, in order of time and then of being scheduled. */
import type { WorldTime } from './facts.ts'

type Due = { readonly at: WorldTime; readonly order: number; readonly run: () => void }

export interface WorldClock {
  now(): WorldTime
  /** Runs `run` when the clock reaches `at`, rounded up to whole ms; the past counts as now. */
  at(at: WorldTime, run: () => void): void
  after(ms: number, run: () => void): void
  advance(until: WorldTime): void
  nextAt(): WorldTime | undefined
}

export function createWorldClock(): WorldClock {
  const heap: Due[] = []
  let now = 0
  let order = 0
  const at = (time: WorldTime, run: () => void): void => push(heap, { at: Math.max(Math.ceil(time), now), order: order++, run })
  return {
    now: () => now,
    at,
    after: (ms, run) => at(now + ms, run),
    nextAt: () => heap[0]?.at,
    advance(until) {
      for (let due = heap[0]; due !== undefined && due.at <= until; due = heap[0]) {
        pop(heap)
        now = due.at
        due.run()
      }
      now = Math.max(now, until)
    },
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function push(heap: Due[], due: Due): void {
  let index = heap.length
  heap.push(due)
  while (index > 0) {
    const above = (index - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || !isBefore(due, parent)) break
    heap[index] = parent
    index = above
  }
  heap[index] = due
}

/** Removes the first; the last one sinks from the top to its place. */
function pop(heap: Due[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let index = 0
  for (;;) {
    let below = 2 * index + 1
    let child = heap[below]
    if (child === undefined) break
    const right = heap[below + 1]
    if (right !== undefined && isBefore(right, child)) {
      child = right
      below++
    }
    if (!isBefore(child, last)) break
    heap[index] = child
    index = below
  }
  heap[index] = last
}
