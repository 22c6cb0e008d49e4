/** Joins what Azure lists, what Azure DevOps lists and what we remember into machines. Pure. */
import type { BootFailure, BootPhase } from '../core/boot.ts'
import type { Instant, Machine, Reading } from '../core/snapshot.ts'
import { failedBoot, lateStart, withReports, type FailedStart } from './boots.ts'
import type { AzureMachine, MachineMemory, PipelinesAgent } from './ports.ts'
import type { BootReport } from './ports-boot.ts'

/** A machine absent from complete lists for this long, in at least two of them, is gone. */
export const missingMsMax = 60_000
/** A delete that Azure accepted is believed for this long although the list does not show it yet. */
const deleteBelievedMs = 120_000
/** A reimage that Azure accepted is believed for this long although the list does not show it yet. */
const reimageBelievedMs = 60_000

export type JoinInput = {
  readonly listed: Extract<Reading<readonly AzureMachine[]>, { known: true }>
  readonly agents: Reading<readonly PipelinesAgent[]>
  readonly remembered: ReadonlyMap<string, MachineMemory>
  /** Machines named by an open delete of ours, and since when. */
  readonly deleting: ReadonlyMap<string, Instant>
  /** Machines named by a reimage of ours without an answer: not touched again before it is known what became of it. */
  readonly unsure: ReadonlySet<string>
  /** New machines that our open growth still expects. */
  readonly expected: number
  readonly oneJob: boolean
  /** Reports of boots that are news. */
  readonly reports: readonly BootReport[]
  /** Machines can reach this service, so silence tells something. */
  readonly mayReport: boolean
  /** The longest time from a machine's start to its agent's coming online. */
  readonly startMsMax: number
  readonly now: Instant
}

export type Joined = {
  readonly machines: readonly Machine[]
  /** Memory of every machine that still exists, changed or not. */
  readonly memory: ReadonlyMap<string, MachineMemory>
  readonly changed: readonly MachineMemory[]
  readonly gone: readonly MachineMemory[]
  /** Ids of machines first seen now and counted as ours by growth, in order of appearance. */
  readonly grown: readonly string[]
  /** Durations from the beginning of a life to coming online that ended now. */
  readonly booted: readonly { readonly ms: number; readonly after: 'create' | 'reimage' }[]
  /** Starts that failed, seen now. */
  readonly failures: readonly FailedStart[]
  /** Phases of boots that were reported. */
  readonly phases: readonly { readonly phase: BootPhase; readonly ms: number }[]
  /** Jobs that a one-job agent took although it had run one already. */
  readonly secondJobs: number
}

/** One pass of joining. A machine that is missing once is kept as it was. */
export function join(input: JoinInput): Joined {
  const agents = agentsByName(input.agents)
  const memory = new Map<string, MachineMemory>()
  const reports = byMachine(input.reports)
  const result = {
    machines: [] as Machine[],
    changed: [] as MachineMemory[],
    gone: [] as MachineMemory[],
    grown: [] as string[],
    booted: [] as Joined['booted'][number][],
    failures: [] as FailedStart[],
    phases: [] as Joined['phases'][number][],
    secondJobs: 0,
  }
  for (const listed of input.listed.value) {
    const agent = agents.get(listed.name.toLowerCase())
    const before = known(input, listed) ?? firstSeen(input, listed, result.grown, agent)
    keep(input, listed, before, agent)
  }
  for (const before of input.remembered.values()) {
    if (memory.has(before.id)) continue
    const agent = agents.get(before.name.toLowerCase())
    if (isGone(before, input, agent)) result.gone.push(before)
    else keep(input, stillThere(before), { ...before, missingSince: before.missingSince ?? input.listed.at }, agent)
  }
  return { ...result, memory }

  function keep(given: JoinInput, listed: AzureMachine, before: MachineMemory, agent: PipelinesAgent | undefined): void {
    const told = withReports(before, reports.get(before.id) ?? [])
    result.phases.push(...told.phases)
    const seen = withAgent(given, told.memory, agent)
    const part = stageOf(given, listed, seen, agent)
    const staged = withStage(seen, part.stage, given.now)
    const failure = startFailure(given, listed, staged)
    const after = failure === undefined ? staged : { ...staged, bootFailure: failure }
    if (failure !== undefined)
      result.failures.push({
        ...{ ...failure, machine: after.name, bornAt: after.bornAt },
        ...rawOf(listed, reports.get(before.id)),
        ...unheardIn(listed, after),
      })
    memory.set(after.id, after)
    if (given.remembered.get(after.id) !== after) result.changed.push(after)
    if (before.onlineAt === undefined && after.onlineAt !== undefined)
      result.booted.push({ ms: after.onlineAt - after.bornAt, after: after.generation === 1 ? 'create' : 'reimage' })
    if (given.oneJob && isSecondJob(before, agent?.requestId)) result.secondJobs += 1
    result.machines.push({ ...factsOf(listed, seen), ...part, since: after.stageSince })
  }
}

