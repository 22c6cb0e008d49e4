/** How often somebody may ask: fixed windows, in maps that do not grow with the number of names that a flood invents. */
import type { Clock } from '../loop/ports.ts'

export type Limit = { readonly times: number; readonly ms: number }

export type Limiter = {
  /** Counts one more under this name. 0 when it is allowed, otherwise the milliseconds until it is again. */
  waitMs(name: string): number
  /** This name begins anew. */
  forget(name: string): void
}

const namesMax = 10_000

/** `limit.times` in each window of `limit.ms`, for each name by itself. */
export function createLimiter(clock: Pick<Clock, 'now'>, limit: Limit): Limiter {
  // In the order of their beginnings: the oldest window is the first of the map.
  const windows = new Map<string, { readonly endsAt: number; count: number }>()
  return {
    waitMs(name) {
      const now = clock.now()
      const window = windows.get(name)
      if (window !== undefined && window.endsAt > now) {
        window.count += 1
        return window.count <= limit.times ? 0 : window.endsAt - now
      }
      windows.delete(name)
      for (const [old, { endsAt }] of windows) {
        if (endsAt > now && windows.size < namesMax) break
        windows.delete(old)
      }
      windows.set(name, { endsAt: now + limit.ms, count: 1 })
      return 0
    },
    forget: (name) => void windows.delete(name),
  }
}
