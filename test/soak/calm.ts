/** Liveness: once faults have stopped, the pool is as it was meant to be, and nothing is left behind. */
import type { AgentFacts, MachineFacts, WorldEvent } from '../../backend/simulator/facts.ts'
import type { Journal, PoolRecord } from '../../backend/loop/ports.ts'
import type { Scene } from './history.ts'
import { minuteMs, type Plan } from './plan.ts'

const orphanMsMax = 10 * minuteMs
/** A job's lock lasts this long after its agent died: until then Azure DevOps does not let the agent go. */
const lockMs = 10 * minuteMs
/** The longest time until an agent is online or counts as failed, and for what then takes its machine away. */
const lifeMsMax = 35 * minuteMs
/** The slowest boot (list 30 s, create 4 min, agent 4 min, custom script) and two passes. */
const startMsMax = 12 * minuteMs

/** Three passes, and the slowest delete. */
const removalMsMax = 12 * minuteMs

export type CalmWatch = {
  enter(event: WorldEvent): void
  goneAt(name: string): number | undefined
  /** When a job last started. */
  startedAt(): number
  /** When a job last ended. */
  endedAt(): number
  /** When a machine was last taken away. */
  removedAt(): number
}

/** Remembers when the machine of each name went away. */
export function createCalmWatch(scene: Scene): CalmWatch {
  const names = new Map<string, string>()
  const gone = new Map<string, number>()
  let startedAt = -Infinity
  let endedAt = -Infinity
  let removedAt = -Infinity
  const comesOrGoes = (kind: WorldEvent['kind'], machine: string, at: number): void => {
    if (kind === 'machine-listed') {
      const name = scene.truth.machines(scene.scaleSetId).find((each) => each.instanceId === machine)?.computerName ?? ''
      names.set(machine, name)
      gone.delete(name)
    }
    if (kind === 'machine-deleted' || kind === 'machine-vanished') gone.set(names.get(machine) ?? '', at)
  }
  return {
    enter(event) {
      if (event.kind === 'job-started') startedAt = event.at
      if (event.kind === 'job-finished' || event.kind === 'job-cancelled' || event.kind === 'job-abandoned') endedAt = event.at
      if (event.kind === 'delete-accepted') removedAt = event.at
      if ('machine' in event && 'scaleSetId' in event && event.scaleSetId === scene.scaleSetId)
        comesOrGoes(event.kind, event.machine, event.at)
    },
    goneAt: (name) => gone.get(name),
    startedAt: () => startedAt,
    endedAt: () => endedAt,
    removedAt: () => removedAt,
  }
}

export type CalmParts = {
  readonly plan: Plan
  readonly scene: Scene
  readonly calm: CalmWatch
  readonly record: PoolRecord | undefined
  readonly journal: Journal
  readonly now: number
}

/** What is still wrong at the end of a run. */
export async function calmFindings(parts: CalmParts): Promise<readonly string[]> {
  const { plan, record } = parts
  if (plan.deleteAt !== undefined) {
    if (record === undefined) return leftAfterDeletion(parts)
    // A job may be longer than the calm: its machine is waited for, and then taken away.
    return runsJob(parts) || parts.now - parts.calm.endedAt() < removalMsMax ? [] : ['the pool was to be deleted and is still there']
  }
  if (plan.kind === 'steady') return []
  return [...orphans(parts), ...idleMachinesMissing(parts), ...jobsWaiting(parts), ...(await deadMachines(parts)), ...(await wedged(parts))]
}

function runsJob({ scene }: CalmParts): boolean {
  return scene.truth.requests(scene.poolId).some((request) => request.receivedAt !== undefined && request.result === undefined)
}

function leftAfterDeletion({ scene }: CalmParts): readonly string[] {
  const tags = Object.keys(scene.truth.scaleSet(scene.scaleSetId)?.tags ?? {})
  return tags.some((tag) => tag.toLowerCase() === 'scalesetagentsowner') ? ['the deleted pool left its tag on the scale set'] : []
}

function orphans({ scene, calm, now }: CalmParts): readonly string[] {
  return scene.truth.agents(scene.poolId).flatMap((agent) => {
    const at = calm.goneAt(agent.name)
    if (at === undefined || now - at < orphanMsMax + (hadJob(scene, agent) ? lockMs : 0)) return []
    return [`agent ${agent.name} is still registered ${Math.round((now - at) / minuteMs)} minutes after its machine went away`]
  })
}

