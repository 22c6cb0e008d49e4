/** Job requests from queued to finished: first in first out per pool, to idle agents that satisfy the demands. */
import type { RequestFacts, WorldTime } from './facts.ts'
import { changeAgent, refreshIdle, setOnline } from './world-agents.ts'
import { matchingAgents, satisfies } from './world-demands.ts'
import { changeMachine } from './world-sets.ts'
import type { Agent, AgentProcess, Pool, Request, WorldState } from './world-state.ts'

export const lockMs = 600_000
const renewMs = 60_000
const finishedKept = 5_000

export type NewJob = {
  readonly durationMs: number
  readonly jobName?: string
  readonly definition?: string
  readonly demands?: readonly string[]
  readonly planType?: RequestFacts['planType']
}

/** Queues a job. Azure DevOps fails it at once when no enabled agent of the pool, online or not, satisfies its demands. */
export function queueJob(world: WorldState, pool: Pool, job: NewJob): Request {
  const request = addRequest(world, pool, job)
  if (request.facts.matchedAgentIds.length === 0) {
    end(world, request, 'failed')
    return request
  }
  pool.waiting.push(request)
  match(world, pool)
  return request
}

export function addRequest(world: WorldState, pool: Pool, job: NewJob): Request {
  const demands = job.demands ?? []
  const name = job.definition ?? 'ci'
  const definitionId = world.definitions.get(name) ?? world.nextDefinition++
  world.definitions.set(name, definitionId)
  const facts: RequestFacts = {
    id: world.nextRequest++,
    poolId: pool.facts.id,
    jobName: job.jobName ?? 'Job',
    definition: { id: definitionId, name },
    planType: job.planType ?? 'Build',
    demands,
    queuedAt: world.clock.now(),
    durationMs: job.durationMs,
    matchedAgentIds: matchingAgents(pool, demands),
  }
  if (world.faults.active('stale-jobs')) pool.pastRequests.note(world.clock.now(), () => listUnfinished(world, pool))
  const request: Request = { facts, pool, state: 'waiting' }
  pool.unfinished.set(facts.id, request)
  world.emit({ kind: 'job-queued', poolId: pool.facts.id, requestId: facts.id })
  return request
}

/** Gives waiting jobs to idle agents, oldest job first. The assignment shows after the `assign` latency. */
export function match(world: WorldState, pool: Pool): void {
  for (let i = 0; i < pool.waiting.length && pool.idle.size > 0 && mayStart(world);) {
    const request = pool.waiting[i]
    const agent = request && pickAgent(world, pool, request)
    if (!request || !agent) {
      i++
      continue
    }
    pool.waiting.splice(i, 1)
    reserve(world, request, agent)
  }
}

/** Jobs that hold one of the organization's parallel jobs, in all its pools. */
export function parallelJobsUsed(world: WorldState): number {
  let used = 0
  for (const pool of world.pools.values()) used += pool.unfinished.size - pool.waiting.length
  return used
}

function mayStart(world: WorldState): boolean {
  return world.parallelJobs === undefined || parallelJobsUsed(world) < world.parallelJobs
}

/** Assigns now, whatever is reserved; the agent must be online, enabled and without a request. */
export function assignNow(world: WorldState, request: Request, agent: Agent): void {
  takeFromWaiting(request)
  changeRequest(world, request, { assignedAt: world.clock.now(), agentId: agent.facts.id })
  request.state = 'assigned'
  request.agent = agent
  agent.request = request
  changeAgent(world, agent, { assignedRequestId: request.facts.id })
  emitJob(world, 'job-assigned', request)
  deliver(world, request, agent)
}

/** The agent's process takes the job after the `receive` latency, if it still listens then. */
export function deliver(world: WorldState, request: Request, agent: Agent): void {
  const process = agent.process
  if (!process) return
  world.clock.after(world.random.logNormal(world.latencies.receive), () => {
    if (request.state !== 'assigned' || request.agent !== agent || agent.process !== process || !process.alive || !agent.facts.online)
      return
    start(world, request, process)
  })
}

