/** Agent pools. Source: azure-facts.md 2. */
import type { PoolFacts, World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { includesRight } from '../people.ts'
import { rightOf } from './callers.ts'
import { actionFilter, poolOptions, poolType } from './enums.ts'
import { badRequest, done, valueOf } from './failures.ts'
import { guidOf } from './guid.ts'
import { asBoolean, asString, integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { dateOf, enumOf, flagsOf, listOf, readEnum } from './wire.ts'
import type { WireObject } from './wire.ts'

const pools = '/_apis/distributedtask/pools'

type PoolParts = {
  readonly world: World
  readonly clock: SandboxClock
  readonly projects: readonly { readonly id: string }[]
  /** What else goes with a pool. */
  readonly deleted: (poolId: number) => void
}

export function addPoolRoutes(add: AddRoute, { world, clock, projects, deleted }: PoolParts): void {
  const sizes = countAgents(world)
  const shape = (pool: PoolFacts): WireObject => poolOnWire(pool, sizes.get(pool.id) ?? 0, clock)

  add('GET', pools, 'admin-or-agent', (call) => listOf(valueOf(world.devops.pools()).filter(poolFilter(call)).map(shape)))
  add('GET', `${pools}/:poolId`, 'admin-or-agent', (call) => shape(valueOf(world.devops.pool(call.id('poolId')))))
  add('GET', `${pools}/:poolId/permissions/:permissions`, 'admin', (call) => {
    valueOf(world.devops.pool(call.id('poolId')))
    const isManaging = (call.id('permissions') & actionFilter.manage) !== 0
    return includesRight(rightOf(call.caller), isManaging ? 'manage' : 'use')
  })
  add('POST', pools, 'admin', (call) => shape(addPool(call)))
  add('PATCH', `${pools}/:poolId`, 'admin', (call) => shape(valueOf(world.devops.updatePool(call.id('poolId'), poolChange(call)))))
  add('DELETE', `${pools}/:poolId`, 'admin', (call) => {
    done(world.devops.deletePool(call.id('poolId')))
    deleted(call.id('poolId'))
    return undefined
  })

  function addPool(call: Call): PoolFacts {
    const name = asString(call.body['name'])?.trim()
    if (name === undefined || name === '') throw badRequest('An agent pool needs a name.')
    const pool = valueOf(world.devops.addPool(name, asBoolean(call.body['autoProvision']) ?? false))
    // A project that cannot get its queue now goes without, as in Azure DevOps, where this happens later.
    if (pool.autoProvision) for (const project of projects) world.devops.addQueue(project.id, pool.id, name, false)
    return pool
  }
}

/** A pool as others refer to it. */
export function poolReference(pool: PoolFacts): WireObject {
  return {
    id: pool.id,
    name: pool.name,
    scope: guidOf('organization'),
    isHosted: false,
    isLegacy: false,
    poolType: enumOf(poolType, 'automation'),
    options: flagsOf(poolOptions, pool.options),
  }
}

function poolOnWire(pool: PoolFacts, size: number, clock: SandboxClock): WireObject {
  return {
    ...poolReference(pool),
    size,
    createdOn: dateOf(clock.toIso(pool.createdAt)),
    autoProvision: pool.autoProvision,
    autoUpdate: pool.autoUpdate,
    autoSize: true,
    targetSize: null,
    agentCloudId: null,
    properties: {},
  }
}

function poolFilter(call: Call): (pool: PoolFacts) => boolean {
  const name = call.query('poolName')?.toLowerCase()
  const ids = call.query('poolIds')?.split(',').map(Number)
  const type = call.query('poolType') ?? 'automation'
  const filter = call.query('actionFilter') ?? 'none'
  if (readEnum(poolType, type) === undefined) throw badRequest(`The pool type "${type}" is not known.`)
  if (readEnum(actionFilter, filter) === undefined) throw badRequest(`The action filter "${filter}" is not known.`)
  // A pool that a person has no right to is absent, whatever is asked for.
  const asked = readEnum(actionFilter, filter) === 'manage' ? 'manage' : 'use'
  const isVisible = readEnum(poolType, type) === 'automation' && includesRight(rightOf(call.caller), asked)
  return (pool) => isVisible && (name === undefined || pool.name.toLowerCase() === name) && (ids?.includes(pool.id) ?? true)
}

function poolChange({ body, id }: Call): { readonly name?: string; readonly autoProvision?: boolean; readonly autoUpdate?: boolean } {
  if (body['id'] !== undefined && integer(String(body['id']), 'id') !== id('poolId'))
    throw badRequest('The pool id of the body is not that of the path.')
  const name = asString(body['name'])
  const autoProvision = asBoolean(body['autoProvision'])
  const autoUpdate = asBoolean(body['autoUpdate'])
  return {
    ...(name === undefined ? {} : { name }),
    ...(autoProvision === undefined ? {} : { autoProvision }),
    ...(autoUpdate === undefined ? {} : { autoUpdate }),
  }
}

/** Agents per pool, counted from now on: a pool's size without a second read that could fail on its own. */
function countAgents(world: World): ReadonlyMap<number, number> {
  const sizes = new Map<number, number>()
  world.watch((event) => {
    if (event.kind === 'agent-added') sizes.set(event.poolId, (sizes.get(event.poolId) ?? 0) + 1)
    if (event.kind === 'agent-removed') sizes.set(event.poolId, (sizes.get(event.poolId) ?? 0) - 1)
  })
  return sizes
}
