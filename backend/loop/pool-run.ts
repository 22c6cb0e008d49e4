/** The passes of one pool, one after the other. The only place that logs a failed pass. */
import { restoreState } from './pool-state.ts'
import type { PoolState } from './pool-state.ts'
import { LeaseLost } from './ports.ts'
import type { Pipelines, PoolRecord, ScaleSet } from './ports.ts'
import type { Replicas } from './ports-replicas.ts'
import { createReadings } from './readings.ts'
import { pass } from './reconcile.ts'
import type { PassParts, PassResult } from './reconcile.ts'

export type LoopParts = PassParts & {
  /** The two sides of one pool. Called again when the pool's scale set changes. */
  readonly connect: (record: PoolRecord) => { readonly pipelines: Pipelines; readonly scaleSet: ScaleSet }
  /** Absent where one replica holds all pools. */
  readonly replicas?: Replicas
}

export type PoolHooks = {
  /** Waits for a turn among the pools; the answer gives it back. */
  readonly turn: () => Promise<() => void>
  /** Waits this long or until woken. True when somebody said meanwhile that jobs changed. */
  readonly rest: (ms: number) => Promise<boolean>
  readonly passed: (result: PassResult) => void
  readonly failed: (message: string) => void
}

/** After a failed pass: the first wait, doubled up to the last. */
const failedMs = { first: 5_000, last: 60_000 } as const

/** Passes until the signal aborts, the pool is gone, or another replica may hold it. Never rejects. */
export async function runPool(parts: LoopParts, poolId: number, hooks: PoolHooks, signal: AbortSignal): Promise<void> {
  let state: PoolState | undefined
  let failures = 0
  const isOurs = (): boolean => parts.lease(poolId) !== undefined
  while (!signal.aborted && isOurs()) {
    const done = await hooks.turn()
    let waitMs: number | undefined
    try {
      const record = await parts.settings.pool(poolId)
      if (record === undefined) return
      state = await stateFor(parts, record, state)
      waitMs = await onePass(parts, state, record, hooks, signal)
      failures = 0
    } catch (error) {
      if (error instanceof LeaseLost && !isOurs()) return
      // What the journal holds is the truth: the next pass starts from it.
      state = undefined
      failures += 1
      waitMs = Math.min(failedMs.last, failedMs.first * 2 ** (failures - 1))
      hooks.failed(report(parts, poolId, error))
    } finally {
      done()
    }
    if (waitMs === undefined) return
    if (await hooks.rest(waitMs)) state?.readings.nudge()
  }
}

/** One pass; undefined when the pool was deleted by it. */
async function onePass(
  parts: LoopParts,
  state: PoolState,
  record: PoolRecord,
  hooks: PoolHooks,
  signal: AbortSignal,
): Promise<number | undefined> {
  const result = await pass(parts, state, record, signal)
  hooks.passed(result)
  if (!result.forget) return nextPassInMs(result)
  await parts.settings.forget(record.poolId)
  return undefined
}

/** Keeps the reads of a minute within their budget although no two passes take the same time. */
const slackMs = 60

/** A pass after a step of our own comes between two looks at the jobs: the one that follows keeps their pace. */
function nextPassInMs({ decision, snapshot, at }: PassResult): number {
  const ageMs = snapshot.jobs.known ? Math.max(0, at - snapshot.jobs.at) : 0
  return slackMs + (ageMs < decision.lookAgainInMs ? decision.lookAgainInMs - ageMs : decision.lookAgainInMs)
}

async function stateFor(parts: LoopParts, record: PoolRecord, state: PoolState | undefined): Promise<PoolState> {
  if (state !== undefined && state.scaleSetId === record.scaleSetId) return state
  const { pipelines, scaleSet } = parts.connect(record)
  const readings = createReadings(record.poolId, pipelines, scaleSet, parts.clock)
  return restoreState({ scaleSetId: record.scaleSetId, pipelines, scaleSet, readings }, await parts.journal.remembered(record.poolId))
}

function report(parts: LoopParts, poolId: number, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  parts.metrics.passFailed(poolId)
  if (error instanceof LeaseLost)
    parts.log.warn({ pool: poolId, error: message }, 'Pass stopped: nothing may be changed now. GET /readyz says why.')
  else
    parts.log.error(
      { pool: poolId, error: message, stack: error instanceof Error ? error.stack : undefined },
      'Pass failed; the next one starts from the journal.',
    )
  return message
}
