/** Long-running operations as clients follow them (async-operations): the headers, the operation and its result. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OperationFacts, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { refuse, valueOf } from './refusals.ts'
import { versionOf } from './parts.ts'
import type { ResourceManagerParts } from './parts.ts'

type OperationRequest = FastifyRequest<{ Params: { readonly subscription: string; readonly location: string; readonly id: string } }>

const locationPath = '/subscriptions/:subscription/providers/Microsoft.Compute/locations/:location'

/** Points the client to the operation. PUT and PATCH end at the resource itself and have no Location. */
export function pointToOperation(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: ResourceManagerParts,
  operationId: string,
  scaleSet: ScaleSetFacts,
): void {
  const base = `https://${request.host}/subscriptions/${scaleSet.subscriptionId}/providers/Microsoft.Compute/locations/${scaleSet.location}`
  const version = `api-version=${versionOf(request)}`
  void reply.header('azure-asyncoperation', `${base}/operations/${operationId}?${version}`).header('retry-after', String(parts.retryAfterS))
  if (request.method === 'PUT' || request.method === 'PATCH') return
  void reply.header('location', `${base}/operationResults/${operationId}?${version}`)
}

/** 202 without a body, as POST and DELETE answer. */
export function accepted(
  request: FastifyRequest,
  reply: FastifyReply,
  parts: ResourceManagerParts,
  operationId: string,
  scaleSet: ScaleSetFacts,
): FastifyReply {
  pointToOperation(request, reply, parts, operationId, scaleSet)
  return reply.code(202).send()
}

export function registerOperations(app: FastifyInstance, parts: ResourceManagerParts): void {
  app.get(`${locationPath}/operations/:id`, (request: OperationRequest, reply) => {
    const operation = valueOf(parts.world.azure.operation(request.params.id))
    if (operation.state === 'InProgress') void reply.header('retry-after', String(parts.retryAfterS))
    return operationShape(operation, parts)
  })
  app.get(`${locationPath}/operationResults/:id`, (request: OperationRequest, reply) => {
    const operation = valueOf(parts.world.azure.operation(request.params.id))
    if (operation.state === 'InProgress')
      return reply
        .code(202)
        .header('location', `https://${request.host}${request.url}`)
        .header('retry-after', String(parts.retryAfterS))
        .send()
    if (operation.state !== 'Succeeded')
      return refuse(409, operation.error?.code ?? 'OperationPreempted', operation.error?.message ?? 'The operation was cancelled.')
    return reply.code(200).send()
  })
}

function operationShape(operation: OperationFacts, parts: ResourceManagerParts): object {
  return {
    startTime: parts.clock.toIso(operation.startedAt),
    ...(operation.endedAt === undefined ? {} : { endTime: parts.clock.toIso(operation.endedAt) }),
    status: operation.state,
    ...(operation.error === undefined ? {} : { error: operation.error }),
    name: operation.id,
  }
}
