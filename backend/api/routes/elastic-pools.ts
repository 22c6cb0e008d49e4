/** Azure DevOps' elastic pool routes, for clients that know them. The shapes are in elastic.ts. */
import { Type } from 'typebox'
import { sameScaleSet } from '../../core/scale-set-id.ts'
import { dialectOf, enumFrom } from '../dialect.ts'
import { agentPool, elasticLog, elasticNode, elasticPool, inWireNames, settingsFromElastic } from '../elastic.ts'
import { elasticNodeStates, nodeState } from '../elastic-states.ts'
import { creatorOf, deadline, latestOf, poolParams, recordOf, recordsFor } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { badRequest, problemOf } from '../problems.ts'
import { knownMachines, machineOf } from './machines.ts'

const use = { right: 'use' } as const
const manage = { right: 'manage' } as const
const wire = { response: { 200: Type.Unknown() } }
const enumValue = Type.Union([Type.String({ maxLength: 64 }), Type.Integer()])
/** What Azure DevOps takes; fields that this service has no use for are accepted and not kept. */
const settings = {
  azureId: Type.Optional(Type.String({ maxLength: 500 })),
  serviceEndpointId: Type.Optional(Type.String({ maxLength: 64 })),
  serviceEndpointScope: Type.Optional(Type.String({ maxLength: 64 })),
  maxCapacity: Type.Optional(Type.Integer()),
  desiredIdle: Type.Optional(Type.Integer()),
  recycleAfterEachUse: Type.Optional(Type.Boolean()),
  maxSavedNodeCount: Type.Optional(Type.Integer()),
  osType: Type.Optional(enumValue),
  agentInteractiveUI: Type.Optional(Type.Boolean()),
  timeToLiveMinutes: Type.Optional(Type.Integer()),
  orchestrationType: Type.Optional(enumValue),
}
const change = Type.Object(settings)
const creation = Type.Object({ ...settings, azureId: Type.String({ minLength: 1, maxLength: 500 }) })
const creationQuery = Type.Object({
  poolName: Type.String({ minLength: 1, maxLength: 128 }),
  authorizeAllPipelines: Type.Optional(Type.Boolean()),
  autoProvisionProjectPools: Type.Optional(Type.Boolean()),
  projectId: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
})
const nodeParams = Type.Object({ ...poolParams.properties, nodeId: Type.String({ minLength: 1, maxLength: 64 }) })
const logsMax = 1000

export function elasticPools(app: App, parts: ApiParts): void {
  app.get('/distributedtask/elasticpools', { config: { right: 'signedIn' }, schema: wire }, async ({ headers, asker }) => {
    const dialect = dialectOf(headers.accept)
    const records = await recordsFor(parts, asker)
    return dialect.list(
      await Promise.all(records.map(async (record) => elasticPool(record, await parts.loop.latest(record.poolId), parts.clock, dialect))),
    )
  })
  app.get('/distributedtask/elasticpools/:poolId', { config: use, schema: { ...wire, params: poolParams } }, async ({ params, headers }) =>
    elasticPool(await recordOf(parts, params.poolId), await parts.loop.latest(params.poolId), parts.clock, dialectOf(headers.accept)),
  )
  app.post(
    '/distributedtask/elasticpools',
    { config: { right: 'create' }, schema: { ...wire, querystring: creationQuery, body: creation } },
    async (request) => {
      const { query, body, headers } = request
      const { poolName, projectId, authorizeAllPipelines = false, autoProvisionProjectPools = false } = query
      // Without a project there is no queue whose pipelines could be authorized; Azure DevOps ignores it then too.
      const inProject = projectId === undefined ? {} : { project: projectId, authorizeAllPipelines }
      const wish = {
        scaleSetId: body.azureId,
        poolName,
        settings: settingsFromElastic(body),
        autoProvision: autoProvisionProjectPools,
        ...inProject,
      }
      const created = await parts.pools.create(wish, await creatorOf(parts, request), deadline(parts))
      if (!created.ok) throw problemOf(inWireNames(created))
      const { record, agentPool: pool, queue } = created.value
      const dialect = dialectOf(headers.accept)
      const agentQueue = queue === undefined ? null : { id: queue.id, name: queue.name, projectId, pool: agentPool(pool, dialect) }
      return {
        agentPool: agentPool(pool, dialect),
        agentQueue,
        elasticPool: elasticPool(record, await parts.loop.latest(record.poolId), parts.clock, dialect),
      }
    },
  )
  app.patch(
    '/distributedtask/elasticpools/:poolId',
    { config: manage, schema: { ...wire, params: poolParams, body: change } },
    async ({ params, body, headers, asker }) => {
      const record = await recordOf(parts, params.poolId)
      if (body.azureId !== undefined && !sameScaleSet(body.azureId, record.scaleSetId)) {
        throw badRequest(
          `Pool ${record.name} runs on the scale set ${record.scaleSetId}, which cannot be changed. Make a new pool for the other one.`,
        )
      }
      const wish = settingsFromElastic(body)
      const changed = await parts.pools.changeSettings(params.poolId, record.version, wish, asker.by, deadline(parts))
      if (!changed.ok) throw problemOf(inWireNames(changed))
      return elasticPool(changed.value, await parts.loop.latest(params.poolId), parts.clock, dialectOf(headers.accept))
    },
  )
  logs(app, parts)
  nodes(app, parts)
}

