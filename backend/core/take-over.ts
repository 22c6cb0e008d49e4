/** How a pool that Azure DevOps sizes itself becomes one of ours, and how it goes back: the steps with their commands. */
import { fixes, quote } from './fixes.ts'
import { builtInTags } from './claim.ts'

/** A pool of Azure Pipelines' own scale set feature: ElasticPool of the REST API. */
export type BuiltInPool = {
  readonly poolId: number
  readonly name: string
  readonly scaleSetId: string
  readonly os: 'linux' | 'windows'
  /** The service connection that Azure DevOps signs in to Azure with, and its project. */
  readonly serviceEndpointId: string
  readonly serviceEndpointScope: string
  readonly settings: BuiltInSettings
}
export type BuiltInSettings = {
  readonly maxCapacity: number
  readonly desiredIdle: number
  readonly recycleAfterEachUse: boolean
  readonly maxSavedNodeCount: number
  readonly agentInteractiveUI: boolean
  readonly timeToLiveMinutes: number
}
/** `command` is empty when there is none. */
export type Step = { readonly sentence: string; readonly command: string }

/** What the Azure CLI asks a token of Entra for. Source: Azure DevOps documentation, authentication with Entra. */
const devOpsResource = '499b84ac-1321-427f-aa17-267ca6975798'
const apiVersion = '7.1'

/** To be done in this order, by a person: two services that size one scale set work against each other. */
export function takeOverSteps(pool: BuiltInPool, organizationUrl: string): readonly Step[] {
  return [
    { sentence: 'Keep the command of the way back: it holds the settings that the pool has now.', command: '' },
    {
      sentence: `Wait until no job runs in the pool ${pool.name}, then delete it in Azure DevOps. Its queues and permissions go along; pipelines find the new pool by the same name.`,
      command: call('delete', `${organizationUrl}/_apis/distributedtask/pools/${pool.poolId}?api-version=${apiVersion}`),
    },
    {
      sentence: `Azure DevOps marks the scale sets that it sizes with the tag ${builtInTags.join(' or ')} and takes it off when the pool is deleted; it gives up after some tries. While the tag is there the check below refuses the scale set, and shows the command that takes the tag off. Machines of the old pool that are left are named below.`,
      command: fixes(pool.scaleSetId).tags(),
    },
    { sentence: 'Then create the pool here. Its settings are filled in.', command: '' },
  ]
}

/** Makes the built-in pool again as it was. */
export function wayBackSteps(pool: BuiltInPool, organizationUrl: string): readonly Step[] {
  const { scaleSetId: azureId, os: osType, serviceEndpointId, serviceEndpointScope, settings } = pool
  const query = `poolName=${encodeURIComponent(pool.name)}&projectId=${serviceEndpointScope}&api-version=${apiVersion}`
  const body = JSON.stringify({ serviceEndpointId, serviceEndpointScope, azureId, osType, ...settings })
  return [
    {
      sentence: `Delete the pool here, in its settings: its agents end their jobs, its machines go, and our tag and extension are taken off the scale set.`,
      command: '',
    },
    {
      sentence: `Then make the pool ${pool.name} in Azure DevOps again, with the settings that it has now.`,
      command: `${call('post', `${organizationUrl}/_apis/distributedtask/elasticpools?${query}`)} --headers Content-Type=application/json --body ${quote(body)}`,
    },
  ]
}

function call(method: string, url: string): string {
  return `az rest --method ${method} --resource ${devOpsResource} --url ${quote(url)}`
}