function hadJob(scene: Scene, agent: AgentFacts): boolean {
  return scene.truth.requests(scene.poolId).some((request) => request.agentId === agent.id)
}

function present({ scene }: CalmParts): readonly MachineFacts[] {
  return scene.truth.machines(scene.scaleSetId)
}

/** All that the maximum and the subnet allow is there. */
function isFull(parts: CalmParts): boolean {
  const capacity = parts.scene.truth.scaleSet(parts.scene.scaleSetId)?.capacity ?? 0
  const room = parts.plan.subnetSize - 2
  return Math.max(present(parts).length, capacity) >= Math.min(parts.record?.settings.machinesMax ?? 0, room)
}

function isPaused({ record }: CalmParts): boolean {
  return record?.settings.paused === true
}

/** A machine was just taken away, or a job just started: its successor is on its way. */
function isMoving({ now, calm }: CalmParts): boolean {
  return now - Math.max(calm.startedAt(), calm.removedAt()) < startMsMax
}

/** In calm weather a waiting job starts after one boot and two passes, or others do: an overloaded pool is always at work. */
function jobsWaiting(parts: CalmParts): readonly string[] {
  if (isFull(parts) || isPaused(parts) || isMoving(parts)) return []
  const waiting = parts.scene.truth
    .requests(parts.scene.poolId)
    .filter(
      (request) =>
        request.result === undefined &&
        request.agentId === undefined &&
        parts.now - request.queuedAt > startMsMax &&
        !request.demands.includes('gpu'),
    )
  return waiting
    .slice(0, 1)
    .map(
      (request) =>
        `job request ${request.id} has waited ${Math.round((parts.now - request.queuedAt) / minuteMs)} minutes although the pool may grow`,
    )
}

function idleMachinesMissing(parts: CalmParts): readonly string[] {
  if (isFull(parts) || isPaused(parts) || parts.now - parts.calm.removedAt() < startMsMax) return []
  const standby = parts.record?.settings.standbyWindows.length === 0 ? parts.record.settings.standby : 0
  const { scene } = parts
  const useful = present(parts).filter(
    (machine) => machine.agentProcess !== 'ended' && machine.provisioningState !== 'Deleting' && machine.provisioningState !== 'Failed',
  ).length
  const jobs = scene.truth
    .requests(scene.poolId)
    .filter((request) => request.result === undefined && !request.demands.includes('gpu')).length
  return useful < standby + Math.min(jobs, 0) ? [`${useful} machines work or are coming; the standby is ${standby}`] : []
}

/** A machine without a working agent is replaced; one that a person kept stays, and so does one that the service names as not its own. */
async function deadMachines(parts: CalmParts): Promise<readonly string[]> {
  if (isPaused(parts)) return []
  const { scene, plan, now } = parts
  const online = new Set(scene.truth.agents(scene.poolId).flatMap((agent) => (agent.online ? [agent.name] : [])))
  const { machines } = await parts.journal.remembered(scene.poolId)
  const kept = new Map(
    machines.map((machine) => [machine.id, machine.saved !== undefined ? 'saved' : machine.ownedBy === 'none' ? 'foreign' : '']),
  )
  const dead = present(parts).filter(
    ({ provisioningState, computerName, createdAt }) =>
      provisioningState === 'Failed' && !online.has(computerName) && now - createdAt > lifeMsMax && now - plan.calmAt > lifeMsMax,
  )
  return dead
    .filter((machine) => kept.get(machine.instanceId) === '')
    .slice(0, 1)
    .map((machine) => `machine ${machine.instanceId} has failed and is still there`)
}

/** Nothing in the journal is open for longer than the longest wait there is. */
async function wedged({ journal, scene, now }: CalmParts): Promise<readonly string[]> {
  const { openIntents } = await journal.remembered(scene.poolId)
  return openIntents
    .filter((intent) => now - intent.writtenAt > 45 * minuteMs)
    .slice(0, 1)
    .map(
      (intent) =>
        `the intent ${intent.id} (${intent.action.kind}, ${intent.state}) has been open for ${Math.round((now - intent.writtenAt) / minuteMs)} minutes`,
    )
}
