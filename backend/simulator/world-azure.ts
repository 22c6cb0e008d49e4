/** Azure's side: the commands of the compute provider as its documents describe them (azure-facts 5). */
import type { Answer, AzureSide, MachineFacts, ScaleSetFacts } from './facts.ts'
import { ok, refuse, scaleSetNotFound, throughAzure } from './world-answers.ts'
import type { Refusal } from './world-answers.ts'
import { createOwed, deleteMachines, isLeaving, reimageMachines, removeExcess, setPower } from './world-machines.ts'
import { runExtensions } from './world-extensions.ts'
import { mergeJson, objectAt, sameJson } from './world-model.ts'
import type { JsonObject } from './world-model.ts'
import {
  beginOperation,
  billedMs,
  changeMachine,
  changeSet,
  listMachines,
  nextEtag,
  owedMachines,
  sameText,
  setCapacity,
} from './world-sets.ts'
import { refuseCapacity, usages } from './world-quota.ts'
import { createScaleSet } from './world-state.ts'
import type { Machine, Operation, ScaleSet, WorldState } from './world-state.ts'
import type { CallKind } from './world-throttle.ts'

type Put = Parameters<AzureSide['putScaleSet']>[1]
type Patch = Parameters<AzureSide['patchScaleSet']>[1]
type Power = Parameters<AzureSide['instanceAction']>[2]
type Accepted = Answer<{ readonly operationId: string }>

const staleMs = 60_000

export function createAzureSide(world: WorldState): AzureSide {
  const onSet = <T>(id: string, kind: CallKind, apply: (set: ScaleSet) => Answer<T>): Answer<T> =>
    throughAzure(world.faults, true, () => {
      const set = world.scaleSets.get(id.toLowerCase())
      if (!set) return scaleSetNotFound(id)
      return set.buckets.take(kind, world.clock.now()) ?? apply(set)
    })
  const onMachines = (
    id: string,
    ids: readonly string[],
    kind: CallKind,
    apply: (set: ScaleSet, machines: readonly Machine[]) => Accepted,
  ): Accepted =>
    onSet(id, kind, (set) => {
      const found = findMachines(set, ids)
      return 'ok' in found ? found : apply(set, found.machines)
    })
  return {
    scaleSets: (subscriptionId, resourceGroup) => throughAzure(world.faults, false, () => ok(setsIn(world, subscriptionId, resourceGroup))),
    scaleSet: (id) => onSet(id, 'read', (set) => ok(readSet(world, set))),
    putScaleSet: (id, body, ifMatch) => throughAzure(world.faults, true, () => put(world, id, body, ifMatch)),
    patchScaleSet: (id, patch, ifMatch) => onSet(id, 'update', (set) => patchSet(world, set, patch, ifMatch)),
    deleteScaleSet: (id) => onSet(id, 'delete', (set) => ok(deleteSet(world, set))),
    mergeTags: (id, operation, tags) =>
      throughAzure(world.faults, true, () => {
        const set = world.scaleSets.get(id.toLowerCase())
        return set ? ok(mergeTags(world, set, operation, tags)) : scaleSetNotFound(id)
      }),
    machines: (id) => onSet(id, 'list', (set) => ok(readMachines(world, set))),
    machine: (id, instanceId) => onSet(id, 'machine-read', (set) => readMachine(set, instanceId)),
    deleteInstances: (id, ids) => onMachines(id, ids, 'delete', (set, machines) => deleteInstances(world, set, machines)),
    reimage: (id, ids) => onMachines(id, ids, 'update', (set, machines) => reimage(world, set, machines)),
    instanceAction: (id, ids, action) =>
      onMachines(id, ids, action === 'powerOff' || action === 'deallocate' ? 'delete' : 'update', (set, machines) =>
        act(world, set, machines, action),
      ),
    setProtection: (id, instanceId, protection) =>
      onMachines(id, [instanceId], 'machine-update', (set, machines) => {
        for (const machine of machines) changeMachine(world, machine, { protection })
        return ok(accepted(beginOperation(world, set, 'other', 0)))
      }),
    operation: (id) => throughAzure(world.faults, false, () => readOperation(world, id)),
    usages: (subscriptionId, location) => throughAzure(world.faults, false, () => ok(usages(world, subscriptionId, location))),
    autoscaleSettings: (subscriptionId, resourceGroup) =>
      throughAzure(world.faults, false, () =>
        ok(
          world.autoscale.filter(
            (setting) => sameText(setting.resourceGroup, resourceGroup) && inSubscription(setting.targetResourceId, subscriptionId),
          ),
        ),
      ),
  }
}

