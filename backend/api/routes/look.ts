/** What there is to make a pool of: scale sets in Azure, and pools that Azure DevOps sizes itself. */
import { takeOverSteps, wayBackSteps, type BuiltInPool } from '../../core/take-over.ts'
import { builtInPoolList, scaleSetList, type BuiltInPoolView } from '../contract-look.ts'
import { creatorOf, deadline } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { problemOf } from '../problems.ts'

const create = { right: 'create' } as const

export function look(app: App, parts: ApiParts): void {
  app.get('/scale-sets', { config: create, schema: { response: { 200: scaleSetList } } }, async () => {
    const found = await parts.pools.scaleSets(deadline(parts))
    if (!found.ok) throw problemOf(found)
    return { scaleSets: found.value }
  })
  app.get('/built-in-pools', { config: create, schema: { response: { 200: builtInPoolList } } }, async (request) => {
    const { organization } = await creatorOf(parts, request)
    const found = await parts.pools.builtIn(organization, deadline(parts))
    if (!found.ok) throw problemOf(found)
    return { pools: found.value.map((pool) => builtInView(pool, parts.organizationUrl)) }
  })
}

function builtInView(pool: BuiltInPool, organizationUrl: string): BuiltInPoolView {
  const { poolId, name, scaleSetId, settings } = pool
  return {
    poolId,
    name,
    scaleSetId,
    settings: {
      machinesMax: settings.maxCapacity,
      standby: settings.desiredIdle,
      tearDownAfterUse: settings.recycleAfterEachUse,
      savedMax: settings.maxSavedNodeCount,
      interactive: settings.agentInteractiveUI,
      idleDelayMinutes: settings.timeToLiveMinutes,
    },
    takeOver: takeOverSteps(pool, organizationUrl),
    wayBack: wayBackSteps(pool, organizationUrl),
  }
}
