/** Tear-down after every use: does a machine that ran its job come back by a reimage, or is it deleted? */
import { isComing } from './demand.ts'
import type { Instant, Machine, NextLife, PoolSnapshot } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

/** A reimage must be this much slower than a fresh machine before replacing is worth it. */
const slowerMs = 60_000

/**
 * The next life of every machine whose job is over, by machine id. It is reimaged while the pool's total is within the
 * peak demand of the last delay plus the standby; above that, deleted.
 */
export function nextLives(snapshot: PoolSnapshot, settings: PoolSettings, standby: number, now: Instant): ReadonlyMap<string, NextLife> {
  const machines = snapshot.machines.known ? snapshot.machines.value : []
  const finished = machines.filter(isFinished)
  const lives = new Map<string, NextLife>()
  const keep = reimageIsSlower(snapshot) || settings.deleting ? 0 : Math.min(settings.machinesMax, snapshot.peakDemand + standby)
  let staying = machines.filter((machine) => isStaying(machine) || isComing(machine, settings, now)).length + snapshot.asked + snapshot.owed
  for (const machine of finished) {
    const comesBack = staying < keep
    lives.set(machine.id, comesBack ? 'reimage' : 'delete')
    if (comesBack) staying += 1
  }
  return lives
}

/** Its one job is over and only its recycling remains. */
function isFinished(machine: Machine): boolean {
  if (machine.asked !== undefined) return false
  if (machine.stage === 'used') return true
  if (machine.stage === 'draining') return machine.cause === 'used' && machine.requestId === undefined
  return machine.stage === 'unregistered' && machine.cause === 'used'
}

function isStaying(machine: Machine): boolean {
  switch (machine.stage) {
    case 'idle':
    case 'busy':
      return true
    case 'draining':
      return machine.cause === 'used' && machine.requestId !== undefined
    default:
      return false
  }
}

function reimageIsSlower(snapshot: PoolSnapshot): boolean {
  const { boot, reimage } = snapshot
  return boot.p50Ms !== undefined && reimage.p50Ms !== undefined && reimage.p50Ms > boot.p50Ms + slowerMs
}
