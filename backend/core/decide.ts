/** The decision: from what was observed and what a person set to what is done now, with reasons. The policy's table of contents. */
import type { Decision, Reason, Step } from './decision.ts'
import { demandOf } from './demand.ts'
import type { Demand } from './demand.ts'
import { mayStillCome, planHealth } from './health.ts'
import { agentOf, leavingSteps, removalSteps, requestOf } from './leave.ts'
import type { Leaving } from './leave.ts'
import { grantGrowth, totalMachines, updateRateReason, updatesLeft } from './limits.ts'
import { nextLives } from './recycle.ts'
import { holdRefused } from './refused.ts'
import { surplusMachines, whyStays } from './retire.ts'
import { standbyAt } from './schedule.ts'
import type { CompleteSnapshot, Instant, LeaveCause, Machine, MachineIn, NextLife, PoolSnapshot, Reading } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'
import {
  claimSteps,
  deletePool,
  deletionAgain,
  isEmptied,
  orphanSteps,
  overdueSteps,
  owedUntil,
  placeholderStep,
  releaseStep,
} from './upkeep.ts'

/** How old an answer may be for growing, and for removing (which is looked at again at the gateway). */
export const ageMsMax = { growth: 45_000, removal: 75_000 } as const
/** When to look again: while something moves, while nothing does, and right after a step of our own. */
export const paceMs = { active: 10_000, quiet: 12_000, afterStep: 5_000 } as const

/** Updates of the scale set that reimages and tags leave to growth. */
const updatesKept = 1

/**
 * Decides one pass of one pool. Pure: the same arguments give the same answer.
 * `now` is on the service's own line; no other clock is compared with it.
 */
export function decide(snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): Decision {
  const stop = standStill(snapshot, settings)
  const plan = stop === undefined ? planAll(snapshot, settings, now) : { by: 0, ...planLittle(snapshot, settings, stop, now) }
  const { steps, reasons: held } = holdRefused(plan.steps, snapshot, now)
  const isSoon = stop === undefined && (steps.length > 0 || plan.reasons.some((reason) => reason.code === 'too-old'))
  return {
    wanted: stop === undefined ? Math.min(settings.machinesMax, totalMachines(snapshot) + plan.by) : totalMachines(snapshot),
    steps,
    reasons: [...plan.reasons, ...held],
    lookAgainInMs: isSoon ? paceMs.afterStep : stop === undefined && isActive(snapshot) ? paceMs.active : paceMs.quiet,
  }
}

type Plan = { readonly steps: readonly Step[]; readonly reasons: readonly Reason[]; readonly by: number }

function planAll(snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): Plan {
  const standby = standbyAt(settings, snapshot.wallTimeMs)
  const lives = settings.tearDownAfterUse ? nextLives(snapshot, settings, standby, now) : new Map<string, NextLife>()
  const returning = [...lives.values()].filter((life) => life === 'reimage').length
  const demand = demandOf(snapshot, settings, standby, returning, now)
  const overdue = overdueSteps(snapshot, settings, updatesLeft(snapshot, now), now)
  const reserved = holdRefused(overdue, snapshot, now).steps.length
  const growth = grow(snapshot, settings, demand, reserved, now)
  const removal = remove(snapshot, settings, { standby, demand, lives, reserved }, now)
  const used = growth.updates + removal.updates
  return {
    steps: [...growth.steps, ...removal.steps, ...upkeep(snapshot, settings, overdue, used, now)],
    reasons: [...demandReasons(snapshot, settings, demand, now), ...growth.reasons, ...removal.reasons],
    by: growth.by,
  }
}

/** A pool that is being deleted has no demand but what Azure may still bring. */
function demandReasons(snapshot: PoolSnapshot, settings: PoolSettings, demand: Demand, now: Instant): readonly Reason[] {
  if (!settings.deleting || snapshot.asked > 0) return demand.reasons
  const until = owedUntil(snapshot, now)
  return until !== undefined && isEmptied(snapshot) ? [{ code: 'owed', machines: snapshot.owed, until }] : []
}

/** Reasons for which no machine is added or removed. */
function standStill(snapshot: PoolSnapshot, settings: PoolSettings): Reason | undefined {
  if (settings.paused) return { code: 'paused' }
  if (!snapshot.scaleSet.known) return { code: 'unknown', part: 'scale-set', why: snapshot.scaleSet.why, stops: 'all' }
  const { claim, claimedBy } = snapshot.scaleSet.value
  if (claim === 'ours' || (settings.deleting && claim === 'free' && isEmptied(snapshot))) return undefined
  return { code: 'not-ours', claim, ...(claimedBy === undefined ? {} : { by: claimedBy }) }
}