/** The agent took the job: its lock runs from now. */
export function receive(world: WorldState, request: Request): void {
  const now = world.clock.now()
  request.state = 'running'
  changeRequest(world, request, { receivedAt: now, lockedUntil: now + lockMs })
  emitJob(world, 'job-started', request)
  if (!request.process) watchLock(world, request)
}

export function finish(world: WorldState, request: Request, result: NonNullable<RequestFacts['result']>): void {
  const { agent, process } = request
  end(world, request, result)
  if (process?.alive) afterJob(world, process)
  if (agent) release(world, agent)
}

export function cancel(world: WorldState, request: Request): void {
  if (request.state !== 'running') {
    finish(world, request, 'canceled')
    return
  }
  world.clock.after(world.random.between(1_000, 20_000), () => {
    if (request.state === 'running' && request.process?.alive !== false) finish(world, request, 'canceled')
  })
}

/** The process that ran it is dead: nobody renews, and Azure DevOps gives the job up when the lock runs out. */
export function stopRenewing(world: WorldState, request: Request): void {
  changeRequest(world, request, { lockedUntil: lockNow(world, request) })
  watchLock(world, request)
}

/** The agent shows offline. A job it was assigned and did not receive is queued again after a while; assumed: 60 to 90 s. */
export function disconnect(world: WorldState, agent: Agent): void {
  setOnline(world, agent, false, 'machine')
  const request = agent.request
  if (request?.state !== 'assigned') return
  world.clock.after(world.random.between(60_000, 90_000), () => {
    if (request.state === 'assigned' && request.agent === agent) requeue(world, request)
  })
}

/** The request with its lock as of now. Renewals are worked out when somebody looks. */
export function requestFacts(world: WorldState, request: Request): RequestFacts {
  const { pool, state } = request
  if (state === 'running' && request.process?.alive) {
    const lockedUntil = lockNow(world, request)
    if (lockedUntil !== request.facts.lockedUntil) request.facts = { ...request.facts, lockedUntil }
  }
  if (state === 'waiting' || state === 'reserved') {
    const matchedAgentIds = matchingAgents(pool, request.facts.demands)
    if (matchedAgentIds !== request.facts.matchedAgentIds) request.facts = { ...request.facts, matchedAgentIds }
  }
  return request.facts
}

export function listUnfinished(world: WorldState, pool: Pool): readonly RequestFacts[] {
  const list: RequestFacts[] = []
  for (const request of pool.unfinished.values()) list.push(requestFacts(world, request))
  return list
}

export function changeRequest(world: WorldState, request: Request, change: Partial<RequestFacts>): void {
  if (world.faults.active('stale-jobs')) request.pool.pastRequests.note(world.clock.now(), () => listUnfinished(world, request.pool))
  request.facts = { ...request.facts, ...change }
}

function pickAgent(world: WorldState, pool: Pool, request: Request): Agent | undefined {
  const { demands } = request.facts
  const able = demands.length === 0 ? [...pool.idle] : [...pool.idle].filter((agent) => satisfies(agent.facts, demands))
  return world.random.pick(able)
}

function reserve(world: WorldState, request: Request, agent: Agent): void {
  request.state = 'reserved'
  agent.reserved = true
  refreshIdle(agent)
  world.clock.after(world.random.logNormal(world.latencies.assign), () => {
    agent.reserved = false
    refreshIdle(agent)
    if (request.state !== 'reserved') return match(world, request.pool)
    if (request.pool.idle.has(agent)) return assignNow(world, request, agent)
    putBack(world, request)
  })
}

/** A job keeps its place: the queue is in order of request ids. */
function putBack(world: WorldState, request: Request): void {
  const { waiting } = request.pool
  request.state = 'waiting'
  const place = waiting.findIndex((other) => other.facts.id > request.facts.id)
  waiting.splice(place < 0 ? waiting.length : place, 0, request)
  match(world, request.pool)
}

function requeue(world: WorldState, request: Request): void {
  const agent = request.agent
  const { assignedAt: _assignedAt, agentId: _agentId, ...rest } = request.facts
  changeRequest(world, request, {})
  request.facts = rest
  request.agent = undefined
  if (agent) release(world, agent)
  putBack(world, request)
}

