/** How clients of Azure DevOps find the routes: the ids are Azure DevOps' own, the templates say where each resource is. */
import { Type } from 'typebox'
import { dialectOf } from '../dialect.ts'
import type { ApiParts, App } from '../parts.ts'

const open = { right: 'open' } as const
const answer = { response: { 200: Type.Unknown() } }
const areaQuery = Type.Object({ area: Type.String() })

export function locations(app: App, _parts: ApiParts): void {
  app.options('/', { config: open, schema: answer }, ({ headers }) => dialectOf(headers.accept).list(resources))
  app.options('/:area', { config: open, schema: { ...answer, params: areaQuery } }, ({ headers, params }) =>
    dialectOf(headers.accept).list(resources.filter(({ area }) => area.toLowerCase() === params.area.toLowerCase())),
  )
  // No areas: every resource is at the address that the client knows already.
  app.get('/resourceAreas', { config: open, schema: answer }, ({ headers }) => dialectOf(headers.accept).list([]))
}

const versions = { resourceVersion: 1, minVersion: '1.0', maxVersion: '7.2', releasedVersion: '7.1' }
const resource = (id: string, area: string, resourceName: string, routeTemplate: string) => ({
  id,
  area,
  resourceName,
  routeTemplate,
  ...versions,
})
const pools = '_apis/{area}/elasticpools/{poolId}'

const resources = [
  resource('e81700f7-3be2-46de-8624-2eb35882fcaa', 'Location', 'ResourceAreas', '_apis/{resource}/{areaId}'),
  resource('dd3c938f-835b-4971-b99a-db75a47aad43', 'distributedtask', 'elasticpools', '_apis/{area}/{resource}/{poolId}'),
  resource('595b1769-61d5-4076-a72a-98a02105ca9a', 'distributedtask', 'logs', `${pools}/{resource}`),
  resource('1b232402-5ff0-42ad-9703-d76497835eb6', 'distributedtask', 'nodes', `${pools}/{resource}/{elasticNodeId}`),
  resource('a8c47e17-4d56-4a56-92bb-de7ea7dc65be', 'distributedtask', 'pools', '_apis/{area}/{resource}/{poolId}'),
]
