/** What making a pool and checking a set-up need from Azure DevOps; the loop itself needs none of it. */
import type { Reading } from '../core/snapshot.ts'
import type { BuiltInPool } from '../core/take-over.ts'
import type { CallOutcome } from '../loop/ports.ts'
import { readBuiltInPools } from './built-in-pools.ts'
import type { ChangeAnswer, Http } from './http.ts'
import { asCount, asFlag, asObject, asRows, asText, optional } from './shape.ts'

/** A {@link CallOutcome} that carries what was made. */
export type ChangeResult<T> = { readonly kind: 'done'; readonly value: T } | Exclude<CallOutcome, { readonly kind: 'done' }>

export type DevOpsPool = {
  readonly id: number
  readonly name: string
  /** Azure Pipelines' own scale set pools have it: Azure DevOps sizes them itself. */
  readonly builtIn: boolean
  /** New projects get a queue for it. */
  readonly autoProvision: boolean
  readonly autoUpdate: boolean
}
export type DevOpsQueue = { readonly id: number; readonly name: string }
/** Who we are for Azure DevOps. */
export type DevOpsConnection = { readonly userId: string; readonly userName: string }

export interface DevOpsAdmin {
  /** By its whole name, without regard to case; `undefined` when there is none that we may see. */
  findPool(name: string, signal: AbortSignal): Promise<Reading<DevOpsPool | undefined>>
  pool(poolId: number, signal: AbortSignal): Promise<Reading<DevOpsPool | undefined>>
  /** Whether our identity may manage the pool. */
  canManage(poolName: string, signal: AbortSignal): Promise<Reading<boolean>>
  connection(signal: AbortSignal): Promise<Reading<DevOpsConnection>>
  addPool(name: string, signal: AbortSignal): Promise<ChangeResult<DevOpsPool>>
  updatePool(
    poolId: number,
    change: { readonly name?: string; readonly autoProvision?: boolean; readonly autoUpdate?: boolean },
    signal: AbortSignal,
  ): Promise<CallOutcome>
  findQueue(project: string, name: string, signal: AbortSignal): Promise<Reading<DevOpsQueue | undefined>>
  addQueue(project: string, poolId: number, name: string, signal: AbortSignal): Promise<ChangeResult<DevOpsQueue>>
  /** Every pipeline of the project may use the queue without asking. */
  authorizeAllPipelines(project: string, queueId: number, signal: AbortSignal): Promise<CallOutcome>
  /** Scale set pools that Azure DevOps sizes itself, of those that we may manage. */
  builtInPools(signal: AbortSignal): Promise<Reading<readonly BuiltInPool[]>>
}

const pools = '_apis/distributedtask/pools'
/** `pool.options` of a pool that Azure DevOps sizes. */
const elasticPoolOption = 1

