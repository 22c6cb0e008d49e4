/** Who may leave, in what order, and why every other one stays. */
import type { Reason, StayCause } from './decision.ts'
import { idleAgents } from './demand.ts'
import { createMsMax, offlineGraceMs } from './health.ts'
import type { CompleteSnapshot, Machine, MachineIn } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

/**
 * Idle machines that leave now: the surplus that stood during the whole last delay, never more than what stands above
 * standby and waiting jobs at this moment.
 */
export function surplusMachines(snapshot: CompleteSnapshot, standby: number, waiting: number): readonly MachineIn<'idle'>[] {
  const idle = snapshot.machines.value.filter(
    (machine): machine is MachineIn<'idle'> => machine.stage === 'idle' && machine.asked === undefined && machine.protected !== true,
  )
  const ordered = snapshot.machines.value.filter((machine) => machine.stage === 'idle' && machine.asked !== undefined).length
  const nowSurplus = idleAgents(snapshot) - ordered - standby - waiting
  const count = Math.max(0, Math.min(snapshot.lowestSurplus ?? 0, nowSurplus, idle.length))
  return count === 0 ? [] : idle.toSorted(leavesFirst).slice(0, count)
}

/** Old models leave first, then machines without warm caches, then the longest idle; ADR 0006. */
function leavesFirst(left: MachineIn<'idle'>, right: MachineIn<'idle'>): number {
  return rank(left) - rank(right) || left.since - right.since || left.id.localeCompare(right.id, 'en', { numeric: true })
}

function rank(machine: Machine): number {
  return machine.oldModel === true ? 0 : machine.warm === true ? 2 : 1
}

/** Why a machine that no step names stays. */
export function whyStays(
  snapshot: CompleteSnapshot,
  settings: PoolSettings,
  machine: Machine,
  standby: number,
): Extract<Reason, { code: 'stays' }> {
  const stays = (
    why: StayCause,
    more: { readonly untilMs?: number; readonly detail?: string } = {},
  ): Extract<Reason, { code: 'stays' }> => ({ code: 'stays', machine: machine.name, why, ...more })
  if (machine.protected === true && machine.stage !== 'busy' && machine.stage !== 'saved') return stays('protected')
  switch (machine.stage) {
    case 'busy':
      return stays('busy', { detail: String(machine.requestId) })
    case 'creating':
      return stays('starting', { untilMs: machine.since + createMsMax })
    case 'starting':
      return stays('starting', { untilMs: machine.since + settings.startMinutesMax * 60_000 })
    case 'idle':
      return whyIdleStays(snapshot, standby, stays)
    case 'draining':
    case 'disabled':
      return machine.requestId === undefined ? stays('removal-elsewhere') : stays('waits-for-job', { detail: String(machine.requestId) })
    case 'used':
    case 'unregistered':
      return stays('removal-elsewhere')
    case 'offline':
      return machine.requestId === undefined
        ? stays('grace', { untilMs: machine.since + offlineGraceMs })
        : stays('job-counted', { detail: String(machine.requestId) })
    case 'failed':
      if (machine.cause === 'stopped' && machine.requestId === undefined) return stays('grace', { untilMs: machine.since + offlineGraceMs })
      return machine.requestId === undefined ? stays('removal-elsewhere') : stays('job-counted', { detail: String(machine.requestId) })
    case 'saved':
      return stays('saved')
    case 'deleting':
      return stays('being-deleted')
    case 'reimaging':
      return stays('being-reimaged')
    case 'foreign':
      return stays('foreign')
    case 'unclear':
      return stays('unclear', { detail: machine.why })
  }
}

function whyIdleStays(
  snapshot: CompleteSnapshot,
  standby: number,
  stays: (why: StayCause) => Extract<Reason, { code: 'stays' }>,
): Extract<Reason, { code: 'stays' }> {
  if (idleAgents(snapshot) <= standby) return stays('standby')
  if ((snapshot.lowestSurplus ?? 0) > 0) return stays('demand')
  return stays('delay')
}
