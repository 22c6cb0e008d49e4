/** World time against real time: the only place in the sandbox that scales anything by its speed. */
import type { World, WorldTime } from '../backend/simulator/facts.ts'

export type SandboxClock = {
  /** World time in ms, after the world has advanced to it. */
  nowMs(): WorldTime
  /** World time as a date: 0 is the wall time at which the sandbox started. */
  toIso(worldTime: WorldTime): string
}

/** A clock that also drives its world in real time until it is stopped. */
export type DrivingClock = SandboxClock & { stop(): void }

/** Real milliseconds between two looks at the world while nothing is due sooner. */
const longestWaitMs = 20

/** Starts driving `world` at `speed` world milliseconds per real millisecond. */
export function driveClock(world: World, speed: number): DrivingClock {
  const startedAtMs = Date.now()
  const startedAt = performance.now()
  let advancing = false
  let timer: NodeJS.Timeout | undefined

  function nowMs(): WorldTime {
    // A listener of the world may ask for the time while the world advances.
    if (advancing) return world.now()
    advancing = true
    try {
      world.advance(Math.max(world.now(), Math.floor((performance.now() - startedAt) * speed)))
    } finally {
      advancing = false
    }
    return world.now()
  }

  function tick(): void {
    const now = nowMs()
    const dueInMs = ((world.nextAt() ?? Infinity) - now) / speed
    timer = setTimeout(tick, Math.min(longestWaitMs, Math.max(1, Math.ceil(dueInMs))))
  }

  tick()
  return { nowMs, toIso: (worldTime) => new Date(startedAtMs + worldTime).toISOString(), stop: () => clearTimeout(timer) }
}
