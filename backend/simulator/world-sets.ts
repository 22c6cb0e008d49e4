/** Scale sets and their machines as facts: every change passes here, so that etags, older views and bills stay true. */
import type { MachineFacts, OperationFacts, ScaleSetFacts } from './facts.ts'
import type { Machine, Operation, ScaleSet, WorldState } from './world-state.ts'

const operationsKept = 2_000

export function changeSet(world: WorldState, set: ScaleSet, change: Partial<ScaleSetFacts>): void {
  if (world.faults.active('stale-capacity')) set.pastFacts.note(world.clock.now(), () => set.facts)
  set.facts = { ...set.facts, ...change, etag: nextEtag(world) }
}

export function nextEtag(world: WorldState): string {
  return `"${world.nextEtag++}"`
}

export function setCapacity(world: WorldState, set: ScaleSet, to: number, by: 'patch' | 'delete' | 'other'): void {
  const from = set.facts.capacity
  if (from === to) return
  changeSet(world, set, { capacity: to })
  world.emit({ kind: 'capacity', scaleSetId: set.facts.id, from, to, by })
}

/** Machines that the capacity promises and that neither exist nor are being made. */
export function owedMachines(set: ScaleSet): number {
  return set.facts.capacity - accountedFor(set)
}

export function accountedFor(set: ScaleSet): number {
  let counted = 0
  for (const machine of set.machines.values()) if (machine.counts) counted++
  return counted + set.coming.size + set.ghosts
}

export function listMachines(set: ScaleSet): readonly MachineFacts[] {
  set.listed ??= [...set.machines.values()].map((machine) => machine.facts)
  return set.listed
}

export function addMachine(world: WorldState, machine: Machine): void {
  beforeListChange(world, machine.set)
  machine.set.machines.set(machine.facts.instanceId, machine)
}

export function dropMachine(world: WorldState, machine: Machine): void {
  beforeListChange(world, machine.set)
  machine.set.machines.delete(machine.facts.instanceId)
  if (world.behaviours.instanceIdsReused) machine.set.freeIds.push(Number(machine.facts.instanceId))
}

export function changeMachine(world: WorldState, machine: Machine, change: Partial<MachineFacts>): void {
  if (world.faults.active('stale-list')) machine.set.pastLists.note(world.clock.now(), () => listMachines(machine.set))
  machine.facts = { ...machine.facts, ...change }
  machine.set.listed = undefined
}

/** The machine is well again, or on its way to be. */
export function clearFailure(world: WorldState, machine: Machine, change: Partial<MachineFacts>): void {
  const { failure: _failure, ...facts } = { ...machine.facts, ...change }
  changeMachine(world, machine, {})
  machine.facts = facts
}

/** Machine-milliseconds until now. */
export function billedMs(world: WorldState, set: ScaleSet): number {
  return set.machineMs + set.machines.size * (world.clock.now() - set.countedAt)
}

export function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** Starts a long-running operation that waits for so many parts. One without parts ends after a few seconds. */
export function beginOperation(world: WorldState, set: ScaleSet, kind: OperationFacts['kind'], parts: number): Operation {
  const facts: OperationFacts = {
    id: world.random.guid(),
    scaleSetId: set.facts.id,
    kind,
    state: 'InProgress',
    startedAt: world.clock.now(),
  }
  const operation: Operation = { facts, open: Math.max(1, parts) }
  world.operations.set(facts.id, operation)
  forgetOldOperations(world)
  set.running++
  set.facts = {
    ...set.facts,
    provisioningState: kind === 'create-scale-set' ? 'Creating' : kind === 'delete-scale-set' ? 'Deleting' : 'Updating',
  }
  if (parts === 0) world.clock.after(world.random.between(1_000, 4_000), () => settlePart(world, set, operation))
  return operation
}

/** One part of an operation is done; the first error is the operation's. */
export function settlePart(
  world: WorldState,
  set: ScaleSet,
  operation: Operation,
  error?: { readonly code: string; readonly message: string },
): void {
  operation.error ??= error
  operation.open--
  if (operation.open > 0) return
  const failed = operation.error
  operation.facts = {
    ...operation.facts,
    state: failed ? 'Failed' : 'Succeeded',
    endedAt: world.clock.now(),
    ...(failed ? { error: failed } : {}),
  }
  set.running--
  if (set.running === 0) set.facts = { ...set.facts, provisioningState: failed ? 'Failed' : 'Succeeded' }
}

/** What the machine's operation waited for is over. */
export function settleMachine(world: WorldState, machine: Machine, error?: { readonly code: string; readonly message: string }): void {
  const operation = machine.operation
  if (!operation) return
  machine.operation = undefined
  settlePart(world, machine.set, operation, error)
}

function beforeListChange(world: WorldState, set: ScaleSet): void {
  set.machineMs = billedMs(world, set)
  set.countedAt = world.clock.now()
  if (world.faults.active('stale-list')) set.pastLists.note(world.clock.now(), () => listMachines(set))
  set.listed = undefined
}

function forgetOldOperations(world: WorldState): void {
  if (world.operations.size <= operationsKept) return
  for (const [id, operation] of world.operations) {
    if (operation.facts.state === 'InProgress') continue
    world.operations.delete(id)
    return
  }
}
