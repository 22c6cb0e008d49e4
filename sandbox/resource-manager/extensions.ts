/** Routes of a scale set's extensions: the entries of its model, one by one. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Json, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { bodyOf, isObject, listAt, objectAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { accepted, pointToOperation } from './operations.ts'
import { scaleSetId, scaleSetPath } from './parts.ts'
import type { ResourceManagerParts, ScaleSetPath } from './parts.ts'
import { refuse, valueOf } from './refusals.ts'
import { withoutSecrets } from './scale-set-shape.ts'

type ExtensionRequest = FastifyRequest<{ Params: ScaleSetPath & { readonly extension: string } }>

export function registerExtensions(app: FastifyInstance, parts: ResourceManagerParts): void {
  const { azure, truth } = parts.world
  const path = `${scaleSetPath}/extensions/:extension`

  function write(request: ExtensionRequest, extensions: readonly JsonObject[]): { scaleSet: ScaleSetFacts; operationId?: string } {
    const properties: JsonObject = { virtualMachineProfile: { extensionProfile: { extensions } } }
    return valueOf(azure.patchScaleSet(scaleSetId(request.params), { properties }))
  }

  app.get(`${scaleSetPath}/extensions`, (request: ExtensionRequest) => {
    const scaleSet = valueOf(azure.scaleSet(scaleSetId(request.params)))
    return { value: extensionsOf(scaleSet).map((entry) => shape(entry, scaleSet)) }
  })
  app.get(path, (request: ExtensionRequest) => {
    const scaleSet = valueOf(azure.scaleSet(scaleSetId(request.params)))
    return shape(find(scaleSet, request.params.extension) ?? notFound(request), scaleSet)
  })
  app.put(path, (request: ExtensionRequest, reply) => {
    const name = request.params.extension
    const before = extensionsOf(truth.scaleSet(scaleSetId(request.params)))
    const entry: JsonObject = { name, properties: objectAt(bodyOf(request), 'properties') }
    const known = before.some((one) => isNamed(one, name))
    const { scaleSet, operationId } = write(request, known ? before.map((one) => (isNamed(one, name) ? entry : one)) : [...before, entry])
    if (operationId !== undefined) pointToOperation(request, reply, parts, operationId, scaleSet)
    return reply.code(known ? 200 : 201).send(shape(entry, scaleSet))
  })
  app.delete(path, (request: ExtensionRequest, reply) => {
    const before = extensionsOf(truth.scaleSet(scaleSetId(request.params)))
    const rest = before.filter((one) => !isNamed(one, request.params.extension))
    if (rest.length === before.length) return reply.code(204).send()
    const { scaleSet, operationId } = write(request, rest)
    return operationId === undefined ? reply.code(200).send() : accepted(request, reply, parts, operationId, scaleSet)
  })
}

function extensionsOf(scaleSet: ScaleSetFacts | undefined): readonly JsonObject[] {
  const profile = objectAt(objectAt(scaleSet?.properties ?? {}, 'virtualMachineProfile'), 'extensionProfile')
  return listAt(profile, 'extensions').filter((entry: Json) => isObject(entry))
}

function find(scaleSet: ScaleSetFacts, name: string): JsonObject | undefined {
  return extensionsOf(scaleSet).find((entry) => isNamed(entry, name))
}

function isNamed(entry: JsonObject, name: string): boolean {
  return String(entry['name']).toLowerCase() === name.toLowerCase()
}

function notFound(request: ExtensionRequest): never {
  return refuse(404, 'ResourceNotFound', `The extension '${request.params.extension}' of scale set '${request.params.name}' was not found.`)
}

function shape(entry: JsonObject, scaleSet: ScaleSetFacts): JsonObject {
  return {
    name: entry['name'] ?? '',
    id: `${scaleSet.id}/extensions/${String(entry['name'])}`,
    type: 'Microsoft.Compute/virtualMachineScaleSets/extensions',
    properties: { ...withoutSecrets(objectAt(entry, 'properties')), provisioningState: 'Succeeded' },
  }
}
