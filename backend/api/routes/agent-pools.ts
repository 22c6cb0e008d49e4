/** Azure DevOps' agent pool routes, for the pools that this service runs: elastic pool clients rename and delete there. */
import { Type } from 'typebox'
import { dialectOf } from '../dialect.ts'
import { agentPool } from '../elastic.ts'
import { deadline, poolParams, recordOf } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { noPool, problemOf, unavailable } from '../problems.ts'

const wire = { params: poolParams, response: { 200: Type.Unknown() } }
const change = Type.Object({
  name: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
  autoProvision: Type.Optional(Type.Boolean()),
  autoUpdate: Type.Optional(Type.Boolean()),
})

export function agentPools(app: App, parts: ApiParts): void {
  app.get('/distributedtask/pools/:poolId', { config: { right: 'use' }, schema: wire }, async ({ params, headers }) => {
    const { poolId } = await recordOf(parts, params.poolId)
    const pool = await parts.organization.pool(poolId, deadline(parts))
    if (!pool.known) throw unavailable(`The agent pool ${poolId} could not be read: ${pool.why}`)
    if (pool.value === undefined) throw noPool(poolId)
    return agentPool(pool.value, dialectOf(headers.accept))
  })
  app.patch(
    '/distributedtask/pools/:poolId',
    { config: { right: 'manage' }, schema: { ...wire, body: change } },
    async ({ params, body, headers }) => {
      // Clients send the whole pool back: only what may be changed is passed on.
      const { name, autoProvision, autoUpdate } = body
      const wish = {
        ...(name !== undefined && { name }),
        ...(autoProvision !== undefined && { autoProvision }),
        ...(autoUpdate !== undefined && { autoUpdate }),
      }
      const changed = await parts.pools.change(params.poolId, wish, deadline(parts))
      if (!changed.ok) throw problemOf(changed)
      return agentPool(changed.value, dialectOf(headers.accept))
    },
  )
  app.delete(
    '/distributedtask/pools/:poolId',
    { config: { right: 'manage' }, schema: { params: poolParams, response: { 204: Type.Null() } } },
    async ({ params, asker }, reply) => {
      const asked = await parts.pools.remove(params.poolId, asker.by)
      if (!asked.ok) throw problemOf(asked)
      return reply.code(204).send(null)
    },
  )
}
