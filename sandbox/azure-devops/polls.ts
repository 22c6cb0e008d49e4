/** Held polls: a request of an agent that waits, in real time, until the world assigns the agent a job. */
import type { World } from '../../backend/simulator/facts.ts'

export type Polls = {
  /** True when a job was assigned to the agent; false after `ms`, when `gone` aborts, or when polling has ended. */
  wait(agentId: number, ms: number, gone: AbortSignal): Promise<boolean>
  /** Lets go of all held polls. */
  end(): void
}

export function createPolls(world: World): Polls {
  const held = new Map<number, Set<(hasJob: boolean) => void>>()
  const unwatch = world.watch((event) => {
    if (event.kind !== 'job-assigned' || event.agentId === undefined) return
    for (const release of held.get(event.agentId) ?? []) release(true)
  })
  let ended = false

  function wait(agentId: number, ms: number, gone: AbortSignal): Promise<boolean> {
    if (ms <= 0 || ended || gone.aborted) return Promise.resolve(false)
    return new Promise((resolve) => {
      const waiting = held.get(agentId) ?? new Set()
      const release = (hasJob: boolean): void => {
        clearTimeout(timer)
        gone.removeEventListener('abort', giveUp)
        waiting.delete(release)
        if (waiting.size === 0) held.delete(agentId)
        resolve(hasJob)
      }
      const giveUp = (): void => release(false)
      const timer = setTimeout(giveUp, ms)
      gone.addEventListener('abort', giveUp)
      held.set(agentId, waiting.add(release))
    })
  }

  function end(): void {
    ended = true
    unwatch()
    for (const waiting of [...held.values()]) for (const release of [...waiting]) release(false)
  }

  return { wait, end }
}
