/** Unhealthy machines: saved, removed, or left alone. */
import type { Reason } from './decision.ts'
import type { CompleteSnapshot, Instant, LeaveCause, Machine, MachineIn } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

const minuteMs = 60_000
/** An agent that goes offline may be restarting or updating itself. */
export const offlineGraceMs = 5 * minuteMs
/** Azure's own time to create a machine before it counts as stuck; seed 001 allows 20 minutes for a step. */
export const createMsMax = 30 * minuteMs
export const reimageMsMax = 30 * minuteMs
/** Above this share of machines offline at once the fault is likelier in the network than in the machines. */
const massShare = 0.3
const massCount = 3
/** A mass failure does not hold machines for ever. */
const massHoldMs = 30 * minuteMs

export type Unhealthy = { readonly machine: Machine; readonly cause: LeaveCause; readonly savable: boolean; readonly detail: string }
export type HealthPlan = { readonly save: readonly Unhealthy[]; readonly remove: readonly Unhealthy[]; readonly reasons: readonly Reason[] }

/** The causes that count as unhealthy for the budget of a pass. */
export const unhealthyCauses: ReadonlySet<LeaveCause> = new Set([
  'failed-to-start',
  'failed-to-restart',
  'creation-failed',
  'extension-failed',
  'went-offline',
  'stopped',
])

/** How many machines may be removed in one pass for being unhealthy (S8). Those on their way out do not count as the pool's. */
export function unhealthyMax(machines: readonly Machine[]): number {
  return Math.max(1, Math.floor(machines.filter((machine) => machine.stage !== 'deleting' && machine.stage !== 'foreign').length / 10))
}

/** Sorts the unhealthy machines of a complete picture. */
export function planHealth(snapshot: CompleteSnapshot, settings: PoolSettings, now: Instant): HealthPlan {
  const machines = snapshot.machines.value
  const unhealthy = machines.flatMap((machine) => unhealthyBecause(machine, settings, now) ?? [])
  const saveRoom = Math.max(0, settings.savedMax - machines.filter((machine) => machine.stage === 'saved').length)
  const save = settings.deleting ? [] : unhealthy.filter((each) => each.savable).slice(0, saveRoom)
  const rest = unhealthy.filter((each) => !save.includes(each) && each.machine.protected !== true)
  const { held, reasons } = massFailure(rest, snapshot, now)
  const removable = rest.filter((each) => !held.includes(each)).toSorted(moreStepsFirst)
  const allowed = unhealthyMax(machines)
  if (removable.length <= allowed) return { save, remove: removable, reasons }
  return {
    save,
    remove: removable.slice(0, allowed),
    reasons: [...reasons, { code: 'unhealthy-budget', unhealthy: removable.length, allowed }],
  }
}

/** Why a machine counts as unhealthy now; undefined when it does not. Machines on their way out never do. */
export function unhealthyBecause(machine: Machine, settings: PoolSettings, now: Instant): Unhealthy | undefined {
  if (machine.asked !== undefined) return undefined
  const age = now - machine.since
  switch (machine.stage) {
    case 'creating':
      return mayStillCome(machine, settings, now)
        ? undefined
        : { machine, cause: 'creation-failed', savable: false, detail: 'Azure did not finish creating it' }
    case 'starting': {
      if (mayStillCome(machine, settings, now)) return undefined
      const cause = machine.after === 'create' ? 'failed-to-start' : 'failed-to-restart'
      return { machine, cause, savable: true, detail: tooLate(machine, settings) }
    }
    case 'reimaging':
      return age < reimageMsMax ? undefined : { machine, cause: 'failed-to-restart', savable: false, detail: 'the reimage did not end' }
    case 'failed':
      return failed(machine, settings, age)
    case 'offline':
      return age < offlineGraceMs || machine.requestId !== undefined
        ? undefined
        : { machine, cause: 'went-offline', savable: false, detail: 'its agent went offline' }
    default:
      return undefined
  }
}

/** Created or reimaged, and its agent still has time to come online. */
export function mayStillCome(machine: Machine, settings: PoolSettings, now: Instant): boolean {
  if (machine.stage === 'creating') return now - machine.since < createMsMax
  return machine.stage === 'starting' && now - machine.since < settings.startMinutesMax * minuteMs
}

/** Machines without a way to this service report nothing. */
function tooLate({ phase }: MachineIn<'starting'>, { startMinutesMax, tokenInModel }: PoolSettings): string {
  const heard = phase !== undefined ? `, the last that it reported was ${phase}` : tokenInModel ? '' : ' and nothing was heard of it'
  return `its agent was not online within ${startMinutesMax} minutes${heard}`
}

function failed(machine: MachineIn<'failed'>, settings: PoolSettings, age: number): Unhealthy | undefined {
  if (machine.requestId !== undefined) return undefined
  if (machine.cause === 'stopped' && age < offlineGraceMs) return undefined
  const savable = machine.cause === 'extension-failed' || (machine.cause === 'creation-failed' && settings.saveCreationFailed)
  return { machine, cause: machine.cause, savable, detail: `${machine.code}${machine.phase === undefined ? '' : ` in ${machine.phase}`}` }
}

/** One whose agent is still registered takes a pass longer, and does not use up the deletes of this one. */
function moreStepsFirst(left: Unhealthy, right: Unhealthy): number {
  const steps = ({ machine }: Unhealthy): number => ('agent' in machine && machine.agent !== undefined ? 1 : 0)
  return steps(right) - steps(left)
}

/**
 * Many agents lost at once: nothing of them is removed until the picture has held for half an hour. Those whose grace still
 * runs count too: one outage is noticed over minutes.
 */
function massFailure(
  unhealthy: readonly Unhealthy[],
  { machines: { value: machines }, massFailureAt }: CompleteSnapshot,
  now: Instant,
): { held: readonly Unhealthy[]; reasons: readonly Reason[] } {
  const lost = machines.filter(isLost)
  const inService = machines.filter((machine) => 'agent' in machine && machine.agent?.online === true).length + lost.length
  const isMass = lost.length >= massCount && lost.length > inService * massShare
  // Machines that come meanwhile make the share smaller, not the failure.
  const wasMass = massFailureAt !== undefined && now - massFailureAt < massHoldMs
  if (!isMass && !wasMass) return { held: [], reasons: [] }
  const held = unhealthy.filter(({ machine }) => isHeldByMassFailure(machine, now))
  return { held, reasons: held.length === 0 ? [] : [{ code: 'mass-failure', unhealthy: lost.length, total: machines.length }] }
}

/** Whether a mass failure keeps it from being removed. */
export function isHeldByMassFailure(machine: Machine, now: Instant): boolean {
  return isLost(machine) && now - machine.since < massHoldMs
}

/** Its agent was in service and went away. */
function isLost(machine: Machine): boolean {
  if (machine.stage === 'draining' || machine.stage === 'unregistered')
    return machine.cause === 'went-offline' || machine.cause === 'stopped'
  return machine.stage === 'offline' || (machine.stage === 'failed' && machine.cause === 'stopped')
}
