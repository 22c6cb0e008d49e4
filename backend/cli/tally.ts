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

type JobEvent = Extract<WorldEvent, { readonly requestId: number }>
export type Tally = { add(event: WorldEvent): void; score(): Score }

/** Counts one pool. Events come in the order in which they happened. */
export function createTally(poolId: number): Tally {
  const queuedAt = new Map<number, number>()
  const waits: number[] = []
  const runningOn = new Map<string, number>()
  const killed = new Set<number>()
  let finished = 0

  function remove(machines: readonly string[]): void {
    for (const machine of machines) {
      const running = runningOn.get(machine)
      if (running !== undefined) killed.add(running)
    }
  }

  function leaveMachine(requestId: number): void {
    for (const [machine, running] of runningOn) if (running === requestId) runningOn.delete(machine)
  }

  function note({ kind, at, requestId, machine }: JobEvent): void {
    if (kind === 'job-queued') queuedAt.set(requestId, at)
    else if (kind === 'job-finished' || kind === 'job-abandoned' || kind === 'job-cancelled') leaveMachine(requestId)
    else if (machine !== undefined) runningOn.set(machine, requestId)
    if (kind === 'job-started') waits.push(at - (queuedAt.get(requestId) ?? at))
    if (kind !== 'job-finished') return
    finished += 1
    killed.delete(requestId)
  }

  return {
    add(event) {
      if (event.kind === 'delete-accepted' || event.kind === 'reimage-accepted') remove(event.machines)
      if ('requestId' in event && event.poolId === poolId) note(event)
    },
    score() {
      const [p50Ms, p95Ms, longestMs] = [quantile(waits, 0.5), quantile(waits, 0.95), quantile(waits, 1)]
      const shares = {
        ...(p50Ms !== undefined && { p50Ms }),
        ...(p95Ms !== undefined && { p95Ms }),
        ...(longestMs !== undefined && { longestMs }),
      }
      return { queued: queuedAt.size, finished, waits: { jobs: waits.length, ...shares }, busyKills: killed.size }
    },
  }
}
