/**
 * Pools of Azure Pipelines' own scale set feature: made, listed and marked, never sized. Shapes: ElasticPool and
 * ElasticPoolCreationResult of vsts-rest-api-specs, distributedTask/7.1/elastic.json. Tags: azure-facts.md 2.
 */
import type { PoolFacts, World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { elasticPoolState, operatingSystem, orchestration } from './enums.ts'
import { badRequest, Failure, valueOf } from './failures.ts'
import { poolReference } from './pools.ts'
import { asBoolean, asString, integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { enumOf, listOf, readEnum } from './wire.ts'
import type { WireObject } from './wire.ts'

const elasticPools = '/_apis/distributedtask/elasticpools'
const ownerTag = '__AzureDevOpsElasticPool'
const timeTag = '__AzureDevOpsElasticPoolTimeStamp'

type ElasticPool = { readonly poolId: number; readonly azureId: string; readonly onWire: WireObject }

/** Returns what has to be called when an agent pool was deleted: Azure DevOps takes its tags off then. */
export function addElasticPoolRoutes(add: AddRoute, world: World, clock: SandboxClock): (poolId: number) => void {
  const pools = new Map<number, ElasticPool>()

  add('GET', elasticPools, 'admin', () => listOf([...pools.values()].map(({ onWire }) => onWire)))
  add('GET', `${elasticPools}/:poolId`, 'admin', (call) => {
    const found = pools.get(call.id('poolId'))
    if (found !== undefined) return found.onWire
    throw new Failure(404, 'ElasticPoolDoesNotExistException', `There is no elastic pool ${call.path('poolId')}.`)
  })
  add('POST', elasticPools, 'admin', (call) => {
    const name = call.query('poolName')?.trim() ?? ''
    if (name === '') throw badRequest('An agent pool needs a name.')
    const wish = wishOf(call)
    const owner = Object.entries(valueOf(world.azure.scaleSet(wish.azureId)).tags).find(([tag]) => tag === ownerTag)?.[1]
    if (owner !== undefined) throw badRequest(`This virtual machine scale set is already in use by pool ${owner}.`)
    const pool = valueOf(world.devops.addPool(name, false))
    valueOf(world.azure.mergeTags(wish.azureId, 'Merge', { [ownerTag]: name, [timeTag]: timeText(clock) }))
    const made = elasticPoolOf(pool, wish)
    pools.set(pool.id, made)
    return { agentPool: poolReference(pool), agentQueue: null, elasticPool: made.onWire }
  })

  return (poolId) => {
    const gone = pools.get(poolId)
    if (gone === undefined) return
    pools.delete(poolId)
    // Best effort there, too: a scale set that cannot be changed now keeps them.
    world.azure.mergeTags(gone.azureId, 'Delete', { [ownerTag]: '', [timeTag]: '' })
  }
}

type Wish = WireObject & { readonly azureId: string; readonly desiredIdle: number }

/** @throws Failure when a field is missing or of another type. */
function wishOf({ body }: Call): Wish {
  const text = (field: string): string => asString(body[field]) ?? missing(field)
  const count = (field: string): number => integer(String(body[field] ?? ''), field)
  return {
    serviceEndpointId: text('serviceEndpointId'),
    serviceEndpointScope: text('serviceEndpointScope'),
    azureId: text('azureId'),
    maxCapacity: count('maxCapacity'),
    desiredIdle: count('desiredIdle'),
    maxSavedNodeCount: count('maxSavedNodeCount'),
    timeToLiveMinutes: count('timeToLiveMinutes'),
    recycleAfterEachUse: asBoolean(body['recycleAfterEachUse']) ?? false,
    agentInteractiveUI: asBoolean(body['agentInteractiveUI']) ?? false,
    osType: enumOf(operatingSystem, readEnum(operatingSystem, body['osType']) ?? missing('osType')),
  }
}

/** As Azure DevOps writes it: `2/23/2024 1:08:39 PM`. */
function timeText(clock: SandboxClock): string {
  return new Date(clock.toIso(clock.nowMs())).toLocaleString('en-US', { timeZone: 'UTC' }).replace(',', '')
}

function missing(field: string): never {
  throw badRequest(`An elastic pool needs ${field}.`)
}

function elasticPoolOf({ id: poolId }: PoolFacts, wish: Wish): ElasticPool {
  const state = {
    state: enumOf(elasticPoolState, 'online'),
    offlineSince: null,
    desiredSize: wish.desiredIdle,
    sizingAttempts: 0,
    orchestrationType: enumOf(orchestration, 'uniform'),
  }
  return { poolId, azureId: wish.azureId, onWire: { poolId, ...wish, ...state } }
}
