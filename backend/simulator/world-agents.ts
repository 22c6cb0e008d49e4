/** Agents as facts: connection, enabling, removal, and who is idle. */
import type { AgentFacts, NewAgent } from './facts.ts'
import type { Agent, Machine, Pool, WorldState } from './world-state.ts'

export type By = 'machine' | 'api' | 'person'

export function listAgents(pool: Pool): readonly AgentFacts[] {
  pool.listed ??= [...pool.agents.values()].map((agent) => agent.facts)
  return pool.listed
}

export function changeAgent(world: WorldState, agent: Agent, change: Partial<AgentFacts>): void {
  beforeChange(world, agent.pool)
  agent.facts = { ...agent.facts, ...change }
  if ('enabled' in change || 'systemCapabilities' in change || 'userCapabilities' in change || 'version' in change)
    agent.pool.matches.clear()
  refreshIdle(agent)
}

export function addAgent(world: WorldState, pool: Pool, added: NewAgent, by: By, machine?: Machine): Agent {
  beforeChange(world, pool)
  pool.matches.clear()
  const now = world.clock.now()
  const facts: AgentFacts = {
    id: world.nextAgent++,
    poolId: pool.facts.id,
    name: added.name,
    version: added.version,
    osDescription: added.osDescription,
    enabled: added.enabled ?? true,
    online: false,
    createdAt: now,
    statusChangedAt: now,
    systemCapabilities: added.systemCapabilities,
    userCapabilities: added.userCapabilities ?? {},
    clientId: world.random.guid(),
    ...(added.publicKey ? { publicKey: added.publicKey } : {}),
    ...machineOf(machine),
  }
  const agent: Agent = { facts, pool, reserved: false, resting: false, removed: false, connection: 0 }
  pool.agents.set(facts.id, agent)
  world.emit({ kind: 'agent-added', ...naming(agent), by })
  return agent
}

/** `config --replace`: a new process takes over the id. What people set stays: user capabilities and whether it is enabled. */
export function replaceAgent(world: WorldState, agent: Agent, replacement: NewAgent, machine?: Machine): void {
  agent.connection++
  agent.resting = false
  agent.process = undefined
  changeAgent(world, agent, {
    version: replacement.version,
    osDescription: replacement.osDescription,
    systemCapabilities: replacement.systemCapabilities,
    clientId: world.random.guid(),
    ...(replacement.publicKey ? { publicKey: replacement.publicKey } : {}),
    ...machineOf(machine),
  })
}

export function removeAgent(world: WorldState, agent: Agent, by: By): void {
  beforeChange(world, agent.pool)
  agent.removed = true
  agent.connection++
  agent.pool.agents.delete(agent.facts.id)
  agent.pool.idle.delete(agent)
  agent.pool.matches.clear()
  if (agent.session) world.sessions.delete(agent.session.id)
  world.emit({ kind: 'agent-removed', ...naming(agent), by })
}

/** Shows the agent online or offline; nothing when it is so already. */
export function setOnline(world: WorldState, agent: Agent, online: boolean, by: By): void {
  if (agent.removed || agent.facts.online === online) return
  changeAgent(world, agent, { online, statusChangedAt: world.clock.now() })
  world.emit({ kind: online ? 'agent-online' : 'agent-offline', ...naming(agent), by })
}

export function setEnabled(world: WorldState, agent: Agent, enabled: boolean, by: By): void {
  if (agent.removed || agent.facts.enabled === enabled) return
  changeAgent(world, agent, { enabled })
  world.emit({ kind: enabled ? 'agent-enabled' : 'agent-disabled', ...naming(agent), by })
}

export function refreshIdle(agent: Agent): void {
  const idle = agent.facts.online && agent.facts.enabled && !agent.request && !agent.reserved && !agent.resting && !agent.removed
  if (idle) agent.pool.idle.add(agent)
  else agent.pool.idle.delete(agent)
}

export function agentNamed(pool: Pool, name: string): Agent | undefined {
  for (const agent of pool.agents.values()) if (agent.facts.name.toLowerCase() === name.toLowerCase()) return agent
  return undefined
}

function beforeChange(world: WorldState, pool: Pool): void {
  if (world.faults.active('stale-agents')) pool.pastAgents.note(world.clock.now(), () => listAgents(pool))
  pool.listed = undefined
}

function naming(agent: Agent): { readonly poolId: number; readonly agentId: number; readonly name: string } {
  return { poolId: agent.pool.facts.id, agentId: agent.facts.id, name: agent.facts.name }
}

function machineOf(machine: Machine | undefined): Pick<AgentFacts, 'machine'> {
  return machine ? { machine: { scaleSetId: machine.set.facts.id, instanceId: machine.facts.instanceId } } : {}
}