// ---------------------------------------------------------------- reads

function setsIn(world: WorldState, subscriptionId: string, resourceGroup: string | undefined): readonly ScaleSetFacts[] {
  const sets: ScaleSetFacts[] = []
  for (const { facts } of world.scaleSets.values()) {
    if (sameText(facts.subscriptionId, subscriptionId) && (resourceGroup === undefined || sameText(facts.resourceGroup, resourceGroup)))
      sets.push(facts)
  }
  return sets
}

function readSet(world: WorldState, set: ScaleSet): ScaleSetFacts {
  const { faults } = world
  if (faults.settings().size === 0) return set.facts
  if (set.facts.capacity > 0 && faults.strikes('capacity-read-zero')) return { ...set.facts, capacity: 0 }
  const stale = faults.draws('stale-capacity')
  const older = stale && set.pastFacts.older(world.clock.now(), stale.sizeMs ?? staleMs, faults.chance('stale-capacity'))
  if (!older) return set.facts
  faults.record('stale-capacity')
  return older
}

function readMachines(world: WorldState, set: ScaleSet): readonly MachineFacts[] {
  const { faults } = world
  if (faults.settings().size === 0) return listMachines(set)
  const stale = faults.draws('stale-list')
  const older = stale && set.pastLists.older(world.clock.now(), stale.sizeMs ?? staleMs, faults.chance('stale-list'))
  if (older) {
    faults.record('stale-list')
    return older
  }
  if (set.machines.size === 0 || !faults.strikes('partial-list')) return listMachines(set)
  const chance = faults.chance('partial-list')
  const list = [...listMachines(set)]
  for (let missing = Math.ceil(list.length / 3); missing > 0; missing--) list.splice(chance.below(list.length), 1)
  return list
}

function readMachine(set: ScaleSet, instanceId: string): Answer<MachineFacts> {
  const machine = set.machines.get(instanceId)
  return machine
    ? ok(machine.facts)
    : refuse(404, 'ResourceNotFound', `The instance ${instanceId} of the scale set ${set.facts.name} was not found.`)
}

function readOperation(world: WorldState, id: string): Answer<Operation['facts']> {
  const operation = world.operations.get(id)
  if (!operation || world.faults.strikes('operation-gone')) return refuse(404, 'NotFound', `The operation ${id} was not found.`)
  return ok(operation.facts)
}

function inSubscription(resourceId: string, subscriptionId: string): boolean {
  return resourceId.toLowerCase().startsWith(`/subscriptions/${subscriptionId.toLowerCase()}/`)
}

// ---------------------------------------------------------------- writes of the scale set

function put(world: WorldState, id: string, body: Put, ifMatch: string | undefined): ReturnType<AzureSide['putScaleSet']> {
  const present = world.scaleSets.get(id.toLowerCase())
  const set = present ?? newSet(world, id, body)
  if ('ok' in set) return set
  const refusal = present
    ? (present.buckets.take('put', world.clock.now()) ?? refuseWrite(world, present, ifMatch))
    : refuseMissing(world, id, ifMatch)
  const refused = refusal ?? refuseCapacity(world, set, body.capacity, body.properties, body.skuName)
  if (refused) return refused
  world.scaleSets.set(id.toLowerCase(), set)
  return applyPut(world, set, body, present ? 'update' : 'create-scale-set')
}

function newSet(world: WorldState, id: string, body: Put): ScaleSet | Refusal {
  const parts =
    /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Compute\/virtualMachineScaleSets\/([^/]+)$/i.exec(id)
  const [, subscriptionId, resourceGroup, name] = parts ?? []
  if (subscriptionId === undefined || resourceGroup === undefined || name === undefined) {
    return refuse(400, 'InvalidResourceId', `'${id}' is not the resource id of a scale set.`)
  }
  const now = world.clock.now()
  const facts: ScaleSetFacts = {
    id,
    subscriptionId,
    resourceGroup,
    name,
    location: body.location,
    skuName: body.skuName,
    capacity: 0,
    etag: nextEtag(world),
    tags: {},
    provisioningState: 'Creating',
    properties: {},
    modelVersion: 0,
    createdAt: now,
    ...(body.zones ? { zones: body.zones } : {}),
  }
  return createScaleSet(facts, now)
}

function applyPut(world: WorldState, set: ScaleSet, body: Put, kind: 'update' | 'create-scale-set'): ReturnType<AzureSide['putScaleSet']> {
  writeTags(world, set, body.tags)
  writeProperties(world, set, body.properties)
  changeSet(world, set, { skuName: body.skuName, ...(body.identity === undefined ? {} : { identity: body.identity }) })
  const operationId = writeCapacity(world, set, body.capacity, kind)
  return ok({ scaleSet: set.facts, operationId })
}