function takeFromWaiting(request: Request): void {
  const place = request.pool.waiting.indexOf(request)
  if (place >= 0) request.pool.waiting.splice(place, 1)
}

function start(world: WorldState, request: Request, process: AgentProcess): void {
  const { machine } = process
  request.process = process
  changeMachine(world, machine, { agentProcess: 'running-job', jobsStarted: machine.facts.jobsStarted + 1 })
  receive(world, request)
  world.clock.after(request.facts.durationMs, () => {
    if (request.state === 'running' && process.alive) finish(world, request, 'succeeded')
  })
}

/**
 * A one-job process stops after its job; Azure DevOps shows that within half a minute. The process does not unregister.
 * With `once-ignored` (azure-pipelines-agent #2332) another job may be assigned meanwhile: it runs, or it is lost for a while.
 */
function afterJob(world: WorldState, process: AgentProcess): void {
  const { agent, machine } = process
  if (!process.once) return changeMachine(world, machine, { agentProcess: 'listening' })
  const ignored = !process.hadItsJob && world.faults.strikes('once-ignored') !== undefined
  process.hadItsJob = true
  agent.resting = !ignored
  process.alive = ignored && world.faults.chance('once-ignored').chance(0.5)
  changeMachine(world, machine, { agentProcess: process.alive ? 'listening' : 'ended' })
  world.clock.after(world.random.between(1_000, 30_000), () => endOnce(world, process))
}

/** The one-job process is over, unless the job that slipped in still runs on it. */
function endOnce(world: WorldState, process: AgentProcess): void {
  const { agent, machine } = process
  if (agent.process !== process || agent.removed) return
  if (process.alive && agent.request?.state === 'running') return
  if (process.alive) changeMachine(world, machine, { agentProcess: 'ended' })
  process.alive = false
  agent.resting = true
  refreshIdle(agent)
  disconnect(world, agent)
}

function end(world: WorldState, request: Request, result: NonNullable<RequestFacts['result']>): void {
  const { pool } = request
  takeFromWaiting(request)
  changeRequest(world, request, { finishedAt: world.clock.now(), result })
  request.state = 'done'
  pool.unfinished.delete(request.facts.id)
  pool.finished.push(request.facts)
  if (pool.finished.length > 2 * finishedKept) pool.finished.splice(0, finishedKept)
  if (world.parallelJobs !== undefined) for (const other of world.pools.values()) match(world, other)
  emitJob(world, result === 'abandoned' ? 'job-abandoned' : result === 'canceled' ? 'job-cancelled' : 'job-finished', request)
}

function release(world: WorldState, agent: Agent): void {
  const id = agent.request?.facts.id
  const completed = agent.request?.state === 'done'
  agent.request = undefined
  if (agent.removed) return
  const { assignedRequestId: _assigned, ...rest } = agent.facts
  changeAgent(world, agent, {})
  agent.facts = { ...rest, ...(completed && id !== undefined ? { lastCompletedRequestId: id } : {}) }
  match(world, agent.pool)
}

function lockNow(world: WorldState, request: Request): WorldTime {
  const received = request.facts.receivedAt ?? world.clock.now()
  const renewals = Math.floor((world.clock.now() - received) / renewMs)
  return received + renewals * renewMs + lockMs
}

function watchLock(world: WorldState, request: Request): void {
  world.clock.at(request.facts.lockedUntil ?? world.clock.now(), () => {
    if (request.state !== 'running') return
    if ((request.facts.lockedUntil ?? 0) > world.clock.now()) return watchLock(world, request)
    finish(world, request, 'abandoned')
  })
}

function emitJob(
  world: WorldState,
  kind: 'job-assigned' | 'job-started' | 'job-finished' | 'job-abandoned' | 'job-cancelled',
  request: Request,
): void {
  const machine = request.agent?.facts.machine?.instanceId
  world.emit({
    kind,
    poolId: request.pool.facts.id,
    requestId: request.facts.id,
    ...(request.agent ? { agentId: request.agent.facts.id } : {}),
    ...(machine === undefined ? {} : { machine }),
  })
}