function logs(app: App, parts: ApiParts): void {
  // A text, because typebox 1.4 converts no value whose name holds a `$`.
  const query = Type.Object({ $top: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$' })) })
  app.get(
    '/distributedtask/elasticpools/:poolId/logs',
    { config: use, schema: { ...wire, params: poolParams, querystring: query } },
    async ({ params, query: asked, headers }) => {
      const { poolId } = await recordOf(parts, params.poolId)
      const dialect = dialectOf(headers.accept)
      const entries = await parts.history.log(poolId, { top: Math.min(Number(asked.$top ?? logsMax), logsMax) })
      return dialect.list(entries.map((entry) => elasticLog(entry, dialect)))
    },
  )
}

function nodes(app: App, parts: ApiParts): void {
  const query = Type.Object({ $state: Type.Optional(Type.String({ maxLength: 64 })) })
  app.get(
    '/distributedtask/elasticpools/:poolId/nodes',
    { config: use, schema: { ...wire, params: poolParams, querystring: query } },
    async ({ params, query: asked, headers }) => {
      const record = await recordOf(parts, params.poolId)
      const state = asked.$state === undefined ? undefined : stateFrom(asked.$state)
      const dialect = dialectOf(headers.accept)
      const { list } = knownMachines(await latestOf(parts, record), record)
      const wanted = list.filter((machine) => state === undefined || nodeState(machine) === state)
      return dialect.list(wanted.map((machine) => elasticNode(record.poolId, machine, parts.clock, dialect)))
    },
  )
  app.patch(
    '/distributedtask/elasticpools/:poolId/nodes/:nodeId',
    { config: manage, schema: { ...wire, params: nodeParams, body: Type.Object({ state: enumValue }) } },
    async ({ params, body, headers, asker }) => {
      const record = await recordOf(parts, params.poolId)
      const state = stateFrom(body.state)
      const order = ordersOfState[state]
      if (order === undefined)
        throw badRequest(`A node cannot be put into the state ${state}. Send pendingDelete, pendingReimage or saved.`)
      const machine = machineOf(await latestOf(parts, record), record, params.nodeId)
      const asked = await parts.pools.order(record.poolId, machine, { order, force: false, by: asker.by })
      if (!asked.ok) throw problemOf(asked)
      return elasticNode(record.poolId, machine, parts.clock, dialectOf(headers.accept), state)
    },
  )
}

const ordersOfState: { readonly [state: string]: 'delete' | 'reimage' | 'save' } = {
  pendingDelete: 'delete',
  pendingReimage: 'reimage',
  saved: 'save',
}

function stateFrom(sent: string | number): (typeof elasticNodeStates)[number] {
  const state = enumFrom(elasticNodeStates, sent)
  if (state === undefined) throw badRequest(`There is no node state ${sent}. The states are: ${elasticNodeStates.join(', ')}.`)
  return state
}
