/** Routes of virtualMachineScaleSets: list, read, write, delete. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { bodyOf } from './json.ts'
import { accepted, pointToOperation } from './operations.ts'
import { envelopeOf, groupPath, scaleSetId, scaleSetPath, versionOf } from './parts.ts'
import type { ResourceManagerParts, ScaleSetRequest } from './parts.ts'
import { refuse, valueOf } from './refusals.ts'
import { hasEtags, readPatch, readScaleSet, scaleSetInstanceView, scaleSetShape } from './scale-set-shape.ts'

type GroupRequest = FastifyRequest<{ Params: { readonly subscription: string; readonly group: string } }>

export function registerScaleSets(app: FastifyInstance, parts: ResourceManagerParts): void {
  const { azure } = parts.world

  function send(facts: ScaleSetFacts, request: FastifyRequest, reply: FastifyReply): object {
    if (hasEtags(versionOf(request))) void reply.header('etag', facts.etag)
    return scaleSetShape(facts, versionOf(request), parts.clock)
  }
  const listed = (facts: readonly ScaleSetFacts[], request: FastifyRequest): object => ({
    value: facts.map((one) => scaleSetShape(one, versionOf(request), parts.clock)),
  })

  app.get(`${groupPath}/providers/Microsoft.Compute/virtualMachineScaleSets`, (request: GroupRequest) =>
    listed(valueOf(azure.scaleSets(request.params.subscription, request.params.group)), request),
  )
  app.get('/subscriptions/:subscription/providers/Microsoft.Compute/virtualMachineScaleSets', (request: GroupRequest) =>
    listed(valueOf(azure.scaleSets(request.params.subscription)), request),
  )
  app.get(scaleSetPath, (request: ScaleSetRequest, reply) => send(valueOf(azure.scaleSet(scaleSetId(request.params))), request, reply))

  app.put(scaleSetPath, (request: ScaleSetRequest, reply) => {
    const id = scaleSetId(request.params)
    const before = parts.world.truth.scaleSet(id)
    const body = readScaleSet(bodyOf(request), before)
    if (before !== undefined && hasEtags(versionOf(request)) && request.headers['if-none-match'] === '*')
      return refuse(412, 'PreconditionFailed', `The resource '${id}' exists, and If-None-Match asks for a new one.`)
    const { scaleSet, operationId } = valueOf(azure.putScaleSet(id, body, ifMatch(request)))
    pointToOperation(request, reply, parts, operationId, scaleSet)
    return reply.code(before === undefined ? 201 : 200).send(send(scaleSet, request, reply))
  })
  app.patch(scaleSetPath, (request: ScaleSetRequest, reply) => {
    const { scaleSet, operationId } = valueOf(azure.patchScaleSet(scaleSetId(request.params), readPatch(bodyOf(request)), ifMatch(request)))
    if (operationId !== undefined) pointToOperation(request, reply, parts, operationId, scaleSet)
    return send(scaleSet, request, reply)
  })
  app.delete(scaleSetPath, (request: ScaleSetRequest, reply) => {
    const id = scaleSetId(request.params)
    const before = parts.world.truth.scaleSet(id)
    // Deleting what is not there succeeds at once.
    if (before === undefined) return reply.code(204).send()
    return accepted(request, reply, parts, valueOf(azure.deleteScaleSet(id)).operationId, before)
  })
  app.get(`${scaleSetPath}/instanceView`, (request: ScaleSetRequest) => {
    const id = scaleSetId(request.params)
    const machines = valueOf(azure.machines(id))
    return scaleSetInstanceView(envelopeOf(parts.world, id), machines, parts.clock)
  })
}

function ifMatch(request: FastifyRequest): string | undefined {
  return hasEtags(versionOf(request)) ? request.headers['if-match'] : undefined
}