function isSecondJob({ firstRequestId, lastRequestId }: MachineMemory, requestId: number | undefined): boolean {
  if (requestId === undefined || firstRequestId === undefined) return false
  return firstRequestId !== requestId && lastRequestId !== requestId
}

/** Why its start failed, told once; undefined while it may still come, and for one that a person orders away or adopted. */
function startFailure({ mayReport, startMsMax, now }: JoinInput, listed: AzureMachine, memory: MachineMemory): BootFailure | undefined {
  const isToldOrKnown = memory.bootFailure !== undefined || memory.onlineAt !== undefined
  if (isToldOrKnown || memory.asked !== undefined || memory.ownedBy === 'adopted') return undefined
  if (memory.stage === 'failed') return failedBoot(memory, listed)
  return memory.stage === 'starting' && now - memory.stageSince >= startMsMax ? lateStart(memory, mayReport) : undefined
}

/** The machine's own words, else Azure's. */
function rawOf({ failure }: AzureMachine, reports: readonly BootReport[] = []): { raw?: string } {
  const raw = reports.findLast(({ result }) => result === 'failed')?.detail ?? failure?.message
  return raw === undefined ? {} : { raw }
}

/** The life of a machine of which only Azure told that it failed. */
function unheardIn({ failure }: AzureMachine, { id: machineId, createdAt, generation, boot }: MachineMemory): Pick<FailedStart, 'unheard'> {
  return failure === undefined || boot?.failed !== undefined ? {} : { unheard: { machineId, createdAt, generation } }
}

/** The memory of a machine whose reimage began: another generation, with nothing known of its agent but the former one's id. */
export function nextLife(memory: MachineMemory, now: Instant): MachineMemory {
  return {
    id: memory.id,
    name: memory.name,
    createdAt: memory.createdAt,
    generation: memory.generation + 1,
    ownedBy: memory.ownedBy,
    latestModel: memory.latestModel,
    stage: 'reimaging',
    stageSince: now,
    bornAt: now,
    reimagingSince: now,
    ...(memory.formerAgentId === undefined ? {} : { formerAgentId: memory.formerAgentId }),
  }
}

function byMachine(reports: JoinInput['reports']): ReadonlyMap<string, readonly BootReport[]> {
  const groups = new Map<string, BootReport[]>()
  for (const report of reports) groups.set(report.machineId, [...(groups.get(report.machineId) ?? []), report])
  return groups
}

function agentsByName(agents: JoinInput['agents']): ReadonlyMap<string, PipelinesAgent> {
  return new Map(agents.known ? agents.value.map((agent) => [agent.name.toLowerCase(), agent]) : [])
}

