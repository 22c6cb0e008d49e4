/** The lives of machines: created, reimaged, deleted, vanished, stopped. */
import type { MachineFacts } from './facts.ts'
import { failMachine, inThisLife, runExtensions } from './world-extensions.ts'
import { computerName } from './world-model.ts'
import { endProcess } from './world-processes.ts'
import {
  accountedFor,
  addMachine,
  beginOperation,
  changeMachine,
  clearFailure,
  dropMachine,
  owedMachines,
  setCapacity,
  settleMachine,
  settlePart,
} from './world-sets.ts'
import type { Machine, Operation, ScaleSet, WorldState } from './world-state.ts'

/** After this an operation ends with an error although its machine is still stuck. Assumed. */
const operationMsMax = 20 * 60_000
const stuckMs = 2 * 3_600_000
const slowMs = 20 * 60_000
const preempted = { code: 'OperationPreempted', message: 'The operation was preempted by a more recent operation.' }

/** Makes the machines that the capacity promises; the operation ends with the last of them. */
export function createOwed(world: WorldState, set: ScaleSet, operation: Operation): void {
  const owed = Math.max(0, owedMachines(set))
  const subnetFull = owed > 0 && world.faults.strikes('subnet-full') !== undefined
  const room = subnetFull ? 0 : Math.max(0, world.subnetSize - addressesUsed(world))
  for (let i = 0; i < owed; i++) {
    if (i < room) createMachine(world, set, operation)
    else refuseAddress(world, set, operation, owed - room)
  }
}

/** One machine more than was there, by somebody else. */
export function createForeign(world: WorldState, set: ScaleSet): void {
  setCapacity(world, set, set.facts.capacity + 1, 'other')
  createOwed(world, set, beginOperation(world, set, 'update', Math.max(0, owedMachines(set))))
}

/** A lower capacity: Azure chooses who goes, busy or not, sparing only those protected from scale-in. */
export function removeExcess(world: WorldState, set: ScaleSet): readonly Machine[] {
  let excess = accountedFor(set) - set.facts.capacity
  for (const coming of set.coming) {
    if (excess <= 0) break
    coming.dropped = true
    set.coming.delete(coming)
    excess--
  }
  const candidates = [...set.machines.values()].filter(
    (machine) => machine.counts && !isLeaving(machine) && !machine.facts.protection.fromScaleIn,
  )
  const victims: Machine[] = []
  for (; excess > 0 && candidates.length > 0; excess--) victims.push(...candidates.splice(world.random.below(candidates.length), 1))
  for (const victim of victims) victim.counts = false
  return victims
}

/** Deletes by id: the machines lose their agent processes at once and are gone after the `delete` latency. */
export function deleteMachines(world: WorldState, set: ScaleSet, machines: readonly Machine[], operation: Operation): void {
  for (const machine of machines) startDeleting(world, machine, operation)
  world.emit({ kind: 'delete-accepted', scaleSetId: set.facts.id, machines: machines.map(({ facts }) => facts.instanceId) })
  const counted = machines.filter((machine) => machine.counts)
  const { capacityFalls } = world.behaviours
  if (capacityFalls === 'acceptance') fallNow(world, set, counted)
  if (capacityFalls === 'late')
    for (const machine of counted) world.clock.after(world.random.between(20_000, 90_000), () => fallLate(world, machine))
}

/** A fresh operating system on the same machine: everything on it is gone, the extensions run again. */
export function reimageMachines(world: WorldState, set: ScaleSet, machines: readonly Machine[], operation: Operation): void {
  for (const machine of machines) startReimage(world, machine, operation)
  world.emit({ kind: 'reimage-accepted', scaleSetId: set.facts.id, machines: machines.map(({ facts }) => facts.instanceId) })
}

/** Gone without a call of ours. Whether the capacity falls with it depends on what took it. */
export function vanish(world: WorldState, machine: Machine, capacityFalls: boolean): void {
  endLife(world, machine)
  endProcess(world, machine, 'none')
  dropMachine(world, machine)
  if (machine.counts && capacityFalls) setCapacity(world, machine.set, Math.max(0, machine.set.facts.capacity - 1), 'other')
  world.emit({ kind: 'machine-vanished', scaleSetId: machine.set.facts.id, machine: machine.facts.instanceId })
}

/** Power off, deallocate, start or restart. An agent in process mode does not come back; extensions that had not ended run again. */
export function setPower(world: WorldState, machine: Machine, powerState: MachineFacts['powerState']): void {
  endLife(world, machine)
  endProcess(world, machine, 'ended')
  changeMachine(world, machine, { powerState })
  if (powerState === 'running') runExtensions(world, machine)
}

export function isLeaving(machine: Machine): boolean {
  return machine.facts.provisioningState === 'Deleting'
}

function createMachine(world: WorldState, set: ScaleSet, operation: Operation): void {
  const coming = { dropped: false }
  set.coming.add(coming)
  const stillborn = world.faults.strikes('allocation-failed') !== undefined
  world.clock.after(world.random.logNormal(world.latencies.list), () => {
    set.coming.delete(coming)
    if (coming.dropped || set.gone) return settlePart(world, set, operation, preempted)
    if (stillborn)
      return settlePart(world, set, operation, {
        code: 'AllocationFailed',
        message: 'Allocation failed. We do not have sufficient capacity for the requested VM size in this region.',
      })
    listMachine(world, set, operation)
  })
}

function refuseAddress(world: WorldState, set: ScaleSet, operation: Operation, missing: number): void {
  const message = `Subnet agents with address prefix 10.0.0.0/20 does not have enough capacity for ${missing} IP addresses.`
  world.clock.after(world.random.logNormal(world.latencies.list), () =>
    settlePart(world, set, operation, { code: 'SubnetIsFull', message }),
  )
}

