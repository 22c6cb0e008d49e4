/** Which pages of a browser may call the service: those of the configured origins, without cookies, and no others. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { personTokenHeader } from './authenticate.ts'
import type { App } from './parts.ts'
import { ApiProblem } from './problems.ts'
import type { Turnstile } from './turnstile.ts'

const preflight = {
  'access-control-allow-methods': 'GET, POST, PUT, DELETE',
  'access-control-allow-headers': `authorization, content-type, ${personTokenHeader}`,
  'access-control-max-age': '600',
}

/** Before authentication: a page has to be able to read why it was turned away. */
export function answerOrigins(app: App, origins: readonly string[], admit: Turnstile): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined) return
    if (!isOurs(request) || !origins.includes(origin)) return refuseChange(request, origin)
    reply.headers({ 'access-control-allow-origin': origin, 'access-control-expose-headers': 'retry-after' })
    if (!isPreflight(request)) return
    await admit(request.ip)
    return answerPreflight(reply)
  })
}

/** The hub calls nothing else. */
function isOurs({ url }: FastifyRequest): boolean {
  return /^\/api\/v1\//i.test(url)
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

function answerPreflight(reply: FastifyReply): FastifyReply {
  return reply.headers(preflight).code(204).send()
}

/** A page cannot read what it may not, but it could still send: with a password that the browser remembers, for one. */
function refuseChange({ method }: FastifyRequest, origin: string): undefined {
  if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return undefined
  throw new ApiProblem(403, {
    code: 'origin',
    message: `Pages of ${origin.slice(0, 200)} may not call this service. Name the origin in SCALE_SET_AGENTS_HUB_ORIGINS if they should.`,
  })
}
