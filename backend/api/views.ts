/** What the loop saw, decided and remembered, as the API shows it. Every number and sentence comes from there. */
import type { Decision, Reason } from '../core/decision.ts'
import { explain } from '../core/explain.ts'
import { failureTold } from '../core/failures.ts'
import type { Instant, Job, Machine, PoolSnapshot, Reading, Stage } from '../core/snapshot.ts'
import { whyJob, whyMachine } from '../core/why.ts'
import type { LogEntry, PoolRecord, StoredPass } from '../loop/ports.ts'
import type { DecisionView, JobView, LogView, MachineView, PassView, PoolSummary } from './contract.ts'
import { nodeState } from './elastic-states.ts'
import type { Latest } from './parts.ts'

/** `now` is on the service's line. */
export function poolSummary(record: PoolRecord, latest: Latest | undefined, lastPassAt: Instant | undefined, now: Instant): PoolSummary {
  const { poolId, name, scaleSetId, version, settings } = record
  const { paused, deleting, machinesMax, standby } = settings
  const base = { poolId, name, scaleSetId, version, paused, deleting, machinesMax, standby }
  const age = lastPassAt === undefined ? {} : { lastPassAgoMs: now - lastPassAt }
  if (latest === undefined) return { ...base, ...age, state: 'new', next: 'The first pass has not ended yet.', problems: [] }
  const { snapshot, decision } = latest
  const problems = [...problemsOf(decision, now), ...foreignProblem(record, snapshot)]
  return {
    ...base,
    ...age,
    ...figures(snapshot, now),
    state: stateOf(latest),
    wanted: decision.wanted,
    next: nextOf(decision, now),
    problems,
  }
}

export function decisionView(decision: Decision, now: Instant): DecisionView {
  return {
    wanted: decision.wanted,
    steps: decision.steps.map(({ action, reason }) => ({ action, reason, sentence: explain(reason, now) })),
    reasons: decision.reasons.map((reason) => ({ reason, sentence: explain(reason, now) })),
    lookAgainInMs: decision.lookAgainInMs,
  }
}

export function machineView({ snapshot, decision }: Latest, record: PoolRecord, machine: Machine, now: Instant): MachineView {
  const agentId = 'agent' in machine ? machine.agent?.id : undefined
  const requestId = 'requestId' in machine ? machine.requestId : undefined
  // The first sentence repeats the stage, which stands beside it.
  const why = whyMachine(snapshot, decision, record.settings, machine.id, now)?.sentences.slice(1).join(' ') ?? ''
  const { id, name, generation, stage } = machine
  return {
    id,
    name,
    generation,
    stage,
    state: nodeState(machine),
    forMs: now - machine.since,
    ...(agentId === undefined ? {} : { agentId }),
    ...(requestId === undefined ? {} : { requestId }),
    why,
    facts: machine,
  }
}

export function jobView({ snapshot, decision }: Latest, job: Job, now: Instant): JobView {
  const { requestId, name, pipeline, build, demands, agentId } = job
  const why = whyJob(snapshot, decision, requestId, now)
  const start = why?.estimatedStartAt
  return {
    requestId,
    name,
    pipeline,
    ...(build && { build }),
    demands,
    state: agentId === undefined ? 'waiting' : 'running',
    seenForMs: now - job.seenAt,
    ...(agentId === undefined ? {} : { agentId }),
    why: why?.sentences ?? [],
    ...(start === undefined ? {} : { estimatedStartMs: Math.max(0, start - now) }),
  }
}

export function passView(pass: StoredPass): PassView {
  const { longestWaitMs } = ifKnown(pass.snapshot.jobs, (jobs) => queueFigures(jobs, pass.at))
  return {
    id: pass.id,
    atMs: pass.wallTimeMs,
    lastAtMs: pass.lastWallTimeMs,
    repeats: pass.repeats,
    tookMs: pass.tookMs,
    settingsVersion: pass.settingsVersion,
    counts: pass.counts,
    ...(longestWaitMs === undefined ? {} : { longestWaitMs }),
    decision: decisionView(pass.decision, pass.at),
  }
}