/** What is done all the same: a free scale set is claimed, a paused pool's claim is kept, and a deleted pool ends without its scale set. */
function planLittle(snapshot: PoolSnapshot, settings: PoolSettings, stop: Reason, now: Instant): Pick<Plan, 'steps' | 'reasons'> {
  if (!snapshot.scaleSet.known) return { steps: [], reasons: [stop] }
  const { claim } = snapshot.scaleSet.value
  const kept = claimSteps(snapshot.scaleSet.value, settings, updatesLeft(snapshot, now), now)
  if (settings.paused)
    return { steps: claim === 'ours' ? kept.filter(({ action }) => action.kind === 'refresh-claim') : [], reasons: [stop] }
  if (claim === 'free') return { steps: kept, reasons: [stop] }
  return settings.deleting ? endWithout(snapshot, stop, now) : { steps: [], reasons: [stop] }
}

/** Another's scale set is left alone, with the machines in it. The agents that are ours leave, then the agent pool goes. */
function endWithout(snapshot: PoolSnapshot, stop: Reason, now: Instant): Pick<Plan, 'steps' | 'reasons'> {
  const blind = notSeen(snapshot, 'removal', now)
  if (blind !== undefined || !isComplete(snapshot)) return { steps: [], reasons: told(blind) }
  const machines = snapshot.machines.value.filter((machine) => agentOf(machine) !== undefined)
  if (machines.length === 0) return { steps: [deletePool], reasons: [stop] }
  const { steps } = leavingSteps(machines.map((machine): Leaving => ({ machine, cause: 'pool-deleted', next: 'delete' })))
  return { steps: [...steps, ...orphanSteps(snapshot, now)], reasons: [stop] }
}

type Part = { readonly steps: readonly Step[]; readonly reasons: readonly Reason[]; readonly updates: number }

/** More machines for jobs and standby. An incomplete picture grows less, never more; a removal is never waited for. */
function grow(
  snapshot: PoolSnapshot,
  settings: PoolSettings,
  demand: Demand,
  reserved: number,
  now: Instant,
): Part & { readonly by: number } {
  const blind = notSeen(snapshot, 'growth', now)
  if (settings.deleting) return { steps: [], reasons: [], updates: 0, by: 0 }
  if (blind !== undefined || !snapshot.machines.known) return { steps: [], reasons: demand.need > 0 ? told(blind) : [], updates: 0, by: 0 }
  // A machine made before our extension is in the model would never become an agent.
  if (snapshot.scaleSet.known && snapshot.scaleSet.value.extension === 'absent')
    return { steps: [], reasons: [{ code: 'upkeep', what: 'put-extension' }], updates: 0, by: 0 }
  const restored = restorable(snapshot.machines.value, settings)
    .slice(0, demand.need)
    .filter((machine) => machine.unseen === undefined)
  const restores = restored.map((machine): Step => ({
    action: { kind: 'restore', machine: { id: machine.id, name: machine.name, generation: machine.generation }, agentId: machine.agent.id },
    reason: { code: 'restored', machine: machine.name, waiting: demand.waiting },
  }))
  const granted = grantGrowth(snapshot, settings, demand.need - restored.length, reserved, now)
  const [why] = demand.reasons
  if (granted.by > 0) {
    const step: Step = { action: { kind: 'grow', by: granted.by, machinesMax: settings.machinesMax }, reason: why }
    return { steps: [step, ...restores], reasons: granted.reasons, updates: 1, by: granted.by }
  }
  const owed = askAgain(snapshot, settings, reserved, now)
  return { steps: [...owed, ...restores], reasons: granted.reasons, updates: owed.length, by: 0 }
}

/** Machines that Azure owes are asked for again, in the same rhythm as other growth. */
function askAgain(snapshot: PoolSnapshot, settings: PoolSettings, reserved: number, now: Instant): readonly Step[] {
  if (snapshot.owed === 0 || totalMachines(snapshot) > settings.machinesMax) return []
  const mayAsk = grantGrowth({ ...snapshot, owed: 0, rooms: [] }, { ...settings, machinesMax: Infinity }, 1, reserved, now).by > 0
  if (!mayAsk) return []
  return [
    {
      action: { kind: 'ask-again', owed: snapshot.owed, machinesMax: settings.machinesMax },
      reason: { code: 'owed', machines: snapshot.owed },
    },
  ]
}

