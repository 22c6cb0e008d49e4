/**
 * What must hold for every action, judged on the snapshot it was decided on and written apart from the policy.
 * The gateway drops an action that breaks one and reports it. Names are those of design.md section 7.
 */
import type { Action, MachineRef, Step } from './decision.ts'
import { agentOf, requestOf } from './leave.ts'
import type { CompleteSnapshot, Instant, Machine, PoolSnapshot } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

export type Breach = { readonly invariant: string; readonly detail: string }

/** The first invariant that this step breaks; undefined when all hold. */
export function breachOf(step: Step, snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): Breach | undefined {
  const { action } = step
  if (settings.paused && action.kind !== 'refresh-claim') return { invariant: 'S12', detail: 'the pool is paused' }
  return ownBreach(action, snapshot, settings) ?? growthBreach(action, snapshot, settings, now) ?? removalBreach(action, snapshot, settings)
}

/** What changes nothing in Azure: it may end a pool whose scale set is another's by now. */
export const inPipelinesOnly: ReadonlySet<Action['kind']> = new Set(['drain', 'unregister', 'unregister-orphan', 'delete-pool'])

/** S3: nothing but the first claim is done to a scale set without our tag. */
function ownBreach(action: Action, snapshot: PoolSnapshot, settings: PoolSettings): Breach | undefined {
  if (!snapshot.scaleSet.known) return { invariant: 'S6', detail: 'the scale set could not be read' }
  const { claim } = snapshot.scaleSet.value
  const allowed =
    claim === 'ours' || (claim === 'free' && action.kind === 'claim') || (settings.deleting && inPipelinesOnly.has(action.kind))
  return allowed ? undefined : { invariant: 'S3', detail: `the scale set's tag is ${claim}` }
}

function growthBreach(action: Action, snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): Breach | undefined {
  if (action.kind !== 'grow' && action.kind !== 'ask-again') return undefined
  const { machines, agents, scaleSet } = snapshot
  if (!machines.known || !agents.known || !scaleSet.known)
    return { invariant: 'S6', detail: 'growth without a list of machines and agents' }
  if (now - machines.at > 45_000) return { invariant: 'S6', detail: 'growth on a list older than 45 s' }
  const by = action.kind === 'grow' ? action.by : 0
  if (!Number.isInteger(by) || by < 0) return { invariant: 'S7', detail: `growth by ${by}` }
  const after = totalSeen(machines.value, scaleSet.value.capacity, snapshot.asked) + by
  return after <= settings.machinesMax
    ? undefined
    : { invariant: 'S2', detail: `${after} machines would exceed the maximum of ${settings.machinesMax}` }
}

function totalSeen(machines: readonly Machine[], capacity: number, asked: number): number {
  const deleting = machines.filter((machine) => machine.stage === 'deleting').length
  return Math.max(capacity + deleting, machines.length + asked)
}

function removalBreach(action: Action, snapshot: PoolSnapshot, settings: PoolSettings): Breach | undefined {
  const named = namedMachines(action)
  if (named.length === 0) return undefined
  if (!isSeenWhole(snapshot)) return { invariant: 'S6', detail: 'a removal on an incomplete picture' }
  const machines = new Map(snapshot.machines.value.map((machine) => [machine.id, machine]))
  for (const ref of named) {
    const breach = machineBreach(action, ref, machines.get(ref.id), settings)
    if (breach !== undefined) return breach
  }
  return budgetBreach(action, snapshot, settings)
}

function machineBreach(action: Action, ref: MachineRef, machine: Machine | undefined, settings: PoolSettings): Breach | undefined {
  if (machine === undefined || machine.generation !== ref.generation)
    return { invariant: 'S9', detail: `${ref.name} is not in this generation any more` }
  return (
    untouchableBreach(action, machine, settings) ??
    (action.kind === 'restore' ? restoreBreach(machine, settings) : busyBreach(action, machine))
  )
}

function untouchableBreach(action: Action, machine: Machine, settings: PoolSettings): Breach | undefined {
  if (machine.stage === 'foreign') return { invariant: 'S3', detail: `${machine.name} is not ours` }
  if (machine.stage === 'unclear') return { invariant: 'S6', detail: `${machine.name} is unclear` }
  const keeps = machine.stage === 'saved' && machine.asked === undefined && !settings.deleting && action.kind !== 'save'
  return keeps ? { invariant: 'S12', detail: `${machine.name} is saved` } : undefined
}

/** Only what we drained as surplus comes back: never a used machine, never an agent that a person disabled. */
function restoreBreach(machine: Machine, settings: PoolSettings): Breach | undefined {
  if (settings.tearDownAfterUse && machine.warm === true) return { invariant: 'S10', detail: `${machine.name} has run its job` }
  const isDrained = machine.stage === 'draining' && machine.cause === 'surplus'
  if (isDrained && machine.unseen) return { invariant: 'S10', detail: `the agents were not listed since ${machine.name} was disabled` }
  if (isDrained) return undefined
  return { invariant: machine.stage === 'disabled' ? 'S12' : 'S10', detail: `${machine.name} was not drained as surplus` }
}

function busyBreach(action: Action, machine: Machine): Breach | undefined {
  if (action.kind === 'drain' || action.kind === 'save' || machine.asked?.force === true) return undefined
  const request = requestOf(machine)
  if (request !== undefined) return { invariant: 'S1', detail: `${machine.name} has job ${request}` }
  const isRegistered = action.kind !== 'unregister' && agentOf(machine) !== undefined
  return isRegistered ? { invariant: 'S1', detail: `the agent of ${machine.name} is still registered` } : undefined
}

const unhealthy: ReadonlySet<string> = new Set([
  'failed-to-start',
  'failed-to-restart',
  'creation-failed',
  'extension-failed',
  'went-offline',
  'stopped',
])

/** S8: at most max(1, 10 %) of the machines go in one pass for being unhealthy. */
function budgetBreach(action: Action, snapshot: CompleteSnapshot, settings: PoolSettings): Breach | undefined {
  if (action.kind !== 'delete' || settings.deleting) return undefined
  const count = action.machines.filter((machine) => unhealthy.has(machine.cause)).length
  const present = snapshot.machines.value.filter((machine) => machine.stage !== 'deleting' && machine.stage !== 'foreign').length
  const allowed = Math.max(1, Math.floor(present / 10))
  return count <= allowed ? undefined : { invariant: 'S8', detail: `${count} unhealthy machines in one call, ${allowed} allowed` }
}

/** The machines that an action drains, restores or removes. */
export function namedMachines(action: Action): readonly (MachineRef & { readonly force?: true })[] {
  switch (action.kind) {
    case 'drain':
    case 'restore':
    case 'unregister':
    case 'save':
      return [action.machine]
    case 'delete':
    case 'reimage':
      return action.machines
    default:
      return []
  }
}

function isSeenWhole(snapshot: PoolSnapshot): snapshot is CompleteSnapshot {
  return snapshot.jobs.known && snapshot.agents.known && snapshot.machines.known && snapshot.scaleSet.known
}
