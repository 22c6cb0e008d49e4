/** Virtual time: timers fire in order, as fast as the computer allows, once every promise that can go on has gone on. */
import type { Clock } from '../../backend/loop/ports.ts'

export type VirtualTime = {
  readonly clock: Clock
  now(): number
  /** Runs timers up to `until` (ms); `stop` may end it sooner. */
  run(until: number, stop?: () => boolean): Promise<void>
  /** A clock of one process: its line starts where its store says, not where the world is. */
  clockFrom(startAt: number): Clock
}

type Timer = { at: number; order: number; fire: () => void }

export function createVirtualTime(): VirtualTime {
  let now = 0
  let order = 0
  let ids = 0
  const timers = createHeap()
  const after = (ms: number, fire: () => void): Timer => {
    const timer = { at: now + Math.max(0, ms), order: (order += 1), fire }
    timers.push(timer)
    return timer
  }
  const clockFrom = (startAt: number): Clock => {
    const offset = startAt - now
    return {
      now: () => now + offset,
      wallTimeMs: () => Date.UTC(2026, 0, 5) + now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal.aborted) return resolve()
          const timer = after(ms, () => {
            signal.removeEventListener('abort', stop)
            resolve()
          })
          const stop = (): void => {
            timer.fire = () => {}
            resolve()
          }
          signal.addEventListener('abort', stop, { once: true })
        }),
      // Calls in virtual time end by themselves; the deadline of the parent is all that is needed.
      deadline: (_ms, parent) => parent ?? never,
      newId: () => `id-${(ids += 1)}`,
    }
  }
  return {
    clock: clockFrom(0),
    now: () => now,
    clockFrom,
    async run(until, stop) {
      await settled()
      for (let next = timers.peek(); next !== undefined && next.at <= until; next = timers.peek()) {
        timers.pop()
        now = Math.max(now, next.at)
        next.fire()
        await settled()
        if (stop?.() === true) return
      }
      now = Math.max(now, until)
    },
  }
}

const never = new AbortController().signal

/** Every microtask, and what they start, has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function createHeap(): { push(timer: Timer): void; pop(): Timer | undefined; peek(): Timer | undefined } {
  const heap: Timer[] = []
  const before = (left: Timer, right: Timer): boolean => left.at < right.at || (left.at === right.at && left.order < right.order)
  const swap = (a: number, b: number): void => {
    ;[heap[a], heap[b]] = [heap[b]!, heap[a]!]
  }
  return {
    peek: () => heap[0],
    push(timer) {
      heap.push(timer)
      for (let child = heap.length - 1; child > 0;) {
        const parent = (child - 1) >> 1
        if (!before(heap[child]!, heap[parent]!)) return
        swap(child, parent)
        child = parent
      }
    },
    pop() {
      const first = heap[0]
      const last = heap.pop()
      if (heap.length === 0 || last === undefined) return first
      heap[0] = last
      for (let parent = 0; ;) {
        const left = 2 * parent + 1
        let least = parent
        for (const child of [left, left + 1]) if (child < heap.length && before(heap[child]!, heap[least]!)) least = child
        if (least === parent) return first
        swap(least, parent)
        parent = least
      }
    },
  }
}
