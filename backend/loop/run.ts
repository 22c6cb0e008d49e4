/** When to pass: nudges, fairness between pools, never two passes at once on one pool. */
import type { Decision } from '../core/decision.ts'
import type { Instant, PoolSnapshot } from '../core/snapshot.ts'
import { runPool } from './pool-run.ts'
import type { LoopParts, PoolHooks } from './pool-run.ts'

export type Latest = { readonly snapshot: PoolSnapshot; readonly decision: Decision; readonly at: Instant }

export type Loop = {
  /** Somebody says that jobs changed: one pool, or all, pass at once and read their jobs anew. Polling stays the truth. */
  nudge(poolId?: number): void
  /** A person changed something that the next pass takes from our own store: it comes at once, with the readings there are. */
  wake(poolId: number): void
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
  const jobsChanged = new Set<number>()
  const turn = createTurns(passesMax)

  const hooksFor = (poolId: number, signal: AbortSignal): PoolHooks => ({
    turn,
    async rest(ms) {
      await sleepers.sleep(poolId, ms, signal)
      return jobsChanged.delete(poolId)
    },
    passed(result) {
      failures.delete(poolId)
      latest.set(poolId, result)
      for (const listener of listeners) listener(poolId)
    },
    failed: (message) => void failures.set(poolId, message),
  })
  const forget = (poolId: number): void => [runs, latest, failures, jobsChanged].forEach((each) => each.delete(poolId))
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
    nudge(poolId) {
      for (const id of runs.keys()) if (poolId === undefined || poolId === id) jobsChanged.add(id)
      sleepers.wake(poolId)
    },
    wake: (poolId) => sleepers.wake(poolId),
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
  sleep(name: number | 'pools', ms: number, signal: AbortSignal): Promise<void>
  wake(poolId?: number): void
} {
  const wakers = new Map<number | 'pools', () => void>()
  // What wakes a pool during its pass came after its reads: it ends the next sleep.
  const woken = new Set<number>()
  return {
    async sleep(name, ms, signal) {
      if (signal.aborted || (name !== 'pools' && woken.delete(name))) return
      const sleep = new AbortController()
      wakers.set(name, () => sleep.abort())
      await parts.clock.sleep(ms, sleep.signal)
      wakers.delete(name)
    },
    wake(poolId) {
      if (poolId === undefined) for (const wake of [...wakers.values()]) wake()
      else if (wakers.has(poolId)) wakers.get(poolId)?.()
      else {
        woken.add(poolId)
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
