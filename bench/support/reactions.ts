/** From a job queued to the capacity write that answers it, both read from the world's own record of what happened. */
import type { WorldEvent } from '../../backend/simulator/facts.ts'
import type { BenchPool, BenchWorld } from './world.ts'

export type Reactions = {
  /** Reads what happened since the last look. */
  look(): Promise<void>
  /** Jobs of this pool are counted from now on; before, the pool was only brought into its state. */
  watch(pool: BenchPool): void
  /** Milliseconds of each job that was answered. */
  of(pool: BenchPool): readonly number[]
  /** Jobs without an answer. */
  unanswered(pool: BenchPool): number
}

type Watched = { readonly queuedAt: number[]; readonly reactions: number[] }

/** Each machine of a raised capacity answers the oldest job that has none: every job needs a machine of its own. */
export function createReactions(world: BenchWorld): Reactions {
  const byPool = new Map<number, Watched>()
  const byScaleSet = new Map<string, Watched>()
  let lastEvent = 0

  function note(event: WorldEvent): void {
    if (event.kind === 'job-queued') byPool.get(event.poolId)?.queuedAt.push(event.at)
    if (event.kind !== 'capacity' || event.by !== 'patch' || event.to <= event.from) return
    const watched = byScaleSet.get(event.scaleSetId.toLowerCase())
    const answered = watched?.queuedAt.splice(0, event.to - event.from) ?? []
    watched?.reactions.push(...answered.map((queuedAt) => event.at - queuedAt))
  }

  return {
    async look() {
      const { next, missed, entries } = await world.control.events(lastEvent)
      if (missed > 0 && lastEvent > 0) throw new Error(`${missed} events of the sandbox were missed, so the figures would be wrong.`)
      lastEvent = next
      entries.forEach(note)
    },
    watch({ poolId, scaleSetId }) {
      const watched: Watched = { queuedAt: [], reactions: [] }
      byPool.set(poolId, watched)
      byScaleSet.set(scaleSetId.toLowerCase(), watched)
    },
    of: ({ poolId }) => byPool.get(poolId)?.reactions ?? [],
    unanswered: ({ poolId }) => byPool.get(poolId)?.queuedAt.length ?? 0,
  }
}
