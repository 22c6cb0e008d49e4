/** Questions that come up now and then: how an operation stands, what an agent can do, how much room is left. One a pass. */
import { compareVersions } from '../core/versions.ts'
import type { PoolState } from './pool-state.ts'
import type { Clock, PipelinesAgent, PoolRecord } from './ports.ts'
import { isOpen } from './settle.ts'

const deadlineMs = 30_000
/** Azure is asked about an operation of ours no more often than this. */
const operationMs = 30_000
/** An agent and a job that have been idle and waiting beside each other for this long make us ask for the parallel jobs, no more often than each minute. */
const idleBesideJobsMs = 30_000
const parallelJobsMs = 60_000
/** Quota and subnet change slowly; a room that was found empty is looked at sooner. */
const roomsMs = 15 * 60_000
const emptyRoomsMs = 2 * 60_000

/** Capabilities that tell one machine from another; a placeholder must not carry them. */
const personal =
  /^(Agent\.(ComputerName|Name|Id|HomeDirectory|Version|MachineName)|HOSTNAME|COMPUTERNAME|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_EXEC_PID|LOGONSERVER|USERDOMAIN.*)$/i

/** Asks at most one question. True when the pool's memory changed. */
export async function inquire(state: PoolState, record: PoolRecord, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const limit = clock.deadline(deadlineMs, signal)
  await askParallelJobs(state, clock, limit)
  return (
    (await askOperation(state, clock, limit)) || (await learnCapabilities(state, record, clock, limit)) || askRooms(state, clock, limit)
  )
}

async function askOperation(state: PoolState, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const now = clock.now()
  const open = [...state.intents.values()].find(
    (intent) =>
      isOpen(intent) && intent.operation !== undefined && now - intent.changedAt >= operationMs && !isOver(state, intent.operation),
  )
  if (open?.operation === undefined || now - state.operationsAskedAt < operationMs) return false
  state.operationsAskedAt = now
  const reading = await state.scaleSet.operation(open.operation, signal)
  if (!reading.known) return false
  const needed = new Set([...state.intents.values()].map((intent) => intent.operation))
  state.operations = new Map([...[...state.operations].filter(([address]) => needed.has(address)), [open.operation, reading.value]])
  return false
}

function isOver(state: PoolState, operation: string): boolean {
  const known = state.operations.get(operation)
  return known !== undefined && known.state !== 'running'
}

/** The first agent of ours that comes online, or one of a newer version, shows what this pool's agents can do. */
async function learnCapabilities(state: PoolState, record: PoolRecord, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const agents = state.readings.get('agents')
  if (!agents.known) return false
  const ours = new Set(
    [...state.machines.values()]
      .filter((machine) => machine.ownedBy !== 'none' && machine.onlineAt !== undefined)
      .map((machine) => machine.agentId),
  )
  const teacher = newest(
    agents.value.filter((agent) => agent.online && ours.has(agent.id)),
    state.pool.learned?.version,
  )
  if (teacher === undefined) return false
  const reading = await state.pipelines.agent(record.poolId, teacher.id, signal)
  if (!reading.known || reading.value?.capabilities === undefined) return false
  const capabilities = Object.fromEntries(Object.entries(reading.value.capabilities).filter(([name]) => !personal.test(name)))
  state.pool = { ...state.pool, learned: { capabilities, version: teacher.version, at: clock.now() } }
  return true
}

type Versioned = PipelinesAgent & { readonly version: string }

/** During a roll-out several versions are online: the highest one counts, and only above what is known. */
function newest(agents: readonly PipelinesAgent[], known: string | undefined): Versioned | undefined {
  const isNewer = (agent: PipelinesAgent): agent is Versioned =>
    agent.version !== undefined && (known === undefined || compareVersions(agent.version, known) > 0)
  return agents.filter(isNewer).toSorted((left, right) => compareVersions(right.version, left.version))[0]
}

/** Idle agents beside waiting jobs are the sign that the organization's parallel jobs are used up. */
async function askParallelJobs(state: PoolState, clock: Clock, signal: AbortSignal): Promise<void> {
  const now = clock.now()
  if (state.parallelJobs !== undefined && now - state.parallelJobs.at < parallelJobsMs) return
  const jobs = state.readings.get('jobs')
  const isOld = (requestId: number): boolean => now - (state.pool.jobs[requestId]?.seenAt ?? now) >= idleBesideJobsMs
  const isWaiting = jobs.known && jobs.value.some((job) => job.agentId === undefined && isOld(job.requestId))
  const isIdle = [...state.machines.values()].some((machine) => machine.stage === 'idle' && now - machine.stageSince >= idleBesideJobsMs)
  if (!isWaiting || !isIdle) {
    state.parallelJobs = undefined
    return
  }
  const reading = await state.pipelines.parallelJobsFree(signal)
  state.parallelJobs = { free: reading.known ? reading.value : undefined, at: now }
}

async function askRooms(state: PoolState, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const scaleSet = state.readings.get('scaleSet')
  if (!scaleSet.known || scaleSet.value === undefined) return false
  const age = state.pool.roomsAt === undefined ? Infinity : clock.now() - state.pool.roomsAt
  const isEmpty = state.pool.rooms.some((room) => room.machines === 0)
  if (age < (isEmpty ? emptyRoomsMs : roomsMs)) return false
  const reading = await state.scaleSet.rooms(scaleSet.value.skuName, signal)
  const asked = { ...state.pool, roomsAt: clock.now() }
  state.pool = reading.known ? { ...asked, rooms: reading.value, roomsCapacity: scaleSet.value.capacity } : asked
  return true
}
