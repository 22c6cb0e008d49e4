/** Older views of a list, for answers that lag behind. Views are whole: what was true at one moment. */
import type { WorldTime } from './facts.ts'
import type { Random } from './random.ts'

const keptMs = 300_000
const spacingMs = 1_000

export interface History<T> {
  /** Call before a change, while the fault that needs it is on. Keeps the view that is about to end, at most one a second. */
  note(now: WorldTime, view: () => T): void
  /** A view that ended at most `ageMsMax` ago; undefined when nothing changed since then. */
  older(now: WorldTime, ageMsMax: number, random: Random): T | undefined
}

export function createHistory<T>(): History<T> {
  const views: { readonly endedAt: WorldTime; readonly view: T }[] = []
  return {
    note(now, view) {
      const last = views.at(-1)
      if (last && now - last.endedAt < spacingMs) return
      views.push({ endedAt: now, view: view() })
      while (views[0] && now - views[0].endedAt > keptMs) views.shift()
    },
    older(now, ageMsMax, random) {
      const first = views.findIndex(({ endedAt }) => now - endedAt <= ageMsMax)
      if (first < 0) return undefined
      return views[first + random.below(views.length - first)]?.view
    },
  }
}
