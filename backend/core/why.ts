/** Answers for one job or one machine: why does it wait, why does it stay, what happens next. */
import type { ActionKind, Decision, Reason } from './decision.ts'
import { ageMsMax } from './decide.ts'
import { helpableJobs, maySuit } from './demand.ts'
import { duration, explain } from './explain.ts'
import { heldBack, stopsRemoval } from './held.ts'
import { namedMachines } from './invariants.ts'
import { whyStays } from './retire.ts'
import { standbyAt } from './schedule.ts'
import type { CompleteSnapshot, Instant, Job, Machine, PoolSnapshot } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'

export type Why = { readonly sentences: readonly string[]; /** On the service's line. */ readonly estimatedStartAt?: Instant }

const limitCodes: ReadonlySet<Reason['code']> = new Set([
  'maximum',
  'room',
  'backing-off',
  'boot-trouble',
  'paused',
  'not-ours',
  'scale-set-blocked',
  'parallel-jobs',
  'upkeep',
])

/** Why a job of the snapshot waits; undefined when the snapshot has no such job. */
export function whyJob(snapshot: PoolSnapshot, decision: Decision, requestId: number, now: Instant): Why | undefined {
  const jobs = snapshot.jobs.known ? snapshot.jobs.value : []
  const job = jobs.find((each) => each.requestId === requestId)
  if (job === undefined) return undefined
  if (job.agentId !== undefined) return { sentences: [`Job "${job.name}" runs on agent ${agentName(snapshot, job.agentId)}.`] }
  const own = helpableJobs(snapshot, now).reasons.find((reason) => 'requestId' in reason && reason.requestId === requestId)
  if (own !== undefined) return { sentences: [explain(own, now)] }
  const ahead = jobs.filter((each) => each.agentId === undefined && each.requestId < requestId).length
  const limits = growthLimits(snapshot, decision).map((reason) => explain(reason, now))
  const start = estimatedStart(snapshot, decision, job, ahead, now)
  const opening = `Job "${job.name}" has waited ${duration(now - job.seenAt)}; ${ahead === 0 ? 'it is next in line' : `${ahead} ${ahead === 1 ? 'job is' : 'jobs are'} ahead of it`}.`
  const expected = start === undefined ? [] : [`A machine for it is expected in about ${duration(start - now)}.`]
  return { sentences: [opening, ...limits, ...expected], ...(start === undefined ? {} : { estimatedStartAt: start }) }
}

/** What growth waits for. What only keeps machines from leaving is no answer for a job. */
function growthLimits({ owed: machines }: PoolSnapshot, decision: Decision): readonly Reason[] {
  const isShort = growing(decision) === 0 && decision.reasons.some(({ code }) => code === 'need')
  const binds = (reason: Reason): boolean => {
    if ('stops' in reason) return reason.stops !== 'removal'
    // Reimages leave updates to growth: they may wait for the rate alone.
    if (reason.code === 'update-rate') return isShort
    if (reason.code === 'refused') return beforeGrowth.has(reason.action)
    return limitCodes.has(reason.code)
  }
  const isAsked = machines > 0 && decision.reasons.some(({ code }) => code === 'need' || code === 'enough')
  return [...decision.reasons.filter(binds), ...(isAsked ? [{ code: 'owed', machines } as const] : [])]
}

/** What has to be done before a pool may grow. */
const beforeGrowth: ReadonlySet<ActionKind> = new Set(['claim', 'put-extension'])

/** When the machine that will take the job should be ready, from measured boot times; undefined when nothing is coming for it. */
function estimatedStart(snapshot: PoolSnapshot, decision: Decision, job: Job, ahead: number, now: Instant): Instant | undefined {
  if (!snapshot.machines.known || now - snapshot.machines.at > ageMsMax.removal) return undefined
  const idle = snapshot.machines.value.filter((machine) => machine.stage === 'idle' && maySuit(job, machine.agent.id)).length
  if (ahead < idle) return now
  const bootMs = snapshot.boot.p50Ms
  if (bootMs === undefined) return undefined
  const arriving = snapshot.machines.value
    .filter((machine) => machine.stage === 'creating' || machine.stage === 'starting' || machine.stage === 'reimaging')
    .map((machine) => Math.max(now, machine.since + bootMs))
    .toSorted((left, right) => left - right)
  const place = ahead - idle
  const known = arriving[place]
  if (known !== undefined) return known
  const grows = decision.steps.some((step) => step.action.kind === 'grow') || snapshot.asked > 0
  return grows && place - arriving.length < snapshot.asked + growing(decision) ? Math.max(now, job.seenAt) + bootMs : undefined
}

function growing(decision: Decision): number {
  return decision.steps.reduce((sum, { action }) => sum + (action.kind === 'grow' ? action.by : 0), 0)
}

/** Why a machine (by name or instance id) stays or leaves; undefined when the snapshot has no such machine. */
export function whyMachine(
  snapshot: PoolSnapshot,
  decision: Decision,
  settings: PoolSettings,
  nameOrId: string,
  now: Instant,
): Why | undefined {
  const machine = snapshot.machines.known
    ? snapshot.machines.value.find((each) => each.name === nameOrId || each.id === nameOrId)
    : undefined
  if (machine === undefined) return undefined
  const state = `${machine.name} is ${stageText[machine.stage]} for ${duration(now - machine.since)} (life ${machine.generation}).`
  const steps = decision.steps
    .filter(({ action }) => namedMachines(action).some((ref) => ref.id === machine.id))
    .map(({ reason }) => explain(reason, now))
  if (steps.length > 0) return { sentences: [state, ...steps] }
  const reasons = whyNoStep(snapshot, decision, settings, machine, now).map((reason) => explain(reason, now))
  return { sentences: [state, ...new Set(reasons)] }
}

/** A machine that is due to leave is held back by limits; any other has a reason of its own to stay. */
function whyNoStep(snapshot: PoolSnapshot, decision: Decision, settings: PoolSettings, machine: Machine, now: Instant): readonly Reason[] {
  const stopped = decision.reasons.filter(stopsRemoval)
  if (!isWhole(snapshot)) return stopped
  const held = heldBack(snapshot, decision, settings, machine, now)
  if (held === undefined) return [...stopped, whyStays(snapshot, settings, machine, standbyAt(settings, snapshot.wallTimeMs))]
  return held.length > 0 ? held : [{ code: 'stays', machine: machine.name, why: 'removal-elsewhere' }]
}

export const stageText: Readonly<Record<Machine['stage'], string>> = {
  creating: 'being created',
  starting: 'starting its agent',
  idle: 'idle',
  busy: 'busy',
  used: 'used',
  draining: 'draining',
  disabled: 'disabled by a person',
  offline: 'offline',
  unregistered: 'out of the pool',
  reimaging: 'being reimaged',
  deleting: 'being deleted',
  failed: 'failed',
  saved: 'saved for investigation',
  unclear: 'unclear',
  foreign: 'not ours',
}

function agentName(snapshot: PoolSnapshot, agentId: number): string {
  const machines = snapshot.machines.known ? snapshot.machines.value : []
  const others = snapshot.agents.known ? snapshot.agents.value.others : []
  const ours = machines.find((machine) => 'agent' in machine && machine.agent?.id === agentId)
  return ours?.name ?? others.find((agent) => agent.id === agentId)?.name ?? String(agentId)
}

function isWhole(snapshot: PoolSnapshot): snapshot is CompleteSnapshot {
  return snapshot.jobs.known && snapshot.agents.known && snapshot.machines.known && snapshot.scaleSet.known
}
