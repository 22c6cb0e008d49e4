/** Read-only odds and ends of the task agent API: maintenance, parallel jobs, pools of the built-in scale set feature. */
import type { World } from '../../backend/simulator/facts.ts'
import { elasticPoolState, operatingSystem, orchestration } from './enums.ts'
import { Failure, valueOf } from './failures.ts'
import type { AddRoute, Call } from './routes.ts'
import { enumOf, listOf } from './wire.ts'
import type { Wire, WireObject } from './wire.ts'

/** A pool of Azure Pipelines' own scale set feature, for a service that offers to import it. */
export type BuiltInElasticPool = {
  readonly poolId: number
  readonly azureId: string
  readonly serviceEndpointId: string
  readonly serviceEndpointScope: string
  readonly maxCapacity: number
  readonly desiredIdle: number
  readonly recycleAfterEachUse: boolean
  readonly maxSavedNodeCount: number
  readonly osType: 'windows' | 'linux'
  readonly agentInteractiveUI: boolean
  readonly timeToLiveMinutes: number
}

const elasticPools = '/_apis/distributedtask/elasticpools'
const pool = '/_apis/distributedtask/pools/:poolId'

export function addCatalogRoutes(add: AddRoute, world: World, builtIn: readonly BuiltInElasticPool[]): void {
  add('GET', `${pool}/maintenancedefinitions`, 'admin', (call) => noneIn(call, world))
  add('GET', `${pool}/maintenancejobs`, 'admin', (call) => noneIn(call, world))
  add('GET', '/_apis/distributedtask/resourceusage', 'admin', () => resourceUsage(world))
  add('GET', elasticPools, 'admin', () => listOf(builtIn.map(elasticPoolOnWire)))
  add('GET', `${elasticPools}/:poolId`, 'admin', (call) => {
    const found = builtIn.find(({ poolId }) => poolId === call.id('poolId'))
    if (found === undefined) throw new Failure(404, 'ElasticPoolDoesNotExistException', `There is no elastic pool ${call.path('poolId')}.`)
    return elasticPoolOnWire(found)
  })
}

/** Parallel jobs of the organization, as azure-devops-node-api's ResourceUsage names them. */
function resourceUsage(world: World): WireObject {
  const { total, used } = valueOf(world.devops.parallelJobs())
  return { usedCount: used, resourceLimit: { totalCount: total, parallelismTag: 'Private', isHosted: false } }
}

/** Nobody has defined maintenance for a pool of the sandbox. */
function noneIn(call: Call, world: World): Wire {
  valueOf(world.devops.pool(call.id('poolId')))
  return listOf([])
}

function elasticPoolOnWire(builtIn: BuiltInElasticPool): WireObject {
  return {
    ...builtIn,
    osType: enumOf(operatingSystem, builtIn.osType),
    state: enumOf(elasticPoolState, 'online'),
    offlineSince: null,
    desiredSize: builtIn.desiredIdle,
    sizingAttempts: 0,
    orchestrationType: enumOf(orchestration, 'uniform'),
  }
}
