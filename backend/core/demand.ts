/** How many machines the jobs and the standby ask for, and which jobs no agent could take. */
import type { Reason } from './decision.ts'
import { mayStillCome, reimageMsMax } from './health.ts'
import type { Instant, Job, Machine, PoolSnapshot } from './snapshot.ts'
import type { PoolSettings } from './settings.ts'
import { compareVersions } from './versions.ts'

/** A job that suitable idle agents leave untaken for this long waits for something else than a machine. */
export const passedOverMsMax = 120_000

export type Demand = {
  /** Jobs that a new machine could help. */
  readonly waiting: number
  /** Of them those that none of the idle agents can take. */
  readonly stranded: number
  /** Without those that can take none of the jobs and are no standby. */
  readonly idle: number
  readonly coming: number
  /** Machines to add: waiting + standby − idle − coming, at least 0. */
  readonly need: number
  /** Why this many, and then each job that no machine could help. */
  readonly reasons: readonly [Reason, ...Reason[]]
}

/** `returning` are machines on their way through a reimage that has not been sent yet. */
export function demandOf(snapshot: PoolSnapshot, settings: PoolSettings, standby: number, returning: number, now: Instant): Demand {
  const { waiting, stranded, reasons } = helpableJobs(snapshot, now)
  const present = idleAgents(snapshot)
  const idle = stranded === 0 ? present : Math.min(present, waiting - stranded + standby)
  const coming = comingMachines(snapshot, settings, now) + returning
  const learning = mustLearn(snapshot) && waiting + standby === 0 && idle + coming === 0
  const need = learning ? 1 : Math.max(0, waiting + standby - idle - coming)
  const sums = { waiting, standby, idle, coming, ...(idle < present ? { unsuited: present - idle } : {}) }
  const why: Reason = learning ? { code: 'learn-capabilities' } : need > 0 ? { code: 'need', ...sums, need } : { code: 'enough', ...sums }
  return { waiting, stranded, idle, coming, need, reasons: [why, ...reasons] }
}

/** Idle agents of this pool, ours and others. */
export function idleAgents(snapshot: PoolSnapshot): number {
  return idleIds(snapshot).length
}

function idleIds({ machines, agents }: PoolSnapshot): readonly number[] {
  const ours = machines.known ? machines.value.flatMap((machine) => (machine.stage === 'idle' ? [machine.agent.id] : [])) : []
  const others = agents.known ? agents.value.others.filter((agent) => agent.online && agent.enabled && !agent.busy) : []
  return [...ours, ...others.map(({ id }) => id)]
}

/** Whether an agent may take a job, as far as Azure DevOps says. */
export function maySuit({ matchedAgentIds }: Pick<Job, 'matchedAgentIds'>, agentId: number): boolean {
  return matchedAgentIds === undefined || matchedAgentIds.includes(agentId)
}

/** Machines asked for, being created, starting, or returning from a reimage, and not past the time for it. */
export function comingMachines(snapshot: PoolSnapshot, settings: PoolSettings, now: Instant): number {
  const listed = snapshot.machines.known ? snapshot.machines.value.filter((machine) => isComing(machine, settings, now)).length : 0
  return listed + snapshot.asked + snapshot.owed
}

/** One that is late counts no more, whatever its removal waits for. */
export function isComing(machine: Machine, settings: PoolSettings, now: Instant): boolean {
  if (machine.asked !== undefined) return false
  return machine.stage === 'reimaging' ? now - machine.since < reimageMsMax : mayStillCome(machine, settings, now)
}

/** A pool that has never seen an agent cannot tell which demands it satisfies: it boots one machine to learn. */
function mustLearn(snapshot: PoolSnapshot): boolean {
  return !snapshot.capabilities.known && snapshot.agents.known && snapshot.agents.value.others.length === 0
}

/** Waiting jobs that a new machine could help, with a reason for each one that it could not. */
export function helpableJobs(
  snapshot: PoolSnapshot,
  now: Instant,
): Pick<Demand, 'waiting' | 'stranded'> & { readonly reasons: readonly Reason[] } {
  if (!snapshot.jobs.known) return { waiting: 0, stranded: 0, reasons: [] }
  const unmet = demandCheck(snapshot)
  const idle = idleIds(snapshot)
  const reasons: Reason[] = []
  let waiting = 0
  let stranded = 0
  for (const job of snapshot.jobs.value) {
    if (job.agentId !== undefined) continue
    const why = whyNotHelped(job, unmet, now)
    if (why !== undefined) {
      reasons.push(why)
      continue
    }
    waiting += 1
    if (idle.length > 0 && !idle.some((agentId) => maySuit(job, agentId))) stranded += 1
  }
  const free = snapshot.parallelJobsFree
  if (free === undefined || free >= waiting) return { waiting, stranded, reasons }
  return { waiting: free, stranded: Math.min(free, stranded), reasons: [...reasons, { code: 'parallel-jobs', free, waiting }] }
}

function whyNotHelped(job: Job, unmet: (demands: readonly string[]) => string | undefined, now: Instant): Reason | undefined {
  const demand = unmet(job.demands)
  if (demand !== undefined) return { code: 'no-agent-could-take', requestId: job.requestId, job: job.name, demand }
  const since = job.passedOverSince
  if (since === undefined || now - since < passedOverMsMax) return undefined
  return { code: 'passed-over', requestId: job.requestId, job: job.name, since }
}

function demandCheck(snapshot: PoolSnapshot): (demands: readonly string[]) => string | undefined {
  if (!snapshot.capabilities.known) return () => undefined
  const capabilities = byLowerName(snapshot.capabilities.value)
  // Thousands of jobs share a handful of demands: each is judged once.
  const judged = new Map<string, boolean>()
  const isMet = (demand: string): boolean => {
    const known = judged.get(demand)
    if (known !== undefined) return known
    const met = satisfies(demand, capabilities)
    judged.set(demand, met)
    return met
  }
  return (demands) => demands.find((demand) => !isMet(demand))
}

/** The first demand that these capabilities do not satisfy; undefined when all are satisfied. Names and values compare without case. */
export function unmetDemand(demands: readonly string[], capabilities: Readonly<Record<string, string>>): string | undefined {
  return firstUnmet(demands, byLowerName(capabilities))
}

function byLowerName(capabilities: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(capabilities).map(([name, value]) => [name.toLowerCase(), value]))
}

function firstUnmet(demands: readonly string[], capabilities: ReadonlyMap<string, string>): string | undefined {
  return demands.find((demand) => !satisfies(demand, capabilities))
}

/** Azure DevOps adds a demand on Agent.Version to most jobs; agents update themselves, so it never decides. */
function satisfies(demand: string, capabilities: ReadonlyMap<string, string>): boolean {
  const match = /^\s*(\S+)(?:\s+-(equals|gtVersion)\s+(.*?))?\s*$/i.exec(demand)
  const name = match?.[1]?.toLowerCase()
  if (name === undefined || name === 'agent.version') return name !== undefined
  const value = capabilities.get(name)
  if (value === undefined) return false
  const operand = match?.[3] ?? ''
  switch (match?.[2]?.toLowerCase()) {
    case undefined:
      return true
    case 'equals':
      return value.toLowerCase() === operand.toLowerCase()
    // Azure DevOps reads -gtVersion as "at least".
    default:
      return compareVersions(value, operand) >= 0
  }
}
