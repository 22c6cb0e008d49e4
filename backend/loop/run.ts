/** When to pass: nudges, fairness between pools, never two passes at once on one pool. */
import type { Instant } from '../core/snapshot.ts'
import { createFollower, type Latest } from './follow.ts'
import { runPool } from './pool-run.ts'
import type { LoopParts, PoolHooks } from './pool-run.ts'

export type Loop = {
  /** Somebody says that jobs changed: one pool, or all, pass at once and read their jobs anew. Polling stays the truth. */
  nudge(poolId?: number): void
  /** A person changed something that the next pass takes from our own store: it comes at once, with the readings there are. */
  wake(poolId: number): void
  /** Passes until the signal aborts, and lets running passes end. */
  run(signal: AbortSignal): Promise<void>
  /** What the newest pass saw, whichever replica made it. */
  latest(poolId: number): Promise<Latest | undefined>
  /** The same of a pool that passes here; undefined for a pool that another replica holds. */
  own(poolId: number): Latest | undefined
  /** A pass of it runs here, or is about to. */
  isPassing(poolId: number): boolean
  /** The pool's last pass that went through; undefined before the first. */
  lastPassAt(poolId: number): Instant | undefined
  /** The last failure of a pool whose newest pass failed, in words. */
  failure(poolId: number): string | undefined
  onPass(listener: (poolId: number) => void): () => void
}

/** New pools are looked for this often; a nudge looks at once. */
const poolsMs = 10_000
/** How many pools pass at the same time: enough for hundreds whose passes wait for Azure most of their time. */
const passesMax = 64

/** The loop over all pools of this service: those that this replica holds pass, the others are followed. */
export function createLoop(parts: LoopParts): Loop {
  const listeners = new Set<(poolId: number) => void>()
  const tellListeners = (poolId: number): void => listeners.forEach((listener) => listener(poolId))
  const sleepers = createSleepers(parts)
  const runs = createRuns(parts, sleepers, tellListeners)
  const follower = createFollower(parts, { own: runs.pools, nudged: runs.nudge, passed: tellListeners, looked: runs.start })
  const tellOthers = (jobsChanged: boolean, poolId?: number): void => {
    const asked = poolId === undefined ? runs.listed() : [poolId]
    const own = new Set(runs.pools())
    follower.tell(asked.filter((id) => !own.has(id)).map((id) => ({ poolId: id, jobsChanged })))
  }

  return {
    nudge(poolId) {
      runs.nudge({ poolId, jobsChanged: true })
      tellOthers(true, poolId)
    },
    wake(poolId) {
      runs.nudge({ poolId, jobsChanged: false })
      tellOthers(false, poolId)
    },
    async run(signal) {
      signal.addEventListener('abort', () => sleepers.wake(), { once: true })
      const following = follower.run(signal)
      while (!signal.aborted) {
        await runs.look(signal)
        await sleepers.sleep('pools', poolsMs, signal)
      }
      await Promise.all([following, runs.ended()])
    },
    latest: async (poolId) => runs.latest(poolId) ?? follower.latest(poolId),
    own: runs.latest,
    isPassing: runs.isPassing,
    lastPassAt: (poolId) => runs.latest(poolId)?.at ?? follower.lastPassAt(poolId),
    failure: runs.failure,
    onPass(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The pools that pass here, and what is known of them. */
function createRuns(parts: LoopParts, sleepers: Sleepers, passed: (poolId: number) => void) {
  const runs = new Map<number, Promise<void>>()
  const latest = new Map<number, Latest>()
  const failures = new Map<number, string>()
  const jobsChanged = new Set<number>()
  const turns = createTurns(passesMax)
  let listed: readonly number[] = []

  const hooksFor = (poolId: number, signal: AbortSignal): PoolHooks => ({
    turn: () => turns.take(poolId),
    async rest(ms) {
      await sleepers.sleep(poolId, ms, signal)
      return jobsChanged.delete(poolId)
    },
    passed(result) {
      failures.delete(poolId)
      latest.set(poolId, result)
      passed(poolId)
    },
    failed: (message) => void failures.set(poolId, message),
  })
  /** What a replica that holds no pool saw last is still what is known, unless another one tells. */
  const forget = (poolId: number): void => {
    for (const each of [runs, failures, jobsChanged]) each.delete(poolId)
    if (parts.replicas !== undefined && latest.delete(poolId)) parts.metrics.left(poolId)
  }
  const start = (signal: AbortSignal): void => {
    for (const poolId of listed) {
      if (signal.aborted || runs.has(poolId) || parts.lease(poolId) === undefined) continue
      const run = runPool(parts, poolId, hooksFor(poolId, signal), signal)
      runs.set(
        poolId,
        run.finally(() => forget(poolId)),
      )
    }
  }

  return {
    start,
    pools: () => [...runs.keys()],
    listed: () => listed,
    latest: (poolId: number) => latest.get(poolId),
    failure: (poolId: number) => failures.get(poolId),
    isPassing: turns.has,
    ended: () => Promise.all(runs.values()),
    nudge(nudge: { readonly poolId: number | undefined; readonly jobsChanged: boolean }) {
      if (nudge.jobsChanged) for (const id of runs.keys()) if (nudge.poolId === undefined || nudge.poolId === id) jobsChanged.add(id)
      sleepers.wake(nudge.poolId)
    },
    async look(signal: AbortSignal) {
      try {
        listed = await parts.settings.pools()
        for (const poolId of latest.keys()) if (!runs.has(poolId) && !listed.includes(poolId)) latest.delete(poolId)
        start(signal)
      } catch (error) {
        parts.log.error({ error: String(error) }, 'The list of pools could not be read; it is tried again.')
      }
    },
  }
}

/** Sleeps that can be ended by name: one for each pool, and one for the look at new pools. */
type Sleepers = {
  sleep(name: number | 'pools', ms: number, signal: AbortSignal): Promise<void>
  wake(poolId?: number): void
}

function createSleepers(parts: Pick<LoopParts, 'clock'>): Sleepers {
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

/** Lets `most` pools in at a time, in order of asking. Each gives its turn back by calling what it got. */
function createTurns(most: number): { take(poolId: number): Promise<() => void>; has(poolId: number): boolean } {
  let held = 0
  const holders = new Set<number>()
  const waiting: (() => void)[] = []
  return {
    has: (poolId) => holders.has(poolId),
    async take(poolId) {
      if (held < most) held += 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      holders.add(poolId)
      return () => {
        holders.delete(poolId)
        const next = waiting.shift()
        if (next === undefined) held -= 1
        else next()
      }
    },
  }
}