/** The same machine as before: same instance id and same creation time. Another creation time is another machine. */
function known(input: JoinInput, listed: AzureMachine): MachineMemory | undefined {
  const before = input.remembered.get(listed.id)
  if (before === undefined || before.createdAt !== listed.createdAt) return undefined
  if (before.missingSince === undefined && before.latestModel === listed.latestModel) return before
  const { missingSince: _seenAgain, ...rest } = before
  return { ...rest, latestModel: listed.latestModel }
}

/**
 * S3: ours when it appeared under our growth and within its count. A new machine may find its name taken by the offline agent of a
 * scale set that was deleted; its script takes that agent over, and what that agent ran tells nothing of this machine.
 */
function firstSeen(input: JoinInput, listed: AzureMachine, grown: string[], agent: PipelinesAgent | undefined): MachineMemory {
  const ours = grown.length < input.expected
  if (ours) grown.push(listed.id)
  const formerJob = ours && agent?.online === false ? agent.lastRequestId : undefined
  return {
    id: listed.id,
    name: listed.name,
    createdAt: listed.createdAt,
    generation: 1,
    ownedBy: ours ? 'growth' : 'none',
    stage: '',
    stageSince: input.now,
    bornAt: input.now,
    latestModel: listed.latestModel,
    ...(formerJob === undefined ? {} : { formerJob }),
  }
}

/** A machine whose agent is online is there, whatever several lists in a row leave out. */
function isGone(before: MachineMemory, input: JoinInput, agent: PipelinesAgent | undefined): boolean {
  const isAlive = agent?.online === true && !isFormerAgent(before, agent) && before.stage !== 'deleting'
  if (isAlive || before.missingSince === undefined) return false
  return input.listed.at > before.missingSince && input.now - before.missingSince >= missingMsMax
}

function stillThere(before: MachineMemory): AzureMachine {
  return {
    id: before.id,
    vmId: '',
    name: before.name,
    createdAt: before.createdAt,
    // Missing from one list is how a delete ends; until it is certain the machine counts as being deleted.
    provisioning: before.stage === 'deleting' ? 'deleting' : 'succeeded',
    latestModel: before.latestModel,
    protected: false,
  }
}

/** What the agent of a machine tells about its present life. */
function withAgent(input: JoinInput, before: MachineMemory, agent: PipelinesAgent | undefined): MachineMemory {
  if (agent === undefined || isFormerAgent(before, agent)) return before
  const job = jobOf(agent, before)
  // An agent that has run a job was online, even if it came and went between two looks.
  const wasOnline = agent.online || job !== undefined || before.boot?.finished === true
  const news: Partial<MachineMemory>[] = []
  if (before.agentId !== agent.id) news.push({ agentId: agent.id })
  if (wasOnline && before.onlineAt === undefined) news.push(arrived(input, before))
  news.push(...worked(before, job))
  return news.length === 0 ? before : Object.assign({ ...before }, ...news)
}

/** The newest job of this life. */
function jobOf({ requestId, lastRequestId }: PipelinesAgent, { formerJob }: MachineMemory): number | undefined {
  return requestId ?? (lastRequestId === formerJob ? undefined : lastRequestId)
}

function worked(before: MachineMemory, job: number | undefined): readonly Partial<MachineMemory>[] {
  return job === undefined || job === before.lastRequestId ? [] : [{ firstRequestId: before.firstRequestId ?? job, lastRequestId: job }]
}

/** An agent that is online in our pool under the machine's name proves the machine (S3). */
function arrived(input: JoinInput, before: MachineMemory): Pick<MachineMemory, 'onlineAt' | 'ownedBy'> {
  return { onlineAt: input.now, ownedBy: before.ownedBy === 'none' ? 'proof' : before.ownedBy }
}

/** An old list may still show the agent that we unregistered in this or the last life. */
function isFormerAgent(memory: MachineMemory, agent: PipelinesAgent): boolean {
  return memory.formerAgentId === agent.id
}

function withStage(memory: MachineMemory, stage: string, now: Instant): MachineMemory {
  return memory.stage === stage ? memory : { ...memory, stage, stageSince: now }
}

