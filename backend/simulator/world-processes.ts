/** Agent processes that the world runs on its machines: registering, listening, ending. */
import type { NewAgent } from './facts.ts'
import { addAgent, agentNamed, refreshIdle, replaceAgent, setOnline } from './world-agents.ts'
import { deliver, disconnect, match, stopRenewing } from './world-jobs.ts'
import { changeMachine } from './world-sets.ts'
import type { Agent, AgentProcess, Machine, Pool, WorldState } from './world-state.ts'

/** What `config --replace` does: takes over the agent of this name or adds one. It is offline until its process listens. */
export function register(world: WorldState, machine: Machine, pool: Pool, once: boolean): AgentProcess {
  const present = agentNamed(pool, machine.facts.computerName)
  if (present) {
    replaceAgent(world, present, newAgent(world, machine), machine)
    timeOut(world, present)
  }
  const agent = present ?? addAgent(world, pool, newAgent(world, machine), 'machine', machine)
  return { machine, agent, once, alive: true, hadItsJob: false }
}

/** The process opens its session: the agent is online, and takes over a job that waits for it. */
export function listen(world: WorldState, process: AgentProcess): void {
  const { agent, machine } = process
  if (agent.removed) return
  machine.process = process
  agent.process = process
  agent.connection++
  changeMachine(world, machine, { agentProcess: 'listening' })
  reconnect(world, agent)
}

/** Shows the agent online again and gives it work. */
export function reconnect(world: WorldState, agent: Agent): void {
  setOnline(world, agent, true, 'machine')
  refreshIdle(agent)
  if (agent.request?.state === 'assigned') deliver(world, agent.request, agent)
  match(world, agent.pool)
}

/**
 * The process is gone at once. Azure DevOps shows the agent offline when its session times out (assumed: 60 to 120 s), and
 * gives up a running job when its lock runs out.
 */
export function endProcess(world: WorldState, machine: Machine, left: 'none' | 'ended'): void {
  const process = machine.process
  machine.process = undefined
  if (machine.facts.agentProcess !== left) changeMachine(world, machine, { agentProcess: left })
  if (!process?.alive) return
  process.alive = false
  const { agent } = process
  if (agent.request?.state === 'running' && agent.request.process === process) stopRenewing(world, agent.request)
  timeOut(world, agent)
}

function timeOut(world: WorldState, agent: Agent): void {
  if (agent.removed) return
  const connection = ++agent.connection
  world.clock.after(world.random.between(60_000, 120_000), () => {
    if (agent.connection === connection && !agent.removed) disconnect(world, agent)
  })
}

/** A simulated agent was removed from its pool: its process finds its session gone and stops. */
export function endRemoved(world: WorldState, agent: Agent): void {
  const machine = agent.process?.machine
  if (machine && machine.process === agent.process) endProcess(world, machine, 'ended')
}

/** The newest that is out now. */
function agentVersion({ clock, agentReleaseMs }: WorldState): string {
  return `4.${268 + Math.floor(clock.now() / agentReleaseMs)}.0`
}

function newAgent(world: WorldState, machine: Machine): NewAgent {
  const version = agentVersion(world)
  const windows = isWindows(machine)
  const name = machine.facts.computerName
  const tools = windows
    ? { powershell: '5.1', MSBuild: '17.12' }
    : { bash: '/usr/bin/bash', docker: '/usr/bin/docker', python3: '/usr/bin/python3' }
  return {
    name,
    version,
    osDescription: windows ? 'Microsoft Windows 10.0.20348' : 'Linux 6.8.0-azure #1 SMP',
    systemCapabilities: {
      'Agent.Name': name,
      'Agent.Version': version,
      'Agent.ComputerName': name,
      'Agent.OS': windows ? 'Windows_NT' : 'Linux',
      'Agent.OSArchitecture': 'X64',
      git: windows ? 'C:\\Program Files\\Git' : '/usr/bin/git',
      node: '20.19.0',
      maven: '3.9.9',
      ...tools,
    },
  }
}

function isWindows(machine: Machine): boolean {
  const profile = machine.set.facts.properties['virtualMachineProfile']
  const os = isRecord(profile) ? profile['osProfile'] : undefined
  return isRecord(os) && os['windowsConfiguration'] !== undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
