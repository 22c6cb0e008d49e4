/** The demo's score, from the world's own record of what happened: nothing the service says enters it. */
import type { WorldEvent } from '../simulator/facts.ts'
import { quantile } from './quantile.ts'

export type Score = {
  readonly queued: number
  readonly finished: number
  readonly waits: { readonly jobs: number; readonly p50Ms?: number; readonly p95Ms?: number; readonly longestMs?: number }
  /** Jobs whose machine was deleted or reimaged while they ran, and that did not finish all the same. */
  readonly busyKills: number
}

export type Tally = { add(event: WorldEvent): void; score(): Score }

/** Counts one pool. Events come in the order in which they happened. */
export function createTally(poolId: number): Tally {
  const queuedAt = new Map<number, number>()
  const waits: number[] = []
  const runningOn = new Map<string, number>()
  const killed = new Set<number>()
  let queued = 0
  let finished = 0

  function end(requestId: number, isFinished: boolean): void {
    for (const [machine, running] of runningOn) if (running === requestId) runningOn.delete(machine)
    if (!isFinished) return
    finished += 1
    killed.delete(requestId)
  }

  return {
    add(event) {
      if (event.kind === 'delete-accepted' || event.kind === 'reimage-accepted') {
        for (const machine of event.machines) {
          const running = runningOn.get(machine)
          if (running !== undefined) killed.add(running)
        }
      }
      if (!('requestId' in event) || event.poolId !== poolId) return
      if (event.kind === 'job-queued') {
        queued += 1
        queuedAt.set(event.requestId, event.at)
      }
      if ((event.kind === 'job-assigned' || event.kind === 'job-started') && event.machine !== undefined)
        runningOn.set(event.machine, event.requestId)
      if (event.kind === 'job-started') waits.push(event.at - (queuedAt.get(event.requestId) ?? event.at))
      if (event.kind === 'job-finished') end(event.requestId, true)
      if (event.kind === 'job-abandoned' || event.kind === 'job-cancelled') end(event.requestId, false)
    },
    score() {
      const [p50Ms, p95Ms, longestMs] = [quantile(waits, 0.5), quantile(waits, 0.95), quantile(waits, 1)]
      const shares = {
        ...(p50Ms !== undefined && { p50Ms }),
        ...(p95Ms !== undefined && { p95Ms }),
        ...(longestMs !== undefined && { longestMs }),
      }
      return { queued, finished, waits: { jobs: waits.length, ...shares }, busyKills: killed.size }
    },
  }
}
