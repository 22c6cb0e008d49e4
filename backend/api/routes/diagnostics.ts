/** What was done and why: passes with their decisions, and the Diagnostics log. */
import { Type } from 'typebox'
import { logLevels } from '../elastic-states.ts'
import { logList, passDetail, passList } from '../contract.ts'
import { poolParams, recordOf } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { notFound } from '../problems.ts'
import { logView, passView } from '../views.ts'

const id = Type.Integer({ minimum: 0 })
const top = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum }))
const passQuery = Type.Object({ top: top(200), before: Type.Optional(id) })
const logQuery = Type.Object({
  top: top(1000),
  before: Type.Optional(id),
  level: Type.Optional(Type.Unsafe<(typeof logLevels)[number]>({ type: 'string', enum: [...logLevels] })),
  machine: Type.Optional(Type.String({ maxLength: 256, description: 'Its name.' })),
})

export function diagnostics(app: App, parts: ApiParts): void {
  app.get(
    '/pools/:poolId/passes',
    { config: { right: 'use' }, schema: { params: poolParams, querystring: passQuery, response: { 200: passList } } },
    async ({ params, query }) => {
      const { poolId } = await recordOf(parts, params.poolId)
      const { top: most = 50, ...rest } = query
      const passes = await parts.history.passes(poolId, { top: most, ...rest })
      return { passes: passes.map(passView), ...nextPage(passes, most) }
    },
  )
  app.get(
    '/pools/:poolId/passes/:passId',
    { config: { right: 'use' }, schema: { params: Type.Object({ ...poolParams.properties, passId: id }), response: { 200: passDetail } } },
    async ({ params }) => {
      const { poolId, name } = await recordOf(parts, params.poolId)
      const [pass] = await parts.history.passes(poolId, { top: 1, before: params.passId + 1 })
      if (pass?.id !== params.passId)
        throw notFound(`Pool ${name} has no pass ${params.passId} any more. GET /api/v1/pools/${poolId}/passes lists them.`)
      return { pass: passView(pass), snapshot: pass.snapshot, raw: pass.decision }
    },
  )
  app.get(
    '/pools/:poolId/log',
    { config: { right: 'use' }, schema: { params: poolParams, querystring: logQuery, response: { 200: logList } } },
    async ({ params, query }) => {
      const { poolId } = await recordOf(parts, params.poolId)
      const { top: most = 100, ...rest } = query
      const entries = await parts.history.log(poolId, { top: most, ...rest })
      return { entries: entries.map(logView), ...nextPage(entries, most) }
    },
  )
}

function nextPage(rows: readonly { readonly id: number }[], top: number): { readonly next?: number } {
  const last = rows.at(-1)
  return last === undefined || rows.length < top ? {} : { next: last.id }
}
