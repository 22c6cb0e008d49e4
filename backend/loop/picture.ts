/** The picture of one pass: the latest readings and what we remember, in the core's words. Pure. */
import { growthBlockers } from '../core/checks.ts'
import { parseClaim } from '../core/claim.ts'
import { maySuit } from '../core/demand.ts'
import type {
  Instant,
  Job,
  Machine,
  MachineIn,
  OrphanAgent,
  OtherAgent,
  Placeholder,
  PoolSnapshot,
  Reading,
  ScaleSetState,
} from '../core/snapshot.ts'
import { phaseTimes } from './boots.ts'
import { refOf } from './join.ts'
import type { Joined } from './join.ts'
import { extensionState, growthBlocker } from './extension.ts'
import type { AzureScaleSet, ExtensionFor, Intent, MachineMemory, PipelinesAgent, PipelinesJob, PoolMemory, PoolRecord } from './ports.ts'
import type { BootReport } from './ports-boot.ts'
import type { PoolState } from './pool-state.ts'
import { deleteHeldMsMax, expectedMachines } from './settle.ts'
import { percentiles } from './windows.ts'

export type ObserveInput = {
  /** Reports of boots since the last pass. */
  readonly reports: readonly BootReport[]
  readonly state: PoolState
  readonly record: PoolRecord
  readonly ownerId: string
  readonly extension: ExtensionFor
  readonly now: Instant
  readonly wallTimeMs: number
}

/** Everything but what depends on the load over time. */
export function picture(
  input: ObserveInput,
  pool: PoolMemory,
  joined: Joined | undefined,
  machines: ReadonlyMap<string, MachineMemory>,
  open: readonly Intent[],
): PoolSnapshot {
  const { state, record, now } = input
  const listed = isGoneForGood(input, pool) ? ({ known: true, at: now, value: [] } as const) : state.readings.get('machines')
  const capacity = capacityOf(state.readings.get('scaleSet'))
  const joinedMachines: PoolSnapshot['machines'] = listed.known ? { known: true, at: listed.at, value: joined?.machines ?? [] } : listed
  return {
    poolId: record.poolId,
    wallTimeMs: input.wallTimeMs,
    jobs: jobsPart(input, pool, joinedMachines, machines),
    agents: agentsPart(input, pool, machines),
    scaleSet: scaleSetPart(input, pool),
    machines: joinedMachines,
    capabilities: capabilitiesPart(record, pool, now),
    asked: expectedMachines(open),
    owed: 0,
    deleteInFlight: open.some((intent) => intent.action.kind === 'delete' && now - intent.writtenAt < deleteHeldMsMax),
    recentUpdates: pool.recentUpdates,
    rooms: pool.rooms.map((room) => ({
      ...room,
      machines: Math.max(0, room.machines - Math.max(0, capacity - (pool.roomsCapacity ?? capacity))),
    })),
    ...endPart(open),
    ...troublePart(pool),
    ...(state.parallelJobs?.free === undefined ? {} : { parallelJobsFree: state.parallelJobs.free }),
    peakDemand: 0,
    boot: { ...percentiles(pool.bootMs), ...phasesPart(pool) },
    reimage: percentiles(pool.reimageMs) ?? {},
  }
}

type Trouble = Pick<PoolSnapshot, 'scaleSetGoneSince' | 'massFailureAt' | 'azureBusyAt' | 'growthTrouble' | 'refused' | 'bootTrouble'>

function troublePart(pool: PoolMemory): Trouble {
  return {
    ...(pool.scaleSetGoneSince === undefined ? {} : { scaleSetGoneSince: pool.scaleSetGoneSince }),
    ...(pool.massFailureAt === undefined ? {} : { massFailureAt: pool.massFailureAt }),
    ...(pool.busyAt === undefined ? {} : { azureBusyAt: pool.busyAt }),
    ...(pool.growthTrouble === undefined ? {} : { growthTrouble: pool.growthTrouble }),
    ...(pool.refused === undefined ? {} : { refused: pool.refused }),
    ...(pool.bootTrouble === undefined ? {} : { bootTrouble: pool.bootTrouble }),
  }
}

