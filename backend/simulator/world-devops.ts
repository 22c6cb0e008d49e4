/** Azure DevOps' side: pools, queues, agents and job requests of the distributed task service (azure-facts 2 and 3). */
import type { AgentFacts, Answer, DevOpsSide, PoolFacts, QueueFacts, RequestFacts } from './facts.ts'
import { addAgent, agentNamed, changeAgent, listAgents, removeAgent, replaceAgent, setEnabled } from './world-agents.ts'
import { ok, refuse, throughDevOps } from './world-answers.ts'
import type { Refusal } from './world-answers.ts'
import {
  addRequest,
  assignNow,
  changeRequest,
  finish,
  listUnfinished,
  lockMs,
  match,
  parallelJobsUsed,
  receive,
  requestFacts,
} from './world-jobs.ts'
import { machineOutside, noteProcess } from './world-outside.ts'
import { endRemoved } from './world-processes.ts'
import { createSessions } from './world-sessions.ts'
import { createPool } from './world-state.ts'
import type { Agent, Pool, Request, WorldState } from './world-state.ts'

const staleMs = 60_000

export function createDevOpsSide(world: WorldState): DevOpsSide {
  const calls = createCalls(world)
  return {
    ...poolCommands(world, calls),
    ...agentCommands(world, calls),
    ...jobCommands(world, calls),
    ...createSessions(world, calls.call, calls.onAgent),
  }
}

type Calls = ReturnType<typeof createCalls>

/** Finds what a call names, behind the fault switches. */
function createCalls(world: WorldState) {
  const call = <T>(apply: () => Answer<T>): Answer<T> => throughDevOps(world.faults, apply)
  const onPool = <T>(id: number, apply: (pool: Pool) => Answer<T>): Answer<T> =>
    call(() => {
      const pool = world.pools.get(id)
      return pool ? apply(pool) : refuse(404, 'TaskAgentPoolNotFoundException', `The agent pool ${id} does not exist.`)
    })
  const onAgent = <T>(poolId: number, agentId: number, apply: (agent: Agent) => Answer<T>): Answer<T> =>
    onPool(poolId, (pool) => {
      const agent = pool.agents.get(agentId)
      return agent ? apply(agent) : refuse(404, 'TaskAgentNotFoundException', `The agent ${agentId} does not exist in the pool ${poolId}.`)
    })
  const onRequest = (poolId: number, requestId: number, apply: (request: Request) => Answer<RequestFacts>): Answer<RequestFacts> =>
    onPool(poolId, (pool) => {
      const request = pool.unfinished.get(requestId)
      return request
        ? apply(request)
        : refuse(404, 'TaskAgentJobNotFoundException', `The job request ${requestId} is not found or is finished.`)
    })
  return { call, onPool, onAgent, onRequest }
}

function poolCommands(
  world: WorldState,
  { call, onPool }: Calls,
): Pick<DevOpsSide, 'pools' | 'pool' | 'addPool' | 'updatePool' | 'deletePool' | 'parallelJobs' | 'queues' | 'addQueue'> {
  return {
    pools: () => call(() => ok([...world.pools.values()].map((pool) => pool.facts))),
    pool: (id) => onPool(id, (pool) => ok(pool.facts)),
    addPool: (name, autoProvision) => call(() => newPool(world, name, autoProvision)),
    updatePool: (id, change) => onPool(id, (pool) => ok((pool.facts = { ...pool.facts, ...change }))),
    deletePool: (id) => onPool(id, (pool) => ok(deletePool(world, pool))),
    parallelJobs: () =>
      call(() =>
        world.parallelJobs === undefined
          ? refuse(404, 'ResourceLimitNotFoundException', 'This organization has no limit of parallel jobs.')
          : ok({ total: world.parallelJobs, used: parallelJobsUsed(world) }),
      ),
    queues: (projectId) => call(() => ok(world.queues.filter((queue) => queue.projectId === projectId))),
    addQueue: (projectId, poolId, name, authorizeAll) =>
      onPool(poolId, () => addQueue(world, { projectId, poolId, name, authorizedForAll: authorizeAll })),
  }
}

function agentCommands(
  world: WorldState,
  { onPool, onAgent }: Calls,
): Pick<DevOpsSide, 'agents' | 'agent' | 'addAgent' | 'replaceAgent' | 'updateAgent' | 'deleteAgent'> {
  return {
    agents: (poolId) => onPool(poolId, (pool) => ok(readAgents(world, pool))),
    agent: (poolId, agentId) => onAgent(poolId, agentId, (agent) => ok(agent.facts)),
    addAgent: (poolId, added) =>
      onPool(poolId, (pool) => {
        const taken = agentNamed(pool, added.name)
        if (taken) return refuse(409, 'TaskAgentExistsException', `The pool ${poolId} already contains an agent with name ${added.name}.`)
        const machine = machineOutside(world, added.name)
        return ok(addAgent(world, pool, added, machine ? 'machine' : 'api', machine).facts)
      }),
    replaceAgent: (poolId, agentId, replacement) =>
      onAgent(poolId, agentId, (agent) => {
        replaceAgent(world, agent, replacement, machineOutside(world, agent.facts.name))
        return ok(agent.facts)
      }),
    updateAgent: (poolId, agentId, change) => onAgent(poolId, agentId, (agent) => ok(updateAgent(world, agent, change))),
    deleteAgent: (poolId, agentId) => onAgent(poolId, agentId, (agent) => deleteAgent(world, agent)),
  }
}