/** Idle machines that we drained as surplus and that are wanted again; one that ran its only job meanwhile is not. An unseen one waits. */
function restorable(machines: readonly Machine[], settings: PoolSettings): readonly MachineIn<'draining'>[] {
  return machines.filter(
    (machine): machine is MachineIn<'draining'> => machine.stage === 'draining' && isStillGood(machine, settings) && machine.agent.online,
  )
}

function isStillGood(machine: MachineIn<'draining'>, settings: PoolSettings): boolean {
  const isUsedUp = settings.tearDownAfterUse && machine.warm === true
  return machine.cause === 'surplus' && machine.requestId === undefined && machine.asked === undefined && !isUsedUp
}

type RemovalContext = {
  readonly standby: number
  readonly demand: Demand
  readonly lives: ReadonlyMap<string, NextLife>
  /** Updates of the scale set that are for overdue upkeep. Growth takes the one that is kept for it. */
  readonly reserved: number
}

/** Who leaves. Only a complete and fresh picture gets here (S6). */
function remove(snapshot: PoolSnapshot, settings: PoolSettings, context: RemovalContext, now: Instant): Part {
  const blind = notSeen(snapshot, 'removal', now)
  if (blind !== undefined || !isComplete(snapshot)) return { steps: [], reasons: told(blind), updates: 0 }
  const health = planHealth(snapshot, settings, now)
  const wanted = new Set(
    restorable(snapshot.machines.value, settings)
      .slice(0, settings.deleting ? 0 : context.demand.need)
      .map((machine) => machine.id),
  )
  const { leaving, held } = unprotected([
    ...snapshot.machines.value.flatMap((machine) => (wanted.has(machine.id) ? [] : (leaves(machine, settings, context.lives, now) ?? []))),
    ...health.remove.map(({ machine, cause, detail }): Leaving => ({ machine, cause, next: 'delete', detail })),
    ...surplusMachines(snapshot, context.standby, context.demand.waiting - context.demand.stranded).map((machine): Leaving => ({
      machine,
      cause: 'surplus',
      next: 'delete',
    })),
  ])
  const staying = settings.deleting ? whoStays(snapshot, settings, leaving) : []
  const { steps, removals } = leavingSteps(leaving)
  const left = updatesLeft(snapshot, now) - context.reserved
  const removed = removalSteps(snapshot, removals, left > updatesKept, now)
  const reimages = removed.steps.filter((step) => step.action.kind === 'reimage').length
  const isBusy = removed.reasons.some(({ code }) => code === 'azure-busy')
  const late: readonly Reason[] =
    !isBusy && left <= updatesKept && removals.some((each) => each.next === 'reimage') ? [updateRateReason(snapshot, now)] : []
  return {
    steps: [...removed.steps, ...steps, ...saves(snapshot, settings, health.save)],
    reasons: [...health.reasons, ...removed.reasons, ...late, ...held, ...staying],
    updates: reimages,
  }
}

/** A machine that leaves for two reasons leaves once, for the first. One that Azure refuses to touch stays, unless a person forces it. */
function unprotected(all: readonly Leaving[]): { readonly leaving: readonly Leaving[]; readonly held: readonly Reason[] } {
  const once = onceEach(all)
  const held = once.filter(({ machine, force }) => machine.protected === true && machine.stage !== 'busy' && force !== true)
  return {
    leaving: once.filter((each) => !held.includes(each)),
    held: held.map(({ machine }) => ({ code: 'stays', machine: machine.name, why: 'protected' })),
  }
}

/** What the deletion of a pool still waits for. */
function whoStays(snapshot: CompleteSnapshot, settings: PoolSettings, leaving: readonly Leaving[]): readonly Reason[] {
  const going = new Set(leaving.filter(({ machine }) => requestOf(machine) === undefined).map(({ machine }) => machine.id))
  return snapshot.machines.value
    .filter((machine) => !going.has(machine.id) && machine.stage !== 'foreign')
    .map((machine) => whyStays(snapshot, settings, machine, 0))
}

const untouchable: ReadonlySet<Machine['stage']> = new Set(['foreign', 'unclear', 'deleting', 'reimaging'])

function onceEach(leaving: readonly Leaving[]): readonly Leaving[] {
  const byId = new Map(leaving.toReversed().map((each) => [each.machine.id, each]))
  return leaving.filter((each) => byId.get(each.machine.id) === each)
}