function endPart(open: readonly Intent[]): { deletionUnfinished?: true } {
  return open.some((intent) => intent.action.kind === 'delete-pool') ? { deletionUnfinished: true } : {}
}

function phasesPart({ phaseMs }: PoolMemory): { phases?: ReturnType<typeof phaseTimes> } {
  const phases = phaseTimes(phaseMs)
  return Object.keys(phases).length === 0 ? {} : { phases }
}

function jobsPart(
  input: ObserveInput,
  pool: PoolMemory,
  machines: PoolSnapshot['machines'],
  memory: ReadonlyMap<string, MachineMemory>,
): PoolSnapshot['jobs'] {
  const reading = input.state.readings.get('jobs')
  if (!reading.known) return reading
  const idle = machines.known ? machines.value.filter((machine) => machine.stage === 'idle') : []
  const agents = input.state.readings.get('agents')
  // The agents are read after the jobs: one of them may have been given the job meanwhile.
  const takers = new Map(agents.known ? agents.value.map((agent) => [agent.requestId, agent.id]) : [])
  const value = reading.value.map((job): Job => {
    const { requestId, name, pipeline, build, demands } = job
    const seenAt = pool.jobs[requestId]?.seenAt ?? input.now
    const facts = { requestId, name, pipeline, ...(build && { build }), demands, seenAt }
    const agentId = job.agentId ?? takers.get(requestId)
    if (agentId !== undefined) return { ...facts, agentId }
    const isNewer = ({ id, since }: Machine): boolean => since >= reading.at || (memory.get(id)?.onlineAt ?? 0) > seenAt
    return { ...facts, ...suited(job, idle, isNewer, seenAt) }
  })
  return { known: true, at: reading.at, value }
}

/**
 * Who could take a waiting job, and since when it is left untaken: it waits for something else than a machine then. Azure DevOps
 * need not name an agent that came after the job, and names none for a job that all can take.
 */
function suited(
  { matchedAgentIds = [] }: PipelinesJob,
  idle: readonly MachineIn<'idle'>[],
  isNewer: (machine: Machine) => boolean,
  seenAt: Instant,
): Pick<Job, 'matchedAgentIds' | 'passedOverSince'> {
  const newer = idle.filter(isNewer).map(({ agent }) => agent.id)
  const matched = matchedAgentIds.length === 0 ? {} : { matchedAgentIds: [...matchedAgentIds, ...newer] }
  const since = idle.filter(({ agent }) => maySuit(matched, agent.id)).map((machine) => machine.since)
  return { ...matched, ...(since.length === 0 ? {} : { passedOverSince: Math.max(seenAt, Math.min(...since)) }) }
}

function agentsPart(input: ObserveInput, pool: PoolMemory, machines: ReadonlyMap<string, MachineMemory>): PoolSnapshot['agents'] {
  const reading = input.state.readings.get('agents')
  if (!reading.known) return reading
  const names = new Set([...machines.values()].map((machine) => machine.name.toLowerCase()))
  const found = reading.value.find((agent) => isPlaceholder(agent, pool, input.record.poolId))
  const apart = reading.value.filter((agent) => agent !== found && !names.has(agent.name.toLowerCase()))
  const others = apart
    .filter((agent) => pool.orphans[agent.id] === undefined)
    .map((agent): OtherAgent => ({ ...refOf(agent), busy: agent.requestId !== undefined }))
  const orphans = apart.flatMap((agent): OrphanAgent[] => {
    const since = pool.orphans[agent.id]
    return since === undefined ? [] : [{ ...refOf(agent), since, ...(agent.requestId === undefined ? {} : { requestId: agent.requestId }) }]
  })
  return { known: true, at: reading.at, value: { others, orphans, ...placeholderPart(found, pool), ...versionPart(pool) } }
}

