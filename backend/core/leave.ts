/** How a machine leaves: drain → unregister → delete or reimage, one step a pass, each on what was seen then. */
import type { MachineRef, Reason, Step } from './decision.ts'
import { unhealthyCauses, unhealthyMax } from './health.ts'
import type { AgentRef, CompleteSnapshot, Instant, LeaveCause, Machine, NextLife } from './snapshot.ts'

export type Leaving = {
  readonly machine: Machine
  readonly cause: LeaveCause
  readonly next: NextLife
  readonly detail?: string
  readonly force?: boolean
}
/** What is removed in this pass, before it is batched into one call of each kind. */
export type Removal = {
  readonly ref: MachineRef
  /** Our first observation of its present stage. */
  readonly since: Instant
  readonly cause: LeaveCause
  readonly next: NextLife
  readonly force: boolean
  readonly reason: Reason
}

/** The next step of each leaving machine, and those whose machine itself may go now. */
export function leavingSteps(leaving: readonly Leaving[]): { readonly steps: readonly Step[]; readonly removals: readonly Removal[] } {
  const steps: Step[] = []
  const removals: Removal[] = []
  for (const each of leaving) {
    const next = nextStep(each)
    if (next === undefined) continue
    if ('ref' in next) removals.push(next)
    else steps.push(next)
  }
  return { steps, removals }
}

/** A removal that Azure refused because it was busy is not asked for again before this has passed. */
const busyMs = 30_000

/** One delete call at a time for a scale set; reimages go in one call too. */
export function removalSteps(
  snapshot: CompleteSnapshot,
  removals: readonly Removal[],
  mayReimage: boolean,
  now: Instant,
): { readonly steps: readonly Step[]; readonly reasons: readonly Reason[] } {
  const freeAt = (snapshot.azureBusyAt ?? -Infinity) + busyMs
  if (removals.length > 0 && now < freeAt) return { steps: [], reasons: [{ code: 'azure-busy', waiting: removals.length, freeAt }] }
  const allowed = unhealthyMax(snapshot.machines.value)
  const unhealthy = removals.filter((each) => each.next === 'delete' && unhealthyCauses.has(each.cause))
  const tooMany = new Set(unhealthy.slice(allowed))
  const deletes = removals.filter((each) => each.next === 'delete' && !tooMany.has(each))
  const reimages = removals.filter((each) => each.next === 'reimage')
  const reasons: Reason[] = tooMany.size === 0 ? [] : [{ code: 'unhealthy-budget', unhealthy: unhealthy.length, allowed }]
  if (deletes.length > 0 && snapshot.deleteInFlight) reasons.push({ code: 'delete-in-flight', waiting: deletes.length })
  const calls = [
    { kind: 'reimage', removals: mayReimage ? reimages : [] },
    { kind: 'delete', removals: snapshot.deleteInFlight ? [] : deletes },
  ] as const
  // Where Azure takes only one operation at a time, neither kind keeps the other away for ever.
  const due = calls.filter((call) => call.removals.length > 0).toSorted((left, right) => oldest(left.removals) - oldest(right.removals))
  return { steps: due.map((call) => batch(call.kind, call.removals)), reasons }
}

function oldest(removals: readonly Removal[]): Instant {
  return Math.min(...removals.map(({ since }) => since))
}

function batch(kind: 'delete' | 'reimage', removals: readonly Removal[]): Step {
  const machines = removals.map(({ ref, cause, force }) => ({ ...ref, cause, ...(force ? { force: true as const } : {}) }))
  const [first] = removals
  const reason: Reason =
    removals.length === 1 && first !== undefined
      ? first.reason
      : { code: 'leave-together', next: kind, machines: removals.map((each) => ({ machine: each.ref.name, cause: each.cause })) }
  return { action: { kind, machines }, reason }
}

function nextStep(leaving: Leaving): Step | Removal | undefined {
  const { machine, cause, next, force = false } = leaving
  const ref: MachineRef = { id: machine.id, name: machine.name, generation: machine.generation }
  const reason = (step: 'drain' | 'unregister' | 'remove'): Reason => ({
    code: 'leaves',
    machine: machine.name,
    cause,
    next,
    step,
    ...(leaving.detail === undefined ? {} : { detail: leaving.detail }),
  })
  const agent = agentOf(machine)
  if (agent === undefined || force) return { ref, since: machine.since, cause, next, force, reason: reason('remove') }
  if (agent.online && agent.enabled)
    return { action: { kind: 'drain', machine: ref, agentId: agent.id, cause, next }, reason: reason('drain') }
  if (requestOf(machine) !== undefined) return undefined
  return { action: { kind: 'unregister', machine: ref, agentId: agent.id, cause, next }, reason: reason('unregister') }
}

/** The agent that Azure DevOps still lists for a machine. */
export function agentOf(machine: Machine): AgentRef | undefined {
  return 'agent' in machine ? machine.agent : undefined
}

/** The job that Azure DevOps counts on a machine. */
export function requestOf(machine: Machine): number | undefined {
  return 'requestId' in machine ? machine.requestId : undefined
}
