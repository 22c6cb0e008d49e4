/** The organization's pools and queues as `loop/pools.ts` asks for them, over the adapters' HTTP. */
import type { DevOpsAdmin } from '../adapters/devops-admin.ts'
import type { Http } from '../adapters/http.ts'
import { asCount, asFlag, asObject, asRows, asText } from '../adapters/shape.ts'
import type { Reading } from '../core/snapshot.ts'
import type { AgentPool, AgentQueue, Organization } from '../loop/pools.ts'

const pools = '_apis/distributedtask/pools'

/** What {@link DevOpsAdmin} does not read is read here: whether a pool is given to all projects, and a project's queues. */
export function createOrganization(http: Http, admin: DevOpsAdmin): Organization {
  const get = (operation: string, url: string, signal: AbortSignal) => ({ operation, method: 'GET', url, signal }) as const
  const pool = (poolId: number, signal: AbortSignal): Promise<Reading<AgentPool | undefined>> =>
    http.readIfThere(get('get pool', `${pools}/${poolId}`, signal), /^TaskAgentPoolNotFoundException$/, poolFrom)
  return {
    pool,
    canManage: admin.canManage,
    authorizeAllPipelines: admin.authorizeAllPipelines,
    addQueue: admin.addQueue,
    findPool: (name, signal) =>
      http.read(get('find pool', `${pools}?poolName=${encodeURIComponent(name)}`, signal), (json) =>
        asRows(json)
          .map(poolFrom)
          .find((found) => isNamed(found, name)),
      ),
    async addPool(name, signal) {
      const added = await admin.addPool(name, signal)
      if (added.kind !== 'done') return added
      const made = await pool(added.value.id, signal)
      return made.known && made.value !== undefined
        ? { kind: 'done', value: made.value }
        : { kind: 'unknown', why: made.known ? `The agent pool ${name} was made and is gone again.` : made.why }
    },
    async updatePool(poolId, change, signal) {
      const answer = await http.change({ operation: 'update pool', method: 'PATCH', url: `${pools}/${poolId}`, body: change, signal })
      return answer.kind === 'done' ? { kind: 'done' } : answer
    },
    findQueue: (project, name, signal) =>
      http.read(
        get('find queue', `${encodeURIComponent(project)}/_apis/distributedtask/queues?queueName=${encodeURIComponent(name)}`, signal),
        (json) =>
          asRows(json)
            .map(queueFrom)
            .find((found) => isNamed(found, name)),
      ),
  }
}

/** Azure DevOps compares names without case. */
function isNamed(found: { readonly name: string }, name: string): boolean {
  return found.name.toLowerCase() === name.toLowerCase()
}

function poolFrom(json: unknown): AgentPool {
  const pool = asObject(json, 'pool')
  const { options } = pool
  // A number for clients that ask for numbers, a list of names for all others; 1 is elasticPool.
  const builtIn = typeof options === 'number' ? (options & 1) !== 0 : typeof options === 'string' && /\belasticPool\b/.test(options)
  const flag = (name: string): boolean => asFlag(pool[name] ?? false, `pool.${name}`)
  return {
    id: asCount(pool['id'], 'pool.id'),
    name: asText(pool['name'], 'pool.name'),
    builtIn,
    autoProvision: flag('autoProvision'),
    autoUpdate: flag('autoUpdate'),
  }
}

function queueFrom(json: unknown): AgentQueue {
  const queue = asObject(json, 'queue')
  return { id: asCount(queue['id'], 'queue.id'), name: asText(queue['name'], 'queue.name') }
}