function placeholderPart(found: PipelinesAgent | undefined, pool: PoolMemory): { placeholder?: Placeholder } {
  if (found === undefined) return {}
  return { placeholder: { agentId: found.id, version: found.version ?? '', capabilities: pool.placeholder?.capabilities ?? {} } }
}

function versionPart(pool: PoolMemory): { newestVersion?: string } {
  return pool.learned === undefined ? {} : { newestVersion: pool.learned.version }
}

/** The name of a pool's placeholder agent. */
export function placeholderName(poolId: number): string {
  return `scale-set-agents-placeholder-${poolId}`
}

function isPlaceholder(agent: PipelinesAgent, pool: PoolMemory, poolId: number): boolean {
  return agent.id === pool.placeholder?.agentId || agent.name === placeholderName(poolId)
}

function scaleSetPart(input: ObserveInput, pool: PoolMemory): PoolSnapshot['scaleSet'] {
  const reading = input.state.readings.get('scaleSet')
  if (!reading.known) return reading
  if (isGoneForGood(input, pool)) return { known: true, at: reading.at, value: nothingLeft }
  if (reading.value === undefined) return { known: false, why: 'Azure says that the scale set does not exist' }
  const scaleSet = reading.value
  const wanted = input.extension(input.record, scaleSet)
  const value: ScaleSetState = {
    capacity: scaleSet.capacity,
    os: scaleSet.os,
    extension: extensionState(scaleSet, wanted, input.record.settings.deleting),
    operationRunning: scaleSet.provisioning.toLowerCase() === 'updating',
    singlePlacementGroup: scaleSet.singlePlacementGroup,
    blockers: [...growthBlockers(input.record, scaleSet), growthBlocker(scaleSet, wanted)].filter((each) => each !== undefined),
    ...claimPart(input, pool, scaleSet),
  }
  return { known: true, at: reading.at, value }
}

function claimPart(
  input: ObserveInput,
  pool: PoolMemory,
  scaleSet: AzureScaleSet,
): Pick<ScaleSetState, 'claim' | 'claimedBy' | 'claimSeenAt' | 'claimRefreshedAt'> {
  const { claim, by } = parseClaim(scaleSet.tags, input.ownerId, input.record.poolId)
  const standsStill = pool.claim !== undefined && input.now - pool.claim.seenAt >= takeOverMs
  return {
    claim: claim === 'other' && by === input.record.takeOverFrom && standsStill ? 'free' : claim,
    ...(by === undefined ? {} : { claimedBy: by }),
    ...(pool.claim === undefined ? {} : { claimSeenAt: pool.claim.seenAt }),
    ...(pool.claim?.refreshedAt === undefined ? {} : { claimRefreshedAt: pool.claim.refreshedAt }),
  }
}

/** A pool that a person deletes may end once Azure has said for this long that its scale set does not exist. */
const goneMs = 10 * 60_000

function isGoneForGood({ record, now }: ObserveInput, pool: PoolMemory): boolean {
  return record.settings.deleting && pool.scaleSetGoneSince !== undefined && now - pool.scaleSetGoneSince >= goneMs
}

const nothingLeft: ScaleSetState = {
  capacity: 0,
  claim: 'free',
  extension: 'absent',
  operationRunning: false,
  singlePlacementGroup: false,
  blockers: [],
}

/** A claim that stood still this long on our own clock may be taken over, once a person confirmed. */
const takeOverMs = 10 * 60_000

function capabilitiesPart(record: PoolRecord, pool: PoolMemory, now: Instant): PoolSnapshot['capabilities'] {
  const declared = record.settings.capabilities
  if (pool.learned === undefined && Object.keys(declared).length === 0)
    return { known: false, why: 'no agent of this pool has been online yet' }
  return { known: true, at: pool.learned?.at ?? now, value: { ...pool.learned?.capabilities, ...declared } }
}

function capacityOf(reading: Reading<AzureScaleSet | undefined>): number {
  return reading.known && reading.value !== undefined ? reading.value.capacity : 0
}
