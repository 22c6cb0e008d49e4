/** What is remembered of a pool beside its machines: jobs seen, surplus and demand over time, orphans, measured times. Pure. */
import { helpableJobs, idleAgents } from '../core/demand.ts'
import type { Decision } from '../core/decision.ts'
import { standbyAt } from '../core/schedule.ts'
import type { Instant, PoolSnapshot } from '../core/snapshot.ts'
import type { PoolSettings } from '../core/settings.ts'
import { rememberPhases, troubleAfterBoots } from './boots.ts'
import type { Joined } from './join.ts'
import type { PipelinesAgent, PipelinesJob, PoolMemory } from './ports.ts'
import { pushHighest, pushLowest } from './windows.ts'

/** After a gap this long in what we saw, a surplus must stand for the whole delay anew. */
const gapMsMax = 5 * 60_000
/** Longer than what a mass failure took is held: the next one is another. */
const massFailureMs = 60 * 60_000
const timesKept = 50
const waitsKept = 200
const goneKeptMs = 24 * 60 * 60_000
const goneKept = 500

export const emptyMemory: PoolMemory = {
  surplus: [],
  demand: [],
  jobs: {},
  orphans: {},
  gone: {},
  recentUpdates: [],
  rooms: [],
  bootMs: [],
  reimageMs: [],
  waitMs: [],
  startedJobs: 0,
  lostToOnceRace: 0,
}

type JobMemory = PoolMemory['jobs'][string]

/** Jobs that are new, started or gone. `started` are the waits, in ms, of those that were seen to start now. */
export function rememberJobs(
  memory: PoolMemory,
  jobs: readonly PipelinesJob[],
  now: Instant,
): { readonly memory: PoolMemory; readonly started: readonly number[] } {
  const before = memory.jobs
  const after: Record<string, JobMemory> = {}
  for (const job of jobs) after[job.requestId] = jobAfter(before[job.requestId], job, now)
  const started = jobs.flatMap((job) => waitOf(before[job.requestId], job, now))
  const same = Object.keys(before).length === jobs.length && jobs.every((job) => after[job.requestId] === before[job.requestId])
  if (same) return { memory, started }
  const counted =
    started.length === 0
      ? {}
      : { waitMs: [...memory.waitMs, ...started].slice(-waitsKept), startedJobs: memory.startedJobs + started.length }
  return { memory: { ...memory, jobs: after, ...counted }, started }
}

function jobAfter(known: JobMemory | undefined, job: PipelinesJob, now: Instant): JobMemory {
  const starts = job.agentId !== undefined && known?.startedAt === undefined
  if (known !== undefined && !starts) return known
  return { seenAt: known?.seenAt ?? now, ...(starts ? { startedAt: now } : {}) }
}

/** The wait of a job that was seen waiting and has an agent now. */
function waitOf(known: JobMemory | undefined, job: PipelinesJob, now: Instant): readonly number[] {
  return known !== undefined && known.startedAt === undefined && job.agentId !== undefined ? [now - known.seenAt] : []
}

/** What joining found out: machines gone, boots measured, jobs lost to the `--once` race. */
export function rememberJoined(memory: PoolMemory, joined: Joined, now: Instant): PoolMemory {
  const isSame = [joined.gone, joined.booted, joined.failures, joined.phases].every((news) => news.length === 0)
  if (isSame && joined.secondJobs === 0) return memory
  const times = (after: 'create' | 'reimage'): number[] => joined.booted.filter((each) => each.after === after).map((each) => each.ms)
  const gone =
    joined.gone.length === 0
      ? memory.gone
      : pruned({ ...memory.gone, ...Object.fromEntries(joined.gone.map(({ name }) => [name.toLowerCase(), now])) }, now)
  const { bootTrouble: before, ...rest } = memory
  const trouble = troubleAfterBoots(before, joined.failures, joined.booted.length > 0, now)
  return {
    ...rest,
    ...(trouble === undefined ? {} : { bootTrouble: trouble }),
    ...(joined.phases.length === 0 ? {} : { phaseMs: rememberPhases(memory.phaseMs, joined.phases) }),
    gone,
    bootMs: [...memory.bootMs, ...times('create')].slice(-timesKept),
    reimageMs: [...memory.reimageMs, ...times('reimage')].slice(-timesKept),
    lostToOnceRace: memory.lostToOnceRace + joined.secondJobs,
  }
}

