/** Routes of a scale set's machines: list with paging, read, protect, and the actions on some or all of them. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, MachineFacts } from '../../backend/simulator/facts.ts'
import { bodyOf, listAt, objectAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { instanceView, machineShape } from './machine-shape.ts'
import type { Rendering } from './machine-shape.ts'
import { accepted, pointToOperation } from './operations.ts'
import { envelopeOf, queryOf, scaleSetId, scaleSetPath, versionOf } from './parts.ts'
import type { ResourceManagerParts, ScaleSetPath, ScaleSetRequest } from './parts.ts'
import { refuse, valueOf } from './refusals.ts'
import { withoutSecrets } from './scale-set-shape.ts'

type MachineRequest = FastifyRequest<{ Params: ScaleSetPath & { readonly instance: string } }>
type Accepted = Answer<{ readonly operationId: string }>
type ActOn = (scaleSetId: string, instanceIds: readonly string[]) => Accepted

const machinePath = `${scaleSetPath}/virtualMachines/:instance`

export function registerMachines(app: FastifyInstance, parts: ResourceManagerParts): void {
  const { azure } = parts.world
  const actions: Readonly<Record<string, ActOn>> = {
    reimage: (id, instances) => azure.reimage(id, instances),
    reimageAll: (id, instances) => azure.reimage(id, instances),
    start: (id, instances) => azure.instanceAction(id, instances, 'start'),
    restart: (id, instances) => azure.instanceAction(id, instances, 'restart'),
    powerOff: (id, instances) => azure.instanceAction(id, instances, 'powerOff'),
    deallocate: (id, instances) => azure.instanceAction(id, instances, 'deallocate'),
  }

  function act(request: ScaleSetRequest, reply: FastifyReply, action: ActOn, instances: readonly string[]): FastifyReply {
    const id = scaleSetId(request.params)
    const before = envelopeOf(parts.world, id)
    return accepted(request, reply, parts, valueOf(action(id, instances)).operationId, before)
  }

  for (const [name, action] of Object.entries(actions)) {
    app.post(`${scaleSetPath}/${name}`, (request: ScaleSetRequest, reply) => act(request, reply, action, namedOrAll(request, parts)))
    app.post(`${machinePath}/${name}`, (request: MachineRequest, reply) => act(request, reply, action, [request.params.instance]))
  }
  // These two have no meaning without names.
  app.post(`${scaleSetPath}/delete`, (request: ScaleSetRequest, reply) =>
    act(request, reply, (id, instances) => azure.deleteInstances(id, instances), named(request, parts)),
  )
  app.post(`${scaleSetPath}/manualupgrade`, (request: ScaleSetRequest, reply) =>
    act(request, reply, (id, instances) => azure.instanceAction(id, instances, 'update'), named(request, parts)),
  )
  app.delete(machinePath, (request: MachineRequest, reply) =>
    act(request, reply, (id, instances) => azure.deleteInstances(id, instances), [request.params.instance]),
  )
  registerReads(app, parts)
  app.put(machinePath, (request: MachineRequest, reply) => protect(request, reply, parts))
}

function registerReads(app: FastifyInstance, parts: ResourceManagerParts): void {
  const { azure } = parts.world
  app.get(`${scaleSetPath}/virtualMachines`, (request: ScaleSetRequest) => {
    const id = scaleSetId(request.params)
    return page(request, valueOf(azure.machines(id)), parts)
  })
  app.get(machinePath, (request: MachineRequest) =>
    shape(request, valueOf(azure.machine(scaleSetId(request.params), request.params.instance)), parts),
  )
  app.get(`${machinePath}/instanceView`, (request: MachineRequest) => {
    const id = scaleSetId(request.params)
    return instanceView(valueOf(azure.machine(id, request.params.instance)), envelopeOf(parts.world, id), parts.clock)
  })
}

/** One page in the order of instance ids. The link names the last id given out, so deletions between pages skip nobody. */
function page(request: ScaleSetRequest, machines: readonly MachineFacts[], parts: ResourceManagerParts): object {
  const after = queryOf(request)['$skiptoken']
  const ordered = machines.toSorted((a, b) => Number(a.instanceId) - Number(b.instanceId))
  const rest = after === undefined ? ordered : ordered.filter(({ instanceId }) => Number(instanceId) > Number(after))
  const rendering = renderingOf(request, parts)
  const value = rest.slice(0, parts.pageSize).map((machine) => machineShape(machine, rendering))
  const last = rest[parts.pageSize - 1]
  if (last === undefined || rest.length === value.length) return { value }
  const next = new URL(`https://${request.host}${request.url}`)
  next.searchParams.set('$skiptoken', last.instanceId)
  return { value, nextLink: next.href }
}

function shape(request: ScaleSetRequest, machine: MachineFacts, parts: ResourceManagerParts): JsonObject {
  return machineShape(machine, renderingOf(request, parts))
}

function renderingOf(request: ScaleSetRequest, parts: ResourceManagerParts): Rendering {
  const scaleSet = envelopeOf(parts.world, scaleSetId(request.params))
  const profile = withoutSecrets(objectAt(scaleSet.properties, 'virtualMachineProfile'))
  const withInstanceView = queryOf(request)['$expand']?.toLowerCase() === 'instanceview'
  return { scaleSet, profile, apiVersion: versionOf(request), clock: parts.clock, withInstanceView }
}

function protect(request: MachineRequest, reply: FastifyReply, parts: ResourceManagerParts): object {
  const id = scaleSetId(request.params)
  const policy = objectAt(objectAt(bodyOf(request), 'properties'), 'protectionPolicy')
  const protection = {
    fromScaleIn: policy['protectFromScaleIn'] === true,
    fromScaleSetActions: policy['protectFromScaleSetActions'] === true,
  }
  const { operationId } = valueOf(parts.world.azure.setProtection(id, request.params.instance, protection))
  pointToOperation(request, reply, parts, operationId, envelopeOf(parts.world, id))
  const machine = parts.world.truth.machines(id).find(({ instanceId }) => instanceId === request.params.instance)
  return machine === undefined
    ? refuse(404, 'ResourceNotFound', `The machine '${request.params.instance}' was not found.`)
    : shape(request, machine, parts)
}

/** The instance ids of a body that has to name them; `*` means every machine. */
function named(request: ScaleSetRequest, parts: ResourceManagerParts): readonly string[] {
  const ids = listAt(bodyOf(request), 'instanceIds')
  if (ids.length === 0) return refuse(400, 'InvalidParameter', "Required parameter 'instanceIds' is missing (null).")
  return ids.includes('*') ? everyMachine(request, parts) : ids.map(String)
}

/** The instance ids of a body, or every machine when it names none. */
function namedOrAll(request: ScaleSetRequest, parts: ResourceManagerParts): readonly string[] {
  return listAt(bodyOf(request), 'instanceIds').length === 0 ? everyMachine(request, parts) : named(request, parts)
}

function everyMachine(request: ScaleSetRequest, parts: ResourceManagerParts): readonly string[] {
  return parts.world.truth.machines(scaleSetId(request.params)).map(({ instanceId }) => instanceId)
}
