/** Pools of Azure Pipelines' own scale set feature: ElasticPool of vsts-rest-api-specs, distributedTask/7.1/elastic.json. */
import type { Reading } from '../core/snapshot.ts'
import type { BuiltInPool } from '../core/take-over.ts'
import type { Http } from './http.ts'
import { asCount, asFlag, asObject, asRows, asText } from './shape.ts'

const api = '_apis/distributedtask'

/** With their names, which only the agent pools have; a pool that the caller may not manage is left out. */
export async function readBuiltInPools(http: Http, signal: AbortSignal): Promise<Reading<readonly BuiltInPool[]>> {
  const names = await http.read(
    { operation: 'pools to manage', method: 'GET', url: `${api}/pools?actionFilter=manage`, signal },
    (json) => new Map(asRows(json).map(named)),
  )
  if (!names.known) return names
  return http.read({ operation: 'list scale set pools', method: 'GET', url: `${api}/elasticpools`, signal }, (json) =>
    asRows(json).flatMap((row, at) => {
      const pool = asObject(row, `value[${String(at)}]`)
      const name = names.value.get(asCount(pool['poolId'], `value[${String(at)}].poolId`))
      return name === undefined ? [] : builtInFrom(pool, name, `value[${String(at)}]`)
    }),
  )
}

function named(row: unknown, at: number): readonly [number, string] {
  const pool = asObject(row, `value[${String(at)}]`)
  return [asCount(pool['id'], `value[${String(at)}].id`), asText(pool['name'], `value[${String(at)}].name`)]
}

function builtInFrom(pool: Readonly<Record<string, unknown>>, name: string, path: string): BuiltInPool {
  const count = (field: string): number => asCount(pool[field], `${path}.${field}`)
  const flag = (field: string): boolean => asFlag(pool[field], `${path}.${field}`)
  const text = (field: string): string => asText(pool[field], `${path}.${field}`)
  return {
    poolId: count('poolId'),
    name,
    scaleSetId: text('azureId'),
    os: text('osType').toLowerCase() === 'windows' ? 'windows' : 'linux',
    serviceEndpointId: text('serviceEndpointId'),
    serviceEndpointScope: text('serviceEndpointScope'),
    settings: {
      maxCapacity: count('maxCapacity'),
      desiredIdle: count('desiredIdle'),
      recycleAfterEachUse: flag('recycleAfterEachUse'),
      maxSavedNodeCount: count('maxSavedNodeCount'),
      agentInteractiveUI: flag('agentInteractiveUI'),
      timeToLiveMinutes: count('timeToLiveMinutes'),
    },
  }
}
