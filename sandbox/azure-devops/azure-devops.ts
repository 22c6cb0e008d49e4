/**
 * Azure DevOps on your computer: the documented protocol in front of the world, below `/{organization}`. It is an
 * independent and strict implementation; it shares nothing with the service but the world model.
 */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import type { Person } from '../people.ts'
import { addPackageRoutes } from './agent-packages.ts'
import type { AgentPackage } from './agent-packages.ts'
import { createAgentTokens, addTokenRoute } from './agent-tokens.ts'
import { addAgentRoutes } from './agents.ts'
import type { TokenCheck } from './callers.ts'
import { addCatalogRoutes } from './catalog.ts'
import { addElasticPoolRoutes } from './elastic-pools.ts'
import { answerFailure, Failure, noRoute } from './failures.ts'
import { addJobRequestRoutes } from './job-requests.ts'
import { addLocationRoutes } from './locations.ts'
import { addPoolRoutes } from './pools.ts'
import { addProjectRoutes } from './projects.ts'
import type { Project } from './projects.ts'
import { createRateBudget, documentedRateLimit } from './rate-limit.ts'
import type { RateLimit } from './rate-limit.ts'
import { createAddRoute } from './routes.ts'
import type { AddRoute } from './routes.ts'
import { addSessionRoutes, usualSessionTimes } from './sessions.ts'
import type { SessionTimes } from './sessions.ts'

export { jobStateChanged } from './job-state-changed.ts'

export type AzureDevOpsParts = {
  readonly world: World
  readonly clock: SandboxClock
  readonly organization: string
  /** At least one. Jobs belong to the first. */
  readonly projects: readonly Project[]
  checkToken(authorization: string | undefined): TokenCheck
  /** The person behind a bearer token that a page of the organization was given. */
  readonly personOf?: (authorization: string | undefined) => Person | undefined
  /** Adds routes that only the sandbox's pages need. */
  readonly addMore?: (add: AddRoute) => void
  readonly rateLimit?: RateLimit
  readonly sessionTimes?: SessionTimes
  /** World milliseconds per real millisecond: how long a job lasts for an agent that is real. */
  readonly speed?: number
  readonly agentPackages?: readonly AgentPackage[]
  /** Real time in ms since 1970, for the life of tokens and the rate limit. */
  readonly realNowMs?: () => number
}

/** Adds the routes of one organization to `app`. Throws when no project is given. */
export function registerAzureDevOps(app: FastifyInstance, parts: AzureDevOpsParts): void {
  const projectId = parts.projects[0]?.id
  if (projectId === undefined) throw new Error(`The organization ${parts.organization} has no project; name at least one.`)
  const scoped = (scope: FastifyInstance): Promise<void> => addOrganization(scope, parts, projectId)
  app.register(scoped, { prefix: `/${parts.organization}` })
}

async function addOrganization(scope: FastifyInstance, parts: AzureDevOpsParts, projectId: string): Promise<void> {
  const { world, clock, organization, projects } = parts
  const realNowMs = parts.realNowMs ?? Date.now
  const startedAtIso = clock.toIso(0)
  const tokens = createAgentTokens(realNowMs)
  const budget = createRateBudget(parts.rateLimit ?? documentedRateLimit, realNowMs)
  const checkToken = (authorization: string | undefined): TokenCheck => parts.checkToken(authorization)
  addProtocol(scope)

  const add = createAddRoute(scope, { clock, organization, budget, checkToken, personOf: parts.personOf, agentOf: tokens.agentOf })
  addLocationRoutes(add, organization, startedAtIso)
  addTokenRoute(add, world, tokens)
  addPoolRoutes(add, { world, clock, projects, deleted: addElasticPoolRoutes(add, world, clock) })
  addProjectRoutes(add, { world, clock, projects })
  addAgentRoutes(add, { world, clock, projectId, tokens })
  addJobRequestRoutes(add, { world, clock, projectId })
  addCatalogRoutes(add, world)
  addPackageRoutes(add, parts.agentPackages ?? [], startedAtIso)
  parts.addMore?.(add)
  const endSessions = addSessionRoutes(add, world, parts.sessionTimes ?? usualSessionTimes, parts.speed ?? 1)
  scope.addHook('preClose', async () => endSessions())
}

/** What holds for every request, whether or not there is a route for it. */
function addProtocol(scope: FastifyInstance): void {
  addBodyParsers(scope)
  scope.setErrorHandler((error, request, reply) => answerFailure(error, request, reply))
  scope.setNotFoundHandler((request, reply) => answerFailure(noRoute(request.method, pathOf(request)), request, reply))
  // Gives a preflight of any path a route; the hook below answers it.
  scope.options('/*', (request, reply) => answerFailure(noRoute(request.method, pathOf(request)), request, reply))
  scope.addHook('onRequest', async (request, reply) => {
    const activity = randomUUID()
    reply.headers({ 'x-vss-e2eid': activity, activityid: activity })
    return answerCors(request, reply)
  })
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

/** Browsers of any origin may call with a token: cookies are never used. Answers a preflight. */
function answerCors(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined {
  if (request.headers.origin === undefined) return undefined
  reply.headers({ 'access-control-allow-origin': '*', 'access-control-expose-headers': 'activityid, x-ms-continuationtoken, x-vss-e2eid' })
  if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return undefined
  reply.headers({
    'access-control-allow-methods': 'OPTIONS, GET, HEAD, POST, PUT, PATCH, DELETE',
    'access-control-allow-headers': 'accept, authorization, content-type, x-tfs-fedauthredirect, x-vss-reauthenticationaction',
    'access-control-max-age': '3600',
  })
  return reply.code(200).send()
}

/** JSON with or without a body, as clients send it, and the form of the token route. */
function addBodyParsers(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, parsed) => parseJson(String(body), parsed))
  scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, parsed) =>
    parsed(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
}

function parseJson(body: string, parsed: (error: Error | null, value?: unknown) => void): void {
  try {
    parsed(null, body === '' ? undefined : JSON.parse(body))
  } catch {
    parsed(new Failure(400, 'VssPropertyValidationException', 'The body of the request is not JSON.'))
  }
}
