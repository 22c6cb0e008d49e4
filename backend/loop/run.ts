/** When to pass: nudges, fairness between pools, never two passes at once on one pool. */
import type { Decision } from '../core/decision.ts'
import type { Instant, PoolSnapshot } from '../core/snapshot.ts'
import { runPool } from './pool-run.ts'
import type { LoopParts, PoolHooks } from './pool-run.ts'

export type Latest = { readonly snapshot: PoolSnapshot; readonly decision: Decision; readonly at: Instant }

export type Loop = {
  /** Wakes one pool, or all, to pass at once. Only wakes: polling stays the truth. */
  nudge(poolId?: number): void
  /** Passes until the signal aborts, and lets running passes end. */
  run(signal: AbortSignal): Promise<void>
  latest(poolId: number): Latest | undefined
  /** The pool's last pass that went through; undefined before the first. */
  lastPassAt(poolId: number): Instant | undefined
  /** The last failure of a pool whose newest pass failed, in words. */
  failure(poolId: number): string | undefined
  onPass(listener: (poolId: number) => void): () => void
}

/** New pools are looked for this often; a nudge looks at once. */
const poolsMs = 10_000
/** How many pools pass at the same time. */
const passesMax = 8

/** The loop over all pools of this service. */
export function createLoop(parts: LoopParts): Loop {
  const runs = new Map<number, Promise<void>>()
  const latest = new Map<number, Latest>()
  const failures = new Map<number, string>()
  const listeners = new Set<(poolId: number) => void>()
  const sleepers = createSleepers(parts)
  const turn = createTurns(passesMax)

  const hooksFor = (poolId: number, signal: AbortSignal): PoolHooks => ({
    turn,
    rest: (ms) => sleepers.sleep(poolId, ms, signal),
    passed(result) {
      failures.delete(poolId)
      latest.set(poolId, result)
      for (const listener of listeners) listener(poolId)
    },
    failed: (message) => void failures.set(poolId, message),
  })
  const forget = (poolId: number): void => {
    for (const map of [runs, latest, failures]) map.delete(poolId)
  }
  const startNewPools = async (signal: AbortSignal): Promise<void> => {
    try {
      for (const poolId of await parts.settings.pools()) {
        if (!runs.has(poolId))
          runs.set(
            poolId,
            runPool(parts, poolId, hooksFor(poolId, signal), signal).finally(() => forget(poolId)),
          )
      }
    } catch (error) {
      parts.log.error({ error: String(error) }, 'The list of pools could not be read; it is tried again.')
    }
  }

  return {
    nudge: (poolId) => sleepers.wake(poolId),
    async run(signal) {
      signal.addEventListener('abort', () => sleepers.wake(), { once: true })
      while (!signal.aborted) {
        await startNewPools(signal)
        await sleepers.sleep('pools', poolsMs, signal)
      }
      await Promise.all(runs.values())
    },
    latest: (poolId) => latest.get(poolId),
    lastPassAt: (poolId) => latest.get(poolId)?.at,
    failure: (poolId) => failures.get(poolId),
    onPass(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Sleeps that can be ended by name: one for each pool, and one for the look at new pools. */
function createSleepers(parts: Pick<LoopParts, 'clock'>): {
  /** True when the sleep was ended by a nudge. */
  sleep(name: number | 'pools', ms: number, signal: AbortSignal): Promise<boolean>
  wake(poolId?: number): void
} {
  const wakers = new Map<number | 'pools', () => void>()
  // A nudge during a pass is for what came after its reads: it shortens the next sleep.
  const nudged = new Set<number>()
  return {
    async sleep(name, ms, signal) {
      if (signal.aborted || (name !== 'pools' && nudged.delete(name))) return true
      const woken = new AbortController()
      const wake = (): void => woken.abort()
      wakers.set(name, wake)
      await parts.clock.sleep(ms, woken.signal)
      wakers.delete(name)
      return woken.signal.aborted
    },
    wake(poolId) {
      if (poolId === undefined) for (const wake of [...wakers.values()]) wake()
      else if (wakers.has(poolId)) wakers.get(poolId)?.()
      else {
        nudged.add(poolId)
        wakers.get('pools')?.()
      }
    },
  }
}

/** Lets `most` holders in at a time, in order of asking. Each gives its turn back by calling what it got. */
function createTurns(most: number): () => Promise<() => void> {
  let held = 0
  const waiting: (() => void)[] = []
  const give = (): void => {
    const next = waiting.shift()
    if (next === undefined) held -= 1
    else next()
  }
  return async () => {
    if (held < most) held += 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    return give
  }
}