function pruned(gone: PoolMemory['gone'], now: Instant): PoolMemory['gone'] {
  const kept = Object.entries(gone).filter(([, at]) => now - at < goneKeptMs)
  return Object.fromEntries(kept.slice(-goneKept))
}

/** Agents under the name of a machine of ours that is gone, by id, with our first observation. */
export function rememberOrphans(
  memory: PoolMemory,
  agents: readonly PipelinesAgent[],
  machineNames: ReadonlySet<string>,
  now: Instant,
): PoolMemory {
  const orphans: Record<string, Instant> = {}
  for (const agent of agents) {
    const name = agent.name.toLowerCase()
    if (machineNames.has(name) || memory.gone[name] === undefined || agent.id === memory.placeholder?.agentId) continue
    orphans[agent.id] = memory.orphans[agent.id] ?? now
  }
  const ids = Object.keys(orphans)
  const same = ids.length === Object.keys(memory.orphans).length && ids.every((id) => memory.orphans[id] === orphans[id])
  return same ? memory : { ...memory, orphans }
}

/** Surplus and demand of a complete picture. A gap in watching starts the delay anew. */
export function rememberLoad(memory: PoolMemory, snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): PoolMemory {
  const load = loadOf(snapshot, settings, now)
  if (load === undefined) return memory
  const isGap = memory.lastWatchedAt === undefined || now - memory.lastWatchedAt > gapMsMax
  const spanMs = settings.idleDelayMinutes * 60_000
  const surplus = pushLowest(isGap ? [] : memory.surplus, now, load.surplus, spanMs)
  const demand = pushHighest(memory.demand, now, load.demand, spanMs)
  const isRecent = now - (memory.lastWatchedAt ?? 0) < gapMsMax / 4
  if (!isGap && isRecent && surplus === memory.surplus && demand === memory.demand) return memory
  return { ...memory, surplus, demand, watchedSince: isGap ? now : (memory.watchedSince ?? now), lastWatchedAt: now }
}

function loadOf(
  snapshot: PoolSnapshot,
  settings: PoolSettings,
  now: Instant,
): { readonly surplus: number; readonly demand: number } | undefined {
  if (!snapshot.jobs.known || !snapshot.agents.known || !snapshot.machines.known) return undefined
  const { waiting, stranded } = helpableJobs(snapshot, now)
  const running = snapshot.jobs.value.filter((job) => job.agentId !== undefined).length
  const standby = standbyAt(settings, snapshot.wallTimeMs)
  return { surplus: idleAgents(snapshot) - standby - (waiting - stranded), demand: running + waiting }
}

/** A mass failure began: what it took is held for a while, however the pool grows. */
export function rememberMassFailure(memory: PoolMemory, decision: Decision, now: Instant): PoolMemory {
  const isNew = memory.massFailureAt === undefined || now - memory.massFailureAt > massFailureMs
  return isNew && decision.reasons.some((reason) => reason.code === 'mass-failure') ? { ...memory, massFailureAt: now } : memory
}

/** The lowest surplus of the whole last delay; undefined while we have not watched for that long. */
export function lowestSurplus(memory: PoolMemory, settings: PoolSettings, now: Instant): number | undefined {
  const isWhole = memory.watchedSince !== undefined && now - memory.watchedSince >= settings.idleDelayMinutes * 60_000
  return isWhole ? memory.surplus[0]?.[1] : undefined
}
