/** The one place that reads the computer's time, sets timers and draws ids. */
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Instant } from '../core/snapshot.ts'
import type { Clock } from '../loop/ports.ts'

/**
 * The service's clock beside real time. In the sandbox the service's line runs `speed` times faster, but tokens, HTTP
 * timeouts and Retry-After always mean real time, so the adapters use `real`.
 */
export type ServiceClock = Clock & {
  readonly speed: number
  /** Our line goes on from `at`, where it is behind: another replica's line has come that far. */
  catchUp(at: Instant): void
  readonly real: {
    /** Monotonic milliseconds since the start of this process' clock. */
    nowMs(): number
    /** Milliseconds since 1970. */
    wallTimeMs(): number
    sleep(ms: number, signal: AbortSignal): Promise<void>
  }
}

/** The longest wait a Node timer can hold; a longer one would fire at once. */
const timerMsMax = 2 ** 31 - 1

/**
 * `startAt` is where the service's line stood when it was switched off; it goes on from there. `speed` scales `now`,
 * `wallTimeMs` and `sleep`; `deadline` is always real time.
 */
export function createClock({ startAt, speed = 1 }: { readonly startAt: Instant; readonly speed?: number }): ServiceClock {
  const startedMs = performance.now()
  const realMs = () => performance.now() - startedMs
  let lineStart = startAt
  const now = () => lineStart + realMs() * speed
  return {
    speed,
    now,
    catchUp: (at) => void (lineStart += Math.max(0, at - now())),
    // By the computer's clock as it is now: whoever sets it right, or wakes the computer up, need not start the service again.
    wallTimeMs: () => Date.now() + realMs() * (speed - 1),
    sleep: (ms, signal) => wait(ms / speed, signal),
    deadline,
    newId: createIds(),
    real: { nowMs: realMs, wallTimeMs: () => Date.now(), sleep: wait },
  }
}

/** Milliseconds since 1970 of a foreign timestamp, NaN when it is none. Only compare it with its own source's others. */
export function parseTimeMs(text: string): number {
  return Date.parse(text)
}

/** Milliseconds since 1970, for packages that want a `Date`. */
export function dateOf(wallTimeMs: number): Date {
  return new Date(wallTimeMs)
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const timer = setTimeout(end, Math.min(Math.max(ms, 0), timerMsMax))
    signal.addEventListener('abort', end, { once: true })
    function end() {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}

/**
 * Made by hand because `AbortSignal.any` keeps something for every signal it derives from a long-lived parent. Here the
 * parent is left after `ms` at the latest.
 */
function deadline(ms: number, parent?: AbortSignal): AbortSignal {
  const controller = new AbortController()
  if (parent?.aborted === true) {
    controller.abort(parent.reason)
    return controller.signal
  }
  const timer = setTimeout(
    () => {
      parent?.removeEventListener('abort', follow)
      controller.abort(new DOMException(`No answer within ${String(ms)} ms.`, 'TimeoutError'))
    },
    Math.min(ms, timerMsMax),
  )
  timer.unref()
  // Many calls of a pass share one parent; Node would take more than ten for a leak.
  if (parent !== undefined) setMaxListeners(0, parent)
  parent?.addEventListener('abort', follow, { once: true })
  function follow() {
    clearTimeout(timer)
    controller.abort(parent?.reason)
  }
  return controller.signal
}

/** UUIDs of version 7: they sort by the time of their making, also within one millisecond. */
function createIds(): () => string {
  let lastMs = 0
  let count = 0
  return () => {
    const ms = Date.now()
    count = ms > lastMs ? 0 : count + 1
    // A full counter, or a clock set back: stay on our own line.
    lastMs = Math.max(lastMs, ms) + (count > 0xfff ? 1 : 0)
    if (count > 0xfff) count = 0
    const time = lastMs.toString(16).padStart(12, '0')
    const chance = randomBytes(8)
    chance.writeUInt8((chance.readUInt8(0) & 0x3f) | 0x80, 0)
    const tail = chance.toString('hex')
    return `${time.slice(0, 8)}-${time.slice(8)}-7${count.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`
  }
}
