/** Azure and Azure DevOps as one small world in virtual time. One seed is one run. */
import type { World } from './facts.ts'
import type { WorldOptions } from './facts-life.ts'
import { listAgents, setEnabled } from './world-agents.ts'
import { createAzureSide } from './world-azure.ts'
import { createDevOpsSide } from './world-devops.ts'
import { cancel, listUnfinished, match, queueJob } from './world-jobs.ts'
import { endBootstrap } from './world-outside.ts'
import { startStream } from './world-people.ts'
import { billedMs, listMachines } from './world-sets.ts'
import { createState } from './world-state.ts'
import type { Agent, Pool, Request, ScaleSet, WorldState } from './world-state.ts'

/** @throws Error from the set-up functions when they name a pool, an agent or a request that does not exist. */
export function createWorld(options: WorldOptions): World {
  const world = createState(options)
  const { clock, faults, listeners } = world
  return {
    azure: createAzureSide(world),
    devops: createDevOpsSide(world),
    now: clock.now,
    advance: clock.advance,
    nextAt: clock.nextAt,
    watch(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    setFault(name, setting) {
      if (name === 'person-saves-nothing') return
      faults.set(name, setting)
      if (setting) startStream(world, name, setting)
    },
    faults: faults.settings,
    faultCounts: faults.counts,
    queueJob: (job) => queueJob(world, poolOf(world, job.poolId), job).facts.id,
    cancelJob: (requestId) => cancel(world, requestOf(world, requestId)),
    addAutoscale: (setting) => void world.autoscale.push(setting),
    setParallelJobs(jobs) {
      world.parallelJobs = jobs
      for (const pool of world.pools.values()) match(world, pool)
    },
    setCoreLimit: (cores) => void (world.coreLimit = cores),
    personSetsEnabled(poolId, agentId, enabled) {
      const agent = agentOf(world, poolId, agentId)
      setEnabled(world, agent, enabled, 'person')
      match(world, agent.pool)
    },
    endBootstrap: (scaleSetId, instanceId, end, life) =>
      endBootstrap(world.scaleSets.get(scaleSetId.toLowerCase())?.machines.get(instanceId), end, life),
    truth: createTruth(world),
  }
}

function createTruth(world: WorldState): World['truth'] {
  const set = (id: string): ScaleSet | undefined => world.scaleSets.get(id.toLowerCase())
  return {
    scaleSet: (id) => set(id)?.facts,
    machines: (id) => {
      const found = set(id)
      return found ? listMachines(found) : []
    },
    agents: (poolId) => {
      const pool = world.pools.get(poolId)
      return pool ? listAgents(pool) : []
    },
    requests: (poolId) => {
      const pool = world.pools.get(poolId)
      return pool ? [...pool.finished, ...listUnfinished(world, pool)] : []
    },
    machineMs: (id) => {
      const found = set(id)
      return found ? billedMs(world, found) : (world.bills.get(id.toLowerCase()) ?? 0)
    },
  }
}

function poolOf(world: WorldState, id: number): Pool {
  const pool = world.pools.get(id)
  if (!pool) throw new Error(`The pool ${id} does not exist; add it first.`)
  return pool
}

function agentOf(world: WorldState, poolId: number, agentId: number): Agent {
  const agent = poolOf(world, poolId).agents.get(agentId)
  if (!agent) throw new Error(`The agent ${agentId} does not exist in the pool ${poolId}; look at truth.agents first.`)
  return agent
}

function requestOf(world: WorldState, id: number): Request {
  for (const pool of world.pools.values()) {
    const request = pool.unfinished.get(id)
    if (request) return request
  }
  throw new Error(`The job request ${id} does not exist or is finished; look at truth.requests first.`)
}
