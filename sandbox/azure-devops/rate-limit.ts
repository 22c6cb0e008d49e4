/**
 * The consumption limit: 200 TSTU per identity in any 5 minutes of real time. Near it answers are delayed and say so in
 * headers, over it they are refused. Source: azure-facts.md 2, "Rate limits".
 */

/** What a request costs, in TSTU. Assumed: the real costs depend on the work done and are not published. */
export const tstuCosts = { read: 0.05, change: 0.1, discovery: 0.01 } as const

export type RateLimit = {
  /** TSTU per identity and window. */
  readonly tstu: number
  /** Longest delay before an answer; 30 s in the documents. */
  readonly delayMsMax: number
}

export const documentedRateLimit: RateLimit = { tstu: 200, delayMsMax: 30_000 }

export type RateVerdict = { readonly refused: boolean; readonly delayMs: number; readonly headers: Readonly<Record<string, string>> }

export type RateBudget = { spend(identity: string, tstu: number): RateVerdict }

const windowMs = 5 * 60_000
/** Share of the limit from which answers carry headers and are delayed. Assumed. */
const closeShare = 0.8

type Spent = { readonly atMs: number; readonly tstu: number }

/** Budgets of all identities. `nowMs` is real time in ms since 1970. */
export function createRateBudget(limit: RateLimit, nowMs: () => number): RateBudget {
  const spentBy = new Map<string, Spent[]>()

  function spend(identity: string, tstu: number): RateVerdict {
    const now = nowMs()
    const spent = (spentBy.get(identity) ?? []).filter((entry) => entry.atMs > now - windowMs)
    const used = total(spent)
    const refused = used + tstu > limit.tstu
    if (!refused) spent.push({ atMs: now, tstu })
    spentBy.set(identity, spent)
    return verdict(limit, spent, now, refused)
  }

  return { spend }
}

function verdict(limit: RateLimit, spent: readonly Spent[], now: number, refused: boolean): RateVerdict {
  const used = total(spent)
  const close = limit.tstu * closeShare
  if (!refused && used <= close) return { refused, delayMs: 0, headers: {} }
  const delayMs = refused ? 0 : Math.round((limit.delayMsMax * (used - close)) / (limit.tstu - close))
  const retryAfterMs = refused ? roomInMs(spent, now) : delayMs
  const headers = {
    'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))),
    'x-ratelimit-resource': 'DistributedTask',
    'x-ratelimit-delay': (delayMs / 1000).toFixed(3),
    'x-ratelimit-limit': String(limit.tstu),
    'x-ratelimit-remaining': String(Math.max(0, Math.floor(limit.tstu - used))),
    'x-ratelimit-reset': String(Math.ceil((lastAtMs(spent, now) + windowMs) / 1000)),
  }
  return { refused, delayMs, headers }
}

/** When the oldest spending leaves the window. */
function roomInMs(spent: readonly Spent[], now: number): number {
  return (spent[0]?.atMs ?? now) + windowMs - now
}

function lastAtMs(spent: readonly Spent[], now: number): number {
  return spent.at(-1)?.atMs ?? now
}

function total(spent: readonly Spent[]): number {
  return spent.reduce((sum, entry) => sum + entry.tstu, 0)
}
