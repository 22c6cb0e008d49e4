/** A door: so many inside at once, so many waiting in order, and everybody else is turned away. */

export type Crowd = {
  /** Runs the work when there is room; `undefined` when too many wait already. */
  enter<T>(work: () => Promise<T>): Promise<T | undefined>
}

export function createCrowd({ insideMax, waitingMax }: { readonly insideMax: number; readonly waitingMax: number }): Crowd {
  const waiting: (() => void)[] = []
  let inside = 0
  return {
    async enter(work) {
      if (inside < insideMax) inside += 1
      else if (waiting.length < waitingMax) await new Promise<void>((next) => waiting.push(next))
      else return undefined
      try {
        return await work()
      } finally {
        // Whoever comes next takes this one's place.
        const next = waiting.shift()
        if (next === undefined) inside -= 1
        else next()
      }
    },
  }
}