/** Machines that leave whatever the demand: ordered by a person, used up, already on their way, or the whole pool goes. */
function leaves(machine: Machine, settings: PoolSettings, lives: ReadonlyMap<string, NextLife>, now: Instant): Leaving | undefined {
  if (untouchable.has(machine.stage)) return undefined
  const { asked } = machine
  // Its agent may register and take a job at any moment: it comes online first, or its time runs out.
  // One of an older model that a person gives up never had our extension.
  const waits = asked === undefined || (!asked.force && machine.oldModel !== true)
  if (waits && mayStillCome(machine, settings, now)) return undefined
  if (asked !== undefined) return { machine, cause: 'asked-by-person', next: asked.order, detail: asked.by, force: asked.force }
  return settings.deleting ? { machine, cause: 'pool-deleted', next: 'delete' } : leavesByStage(machine, settings, lives)
}

function leavesByStage(machine: Machine, settings: PoolSettings, lives: ReadonlyMap<string, NextLife>): Leaving | undefined {
  const recycled = (): NextLife => lives.get(machine.id) ?? 'delete'
  switch (machine.stage) {
    case 'used':
      return { machine, cause: 'used', next: recycled() }
    case 'busy':
      return settings.tearDownAfterUse ? { machine, cause: 'used', next: 'reimage' } : undefined
    case 'disabled':
      return { machine, cause: 'disabled-by-person', next: 'delete' }
    case 'draining':
    case 'unregistered':
      return { machine, cause: machine.cause, next: machine.cause === 'used' ? recycled() : machine.next }
    default:
      return undefined
  }
}

/** Machines to keep for investigation, and saved ones whose agent could still take a job: it is disabled. */
function saves(snapshot: CompleteSnapshot, settings: PoolSettings, unhealthy: ReturnType<typeof planHealth>['save']): readonly Step[] {
  const before = snapshot.machines.value.filter((machine) => machine.stage === 'saved')
  const step = (machine: Machine, cause: LeaveCause, saved: number): Step => {
    const agent = agentOf(machine)
    const ref = { id: machine.id, name: machine.name, generation: machine.generation }
    return {
      action: { kind: 'save', machine: ref, cause, ...(agent === undefined ? {} : { agentId: agent.id }) },
      reason: { code: 'saved', machine: machine.name, cause, saved, savedMax: settings.savedMax },
    }
  }
  const open = before.filter((machine) => machine.asked === undefined && machine.agent?.online === true && machine.agent.enabled)
  return [
    ...unhealthy.map(({ machine, cause }, index) => step(machine, cause, before.length + index + 1)),
    ...(settings.deleting ? [] : open.map((machine) => step(machine, 'asked-by-person', before.length))),
  ]
}

function upkeep(snapshot: PoolSnapshot, settings: PoolSettings, overdue: readonly Step[], used: number, now: Instant): readonly Step[] {
  const claim =
    overdue.length === 0 && snapshot.scaleSet.known && snapshot.scaleSet.value.claim === 'ours'
      ? claimSteps(snapshot.scaleSet.value, settings, updatesLeft(snapshot, now) - used - updatesKept, now)
      : overdue
  const orphans = isComplete(snapshot) ? orphanSteps(snapshot, now) : []
  const last = settings.deleting ? (isComplete(snapshot) ? releaseStep(snapshot, now) : deletionAgain(snapshot)) : placeholderStep(snapshot)
  return [...claim, ...orphans, ...(last === undefined ? [] : [last])]
}

function isComplete(snapshot: PoolSnapshot): snapshot is CompleteSnapshot {
  return snapshot.jobs.known && snapshot.agents.known && snapshot.scaleSet.known && snapshot.machines.known
}

/** The part of the picture that is missing or too old for this purpose. Growth can do without the jobs: standby still counts. */
function notSeen(snapshot: PoolSnapshot, stops: 'growth' | 'removal', now: Instant): Reason | undefined {
  const parts = { jobs: snapshot.jobs, agents: snapshot.agents, 'scale-set': snapshot.scaleSet, machines: snapshot.machines } as const
  for (const [part, reading] of Object.entries(parts) as [keyof typeof parts, Reading<unknown>][]) {
    if (part === 'jobs' && stops === 'growth') continue
    if (!reading.known) return { code: 'unknown', part, why: reading.why, stops }
    if (part !== 'scale-set' && now - reading.at > ageMsMax[stops]) return { code: 'too-old', part, at: reading.at, stops }
  }
  return undefined
}

function told(reason: Reason | undefined): readonly Reason[] {
  return [reason].filter((each) => each !== undefined)
}

/** Something moves: the pool is looked at more often. */
export function isActive(snapshot: PoolSnapshot): boolean {
  const jobs = snapshot.jobs.known ? snapshot.jobs.value : []
  const machines = snapshot.machines.known ? snapshot.machines.value : []
  return jobs.length > 0 || snapshot.asked > 0 || machines.some((machine) => !['idle', 'saved', 'foreign'].includes(machine.stage))
}
