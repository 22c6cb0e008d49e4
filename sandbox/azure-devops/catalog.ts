/** Read-only odds and ends of the task agent API: maintenance, parallel jobs. */
import type { World } from '../../backend/simulator/facts.ts'
import { valueOf } from './failures.ts'
import type { AddRoute, Call } from './routes.ts'
import { listOf } from './wire.ts'
import type { Wire, WireObject } from './wire.ts'

const pool = '/_apis/distributedtask/pools/:poolId'

export function addCatalogRoutes(add: AddRoute, world: World): void {
  add('GET', `${pool}/maintenancedefinitions`, 'admin', (call) => noneIn(call, world))
  add('GET', `${pool}/maintenancejobs`, 'admin', (call) => noneIn(call, world))
  add('GET', '/_apis/distributedtask/resourceusage', 'admin', () => resourceUsage(world))
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
