/** Read-only odds and ends of the task agent API: agent packages, maintenance, pools of the built-in scale set feature. */
import { createHash } from 'node:crypto'
import type { World } from '../../backend/simulator/facts.ts'
import { elasticPoolState, operatingSystem, orchestration } from './enums.ts'
import { Failure, valueOf } from './failures.ts'
import { integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { dateOf, enumOf, listOf } from './wire.ts'
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

/** The agent version that the sandbox offers. */
const newest = { major: 4, minor: 273, patch: 0 }
const platforms = ['linux-x64', 'linux-arm64', 'win-x64', 'osx-x64']
const agentPackages = '/_apis/distributedtask/packages/agent'
const elasticPools = '/_apis/distributedtask/elasticpools'
const pool = '/_apis/distributedtask/pools/:poolId'

export function addCatalogRoutes(add: AddRoute, world: World, builtIn: readonly BuiltInElasticPool[], startedAtIso: string): void {
  add('GET', agentPackages, 'admin-or-agent', () => listOf(platforms.map((platform) => packageOnWire(platform, startedAtIso))))
  add('GET', `${agentPackages}/:platform`, 'admin-or-agent', (call) => listOf(packagesOf(call, startedAtIso)))
  add('GET', `${agentPackages}/:platform/:version`, 'admin-or-agent', (call) => packageOfVersion(call, startedAtIso))
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

function packagesOf(call: Call, createdAtIso: string): readonly WireObject[] {
  const top = call.query('$top')
  const rows = platforms.filter((platform) => platform === call.path('platform')).map((platform) => packageOnWire(platform, createdAtIso))
  return top === undefined ? rows : rows.slice(0, integer(top, '$top'))
}

function packageOfVersion(call: Call, createdAtIso: string): Wire {
  const found = packagesOf(call, createdAtIso)[0]
  if (found === undefined || call.path('version') !== versionText()) {
    throw new Failure(404, 'PackageNotFoundException', `There is no agent package ${call.path('version')} for ${call.path('platform')}.`)
  }
  return found
}

function packageOnWire(platform: string, createdAtIso: string): WireObject {
  const filename = `vsts-agent-${platform}-${versionText()}.${platform.startsWith('win') ? 'zip' : 'tar.gz'}`
  return {
    type: 'agent',
    platform,
    createdOn: dateOf(createdAtIso),
    version: newest,
    filename,
    downloadUrl: `https://download.agent.dev.azure.com/agent/${versionText()}/${filename}`,
    hashValue: createHash('sha256').update(filename).digest('hex'),
    infoUrl: 'https://go.microsoft.com/fwlink/?LinkId=798199',
  }
}

function versionText(): string {
  return `${newest.major}.${newest.minor}.${newest.patch}`
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