function jobCommands(
  world: WorldState,
  { call, onPool, onRequest }: Calls,
): Pick<DevOpsSide, 'requests' | 'request' | 'receive' | 'renew' | 'finish'> {
  return {
    requests: (poolId, completed = 0) => onPool(poolId, (pool) => ok(readRequests(world, pool, completed))),
    request: (poolId, requestId) => onPool(poolId, (pool) => readRequest(world, pool, requestId)),
    receive: (sessionId, requestId) =>
      call(() => {
        const session = world.sessions.get(sessionId)
        const request = session?.agent.request
        if (request?.facts.id !== requestId || request.state !== 'assigned') return jobNotStarted(requestId)
        noteProcess(world, session, 'running-job')
        receive(world, request)
        return ok(request.facts)
      }),
    renew: (poolId, requestId) =>
      onRequest(poolId, requestId, (request) => {
        if (request.state !== 'running') return jobNotStarted(requestId)
        changeRequest(world, request, { lockedUntil: world.clock.now() + lockMs })
        return ok(request.facts)
      }),
    finish: (poolId, requestId, result) =>
      onRequest(poolId, requestId, (request) => {
        if (request.state === 'running') noteProcess(world, request.agent?.session, 'listening')
        finish(world, request, result)
        return ok(request.facts)
      }),
  }
}

function newPool(world: WorldState, name: string, autoProvision: boolean): Answer<PoolFacts> {
  for (const { facts } of world.pools.values()) {
    if (facts.name.toLowerCase() === name.toLowerCase())
      return refuse(409, 'TaskAgentPoolExistsException', `The agent pool ${name} already exists.`)
  }
  const facts: PoolFacts = { id: world.nextPool++, name, autoProvision, autoUpdate: true, createdAt: world.clock.now(), options: 0 }
  world.pools.set(facts.id, createPool(facts))
  return ok(facts)
}

function deletePool(world: WorldState, pool: Pool): void {
  for (const request of [...pool.unfinished.values()]) finish(world, request, 'canceled')
  for (const agent of [...pool.agents.values()]) {
    removeAgent(world, agent, 'api')
    endRemoved(world, agent)
  }
  world.pools.delete(pool.facts.id)
  const kept = world.queues.filter((queue) => queue.poolId !== pool.facts.id)
  world.queues.splice(0, world.queues.length, ...kept)
}

function addQueue(world: WorldState, added: Omit<QueueFacts, 'id'>): Answer<QueueFacts> {
  const taken = world.queues.some((queue) => queue.projectId === added.projectId && queue.name.toLowerCase() === added.name.toLowerCase())
  if (taken) return refuse(409, 'TaskAgentQueueExistsException', `The agent queue ${added.name} already exists.`)
  const queue = { id: world.nextQueue++, ...added }
  world.queues.push(queue)
  return ok(queue)
}

function readAgents(world: WorldState, pool: Pool): readonly AgentFacts[] {
  const stale = world.faults.draws('stale-agents')
  const older = stale && pool.pastAgents.older(world.clock.now(), stale.sizeMs ?? staleMs, world.faults.chance('stale-agents'))
  if (!older) return listAgents(pool)
  world.faults.record('stale-agents')
  return older
}

function readRequests(world: WorldState, pool: Pool, completed: number): readonly RequestFacts[] {
  const finished = completed > 0 ? pool.finished.slice(-completed).reverse() : []
  const stale = world.faults.draws('stale-jobs')
  const older = stale && pool.pastRequests.older(world.clock.now(), stale.sizeMs ?? staleMs, world.faults.chance('stale-jobs'))
  if (!older) return [...listUnfinished(world, pool), ...finished]
  world.faults.record('stale-jobs')
  const known = new Set(older.map(({ id }) => id))
  return [...older, ...finished.filter(({ id }) => !known.has(id))]
}

function readRequest(world: WorldState, pool: Pool, requestId: number): Answer<RequestFacts> {
  const request = pool.unfinished.get(requestId)
  if (request) return ok(requestFacts(world, request))
  const finished = pool.finished.findLast(({ id }) => id === requestId)
  return finished ? ok(finished) : refuse(404, 'TaskAgentJobNotFoundException', `The job request ${requestId} does not exist.`)
}

function updateAgent(world: WorldState, agent: Agent, change: Parameters<DevOpsSide['updateAgent']>[2]): AgentFacts {
  const { enabled, ...rest } = change
  if (enabled === false) assignBeforehand(world, agent)
  if (Object.keys(rest).length > 0) changeAgent(world, agent, rest)
  if (enabled !== undefined) setEnabled(world, agent, enabled, 'api')
  match(world, agent.pool)
  return agent.facts
}

function deleteAgent(world: WorldState, agent: Agent): Answer<void> {
  assignBeforehand(world, agent)
  if (agent.request) {
    return refuse(
      400,
      'TaskAgentJobStillRunningException',
      `The agent ${agent.facts.name} cannot be deleted while it is running the job ${agent.request.facts.id}.`,
    )
  }
  removeAgent(world, agent, 'api')
  endRemoved(world, agent)
  return ok(undefined)
}

/** `job-assigned-during-removal`: between the caller's last read and this call, the agent was given a job. */
function assignBeforehand(world: WorldState, agent: Agent): void {
  const { pool } = agent
  if (!pool.idle.has(agent) || !world.faults.strikes('job-assigned-during-removal')) return
  const waiting = pool.waiting.find((request) => request.facts.matchedAgentIds.includes(agent.facts.id))
  const maintenance = {
    durationMs: 60_000 + world.faults.chance('job-assigned-during-removal').below(240_000),
    jobName: 'Maintenance',
    planType: 'PoolMaintenance',
  } as const
  assignNow(world, waiting ?? addRequest(world, pool, maintenance), agent)
}

function jobNotStarted(requestId: number): Refusal {
  return refuse(400, 'TaskAgentJobNotFoundException', `The job request ${requestId} is not assigned to this agent.`)
}