function listMachine(world: WorldState, set: ScaleSet, operation: Operation): void {
  const instance = set.freeIds.shift() ?? set.nextInstance++
  const machine: Machine = { facts: newMachine(world, set, instance), set, life: 0, counts: true, operation }
  addMachine(world, machine)
  world.emit({ kind: 'machine-listed', scaleSetId: set.facts.id, machine: machine.facts.instanceId })
  const stuck = world.faults.strikes('stuck-creating')
  if (stuck) return stick(world, machine, stuck.sizeMs ?? stuckMs)
  inThisLife(world, machine, world.random.logNormal(world.latencies.create), () => start(world, machine))
}

function newMachine(world: WorldState, set: ScaleSet, instance: number): MachineFacts {
  return {
    instanceId: String(instance),
    scaleSetId: set.facts.id,
    name: `${set.facts.name}_${instance}`,
    computerName: computerName(set.facts, instance),
    vmId: world.random.guid(),
    createdAt: world.clock.now(),
    provisioningState: 'Creating',
    powerState: 'starting',
    extensions: [],
    modelVersion: set.facts.modelVersion,
    protection: { fromScaleIn: false, fromScaleSetActions: false },
    reimages: 0,
    agentProcess: 'none',
    jobsStarted: 0,
  }
}

function start(world: WorldState, machine: Machine): void {
  const { facts, set } = machine
  if (world.faults.strikes('creation-failed')) {
    const message = `OS Provisioning for VM '${facts.name}' did not finish in the allotted time.`
    return failMachine(world, machine, { code: 'OSProvisioningTimedOut', message })
  }
  changeMachine(world, machine, { powerState: 'running' })
  world.emit({ kind: 'machine-running', scaleSetId: set.facts.id, machine: facts.instanceId })
  runExtensions(world, machine)
}

/** Stays Creating for hours; its operation gives up earlier. */
function stick(world: WorldState, machine: Machine, ms: number): void {
  const timedOut = {
    code: 'OSProvisioningTimedOut',
    message: `OS Provisioning for VM '${machine.facts.name}' did not finish in the allotted time.`,
  }
  inThisLife(world, machine, Math.min(ms, operationMsMax), () => settleMachine(world, machine, timedOut))
  inThisLife(world, machine, ms, () => failMachine(world, machine, timedOut))
}

function endLife(world: WorldState, machine: Machine): void {
  machine.life++
  settleMachine(world, machine, preempted)
}

function startDeleting(world: WorldState, machine: Machine, operation: Operation): void {
  endLife(world, machine)
  endProcess(world, machine, 'none')
  machine.operation = operation
  clearFailure(world, machine, { provisioningState: 'Deleting', powerState: 'stopping' })
  const ms = world.random.logNormal(world.latencies.delete)
  const stuck = world.faults.strikes('stuck-deleting')
  const slow = stuck ? undefined : world.faults.strikes('slow-delete')
  const totalMs = ms + (stuck ? (stuck.sizeMs ?? stuckMs) : slow ? (slow.sizeMs ?? slowMs) : 0)
  if (totalMs > operationMsMax) {
    const timedOut = { code: 'InternalExecutionError', message: `Deleting VM '${machine.facts.name}' did not finish in the allotted time.` }
    inThisLife(world, machine, operationMsMax, () => settleMachine(world, machine, timedOut))
  }
  inThisLife(world, machine, totalMs, () => endDeleting(world, machine))
}

function endDeleting(world: WorldState, machine: Machine): void {
  const { set, facts } = machine
  dropMachine(world, machine)
  if (machine.counts && world.behaviours.capacityFalls === 'late') set.ghosts++
  else if (machine.counts) fallNow(world, set, [machine])
  world.emit({ kind: 'machine-deleted', scaleSetId: set.facts.id, machine: facts.instanceId })
  settleMachine(world, machine)
}

function fallNow(world: WorldState, set: ScaleSet, machines: readonly Machine[]): void {
  for (const machine of machines) machine.counts = false
  setCapacity(world, set, Math.max(0, set.facts.capacity - machines.length), 'delete')
}

function fallLate(world: WorldState, machine: Machine): void {
  const { set } = machine
  if (set.gone || !machine.counts) return
  if (set.machines.get(machine.facts.instanceId) !== machine) set.ghosts--
  fallNow(world, set, [machine])
}

function startReimage(world: WorldState, machine: Machine, operation: Operation): void {
  endLife(world, machine)
  endProcess(world, machine, 'none')
  machine.operation = operation
  clearFailure(world, machine, { provisioningState: 'Updating', powerState: 'starting' })
  inThisLife(world, machine, world.random.logNormal(world.latencies.reimage), () => endReimage(world, machine))
}

function endReimage(world: WorldState, machine: Machine): void {
  const { set, facts } = machine
  if (world.faults.strikes('reimage-failed')) {
    return failMachine(world, machine, { code: 'VMStartTimedOut', message: `VM '${facts.name}' did not start in the allotted time.` })
  }
  changeMachine(world, machine, {
    powerState: 'running',
    extensions: [],
    modelVersion: set.facts.modelVersion,
    reimages: facts.reimages + 1,
    jobsStarted: 0,
    ...(world.behaviours.reimageChangesVmId ? { vmId: world.random.guid() } : {}),
  })
  world.emit({ kind: 'machine-reimaged', scaleSetId: set.facts.id, machine: facts.instanceId })
  world.emit({ kind: 'machine-running', scaleSetId: set.facts.id, machine: facts.instanceId })
  runExtensions(world, machine)
}

function addressesUsed(world: WorldState): number {
  let used = 0
  for (const set of world.scaleSets.values()) used += set.machines.size + set.coming.size
  return used
}
