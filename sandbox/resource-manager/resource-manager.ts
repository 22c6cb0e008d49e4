/** Azure Resource Manager on one server: what every call passes before its route, and the routes. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { callerOf, checkRole } from './access.ts'
import { apiVersionOf } from './api-versions.ts'
import { registerExtensions } from './extensions.ts'
import { registerGroups, registerTags } from './groups.ts'
import { registerMachines } from './machines.ts'
import { registerOperations } from './operations.ts'
import { queryOf } from './parts.ts'
import { acceptEmptyBodies } from '../empty-bodies.ts'
import type { ResourceManagerParts } from './parts.ts'
import { answerRefusals, refuse } from './refusals.ts'
import { registerScaleSets } from './scale-sets.ts'
import { registerSurroundings } from './surroundings.ts'
import { createThrottle } from './throttle.ts'
import type { Throttle } from './throttle.ts'

/** Adds the routes to `app`, which is a scope of its own: its hooks and error shape hold for these routes only. */
export function registerResourceManager(app: FastifyInstance, parts: ResourceManagerParts): void {
  const throttle = createThrottle()
  answerRefusals(app, parts.speed)
  acceptEmptyBodies(app)
  app.addHook('onRequest', async (request, reply) => admit(request, reply, parts, throttle))
  registerGroups(app, parts)
  registerScaleSets(app, parts)
  registerMachines(app, parts)
  registerExtensions(app, parts)
  registerTags(app, parts)
  registerOperations(app, parts)
  registerSurroundings(app, parts)
  for (const path of ['/subscriptions/*', '/providers/*'])
    app.all(path, (request) =>
      refuse(404, 'InvalidResourceType', `The path '${pathOf(request)}' names no resource type that the sandbox has.`),
    )
}

/** Token, version, role, subscription, group and limits, in Azure's order; each refuses by throwing. */
function admit(request: FastifyRequest, reply: FastifyReply, parts: ResourceManagerParts, throttle: Throttle): void {
  const requestId = randomUUID()
  const path = pathOf(request)
  void reply
    .header('x-ms-request-id', requestId)
    .header('x-ms-correlation-request-id', request.headers['x-ms-correlation-request-id'] ?? requestId)
  const caller = callerOf(request, parts.tokens)
  const query = queryOf(request)
  apiVersionOf(path, query['api-version'])
  checkRole(caller, request.method, path)
  checkScope(path, parts)
  const expanded = query['$expand']?.toLowerCase() === 'instanceview'
  const allowance = throttle.take({ method: request.method, path, expanded, caller: caller.clientId }, parts.clock.nowMs())
  if (allowance.ok) void reply.headers(allowance.headers)
  else
    refuse(429, 'SubscriptionRequestsThrottled', `The limit of '${allowance.limit}' calls is reached. Wait for the time in Retry-After.`, {
      retryAfterS: allowance.waitMs / 1000,
    })
}

function checkScope(path: string, parts: ResourceManagerParts): void {
  const [, subscription, group, more] = /^\/subscriptions\/([^/]+)(?:\/resourcegroups\/([^/]+))?(\/)?/i.exec(path) ?? []
  if (subscription !== undefined && subscription.toLowerCase() !== parts.subscriptionId.toLowerCase())
    refuse(404, 'SubscriptionNotFound', `The subscription '${subscription}' could not be found.`)
  if (group !== undefined && more !== undefined && !parts.groups.has(group.toLowerCase()))
    refuse(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`)
}

function pathOf(request: FastifyRequest): string {
  return decodeURI(request.url.split('?', 1)[0] ?? '').replace(/\/$/, '')
}
