/** For whoever watches the service: is it alive, is it ready, its figures, and the document of its API. */
import type { Reading } from '../../core/snapshot.ts'
import { Type } from 'typebox'
import { readiness, type NotReadyState } from '../contract.ts'
import type { ApiParts, App } from '../parts.ts'

/** Three times the slowest pace of a pass. */
const passAgeMsMax = 180_000
const answerMs = 1_000
/** Whoever watches a service gives up after a few seconds, and would not read why. A server behind a dead line says nothing for 30 s. */
const storeMsMax = 3_000
/** Reasons name pools and resources of Azure, which is nothing for anyone who passes by. */
const notTold = 'The reasons are in the log of the service, and in GET /api/v1/pools for whoever may use a pool.'
const open = { right: 'open' } as const
const probe = { ...open, isProbe: true } as const

export function health(app: App, parts: ApiParts): void {
  app.get('/healthz', { config: probe, schema: { response: { 200: Type.Object({ alive: Type.Boolean() }) } } }, () => ({ alive: true }))
  const look = onceIn(parts)
  app.get('/readyz', { config: probe, schema: { response: { 200: readiness, 503: readiness } } }, async (_, reply) => {
    const found = await look()
    const states = [...new Set(found.map(({ state }) => state))]
    const reasons = parts.isLocal || found.length === 0 ? found.map(({ sentence }) => sentence) : [notTold]
    return reply.code(found.length === 0 ? 200 : 503).send({ ready: found.length === 0, states, reasons })
  })
  app.get('/metrics', { config: { right: 'local' }, schema: { response: { 200: Type.String() } } }, async (_, reply) =>
    reply.type(parts.metrics.contentType).send(await parts.metrics.text()),
  )
  let document: string | undefined
  app.get('/openapi.json', { config: open, schema: { hide: true } }, (_, reply) => {
    // As text, made once: the door is open to everyone.
    document ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(document)
  })
}

type NotReady = { readonly state: NotReadyState; readonly sentence: string }

/** Whoever asks more often gets the same answer again: the door is open to everyone, and the store is not asked for each. */
function onceIn(parts: ApiParts): () => Promise<readonly NotReady[]> {
  let last: { readonly at: number; readonly answer: Promise<readonly NotReady[]> } | undefined
  return () => {
    const now = parts.clock.now()
    if (last === undefined || now - last.at >= answerMs) last = { at: now, answer: whyNotReady(parts) }
    return last.answer
  }
}

/** A store that cannot be read is a reason, not a failure of this answer. */
async function whyNotReady(parts: ApiParts): Promise<readonly NotReady[]> {
  const outside = parts.troubles()
  const lease = parts.leaseProblem()
  try {
    const pools = await inTime(parts, parts.settings.pools())
    const standby = lease === undefined ? [] : [{ state: 'standby', sentence: lease } as const]
    return [...outside, ...standby, ...pools.flatMap((poolId) => poolReasons(parts, poolId))]
  } catch (error) {
    return [
      ...outside,
      { state: 'databaseLost', sentence: `The store cannot be read: ${error instanceof Error ? error.message : String(error)}` },
    ]
  }
}

/** @throws Error when nothing came in time. */
function inTime<T>({ clock }: ApiParts, answer: Promise<T>): Promise<T> {
  const deadline = clock.deadline(storeMsMax)
  const late = new Error(`nothing came within ${storeMsMax / 1_000} s. Check that the database runs and that the way to it is open.`)
  const never = new Promise<never>((_, reject) => deadline.addEventListener('abort', () => reject(late), { once: true }))
  return Promise.race([answer, never])
}

function poolReasons(parts: ApiParts, poolId: number): readonly NotReady[] {
  const late = (sentence: string) => [{ state: 'late', sentence } as const]
  const lastPassAt = parts.loop.lastPassAt(poolId)
  if (lastPassAt === undefined) return late(`Pool ${poolId} has had no pass yet.`)
  const ageMs = parts.clock.now() - lastPassAt
  if (ageMs > passAgeMsMax) return late(`The last pass of pool ${poolId} was ${Math.round(ageMs / 1000)} s ago.`)
  const own = parts.loop.own(poolId)
  // What could not be read is told by the replica that reads it.
  if (own === undefined) return []
  const { jobs, agents, scaleSet, machines } = own.snapshot
  return unread(poolId, { jobs, agents, 'scale set': scaleSet, machines })
}

function unread(poolId: number, readings: Readonly<Record<string, Reading<unknown>>>): readonly NotReady[] {
  return Object.entries(readings).flatMap(([part, reading]) =>
    reading.known ? [] : [{ state: 'unread', sentence: `The ${part} of pool ${poolId} could not be read: ${reading.why}` } as const],
  )
}
