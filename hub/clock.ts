/** The browser's time and timers: the only file of the hub that touches them, so that the rest can be tested without waiting. */

export type HubClock = {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls once after `ms`; the function that it returns calls it off. */
  after(ms: number, call: () => void): () => void
}

export const browserClock: HubClock = {
  now: () => Date.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export function sleep(clock: HubClock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const callOff = clock.after(ms, resolve)
    signal.addEventListener('abort', () => {
      callOff()
      resolve()
    })
  })
}

/** Aborts with the signal, or after `ms`; `end` frees the timer. */
export function withDeadline(clock: HubClock, ms: number, signal?: AbortSignal): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  const callOff = clock.after(ms, abort)
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort)
  return {
    signal: controller.signal,
    end() {
      callOff()
      signal?.removeEventListener('abort', abort)
    },
  }
}

/** `2026-01-31T14:05:12.345Z` */
export function instantText(atMs: number): string {
  return isInstant(atMs) ? new Date(atMs).toISOString() : 'unknown'
}

/** Dates end there: beyond it they cannot be written. */
export function isInstant(atMs: number): boolean {
  return Math.abs(atMs) <= 8.64e15
}
