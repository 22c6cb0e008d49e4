/** Routes of Microsoft.Resources: subscriptions, resource groups, providers and tags. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { apiVersions } from './api-versions.ts'
import { callerOf } from './access.ts'
import { bodyOf, objectAt, stringAt, stringsAt } from './json.ts'
import { groupPath, scaleSetId, scaleSetPath } from './parts.ts'
import type { ResourceManagerParts, ScaleSetRequest } from './parts.ts'
import { refuse, valueOf } from './refusals.ts'

type Named = FastifyRequest<{ Params: { readonly subscription: string; readonly group: string; readonly namespace: string } }>
type Group = { readonly name: string; readonly location: string; readonly tags: Readonly<Record<string, string>> }

export function registerGroups(app: FastifyInstance, parts: ResourceManagerParts): void {
  const { groups } = parts
  app.get('/subscriptions', (request) => {
    const caller = callerOf(request, parts.tokens)
    return { value: caller.role === 'none' ? [] : [subscriptionShape(parts.subscriptionId, caller.tenantId)] }
  })
  app.get('/subscriptions/:subscription', (request: Named) =>
    subscriptionShape(parts.subscriptionId, callerOf(request, parts.tokens).tenantId),
  )
  app.get('/tenants', (request) => {
    const { tenantId } = callerOf(request, parts.tokens)
    return { value: [{ id: `/tenants/${tenantId}`, tenantId, tenantCategory: 'Home' }] }
  })
  app.get('/subscriptions/:subscription/locations', () => ({
    value: [
      {
        id: `/subscriptions/${parts.subscriptionId}/locations/${parts.location}`,
        name: parts.location,
        displayName: parts.location,
        regionalDisplayName: parts.location,
      },
    ],
  }))
  app.get('/subscriptions/:subscription/resourceGroups', () => ({ value: [...groups.values()].map((group) => groupShape(group, parts)) }))
  app.get(groupPath, (request: Named) =>
    groupShape(
      groups.get(request.params.group.toLowerCase()) ??
        refuse(404, 'ResourceGroupNotFound', `Resource group '${request.params.group}' could not be found.`),
      parts,
    ),
  )
  app.put(groupPath, (request: Named, reply) => {
    const body = bodyOf(request)
    const location = stringAt(body, 'location') ?? refuse(400, 'LocationRequired', 'The location property is required for this definition.')
    const before = groups.get(request.params.group.toLowerCase())
    const group = { name: before?.name ?? request.params.group, location, tags: stringsAt(body, 'tags') ?? {} }
    groups.set(request.params.group.toLowerCase(), group)
    return reply.code(before === undefined ? 201 : 200).send(groupShape(group, parts))
  })
  app.get('/subscriptions/:subscription/providers', () => ({
    value: Object.keys(apiVersions).map((namespace) => providerShape(namespace, parts)),
  }))
  app.get('/subscriptions/:subscription/providers/:namespace', (request: Named) => {
    const namespace = Object.keys(apiVersions).find((known) => known.toLowerCase() === request.params.namespace.toLowerCase())
    return providerShape(
      namespace ?? refuse(404, 'InvalidResourceNamespace', `The resource namespace '${request.params.namespace}' is invalid.`),
      parts,
    )
  })
}

/** The Tags API at a scale set: single tags are merged or deleted without touching the others. */
export function registerTags(app: FastifyInstance, parts: ResourceManagerParts): void {
  const path = `${scaleSetPath}/providers/Microsoft.Resources/tags/default`
  const { azure } = parts.world
  const shape = (request: ScaleSetRequest, tags: Readonly<Record<string, string>>): object => ({
    id: `${scaleSetId(request.params)}/providers/Microsoft.Resources/tags/default`,
    name: 'default',
    type: 'Microsoft.Resources/tags',
    properties: { tags },
  })

  app.get(path, (request: ScaleSetRequest) => shape(request, valueOf(azure.scaleSet(scaleSetId(request.params))).tags))
  app.patch(path, (request: ScaleSetRequest) => {
    const body = bodyOf(request)
    const operation = (['Merge', 'Replace', 'Delete'] as const).find(
      (known) => known.toLowerCase() === stringAt(body, 'operation')?.toLowerCase(),
    )
    if (operation === undefined) return refuse(400, 'InvalidRequestContent', "The property 'operation' has to be Merge, Replace or Delete.")
    const tags = stringsAt(objectAt(body, 'properties'), 'tags') ?? {}
    return shape(request, valueOf(azure.mergeTags(scaleSetId(request.params), operation, tags)))
  })
  app.put(path, (request: ScaleSetRequest) => {
    const tags = stringsAt(objectAt(bodyOf(request), 'properties'), 'tags') ?? {}
    return shape(request, valueOf(azure.mergeTags(scaleSetId(request.params), 'Replace', tags)))
  })
}

function subscriptionShape(subscriptionId: string, tenantId: string): object {
  return {
    id: `/subscriptions/${subscriptionId}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId,
    tenantId,
    displayName: 'Sandbox',
    state: 'Enabled',
    subscriptionPolicies: { locationPlacementId: 'Public_2014-09-01', quotaId: 'PayAsYouGo_2014-09-01', spendingLimit: 'Off' },
  }
}

function groupShape(group: Group, parts: ResourceManagerParts): object {
  const id = `/subscriptions/${parts.subscriptionId}/resourceGroups/${group.name}`
  return {
    id,
    name: group.name,
    type: 'Microsoft.Resources/resourceGroups',
    location: group.location,
    tags: group.tags,
    properties: { provisioningState: 'Succeeded' },
  }
}

const resourceTypes: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.Compute': [
    'virtualMachineScaleSets',
    'virtualMachineScaleSets/virtualMachines',
    'virtualMachineScaleSets/extensions',
    'locations',
    'locations/operations',
    'locations/usages',
    'skus',
  ],
  'Microsoft.Resources': ['subscriptions', 'resourceGroups', 'subscriptions/resourceGroups', 'subscriptions/providers', 'tags'],
  'Microsoft.Insights': ['autoscaleSettings'],
  'Microsoft.Authorization': ['permissions'],
  'Microsoft.Network': ['virtualNetworks', 'virtualNetworks/subnets'],
}

function providerShape(namespace: string, parts: ResourceManagerParts): object {
  const newestFirst = [...(apiVersions[namespace] ?? [])].reverse()
  return {
    id: `/subscriptions/${parts.subscriptionId}/providers/${namespace}`,
    namespace,
    registrationState: 'Registered',
    resourceTypes: (resourceTypes[namespace] ?? []).map((resourceType) => ({
      resourceType,
      locations: [parts.location],
      apiVersions: newestFirst,
      capabilities: 'None',
    })),
  }
}
