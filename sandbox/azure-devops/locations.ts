/**
 * The location service: which resources exist, where, in which versions, and who is asking. Clients resolve every route
 * through it. Only what the sandbox serves is announced. Location ids: azure-facts.md 1 and 2, and the public SDKs.
 */
import { descriptorOf } from '../people.ts'
import type { Person } from '../people.ts'
import { supported } from './api-version.ts'
import { Failure, noRoute } from './failures.ts'
import { guidOf } from './guid.ts'
import type { AddRoute, Call } from './routes.ts'
import { dateOf, listOf } from './wire.ts'
import type { Wire, WireObject } from './wire.ts'

type Location = {
  readonly id: string
  readonly area: string
  readonly resource: string
  readonly template: string
  readonly version?: number
}

const inPool = '_apis/{area}/pools/{poolId}/{resource}'
const locations: readonly Location[] = [
  task('a8c47e17-4d56-4a56-92bb-de7ea7dc65be', 'pools', '_apis/{area}/{resource}/{poolId}'),
  task('e298ef32-5878-4cab-993c-043836571f42', 'agents', `${inPool}/{agentId}`),
  task('fc825784-c92a-4299-9221-998a02d1b54f', 'jobrequests', `${inPool}/{requestId}`),
  task('134e239e-2df3-4794-a6f6-24f1f19ec8dc', 'sessions', `${inPool}/{sessionId}`),
  task('c3a054f6-7a8a-49c0-944e-3a8e5d7adfd7', 'messages', `${inPool}/{messageId}`),
  task('8ffcd551-079c-493a-9c02-54346299d144', 'packages', '_apis/{area}/{resource}/{packageType}/{platform}/{version}', 2),
  task('80572e16-58f0-4419-ac07-d19fde32195c', 'maintenancedefinitions', `${inPool}/{definitionId}`),
  task('15e7ab6e-abce-4601-a6d8-e111fe148f46', 'maintenancejobs', `${inPool}/{jobId}`),
  task('162778f3-4b48-48f3-9d58-436fb9c407bc', 'permissions', `${inPool}/{permissions}`),
  task('900fa995-c559-4923-aae7-f8424fe4fbea', 'queues', '{project}/_apis/{area}/{resource}/{queueId}'),
  task('30ba3ada-fedf-4da8-bbb5-dacf2f82e176', 'usercapabilities', '_apis/{area}/pools/{poolId}/agents/{agentId}/{resource}'),
  task('8cc1b02b-ae49-4516-b5ad-4f9b29967c30', 'updates', '_apis/{area}/pools/{poolId}/agents/{agentId}/{resource}'),
  task('eae1d376-a8b1-4475-9041-1dfdbe8f0143', 'resourceusage', '_apis/{area}/{resource}', 2),
  task('dd3c938f-835b-4971-b99a-db75a47aad43', 'elasticpools', '_apis/{area}/{resource}/{poolId}'),
  { id: '603fe2ac-9723-48b9-88ad-09305aa6c6e1', area: 'core', resource: 'projects', template: '_apis/{resource}/{*projectId}', version: 4 },
  {
    id: 'b5b9a4a4-e6cd-4096-853c-ab7d8b0c4eb2',
    area: 'pipelinePermissions',
    resource: 'pipelinePermissions',
    template: '{project}/_apis/pipelines/{resource}/{resourceType}/{resourceId}',
  },
  { id: 'e81700f7-3be2-46de-8624-2eb35882fcaa', area: 'Location', resource: 'resourceAreas', template: '_apis/{resource}/{areaId}' },
  { id: '00d9565f-ed9c-4a06-9a50-00e7896ccab4', area: 'Location', resource: 'connectionData', template: '_apis/{resource}' },
]

const areas: readonly { readonly id: string; readonly name: string }[] = [
  { id: 'a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd', name: 'distributedtask' },
  { id: '79134c72-4a58-4b42-976c-04e7115f32bf', name: 'core' },
]

export function addLocationRoutes(add: AddRoute, organization: string, startedAtIso: string): void {
  add('OPTIONS', '/_apis', 'admin-or-agent', () => listOf(locations.map(locationOnWire)))
  add('OPTIONS', '/_apis/', 'admin-or-agent', () => listOf(locations.map(locationOnWire)))
  add('OPTIONS', '/_apis/:area', 'admin-or-agent', (call) => listOf(locationsOf(call.path('area')).map(locationOnWire)))
  // Clients spell these two in several ways.
  add('GET', '/_apis/:service', 'admin-or-agent', (call) => {
    const service = call.path('service').toLowerCase()
    if (service === 'resourceareas') return listOf(areas.map((area) => areaOnWire(area, call.base)))
    if (service === 'connectiondata') return connectionData(call, organization, startedAtIso)
    throw noRoute('GET', `/_apis/${service}`)
  })
  add('GET', '/_apis/:service/:areaId', 'admin-or-agent', (call) => {
    if (call.path('service').toLowerCase() === 'resourceareas') return areaOnWire(areaOf(call.path('areaId')), call.base)
    throw noRoute('GET', `/_apis/${call.path('service')}/${call.path('areaId')}`)
  })
}

function task(id: string, resource: string, template: string, version = 1): Location {
  return { id, area: 'distributedtask', resource, template, version }
}

function locationsOf(area: string): readonly Location[] {
  return locations.filter((location) => location.area.toLowerCase() === area.toLowerCase())
}

function locationOnWire(location: Location): Wire {
  return {
    id: location.id,
    area: location.area,
    resourceName: location.resource,
    routeTemplate: location.template,
    resourceVersion: location.version ?? 1,
    minVersion: supported.min,
    maxVersion: supported.max,
    releasedVersion: supported.released,
  }
}

function areaOf(id: string): (typeof areas)[number] {
  const area = areas.find((each) => each.id === id.toLowerCase())
  if (area === undefined) throw new Failure(404, 'ServiceDefinitionDoesNotExistException', `There is no resource area ${id}.`)
  return area
}

function areaOnWire(area: (typeof areas)[number], base: string): Wire {
  return { id: area.id, name: area.name, locationUrl: `${base}/` }
}

function connectionData(call: Call, organization: string, startedAtIso: string): Wire {
  const user = userOf(call)
  return {
    authenticatedUser: user,
    authorizedUser: user,
    instanceId: guidOf(`organization/${organization}`),
    deploymentId: guidOf('deployment'),
    deploymentType: 'hosted',
    lastUserAccess: dateOf(startedAtIso),
    locationServiceData: { serviceOwner: '00025394-6065-48ca-87d9-7f5672854ef7', defaultAccessMappingMoniker: 'PublicAccessMapping' },
  }
}

function userOf({ caller }: Call): WireObject {
  if (caller?.kind === 'person') return personOnWire(caller.person)
  const name = caller?.kind === 'agent' ? `agent ${caller.agentId}` : (caller?.identity ?? '')
  const id = guidOf(`identity/${name}`)
  return {
    id,
    descriptor: `Microsoft.TeamFoundation.ServiceIdentity;${id}`,
    subjectDescriptor: `svc.${id}`,
    providerDisplayName: name,
    isActive: true,
    properties: { Account: { $type: 'System.String', $value: name } },
  }
}

function personOnWire(person: Person): WireObject {
  return {
    id: person.id,
    descriptor: `Microsoft.IdentityModel.Claims.ClaimsIdentity;${person.name}`,
    subjectDescriptor: descriptorOf(person),
    providerDisplayName: person.displayName,
    isActive: true,
    properties: { Account: { $type: 'System.String', $value: person.name } },
  }
}