/** What is told of a machine in any stage. */
function factsOf(listed: AzureMachine, { id, name, generation, firstRequestId, asked }: MachineMemory) {
  return {
    id,
    name,
    generation,
    ...(listed.latestModel ? {} : { oldModel: true as const }),
    ...(firstRequestId === undefined ? {} : { warm: true as const }),
    ...(listed.protected ? { protected: true as const } : {}),
    ...(asked === undefined ? {} : { asked }),
  }
}

function stageOf(
  input: JoinInput,
  listed: AzureMachine,
  memory: MachineMemory,
  listedAgent: PipelinesAgent | undefined,
): StagePart<Machine['stage']> {
  const agent = listedAgent === undefined || isFormerAgent(memory, listedAgent) ? undefined : listedAgent
  const held = byAzureAndUs(input, listed, memory, agent)
  if (held !== undefined) return held
  const unfinished = agent?.online === true ? undefined : beforeOnline(listed, memory, agent)
  return unfinished ?? byAgent(input, memory, agent)
}

/** Stages in which the agent has no say. */
function byAzureAndUs(
  input: JoinInput,
  listed: AzureMachine,
  memory: MachineMemory,
  agent: PipelinesAgent | undefined,
): StagePart<'deleting' | 'foreign' | 'saved' | 'reimaging' | 'unclear'> | undefined {
  if (isDeleting(input, listed, memory)) return { stage: 'deleting' }
  if (memory.ownedBy === 'none') return { stage: 'foreign' }
  if (memory.saved !== undefined) return { stage: 'saved', ...agentPart(agent) }
  if (memory.missingSince !== undefined && agent?.online !== true) return { stage: 'unclear', why: 'Azure left it out of its last lists' }
  if (isReimaging(input, listed, memory, agent)) return { stage: 'reimaging' }
  return input.agents.known ? undefined : { stage: 'unclear', why: 'the agents could not be read' }
}

function isDeleting(input: JoinInput, listed: AzureMachine, memory: MachineMemory): boolean {
  if (listed.provisioning === 'deleting') return true
  const since = input.deleting.get(memory.id)
  return since !== undefined && input.now - since < deleteBelievedMs
}

function isReimaging(input: JoinInput, listed: AzureMachine, memory: MachineMemory, agent: PipelinesAgent | undefined): boolean {
  if (input.unsure.has(memory.id)) return true
  if (memory.reimagingSince === undefined || agent !== undefined || memory.onlineAt !== undefined) return false
  return listed.provisioning === 'updating' || listed.provisioning === 'creating' || input.now - memory.reimagingSince < reimageBelievedMs
}

type StagePart<S extends Machine['stage']> = S extends Machine['stage']
  ? Omit<Extract<Machine, { stage: S }>, 'id' | 'name' | 'generation' | 'since' | 'asked' | 'oldModel' | 'warm' | 'protected'>
  : never

/** A machine whose agent is not online: still coming, failed, or neither. The agent's arrival counts more than Azure's state. */
function beforeOnline(
  listed: AzureMachine,
  memory: MachineMemory,
  agent: PipelinesAgent | undefined,
): StagePart<'creating' | 'starting' | 'failed'> | undefined {
  if (memory.leaving !== undefined) return undefined
  const wasOnline = memory.onlineAt !== undefined
  const { failure, power } = listed
  const boot = wasOnline ? undefined : failedBoot(memory, listed)
  if (!wasOnline && (failure !== undefined || boot !== undefined)) return failedPart(listed, boot, agent)
  const isStopped = (power === 'stopped' || power === 'deallocated') && listed.provisioning !== 'creating'
  if (isStopped) return { stage: 'failed', cause: 'stopped', code: power, ...agentPart(agent) }
  return wasOnline ? undefined : stillComing(listed, memory, agent)
}

