/** Puts the API together. It does not listen: the caller does, on loopback only unless people can sign in. */
import swagger from '@fastify/swagger'
import fastify, { type RouteOptions } from 'fastify'
import { authenticate } from './authenticate.ts'
import { answerOrigins } from './cors.ts'
import type { ApiParts, App } from './parts.ts'
import { asProblem, notFound, send, type ApiProblem } from './problems.ts'
import type { Right } from './rights.ts'
import { agents } from './routes/agents.ts'
import { agentPools } from './routes/agent-pools.ts'
import { boots } from './routes/boots.ts'
import { diagnostics } from './routes/diagnostics.ts'
import { elasticPools } from './routes/elastic-pools.ts'
import { events } from './routes/events.ts'
import { health } from './routes/health.ts'
import { jobs } from './routes/jobs.ts'
import { locations } from './routes/locations.ts'
import { look } from './routes/look.ts'
import { machines } from './routes/machines.ts'
import { nudge } from './routes/nudge.ts'
import { pools } from './routes/pools.ts'
import { registration } from './routes/registration.ts'
import { scripts } from './routes/scripts.ts'
import { session } from './routes/session.ts'
import { settings } from './routes/settings.ts'
import { createTurnstile, type Turnstile } from './turnstile.ts'
import { validationSentence, validatorCompiler } from './validation.ts'

export type { ApiParts } from './parts.ts'

const bodyBytesMax = 256 * 1024
/** For the whole request to arrive; an answer may take longer. */
const requestMsMax = 30_000
const v1 = [session, look, pools, settings, machines, agents, boots, jobs, diagnostics, events, nudge, registration]
const devOps = [locations, elasticPools, agentPools]

/** @throws Error while it is built, for a route that does not declare its right. */
export async function buildApp(parts: ApiParts): Promise<App> {
  const admit = createTurnstile(parts.realTime)
  const app: App = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestMsMax,
    forceCloseConnections: true,
    routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, maxParamLength: 256 },
    // An address that does not parse comes past the hooks.
    frameworkErrors: (error, request, reply) =>
      void admit(request.ip).then(
        () => send(request, reply.headers(securityHeaders), asProblem(error)),
        (tooMany: ApiProblem) => send(request, reply.headers(securityHeaders), tooMany),
      ),
  })
  // Bodies are JSON or refused; fastify would take text too.
  app.removeContentTypeParser('text/plain')
  app.setValidatorCompiler(validatorCompiler)
  // The schemas describe answers; the tests hold the answers to them.
  app.setSerializerCompiler(() => JSON.stringify)
  app.setSchemaErrorFormatter((errors, part) => validationSentence(errors, part === 'querystring' ? 'query' : part))
  requireRights(app)
  app.addHook('onRequest', async (_, reply) => void reply.headers(securityHeaders))
  answerOrigins(app, parts.signIn?.hubOrigins ?? [], admit)
  guard(app, parts, admit)
  logChanges(app, parts)
  answerProblems(app, parts)
  await describe(app, parts.version)
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

/** Every route says who may use it; one that does not, or whose path has no pool for the right to be about, stops the start. */
export function requireRights(app: App): void {
  app.addHook('onRoute', ({ config, method, url }) => {
    const right = config?.right
    const route = `The route ${String(method)} ${url}`
    if (right === undefined) throw new Error(`${route} does not declare its right. Add it to its config.`)
    if (isOfPool(right) !== /\/:poolId(\/|$)/.test(url))
      throw new Error(
        `${route} has the right ${right}: a route with :poolId in its path has the right use or manage, and no other route has.`,
      )
  })
}

function isOfPool(right: Right): boolean {
  return right === 'use' || right === 'manage'
}

/** The document says of each call who may make it. */
async function describe(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: { title: 'Scale Set Agents', version } },
    transform: ({ schema, url, route }) => ({
      url,
      schema: { ...schema, 'x-right': route.config?.right } as RouteOptions['schema'] & object,
    }),
  })
}

/** Outlives the pool, which takes its history and Diagnostics along when it goes. */
function logChanges(app: App, { log }: ApiParts): void {
  app.addHook('onResponse', async ({ method, asker, routeOptions, params }, { statusCode }) => {
    if (asker === undefined || asker.by === 'anyone' || ['GET', 'HEAD', 'OPTIONS'].includes(method) || statusCode >= 400) return
    log.info({ by: asker.by, call: `${method} ${String(routeOptions.url)}`, ...(params as object) }, 'A change was asked for.')
  })
}

/** Whoever is known comes as often as they like; everybody else is counted, whatever they ask for. */
function guard(app: App, parts: ApiParts, admit: Turnstile): void {
  app.decorateRequest('asker')
  app.addHook('onRequest', async (request) => {
    const { is404, ip, routeOptions } = request
    if (is404) return admit(ip)
    try {
      request.asker = await authenticate(parts, routeOptions.config.right, request)
    } catch (refusal) {
      await admit(ip)
      throw refusal
    }
    if (request.asker.by === 'anyone') await admit(ip, routeOptions.config.isProbe)
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

function answerProblems(app: App, parts: ApiParts): void {
  app.setErrorHandler((error: Parameters<typeof asProblem>[0], request, reply) => {
    const problem = asProblem(error)
    if (problem.status === 401) reply.header('www-authenticate', 'Basic realm="Scale Set Agents"')
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
