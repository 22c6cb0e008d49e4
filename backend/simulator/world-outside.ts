/** Real machines outside the world (`machinesRunAgents` false): the end of their bootstrap, and which agent is on which. */
import type { BootstrapEnd, MachineFacts } from './facts.ts'
import { changeMachine } from './world-sets.ts'
import type { Machine, Session, WorldState } from './world-state.ts'

/** Announces that the bootstrap extension is to run, and keeps what follows its end. A listener may end it at once. */
export function awaitBootstrap(world: WorldState, machine: Machine, end: (outcome: BootstrapEnd) => void): { readonly life: number } {
  const { life } = machine
  machine.bootstrap = { life, end }
  world.emit({ kind: 'machine-bootstrap', scaleSetId: machine.set.facts.id, machine: machine.facts.instanceId, life })
  return { life }
}

export function endBootstrap(machine: Machine | undefined, outcome: BootstrapEnd, life = machine?.life): void {
  const waiting = machine?.bootstrap
  if (waiting === undefined || waiting.life !== machine?.life || waiting.life !== life) return
  machine.bootstrap = undefined
  waiting.end(outcome)
}

/** The machine of this computer name, whose agent registers under it. Undefined when the world runs the agents itself. */
export function machineOutside(world: WorldState, name: string): Machine | undefined {
  if (world.machinesRunAgents) return undefined
  for (const set of world.scaleSets.values()) {
    for (const machine of set.machines.values()) if (machine.facts.computerName.toLowerCase() === name.toLowerCase()) return machine
  }
  return undefined
}

/** What is true of the process behind the session is true of its machine, while that is in the same life. */
export function noteProcess(world: WorldState, session: Session | undefined, agentProcess: MachineFacts['agentProcess']): void {
  const from = session?.from
  if (from === undefined || from.machine.life !== from.life) return
  const { jobsStarted } = from.machine.facts
  changeMachine(world, from.machine, { agentProcess, jobsStarted: jobsStarted + (agentProcess === 'running-job' ? 1 : 0) })
}
