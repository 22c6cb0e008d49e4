/** What rate-limit headers ask for. Azure DevOps sends them on good answers too, before it starts to refuse. */
import { parseTimeMs } from './clock.ts'
import type { ServiceClock } from './clock.ts'

export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** For a 429 that does not say how long. */
const unnamedWaitMs = 30_000
/** The window of Azure DevOps' rate limits. */
const waitMsMax = 5 * 60_000

export type RateWatch = {
  note(status: number, headers: HttpHeaders): void
  /** How much later to read, on the service's line: the rest of the longest wait asked for, at least the stretch. */
  slowDownMs(): number
}

/** Once the limit was in sight, reads come this much later, less and less over the window that the limit counts. */
const stretchMs = 10_000

export function createRateWatch(clock: ServiceClock): RateWatch {
  let quietUntilMs = 0
  let stretchedUntilMs = 0
  return {
    note(status, headers) {
      if (status === 429 || first(headers, 'x-ratelimit-remaining') !== undefined) stretchedUntilMs = clock.real.nowMs() + waitMsMax
      const waitMs = Math.max(retryAfterMs(headers) ?? (status === 429 ? unnamedWaitMs : 0), delayedMs(headers), exhaustedMs(headers))
      if (waitMs > 0) quietUntilMs = Math.max(quietUntilMs, clock.real.nowMs() + Math.min(waitMs, waitMsMax))
    },
    slowDownMs() {
      const now = clock.real.nowMs()
      const stretch = (stretchMs * Math.max(0, stretchedUntilMs - now)) / waitMsMax
      return Math.max(stretch, quietUntilMs - now, 0) * clock.speed
    },
  }
}

/** Retry-After in real milliseconds: seconds, or a date that is compared with the answer's own Date only. */
export function retryAfterMs(headers: HttpHeaders): number | undefined {
  const text = first(headers, 'retry-after')
  if (text === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000
  const waitMs = parseTimeMs(text) - sentAtMs(headers)
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : undefined
}

/** The delay, in seconds, that Azure DevOps put on this request: it will put it on the next ones too. */
function delayedMs(headers: HttpHeaders): number {
  const seconds = Number(first(headers, 'x-ratelimit-delay') ?? 0)
  return Number.isFinite(seconds) ? seconds * 1000 : 0
}

/** Nothing remains until the reset, which is given in seconds since 1970 by the other side's clock. */
function exhaustedMs(headers: HttpHeaders): number {
  if (first(headers, 'x-ratelimit-remaining') !== '0') return 0
  const waitMs = Number(first(headers, 'x-ratelimit-reset')) * 1000 - sentAtMs(headers)
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : 0
}

function sentAtMs(headers: HttpHeaders): number {
  return parseTimeMs(first(headers, 'date') ?? '')
}

function first(headers: HttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