export function logView({ at: _, wallTimeMs, ...entry }: LogEntry): LogView {
  const failure = entry.level === 'info' ? undefined : failureTold(entry)
  return { ...entry, atMs: wallTimeMs, ...(failure && { failure }) }
}

/** Wall time of an instant on the service's line, by how long ago it was. */
export function wallTimeOf(clock: { now(): Instant; wallTimeMs(): number }, instant: Instant): number {
  return clock.wallTimeMs() - (clock.now() - instant)
}

function figures(snapshot: PoolSnapshot, now: Instant) {
  const { jobs, machines, scaleSet } = snapshot
  return {
    ...ifKnown(jobs, (list) => queueFigures(list, now)),
    ...ifKnown(machines, (list) => ({ stages: stagesOf(list) })),
    ...ifKnown(scaleSet, ({ capacity }) => ({ capacity })),
  }
}

function queueFigures(jobs: readonly Job[], now: Instant): Pick<PoolSummary, 'waiting' | 'running' | 'longestWaitMs'> {
  const waiting = jobs.filter((job) => job.agentId === undefined)
  const longestWaitMs = waiting.reduce((longest, job) => Math.max(longest, now - job.seenAt), 0)
  return { waiting: waiting.length, running: jobs.length - waiting.length, ...(waiting.length === 0 ? {} : { longestWaitMs }) }
}

function stagesOf(machines: readonly Machine[]): Partial<Record<Stage, number>> {
  const counts: Partial<Record<Stage, number>> = {}
  for (const { stage } of machines) counts[stage] = (counts[stage] ?? 0) + 1
  return counts
}

function ifKnown<T, R>(reading: Reading<T>, use: (value: T) => R): R | Record<string, never> {
  return reading.known ? use(reading.value) : {}
}

/** Reasons that a person has to do something about, or that hold the pool up for long. */
const sick: ReadonlySet<Reason['code']> = new Set([
  'unknown',
  'too-old',
  'not-ours',
  'scale-set-blocked',
  'backing-off',
  'boot-trouble',
  'mass-failure',
  'invariant',
])

/** A job that no agent could take is told, and is no fault of the pool. */
function problemsOf(decision: Decision, now: Instant): readonly string[] {
  return decision.reasons.filter(({ code }) => sick.has(code) || code === 'no-agent-could-take').map((reason) => explain(reason, now))
}

/** Machines that are not ours are no fault of the pool either, but only a person may decide on them. */
function foreignProblem({ name, replaceConfirmed }: PoolRecord, { machines }: PoolSnapshot): readonly string[] {
  const count = machines.known ? machines.value.filter(({ stage }) => stage === 'foreign').length : 0
  if (count === 0) return []
  const are = count === 1 ? '1 machine is not ours' : `${count} machines are not ours`
  return [
    replaceConfirmed
      ? `${are} and left alone. Those found when the pool was made are replaced; delete or adopt the others.`
      : `${are} and left alone. To have those replaced that were there when the pool was made: ${confirmCommand(name)}`,
  ]
}

/** What a person types to have the machines replaced that were in the scale set before the pool. */
export function confirmCommand(poolName: string): string {
  return `scale-set-agents pool confirm ${/^[\w.-]+$/.test(poolName) ? poolName : `"${poolName}"`} replace`
}

function stateOf({ snapshot, decision }: Latest): PoolSummary['state'] {
  if (!snapshot.scaleSet.known) return 'offline'
  return decision.reasons.some(({ code }) => sick.has(code)) ? 'unhealthy' : 'online'
}

/** The first step, else the reason that the decision puts first. */
function nextOf(decision: Decision, now: Instant): string {
  const reason = decision.steps[0]?.reason ?? decision.reasons[0]
  return reason === undefined ? 'Nothing to do.' : explain(reason, now)
}
