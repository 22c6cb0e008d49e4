/** What holds back a machine that is due to leave. Cheap: it is asked for each machine of a list. */
import type { Decision, Reason, ReasonCode } from './decision.ts'
import { isHeldByMassFailure, mayStillCome, unhealthyBecause, unhealthyCauses } from './health.ts'
import { agentOf, requestOf } from './leave.ts'
import type { CompleteSnapshot, Instant, Machine, NextLife } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

/** Nothing leaves while one of these stands. */
export function stopsRemoval(reason: Reason): boolean {
  return reason.code === 'paused' || reason.code === 'not-ours' || ('stops' in reason && reason.stops !== 'growth')
}

/** The reasons of the decision for which no step names a machine that is due to leave; undefined for one that is not due. */
export function heldBack(
  snapshot: CompleteSnapshot,
  decision: Decision,
  settings: PoolSettings,
  machine: Machine,
  now: Instant,
): readonly Reason[] | undefined {
  const stopped = decision.reasons.filter(stopsRemoval)
  const isStoppedSurplus = machine.stage === 'idle' && stopped.length > 0 && (snapshot.lowestSurplus ?? 0) > 0
  if (machine.protected === true || !(isStoppedSurplus || isDue(machine, settings, now))) return undefined
  const binds = binding(machine, settings, now)
  return [...stopped, ...decision.reasons.filter(binds)]
}

function isDue(machine: Machine, settings: PoolSettings, now: Instant): boolean {
  if (unhealthyBecause(machine, settings, now) !== undefined) return true
  if (requestOf(machine) !== undefined || mayStillCome(machine, settings, now)) return false
  switch (machine.stage) {
    case 'used':
    case 'disabled':
    case 'draining':
    case 'unregistered':
      return true
    case 'deleting':
    case 'reimaging':
    case 'foreign':
    case 'unclear':
      return false
    default:
      return machine.asked !== undefined || settings.deleting
  }
}

/** Which limits bind this machine: those of health, and those of the step that it is due for. */
function binding(machine: Machine, settings: PoolSettings, now: Instant): (reason: Reason) => boolean {
  const isUnhealthy = !settings.deleting && unhealthyBecause(machine, settings, now) !== undefined
  const agent = agentOf(machine)
  const next = nextLife(machine)
  const step = agent === undefined || machine.asked?.force === true ? next : agent.online && agent.enabled ? 'drain' : 'unregister'
  const codes: readonly ReasonCode[] = [
    ...(isUnhealthy && isHeldByMassFailure(machine, now) ? (['mass-failure'] as const) : []),
    ...(isUnhealthy || isUnhealthyLeaver(machine) ? (['unhealthy-budget'] as const) : []),
    ...limitsOf[step],
  ]
  return (reason) => codes.includes(reason.code) || ('action' in reason && reason.action === step)
}

const limitsOf: Readonly<Record<'drain' | 'unregister' | NextLife, readonly ReasonCode[]>> = {
  drain: [],
  unregister: [],
  delete: ['azure-busy', 'delete-in-flight'],
  reimage: ['azure-busy', 'update-rate'],
}

function isUnhealthyLeaver(machine: Machine): boolean {
  return machine.stage === 'unregistered' && unhealthyCauses.has(machine.cause)
}

/** As it was decided when its agent left; one that has its agent still is not there yet. */
function nextLife(machine: Machine): NextLife {
  if (machine.asked !== undefined) return machine.asked.order
  return machine.stage === 'unregistered' ? machine.next : 'delete'
}
