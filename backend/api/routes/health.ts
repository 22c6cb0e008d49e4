/** For whoever watches the service: is it alive, is it ready, its figures, and the document of its API. */
import type { Reading } from '../../core/snapshot.ts'
import { Type } from 'typebox'
import { readiness } from '../contract.ts'
import type { ApiParts, App } from '../parts.ts'

/** Three times the slowest pace of a pass. */
const passAgeMsMax = 180_000
/** Reasons name pools and resources of Azure, which is nothing for anyone who passes by. */
const notTold = 'The reasons are in the log of the service, and in GET /api/v1/pools for whoever may use a pool.'
const open = { right: 'open' } as const

export function health(app: App, parts: ApiParts): void {
  app.get('/healthz', { config: open, schema: { response: { 200: Type.Object({ alive: Type.Boolean() }) } } }, () => ({ alive: true }))
  app.get('/readyz', { config: open, schema: { response: { 200: readiness, 503: readiness } } }, async (_, reply) => {
    const found = await reasonsNotReady(parts)
    const reasons = parts.isLocal || found.length === 0 ? found : [notTold]
    return reply.code(reasons.length === 0 ? 200 : 503).send({ ready: reasons.length === 0, reasons })
  })
  app.get('/metrics', { config: { right: 'local' }, schema: { response: { 200: Type.String() } } }, async (_, reply) =>
    reply.type(parts.metrics.contentType).send(await parts.metrics.text()),
  )
  app.get('/openapi.json', { config: open, schema: { hide: true } }, () => app.swagger())
}

/** A store that cannot be read is a reason, not a failure of this answer. */
async function reasonsNotReady(parts: ApiParts): Promise<readonly string[]> {
  const lease = parts.leaseProblem()
  const reasons = lease === undefined ? [] : [lease]
  try {
    const pools = await parts.settings.pools()
    return [...reasons, ...pools.flatMap((poolId) => poolReasons(parts, poolId))]
  } catch (error) {
    return [...reasons, `The store cannot be read: ${error instanceof Error ? error.message : String(error)}`]
  }
}

function poolReasons(parts: ApiParts, poolId: number): readonly string[] {
  const lastPassAt = parts.loop.lastPassAt(poolId)
  if (lastPassAt === undefined) return [`Pool ${poolId} has had no pass yet.`]
  const ageMs = parts.clock.now() - lastPassAt
  if (ageMs > passAgeMsMax) return [`The last pass of pool ${poolId} was ${Math.round(ageMs / 1000)} s ago.`]
  const own = parts.loop.own(poolId)
  // What could not be read is told by the replica that reads it.
  if (own === undefined) return []
  const { jobs, agents, scaleSet, machines } = own.snapshot
  return unread(poolId, { jobs, agents, 'scale set': scaleSet, machines })
}

function unread(poolId: number, readings: Readonly<Record<string, Reading<unknown>>>): readonly string[] {
  return Object.entries(readings).flatMap(([part, reading]) =>
    reading.known ? [] : [`The ${part} of pool ${poolId} could not be read: ${reading.why}`],
  )
}