export function createDevOpsAdmin({ http }: { readonly http: Http }): DevOpsAdmin {
  const named = (name: string, filter: string, signal: AbortSignal) =>
    http.read({ operation: 'find pool', method: 'GET', url: `${pools}?poolName=${encodeURIComponent(name)}${filter}`, signal }, (json) =>
      asRows(json)
        .map((row, at) => poolFrom(row, `value[${String(at)}]`))
        .find((pool) => pool.name.toLowerCase() === name.toLowerCase()),
    )
  return {
    findPool: (name, signal) => named(name, '', signal),
    pool: (poolId, signal) =>
      http.readIfThere(
        { operation: 'get pool', method: 'GET', url: `${pools}/${String(poolId)}`, signal },
        /^TaskAgentPoolNotFoundException$/,
        (json) => poolFrom(json, 'pool'),
      ),
    async canManage(poolName, signal) {
      const found = await named(poolName, '&actionFilter=manage', signal)
      return found.known ? { ...found, value: found.value !== undefined } : found
    },
    connection: (signal) => http.read({ operation: 'get connection', method: 'GET', url: '_apis/connectionData', signal }, connectionFrom),
    async addPool(name, signal) {
      const body = { name, autoProvision: false, autoUpdate: true, poolType: 'automation' }
      return resultOf(await http.change({ operation: 'add pool', method: 'POST', url: pools, body, signal }), (json) =>
        poolFrom(json, 'pool'),
      )
    },
    async updatePool(poolId, change, signal) {
      const answer = await http.change({
        operation: 'update pool',
        method: 'PATCH',
        url: `${pools}/${String(poolId)}`,
        body: change,
        signal,
      })
      return answer.kind === 'done' ? { kind: 'done' } : answer
    },
    findQueue: (project, name, signal) =>
      http.read(
        { operation: 'find queue', method: 'GET', url: `${queuesOf(project)}?queueName=${encodeURIComponent(name)}`, signal },
        (json) =>
          asRows(json)
            .map(queueFrom)
            .find((queue) => queue.name.toLowerCase() === name.toLowerCase()),
      ),
    async addQueue(project, poolId, name, signal) {
      const body = { name, pool: { id: poolId } }
      const answer = await http.change({
        operation: 'add queue',
        method: 'POST',
        url: queuesOf(project),
        body,
        signal,
      })
      return resultOf(answer, (json) => queueFrom(json))
    },
    authorizeAllPipelines: (project, queueId, signal) => authorize(http, project, queueId, signal),
    builtInPools: (signal) => readBuiltInPools(http, signal),
  }
}

async function authorize(http: Http, project: string, queueId: number, signal: AbortSignal): Promise<CallOutcome> {
  const url = `${encodeURIComponent(project)}/_apis/pipelines/pipelinePermissions/queue/${String(queueId)}`
  const body = { resource: { type: 'queue', id: String(queueId) }, allPipelines: { authorized: true } }
  const headers = { accept: 'application/json;api-version=7.0-preview.1' }
  const answer = await http.change({ operation: 'authorize pipelines', method: 'PATCH', url, body, headers, signal })
  return answer.kind === 'done' ? { kind: 'done' } : answer
}

function queuesOf(project: string): string {
  return `${encodeURIComponent(project)}/_apis/distributedtask/queues`
}

/** A change that was accepted with an answer we do not understand is made, but what was made is unknown. */
function resultOf<T>(answer: ChangeAnswer, parse: (json: unknown) => T): ChangeResult<T> {
  if (answer.kind !== 'done') return answer
  try {
    return { kind: 'done', value: parse(answer.json) }
  } catch (error) {
    return {
      kind: 'unknown',
      why: `Azure DevOps accepted the change, but its answer is not understood: ${error instanceof Error ? error.message : String(error)}.`,
    }
  }
}

function poolFrom(json: unknown, path: string): DevOpsPool {
  const pool = asObject(json, path)
  const options = pool['options']
  // A number for clients that ask for numbers, a list of names for all others.
  const builtIn =
    typeof options === 'number'
      ? (options & elasticPoolOption) !== 0
      : /\belasticPool\b/.test(optional(options, `${path}.options`, asText) ?? '')
  const flag = (name: string): boolean => asFlag(pool[name] ?? false, `${path}.${name}`)
  return {
    id: asCount(pool['id'], `${path}.id`),
    name: asText(pool['name'], `${path}.name`),
    builtIn,
    autoProvision: flag('autoProvision'),
    autoUpdate: flag('autoUpdate'),
  }
}

function queueFrom(json: unknown): DevOpsQueue {
  const queue = asObject(json, 'queue')
  return { id: asCount(queue['id'], 'queue.id'), name: asText(queue['name'], 'queue.name') }
}

export function connectionFrom(json: unknown): DevOpsConnection {
  const user = asObject(asObject(json, 'connection')['authenticatedUser'], 'authenticatedUser')
  const userId = asText(user['id'], 'authenticatedUser.id')
  const names = [user['providerDisplayName'], user['customDisplayName'], user['displayName']]
  return { userId, userName: names.find((name): name is string => typeof name === 'string') ?? userId }
}