function patchSet(world: WorldState, set: ScaleSet, patch: Patch, ifMatch: string | undefined): ReturnType<AzureSide['patchScaleSet']> {
  const properties = patch.properties ? mergeJson(set.facts.properties, patch.properties) : set.facts.properties
  const refusal = refuseWrite(world, set, ifMatch) ?? refusePatchedCapacity(world, set, patch, properties)
  if (refusal) return refusal
  if (patch.tags) writeTags(world, set, world.behaviours.tagsReplaced ? patch.tags : { ...set.facts.tags, ...patch.tags })
  if (patch.properties) writeProperties(world, set, properties)
  changeSet(world, set, {
    ...(patch.skuName === undefined ? {} : { skuName: patch.skuName }),
    ...(patch.identity === undefined ? {} : { identity: patch.identity }),
  })
  const operationId = operationOf(world, set, patch)
  return ok({ scaleSet: set.facts, ...(operationId === undefined ? {} : { operationId }) })
}

function refusePatchedCapacity(world: WorldState, set: ScaleSet, patch: Patch, properties: JsonObject): Refusal | undefined {
  return patch.capacity === undefined ? undefined : refuseCapacity(world, set, patch.capacity, properties, patch.skuName)
}

/** A capacity or a model is worked on for a while; tags are written at once. */
function operationOf(world: WorldState, set: ScaleSet, patch: Patch): string | undefined {
  if (patch.capacity !== undefined) return writeCapacity(world, set, patch.capacity, 'update')
  return patch.properties || patch.skuName ? beginOperation(world, set, 'update', 0).facts.id : undefined
}

/** Writes the capacity, also an equal one: Azure then tries again to make the machines it owes. */
function writeCapacity(world: WorldState, set: ScaleSet, capacity: number, kind: 'update' | 'create-scale-set'): string {
  setCapacity(world, set, capacity, 'patch')
  const victims = removeExcess(world, set)
  const operation = beginOperation(world, set, kind, victims.length + Math.max(0, owedMachines(set)))
  if (victims.length > 0) deleteMachines(world, set, victims, operation)
  createOwed(world, set, operation)
  return operation.facts.id
}

function writeTags(world: WorldState, set: ScaleSet, tags: Readonly<Record<string, string>>): void {
  if (sameJson(tags, set.facts.tags)) return
  changeSet(world, set, { tags })
  world.emit({ kind: 'tags', scaleSetId: set.facts.id })
}

/** A new machine model counts one up; machines keep the one they were made from. */
function writeProperties(world: WorldState, set: ScaleSet, properties: JsonObject): void {
  const [before, after] = [set.facts.properties['virtualMachineProfile'], properties['virtualMachineProfile']]
  const extensionChanged = !sameJson(objectAt(before)['extensionProfile'], objectAt(after)['extensionProfile'])
  changeSet(world, set, { properties, modelVersion: set.facts.modelVersion + (sameJson(before, after) ? 0 : 1) })
  if (extensionChanged) world.emit({ kind: 'extension', scaleSetId: set.facts.id })
}

function mergeTags(
  world: WorldState,
  set: ScaleSet,
  operation: 'Merge' | 'Delete' | 'Replace',
  tags: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const kept = Object.entries(set.facts.tags).filter(([key]) => operation === 'Merge' || (operation === 'Delete' && !(key in tags)))
  writeTags(world, set, { ...Object.fromEntries(kept), ...(operation === 'Delete' ? {} : tags) })
  return set.facts.tags
}

function deleteSet(world: WorldState, set: ScaleSet): { readonly operationId: string } {
  const machines = [...set.machines.values()].filter((machine) => !isLeaving(machine))
  setCapacity(world, set, 0, 'other')
  set.gone = true
  for (const coming of set.coming) coming.dropped = true
  set.coming.clear()
  for (const machine of machines) machine.counts = false
  const operation = beginOperation(world, set, 'delete-scale-set', machines.length)
  deleteMachines(world, set, machines, operation)
  awaitEmpty(world, set)
  return accepted(operation)
}

function awaitEmpty(world: WorldState, set: ScaleSet): void {
  world.clock.after(5_000, () => {
    if (set.machines.size > 0) return awaitEmpty(world, set)
    world.bills.set(set.facts.id.toLowerCase(), billedMs(world, set))
    world.scaleSets.delete(set.facts.id.toLowerCase())
  })
}

// ---------------------------------------------------------------- commands on machines

