/** Puts the API together. It does not listen: the caller does, on loopback until the hub's sign-in exists. */
import swagger from '@fastify/swagger'
import fastify, { type FastifyRequest } from 'fastify'
import { authenticate } from './authenticate.ts'
import type { ApiParts, App } from './parts.ts'
import { ApiProblem, asProblem, notFound, send } from './problems.ts'
import { agentPools } from './routes/agent-pools.ts'
import { boots } from './routes/boots.ts'
import { diagnostics } from './routes/diagnostics.ts'
import { elasticPools } from './routes/elastic-pools.ts'
import { events } from './routes/events.ts'
import { health } from './routes/health.ts'
import { jobs } from './routes/jobs.ts'
import { locations } from './routes/locations.ts'
import { machines } from './routes/machines.ts'
import { nudge } from './routes/nudge.ts'
import { pools } from './routes/pools.ts'
import { registration } from './routes/registration.ts'
import { scripts } from './routes/scripts.ts'
import { settings } from './routes/settings.ts'
import { validationSentence, validatorCompiler } from './validation.ts'

export type { ApiParts } from './parts.ts'

const bodyBytesMax = 256 * 1024
const v1 = [pools, settings, machines, boots, jobs, diagnostics, events, nudge, registration]
const devOps = [locations, elasticPools, agentPools]

/** @throws Error while it is built, for a route that does not declare its right. */
export async function buildApp(parts: ApiParts): Promise<App> {
  const app: App = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    forceCloseConnections: true,
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 256 },
    frameworkErrors: (error, request, reply) => void send(request, reply, asProblem(error)),
  })
  // Bodies are JSON or refused; fastify would take text too.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(validatorCompiler)
  // The schemas describe answers; the tests hold the answers to them.
  app.setSerializerCompiler(() => JSON.stringify)
  app.setSchemaErrorFormatter((errors, part) => validationSentence(errors, part === 'querystring' ? 'query' : part))
  requireRights(app)
  guard(app, parts)
  answerProblems(app, parts)
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Scale Set Agents', version: parts.version } } })
  await app.register(async (scope) => health(scope, parts))
  await app.register(async (scope) => scripts(scope, parts))
  for (const routes of v1) await app.register(async (scope) => routes(scope, parts), { prefix: '/api/v1' })
  // Clients put the organization before the path, or not, as their base address has it.
  for (const routes of devOps) {
    await app.register(async (scope) => routes(scope, parts), { prefix: '/_apis' })
    await app.register(async (scope) => routes(hidden(scope), parts), { prefix: '/:organization/_apis' })
  }
  await app.ready()
  return app
}

/** Every route says who may use it; one that does not stops the start. */
export function requireRights(app: App): void {
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.right === undefined) throw new Error(`The route ${String(method)} ${url} does not declare its right. Add it to its config.`)
  })
}

function guard(app: App, parts: ApiParts): void {
  app.decorateRequest('by', '')
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(securityHeaders)
    if (request.is404) return
    const asker = authenticate(parts, request.routeOptions.config.right, request.headers)
    if (asker === undefined) {
      reply.header('www-authenticate', 'Basic realm="Scale Set Agents"')
      throw new ApiProblem(401, { code: 'unauthorized', message: unauthorizedSentence(request) })
    }
    request.by = asker.by
  })
}

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

function unauthorizedSentence(request: FastifyRequest): string {
  const given = request.headers.authorization === undefined ? 'No key was sent' : 'The key is not the right one'
  return request.routeOptions.config.right === 'hook'
    ? `${given}. Send the secret of the service hook in the header x-scale-set-agents-secret or as the Basic password.`
    : `${given}. Send the operator key as the Basic password (any user name) or as a Bearer token.`
}

function answerProblems(app: App, parts: ApiParts): void {
  app.setErrorHandler((error: Parameters<typeof asProblem>[0], request, reply) => {
    const problem = asProblem(error)
    if (problem.status === 500)
      parts.log.error({ method: request.method, route: request.routeOptions.url, error: String(error.stack ?? error) }, 'A request failed.')
    return send(request, reply, problem)
  })
  app.setNotFoundHandler((request, reply) =>
    send(
      request,
      reply,
      notFound(`There is no ${request.method} ${request.url.split('?')[0] ?? ''}. GET /openapi.json lists what there is.`),
    ),
  )
}

/** The same routes again: kept out of the document. */
function hidden(scope: App): App {
  scope.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true }
  })
  return scope
}
