/** The latest answers of one pool: each part is read again at its own pace, and keeps its age. */
import type { Instant, Known, Reading } from '../core/snapshot.ts'
import type { AzureMachine, AzureScaleSet, Clock, Pipelines, PipelinesAgent, PipelinesJob, ScaleSet } from './ports.ts'

/** Longest use of an answer when the newer ones failed; after that the part is unknown. */
const keepMsMax = 45_000
/** A read that comes due within this time is made now, so that passes and reads stay in step. */
const earlyMs = 500
const deadlineMs = 30_000
/** Per pool and minute: what regular reads may use of each side. Reads at the gateway count but are never held back. */
const readsPerMinuteMax = { pipelines: 12, azure: 4 } as const
/** So many lists of machines are read whatever else was: growth stops without one, and each growth reads the scale set. */
const machineReadsPerMinute = 2
/** Nudges may add this many reads a minute; they take nothing from the regular ones. */
const nudgedReadsMax = 12

const paces = {
  quiet: { jobs: 12_000, agents: 60_000, machines: 60_000, scaleSet: 60_000 },
  active: { jobs: 10_000, agents: 10_000, machines: 30_000, scaleSet: 60_000 },
} as const

export type Part = 'jobs' | 'agents' | 'machines' | 'scaleSet'
type Values = {
  jobs: readonly PipelinesJob[]
  agents: readonly PipelinesAgent[]
  machines: readonly AzureMachine[]
  scaleSet: AzureScaleSet | undefined
}

export type Readings = {
  /** The latest usable answer of a part. */
  get<P extends Part>(part: P): Reading<Values[P]>
  /** Reads what is due; jobs first, because they decide how active the pool is. */
  refresh(active: boolean, signal: AbortSignal): Promise<void>
  /** Reads one part now, whatever its age. */
  fresh<P extends Part>(part: P, signal: AbortSignal): Promise<Reading<Values[P]>>
  /** The part is read again in the next pass. */
  expire(part: Part): void
  /** Somebody says that jobs changed: they are read in the next pass, as far as a flood of such words allows. */
  nudge(): void
  /** An answer to a change of ours told the new state of an agent; `undefined` removes it. */
  learnAgent(agentId: number, change: Partial<PipelinesAgent> | undefined): void
}

type Slot = { last?: Known<unknown>; failure?: string; dueAt: Instant }

/** The readings of one pool. */
export function createReadings(poolId: number, pipelines: Pipelines, scaleSet: ScaleSet, clock: Clock): Readings {
  const slots: Record<Part, Slot> = { jobs: { dueAt: 0 }, agents: { dueAt: 0 }, machines: { dueAt: 0 }, scaleSet: { dueAt: 0 } }
  const budget = createBudget(clock)
  const nudged = new Set<Part>()
  let pace: (typeof paces)[keyof typeof paces] = paces.quiet
  const sources: { readonly [P in Part]: (signal: AbortSignal) => Promise<Reading<Values[P]>> } = {
    jobs: (signal) => pipelines.jobs(poolId, signal),
    agents: (signal) => pipelines.agents(poolId, signal),
    machines: (signal) => scaleSet.machines(signal),
    scaleSet: (signal) => scaleSet.read(signal),
  }

  const fresh = async <P extends Part>(part: P, signal: AbortSignal): Promise<Reading<Values[P]>> => {
    budget.spend(part, nudged.delete(part))
    const reading = await sources[part](clock.deadline(deadlineMs, signal))
    const dueAt = clock.now() + pace[part] + (sideOf[part] === 'pipelines' ? pipelines.slowDownMs() : 0)
    slots[part] = reading.known ? { last: reading, dueAt } : { ...slots[part], dueAt, failure: reading.why }
    return reading
  }
  const refreshDue = async (part: Part, signal: AbortSignal): Promise<void> => {
    const { last, dueAt } = slots[part]
    // A part that we changed ourselves is looked at again whatever the budget: an old answer would repeat the change.
    const wasChanged = dueAt === 0 && last !== undefined
    const isDue = clock.now() >= Math.min(dueAt, (last?.at ?? 0) + pace[part] + pipelines.slowDownMs()) - earlyMs
    if (wasChanged || nudged.has(part) || (isDue && budget.allows(part))) await fresh(part, signal)
  }
  const get = <P extends Part>(part: P): Reading<Values[P]> => usable(slots[part], clock.now()) as Reading<Values[P]>

  return {
    get,
    fresh,
    async refresh(active, signal) {
      pace = active ? paces.active : paces.quiet
      await refreshDue('jobs', signal)
      const jobs = get('jobs')
      if (jobs.known && jobs.value.length > 0) pace = paces.active
      // A waiting job is only held against agents that were read after it: an older list still shows them with their last job.
      const isWaiting = jobs.known && jobs.value.some((job) => job.agentId === undefined)
      if (isWaiting && (slots.agents.last?.at ?? 0) < jobs.at) slots.agents.dueAt = 1
      await Promise.all([refreshDue('agents', signal), refreshDue('machines', signal), refreshDue('scaleSet', signal)])
    },
    expire(part) {
      slots[part].dueAt = 0
    },
    nudge() {
      if (budget.nudgesLeft() > 0) nudged.add('jobs').add('agents')
    },
    learnAgent(agentId, change) {
      const { last } = slots.agents as { last?: Known<readonly PipelinesAgent[]> }
      if (last === undefined) return
      const value = last.value.flatMap((agent) => (agent.id !== agentId ? agent : change === undefined ? [] : { ...agent, ...change }))
      slots.agents.last = { ...last, value }
    },
  }
}

const sideOf = { jobs: 'pipelines', agents: 'pipelines', machines: 'azure', scaleSet: 'azure' } as const
type Side = (typeof sideOf)[Part]

/** An answer stays usable for a while when newer ones failed, and for ever old when none was asked for: it carries its age. */
function usable({ last, failure }: Slot, now: Instant): Reading<unknown> {
  if (last === undefined) return { known: false, why: failure ?? 'it has not been read yet' }
  return failure !== undefined && now - last.at > keepMsMax ? { known: false, why: failure } : last
}

/** Reads of the last minute. */
function createBudget(clock: Clock): { spend(part: Part, isNudged: boolean): void; nudgesLeft(): number; allows(part: Part): boolean } {
  let calls: { readonly part: Part; readonly at: Instant; readonly isNudged: boolean }[] = []
  const recent = (): typeof calls => (calls = calls.filter(({ at }) => clock.now() - at < 60_000 - earlyMs))
  const left = (side: Side): number =>
    readsPerMinuteMax[side] - recent().filter(({ part, isNudged }) => !isNudged && sideOf[part] === side).length
  return {
    spend: (part, isNudged) => void calls.push({ part, at: clock.now(), isNudged }),
    nudgesLeft: () => nudgedReadsMax - recent().filter(({ isNudged }) => isNudged).length,
    allows: (part) =>
      left(sideOf[part]) > 0 || (part === 'machines' && calls.filter((call) => call.part === part).length < machineReadsPerMinute),
  }
}