function deleteInstances(world: WorldState, set: ScaleSet, machines: readonly Machine[]): Accepted {
  const staying = machines.filter((machine) => !isLeaving(machine))
  const first = machines[0]
  if (first && staying.length === 0) return notActive(first.facts.instanceId)
  if (isRunning(world, set, ['delete-instances', 'reimage', 'delete-scale-set']) && refusesOverlap(world)) return overlapping(set)
  const operation = beginOperation(world, set, 'delete-instances', staying.length)
  deleteMachines(world, set, staying, operation)
  return ok(accepted(operation))
}

function reimage(world: WorldState, set: ScaleSet, machines: readonly Machine[]): Accepted {
  const leaving = machines.find(isLeaving)
  if (leaving) return notActive(leaving.facts.instanceId)
  if (set.running > 0 && refusesOverlap(world)) return overlapping(set)
  const operation = beginOperation(world, set, 'reimage', machines.length)
  reimageMachines(world, set, machines, operation)
  return ok(accepted(operation))
}

function act(world: WorldState, set: ScaleSet, machines: readonly Machine[], action: Power): Accepted {
  const leaving = machines.find(isLeaving)
  if (leaving) return notActive(leaving.facts.instanceId)
  if (set.running > 0 && refusesOverlap(world)) return overlapping(set)
  for (const machine of machines) actOnMachine(world, machine, action)
  return ok(accepted(beginOperation(world, set, 'other', 0)))
}

function actOnMachine(world: WorldState, machine: Machine, action: Power): void {
  switch (action) {
    case 'start':
      if (machine.facts.powerState !== 'running') setPower(world, machine, 'running')
      return
    case 'restart':
      return setPower(world, machine, 'running')
    case 'powerOff':
      return setPower(world, machine, 'stopped')
    case 'deallocate':
      return setPower(world, machine, 'deallocated')
    case 'update':
      changeMachine(world, machine, { modelVersion: machine.set.facts.modelVersion })
      if (machine.facts.provisioningState === 'Succeeded') runExtensions(world, machine)
      return
    default:
      action satisfies never
  }
}

function findMachines(set: ScaleSet, ids: readonly string[]): { readonly machines: readonly Machine[] } | Refusal {
  const machines: Machine[] = []
  for (const id of new Set(ids)) {
    const machine = set.machines.get(id)
    if (!machine)
      return refuse(400, 'InvalidParameter', `The instance id ${id} is not an active instance of the scale set ${set.facts.name}.`)
    machines.push(machine)
  }
  return machines.length > 0 ? { machines } : refuse(400, 'InvalidParameter', 'The parameter instanceIds names no instance.')
}

function accepted(operation: Operation): { readonly operationId: string } {
  return { operationId: operation.facts.id }
}

// ---------------------------------------------------------------- refusals

function refuseWrite(world: WorldState, set: ScaleSet, ifMatch: string | undefined): Refusal | undefined {
  if (set.gone) return refuse(409, 'Conflict', `The scale set ${set.facts.name} is being deleted.`)
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== set.facts.etag && !world.behaviours.etagIgnored) {
    return refuse(412, 'PreconditionFailed', `The etag ${ifMatch} of the scale set ${set.facts.name} is not the present one.`)
  }
  return set.running > 0 && refusesOverlap(world) ? overlapping(set) : undefined
}

/** Asked only while an operation runs. */
function refusesOverlap({ behaviours, faults }: WorldState): boolean {
  return behaviours.overlapRefused || faults.strikes('overlapping-operation') !== undefined
}

/** A PUT that asks for a present etag cannot create. */
function refuseMissing(world: WorldState, id: string, ifMatch: string | undefined): Refusal | undefined {
  if (ifMatch === undefined || world.behaviours.etagIgnored) return undefined
  return refuse(412, 'PreconditionFailed', `The scale set ${id} does not exist.`)
}

function notActive(instanceId: string): Refusal {
  return refuse(
    400,
    'InstanceIdsListInstanceIdNotActiveVM',
    `The instance id ${instanceId} is not an active virtual machine: it is being deleted.`,
  )
}

function overlapping(set: ScaleSet): Refusal {
  return refuse(409, 'OperationNotAllowed', `Another operation on the scale set ${set.facts.name} is in progress.`)
}

function isRunning(world: WorldState, set: ScaleSet, kinds: readonly Operation['facts']['kind'][]): boolean {
  for (const { facts } of world.operations.values()) {
    if (facts.state === 'InProgress' && facts.scaleSetId === set.facts.id && kinds.includes(facts.kind)) return true
  }
  return false
}
