/** Virtual time: timers fire in order, as fast as the computer allows, once every promise that can go on has gone on. */
import type { Clock } from '../../backend/loop/ports.ts'

export type VirtualTime = {
  readonly clock: Clock
  now(): number
  /** Runs timers up to `until` (ms); `stop` may end it sooner. */
  run(until: number, stop?: () => boolean): Promise<void>
  /** A clock of one process: its line starts where its store says, not where the world is. */
  clockFrom(startAt: number, life?: Life): Clock
  /** Runs `fire` in `ms`; several for the same instant run in the order of asking. */
  after(ms: number, fire: () => void): void
  /** The computer's clock is put forward, or back, by so much. Timers do not notice. */
  jumpWall(ms: number): void
}

/** The process that a clock belongs to: it lets what is due go on, now, later, or never. */
export type Life = { wake(goOn: () => void): void }

/** A signal that never aborts. Sleeping with it costs less than with another. */
export const uninterrupted = new AbortController().signal

type Timer = { at: number; order: number; fire: () => void }

const alive: Life = { wake: (goOn) => goOn() }

export function createVirtualTime(): VirtualTime {
  let now = 0
  let order = 0
  let ids = 0
  let wallStartMs = Date.UTC(2026, 0, 5)
  const timers = createHeap()
  const after = (ms: number, fire: () => void): Timer => {
    const timer = { at: now + Math.max(0, ms), order: (order += 1), fire }
    timers.push(timer)
    return timer
  }
  const clockFrom = (startAt: number, life = alive): Clock => {
    const offset = startAt - now
    return {
      now: () => now + offset,
      wallTimeMs: () => wallStartMs + now,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          if (signal === uninterrupted) return void after(ms, () => life.wake(resolve))
          if (signal.aborted) return resolve()
          const timer = after(ms, () => {
            signal.removeEventListener('abort', stop)
            life.wake(resolve)
          })
          const stop = (): void => {
            timer.fire = () => {}
            resolve()
          }
          signal.addEventListener('abort', stop, { once: true })
        }),
      // Calls in virtual time end by themselves; the deadline of the parent is all that is needed.
      deadline: (_ms, parent) => parent ?? uninterrupted,
      newId: () => `id-${(ids += 1)}`,
    }
  }
  return {
    clock: clockFrom(0),
    now: () => now,
    clockFrom,
    after: (ms, fire) => void after(ms, fire),
    jumpWall: (ms) => void (wallStartMs += ms),
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
