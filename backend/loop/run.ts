/** When to pass: pace, nudges, fairness between pools, never two at once on one pool. The only place that logs a failed pass. */
import type { Decision } from '../core/decision.ts'
import type { Instant, PoolSnapshot } from '../core/snapshot.ts'
import { restoreState } from './pool-state.ts'
import type { PoolState } from './pool-state.ts'
import { LeaseLost } from './ports.ts'
import type { Pipelines, PoolRecord, ScaleSet } from './ports.ts'
import { createReadings } from './readings.ts'
import { pass } from './reconcile.ts'
import type { PassParts } from './reconcile.ts'

export type LoopParts = PassParts & {
  /** The two sides of one pool. Called again when the pool's scale set changes. */
  readonly connect: (record: PoolRecord) => { readonly pipelines: Pipelines; readonly scaleSet: ScaleSet }
}

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
/** After a failed pass: the first wait, doubled up to the last. */
const failedMs = { first: 5_000, last: 60_000 } as const
/** How many pools pass at the same time. */
const passesMax = 8

type PoolRun = { readonly done: Promise<void>; readonly stop: AbortController }

/** The loop over all pools of this service. */
export function createLoop(parts: LoopParts): Loop {
  const runs = new Map<number, PoolRun>()
  const latest = new Map<number, Latest>()
  const failures = new Map<number, string>()
  const listeners = new Set<(poolId: number) => void>()
  const wakers = new Map<number | 'pools', () => void>()
  const turns = createTurns(passesMax)

  const loop: Loop = {
    nudge(poolId) {
      if (poolId === undefined) for (const wake of wakers.values()) wake()
      else (wakers.get(poolId) ?? wakers.get('pools'))?.()
    },
    async run(signal) {
      while (!signal.aborted) {
        await startNewPools(signal)
        await rest('pools', poolsMs, signal)
      }
      await Promise.all([...runs.values()].map((run) => run.done))
    },
    latest: (poolId) => latest.get(poolId),
    lastPassAt: (poolId) => latest.get(poolId)?.at,
    failure: (poolId) => failures.get(poolId),
    onPass(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return loop

  async function startNewPools(signal: AbortSignal): Promise<void> {
    try {
      for (const poolId of await parts.settings.pools()) if (!runs.has(poolId)) start(poolId, signal)
    } catch (error) {
      parts.log.error({ error: String(error) }, 'The list of pools could not be read; it is tried again.')
    }
  }

  function start(poolId: number, signal: AbortSignal): void {
    const stop = new AbortController()
    const done = runPool(poolId, signal).finally(() => { runs.delete(poolId); wakers.delete(poolId) })
    runs.set(poolId, { done, stop })
  }

  async function runPool(poolId: number, signal: AbortSignal): Promise<void> {
    let state: PoolState | undefined
    let failed = 0
    while (!signal.aborted) {
      const turn = await turns.take()
      let waitMs: number
      try {
        const record = await parts.settings.pool(poolId)
        if (record === undefined) return
        state = await stateFor(record, state)
        const result = await pass(parts, state, record, signal)
        failed = 0
        failures.delete(poolId)
        latest.set(poolId, result)
        for (const listener of listeners) listener(poolId)
        if (result.forget) return await parts.settings.forget(poolId)
        waitMs = result.decision.lookAgainInMs
      } catch (error) {
        // What the journal holds is the truth: the next pass starts from it.
        state = undefined
        failed += 1
        waitMs = Math.min(failedMs.last, failedMs.first * 2 ** (failed - 1))
        reportFailure(poolId, error)
      } finally {
        turn()
      }
      await rest(poolId, waitMs, signal)
    }
  }

  async function stateFor(record: PoolRecord, state: PoolState | undefined): Promise<PoolState> {
    if (state !== undefined && state.scaleSetId === record.scaleSetId) return state
    const { pipelines, scaleSet } = parts.connect(record)
    const readings = createReadings(record.poolId, pipelines, scaleSet, parts.clock)
    return restoreState({ scaleSetId: record.scaleSetId, pipelines, scaleSet, readings }, await parts.journal.remembered(record.poolId))
  }

  function reportFailure(poolId: number, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    failures.set(poolId, message)
    parts.metrics.passFailed(poolId)
    const fields = { pool: poolId, error: message, ...(error instanceof LeaseLost || !(error instanceof Error) ? {} : { stack: error.stack }) }
    if (error instanceof LeaseLost) parts.log.warn(fields, 'Pass stopped: the lease is held elsewhere.')
    else parts.log.error(fields, 'Pass failed; the next one starts from the journal.')
  }

  async function rest(name: number | 'pools', ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    const stop = (): void => woken.abort()
    wakers.set(name, stop)
    signal.addEventListener('abort', stop, { once: true })
    await parts.clock.sleep(ms, woken.signal)
    signal.removeEventListener('abort', stop)
  }
}

/** Lets `most` holders in at a time, in order of asking. */
function createTurns(most: number): { take(): Promise<() => void> } {
  let held = 0
  const waiting: (() => void)[] = []
  const give = (): void => {
    held -= 1
    waiting.shift()?.()
  }
  return {
    async take() {
      if (held >= most) await new Promise<void>((resolve) => waiting.push(resolve))
      held += 1
      return give
    },
  }
}
