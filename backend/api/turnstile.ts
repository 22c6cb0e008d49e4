/**
 * How often an address may come without being known. Beyond that the answer is 429, and it comes late: whoever floods over a number of
 * connections gets so many answers in half a second, whatever each of them would cost.
 */
import { createLimiter } from '../registration/limits.ts'
import type { RealTime } from './parts.ts'
import { ApiProblem } from './problems.ts'

/**
 * Counts one more from this address. Probes count for themselves and only wait: whoever watches the service would take a refusal for its
 * end. @throws ApiProblem 429 when there were too many.
 */
export type Turnstile = (address: string, isProbe?: boolean) => Promise<void>

/** A hundred a second: more than the registration of machines takes from one address by its own limits. Few at once, so that no pass waits. */
const limit = { times: 200, ms: 2_000 }
/** Requests that wait are bounded, too: those beyond are refused at once. */
const late = { ms: 500, requestsMax: 1_000 }

export function createTurnstile({ nowMs, sleep }: RealTime): Turnstile {
  const limiter = createLimiter({ now: nowMs }, limit)
  let waiting = 0
  return async (address, isProbe = false) => {
    const waitMs = limiter.waitMs(`${isProbe ? 'probe ' : ''}${networkOf(address)}`)
    if (waitMs === 0) return
    if (waiting < late.requestsMax) {
      waiting += 1
      await sleep(late.ms, new AbortController().signal)
      waiting -= 1
    }
    if (!isProbe) throw tooMany(Math.ceil(waitMs / 1_000))
  }
}

/** Whoever has one address of IPv6 has the 2^64 of its network. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const zeros = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...(tail ?? '').split(':')].slice(0, 4).join(':')
}

function tooMany(retryAfterS: number): ApiProblem {
  const message = `There are too many requests from your address. Try again in ${String(retryAfterS)} s.`
  return new ApiProblem(429, { code: 'tooMany', message }, { retryAfterS })
}
