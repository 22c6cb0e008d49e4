/** What happens on a machine once its OS is up: its extensions run in order, ours registers the agent. */
import type { MachineFacts } from './facts.ts'
import { extensionsBudgetMs, extensionsOf } from './world-model.ts'
import type { ExtensionModel } from './world-model.ts'
import { awaitBootstrap } from './world-outside.ts'
import { listen, register } from './world-processes.ts'
import { changeMachine, clearFailure, settleMachine } from './world-sets.ts'
import type { AgentProcess, Machine, WorldState } from './world-state.ts'

/** Custom scripts and other extensions. Assumed. */
const otherExtension = { p50: 8_000, p95: 25_000 }
/** From configured to listening. Assumed. */
const connectMs = 2_000

/** Runs the model's extensions that the machine does not have yet; the machine is Succeeded or Failed after the last. */
export function runExtensions(world: WorldState, machine: Machine): void {
  const done = new Set(machine.facts.extensions.filter(({ state }) => state === 'succeeded').map(({ name }) => name))
  machine.extensionsEndBy = world.clock.now() + extensionsBudgetMs(machine.set.facts)
  runNext(
    world,
    machine,
    extensionsOf(machine.set.facts).filter(({ name }) => !done.has(name)),
  )
}

/** Runs `run` later unless the machine's present life is over by then. */
export function inThisLife(world: WorldState, machine: Machine, ms: number, run: () => void): void {
  const { life } = machine
  world.clock.after(ms, () => {
    if (machine.life === life) run()
  })
}

export function failMachine(world: WorldState, machine: Machine, failure: NonNullable<MachineFacts['failure']>): void {
  changeMachine(world, machine, { provisioningState: 'Failed', failure })
  world.emit({ kind: 'machine-failed', scaleSetId: machine.set.facts.id, machine: machine.facts.instanceId })
  settleMachine(world, machine, failure)
}

function runNext(world: WorldState, machine: Machine, left: readonly ExtensionModel[]): void {
  const [extension, ...rest] = left
  if (!extension) {
    clearFailure(world, machine, { provisioningState: 'Succeeded' })
    return settleMachine(world, machine)
  }
  setExtension(world, machine, extension, 'creating')
  const next = (): void => {
    setExtension(world, machine, extension, 'succeeded')
    runNext(world, machine, rest)
  }
  if (extension.bootstrap && !world.machinesRunAgents) runOutside(world, machine, extension, next)
  else if (extension.bootstrap) runBootstrap(world, machine, extension, next)
  else runOther(world, machine, extension, next)
}

function runOther(world: WorldState, machine: Machine, extension: ExtensionModel, next: () => void): void {
  inThisLife(world, machine, world.random.logNormal(otherExtension), () => {
    if (/CustomScript/i.test(extension.type) && world.faults.strikes('custom-script-failed')) {
      return failExtension(
        world,
        machine,
        extension,
        'Command execution finished, but failed because it returned a non-zero exit code of: 1.',
      )
    }
    next()
  })
}

/** As the VM extension hands it on: the exit code, and the script's last line (docs/boot.md). */
const scriptFailed =
  'The enable script ended with exit code 20. enableagent failed in proof [name-resolution]: The service could not be resolved. Check the DNS servers of the virtual network.'

function runBootstrap(world: WorldState, machine: Machine, extension: ExtensionModel, next: () => void): void {
  changeMachine(world, machine, { agentProcess: 'configuring' })
  const tookMs = world.random.logNormal(world.latencies.enable)
  inThisLife(world, machine, Math.max(0, tookMs - connectMs), () => {
    const pool = world.pools.get(extension.bootstrap?.poolId ?? NaN)
    if (!pool) return failBootstrap(world, machine, extension, `The agent pool ${extension.bootstrap?.poolId} does not exist.`)
    if (world.faults.strikes('extension-failed')) return failBootstrap(world, machine, extension, scriptFailed)
    if (world.faults.strikes('agent-never-online')) {
      if (world.faults.chance('agent-never-online').chance(0.5)) register(world, machine, pool, false)
      changeMachine(world, machine, { agentProcess: 'ended' })
      return next()
    }
    const process = register(world, machine, pool, extension.bootstrap?.once ?? false)
    goOnline(world, process, Math.min(connectMs, tookMs))
    next()
  })
}

/** A real machine runs it. Azure gives up when all extensions together took longer than the model allows (azure-facts 4). */
function runOutside(world: WorldState, machine: Machine, extension: ExtensionModel, next: () => void): void {
  changeMachine(world, machine, { agentProcess: 'configuring' })
  const fail = (code: string, why: string): void => {
    if (machine.facts.agentProcess === 'configuring') changeMachine(world, machine, { agentProcess: 'ended' })
    failExtension(world, machine, extension, why, code)
  }
  const { life } = awaitBootstrap(world, machine, (outcome) =>
    outcome.ok ? next() : fail('VMExtensionProvisioningError', outcome.message),
  )
  world.clock.at(machine.extensionsEndBy ?? 0, () => {
    if (machine.bootstrap?.life !== life || machine.life !== life) return
    machine.bootstrap = undefined
    fail('VMExtensionProvisioningTimeout', 'The extension did not finish in the time that the model allows for all extensions.')
  })
}

function goOnline(world: WorldState, process: AgentProcess, afterMs: number): void {
  inThisLife(world, process.machine, afterMs, () => listen(world, process))
}

function failBootstrap(world: WorldState, machine: Machine, extension: ExtensionModel, why: string): void {
  changeMachine(world, machine, { agentProcess: 'ended' })
  failExtension(world, machine, extension, why)
}

function failExtension(
  world: WorldState,
  machine: Machine,
  extension: ExtensionModel,
  why: string,
  code = 'VMExtensionProvisioningError',
): void {
  const message = `VM ${machine.facts.name} has reported a failure when processing extension '${extension.name}'. Error message: "${why}"`
  setExtension(world, machine, extension, 'failed', { code, message })
  failMachine(world, machine, { code, message, extension: extension.name })
}

function setExtension(
  world: WorldState,
  machine: Machine,
  { name, type }: ExtensionModel,
  state: 'creating' | 'succeeded' | 'failed',
  error: { readonly code?: string; readonly message?: string } = {},
): void {
  const others = machine.facts.extensions.filter((other) => other.name !== name)
  changeMachine(world, machine, { extensions: [...others, { name, type, state, ...error }] })
}