/** A report tells of a failure before Azure does; what its words do not name keeps Azure's code. */
function failedPart({ failure }: AzureMachine, boot: BootFailure | undefined, agent: PipelinesAgent | undefined): StagePart<'failed'> {
  const { cause = 'unknown', phase } = boot ?? {}
  const isOurs = failure?.ours !== false || phase !== undefined
  return {
    stage: 'failed',
    cause: isOurs ? 'extension-failed' : 'creation-failed',
    code: cause === 'unknown' && failure !== undefined ? failure.code : cause,
    ...(phase === undefined ? {} : { phase }),
    ...agentPart(agent),
  }
}

function stillComing(listed: AzureMachine, memory: MachineMemory, agent: PipelinesAgent | undefined): StagePart<'creating' | 'starting'> {
  if (listed.provisioning === 'creating' && listed.power !== 'running' && agent === undefined) return { stage: 'creating' }
  return {
    stage: 'starting',
    after: memory.generation === 1 ? 'create' : 'reimage',
    ...(agent === undefined ? {} : { agent: refOf(agent) }),
    ...(memory.boot === undefined ? {} : { phase: memory.boot.phase }),
  }
}

function byAgent(
  input: JoinInput,
  memory: MachineMemory,
  listed: PipelinesAgent | undefined,
): StagePart<'unregistered' | 'draining' | 'disabled' | 'offline' | 'busy' | 'used' | 'idle'> {
  const agent = listed ?? lostAgent(memory)
  const ref = refOf(agent)
  if (memory.leaving !== undefined) return leavingPart(input, memory.leaving, listed, agent)
  const hadJob = memory.firstRequestId !== undefined || memory.boot?.finished === true
  const isUsed = agent.requestId === undefined && input.oneJob && hadJob
  return isUsed ? { stage: 'used', agent: ref } : inService(agent)
}

function leavingPart(
  { agents }: JoinInput,
  { cause, next, at, unregisteredAt }: NonNullable<MachineMemory['leaving']>,
  listed: PipelinesAgent | undefined,
  agent: PipelinesAgent,
): StagePart<'unregistered' | 'draining'> {
  if (listed === undefined && unregisteredAt !== undefined) return { stage: 'unregistered', cause, next }
  const isSeen = agents.known && agents.at > at
  return { stage: 'draining', agent: refOf(agent), cause, next, ...jobPart(agent), ...(isSeen ? {} : { unseen: true }) }
}

function inService(agent: PipelinesAgent): StagePart<'disabled' | 'offline' | 'busy' | 'idle'> {
  const ref = refOf(agent)
  if (!agent.online) return { stage: 'offline', agent: ref, ...jobPart(agent) }
  if (!agent.enabled) return { stage: 'disabled', agent: ref, ...jobPart(agent) }
  return agent.requestId === undefined ? { stage: 'idle', agent: ref } : { stage: 'busy', agent: ref, requestId: agent.requestId }
}

function jobPart(agent: PipelinesAgent): { requestId?: number } {
  return agent.requestId === undefined ? {} : { requestId: agent.requestId }
}

/** An agent that was there and is not listed: perhaps an old list, perhaps a person deleted it. It counts as offline. */
function lostAgent(memory: MachineMemory): PipelinesAgent {
  return { id: memory.agentId ?? 0, name: memory.name, online: false, enabled: false }
}

function agentPart(agent: PipelinesAgent | undefined): { agent?: ReturnType<typeof refOf>; requestId?: number } {
  if (agent === undefined) return {}
  return { agent: refOf(agent), ...jobPart(agent) }
}

/** What the core needs to know of an agent. */
export function refOf(agent: PipelinesAgent): { id: number; name: string; online: boolean; enabled: boolean; version?: string } {
  return {
    id: agent.id,
    name: agent.name,
    online: agent.online,
    enabled: agent.enabled,
    ...(agent.version === undefined ? {} : { version: agent.version }),
  }
}
