/** What happens without a call: people, evictions, crashes. Each is a Poisson stream with the fault's rate per hour and target. */
import type { FaultName, FaultSetting } from './facts-life.ts'
import { removeAgent, setEnabled } from './world-agents.ts'
import { addRequest, assignNow, cancel, disconnect } from './world-jobs.ts'
import { createForeign, isLeaving, setPower, vanish } from './world-machines.ts'
import { endProcess, endRemoved, reconnect } from './world-processes.ts'
import type { Agent, Machine, Pool, ScaleSet, WorldState } from './world-state.ts'

type Spontaneous =
  | { readonly on: 'scale set'; readonly strike: (world: WorldState, set: ScaleSet, setting: FaultSetting) => boolean }
  | { readonly on: 'pool'; readonly strike: (world: WorldState, pool: Pool, setting: FaultSetting) => boolean }

const hourMs = 3_600_000

const spontaneous: Partial<Record<FaultName, Spontaneous>> = {
  'vanished-machine': {
    on: 'scale set',
    strike: (world, set) =>
      onMachine(world, 'vanished-machine', set, (machine) => vanish(world, machine, world.faults.chance('vanished-machine').chance(0.5))),
  },
  'appeared-machine': { on: 'scale set', strike: appear },
  'machine-stops': {
    on: 'scale set',
    strike: (world, set) => onMachine(world, 'machine-stops', set, (machine) => setPower(world, machine, 'stopped')),
  },
  'agent-flaps': { on: 'pool', strike: flap },
  'agent-dies': {
    on: 'pool',
    strike: (world, pool) => onAgent(world, 'agent-dies', pool, isListening, (agent) => endProcess(world, machineOf(agent), 'ended')),
  },
  'person-disables-agent': {
    on: 'pool',
    strike: (world, pool) =>
      onAgent(
        world,
        'person-disables-agent',
        pool,
        (agent) => agent.facts.enabled,
        (agent) => setEnabled(world, agent, false, 'person'),
      ),
  },
  'person-deletes-agent': {
    on: 'pool',
    strike: (world, pool) =>
      onAgent(
        world,
        'person-deletes-agent',
        pool,
        (agent) => !agent.request,
        (agent) => personDeletes(world, agent),
      ),
  },
  'job-cancelled': { on: 'pool', strike: cancelOne },
  'maintenance-job': { on: 'pool', strike: maintain },
}

/** Starts the stream of a spontaneous fault; every other fault is judged where it strikes. */
export function startStream(world: WorldState, name: FaultName, setting: FaultSetting): void {
  const kind = spontaneous[name]
  if (!kind || setting.rate <= 0) return
  const next = (): void => {
    const targets: readonly (ScaleSet | Pool)[] = [...(kind.on === 'pool' ? world.pools : world.scaleSets).values()]
    const gapMs = world.faults.chance(name).exponential(hourMs / (setting.rate * Math.max(1, targets.length)))
    const at = world.clock.now() + gapMs
    if (setting.untilMs !== undefined && at >= setting.untilMs) return
    world.clock.at(at, () => {
      if (world.faults.settings().get(name) !== setting) return
      if (strikeOne(world, name, kind, setting)) world.faults.record(name)
      next()
    })
  }
  next()
}

function strikeOne(world: WorldState, name: FaultName, kind: Spontaneous, setting: FaultSetting): boolean {
  const chance = world.faults.chance(name)
  if (kind.on === 'scale set') {
    const set = chance.pick([...world.scaleSets.values()])
    return set !== undefined && kind.strike(world, set, setting)
  }
  const pool = chance.pick([...world.pools.values()])
  return pool !== undefined && kind.strike(world, pool, setting)
}

function onMachine(world: WorldState, name: FaultName, set: ScaleSet, run: (machine: Machine) => void): boolean {
  const machine = world.faults
    .chance(name)
    .pick([...set.machines.values()].filter((each) => !isLeaving(each) && each.facts.powerState === 'running'))
  if (machine) run(machine)
  return machine !== undefined
}

function onAgent(world: WorldState, name: FaultName, pool: Pool, fits: (agent: Agent) => boolean, run: (agent: Agent) => void): boolean {
  const agent = world.faults.chance(name).pick([...pool.agents.values()].filter((each) => each.process !== undefined && fits(each)))
  if (agent) run(agent)
  return agent !== undefined
}

function appear(world: WorldState, set: ScaleSet): boolean {
  if (set.facts.provisioningState === 'Deleting' || set.facts.capacity >= 100) return false
  createForeign(world, set)
  return true
}

/** The agent shows offline for a while although its process and its job go on. */
function flap(world: WorldState, pool: Pool, setting: FaultSetting): boolean {
  return onAgent(
    world,
    'agent-flaps',
    pool,
    (agent) => isListening(agent) && agent.facts.online,
    (agent) => {
      const process = agent.process
      const backMs = setting.sizeMs ?? world.faults.chance('agent-flaps').between(60_000, 600_000)
      disconnect(world, agent)
      world.clock.after(backMs, () => {
        if (agent.process === process && process?.alive && !agent.removed) reconnect(world, agent)
      })
    },
  )
}

function isListening(agent: Agent): boolean {
  return agent.process?.alive === true
}

function machineOf(agent: Agent): Machine {
  if (!agent.process) throw new Error(`The agent ${agent.facts.name} has no process in this world; choose one that has.`)
  return agent.process.machine
}

function personDeletes(world: WorldState, agent: Agent): void {
  removeAgent(world, agent, 'person')
  endRemoved(world, agent)
}

function cancelOne(world: WorldState, pool: Pool): boolean {
  const request = world.faults.chance('job-cancelled').pick([...pool.unfinished.values()])
  if (request) cancel(world, request)
  return request !== undefined
}

/** Pool maintenance takes an idle agent like any job. */
function maintain(world: WorldState, pool: Pool): boolean {
  const chance = world.faults.chance('maintenance-job')
  const agent = chance.pick([...pool.idle])
  if (agent)
    assignNow(
      world,
      addRequest(world, pool, { durationMs: 60_000 + chance.below(240_000), jobName: 'Maintenance', planType: 'PoolMaintenance' }),
      agent,
    )
  return agent !== undefined
}
