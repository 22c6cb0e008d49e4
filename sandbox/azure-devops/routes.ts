/**
 * What every route shares: who may call it, the rate limit, the api-version, the world brought up to now, and the answer
 * written in the caller's dialect. A handler is left with reading a {@link Call} and returning a {@link Wire} value.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify'
import type { SandboxClock } from '../clock.ts'
import type { Person } from '../people.ts'
import { checkRight } from '../people-rights.ts'
import { apiVersionOf } from './api-version.ts'
import { adminOf, refuseCaller } from './callers.ts'
import type { Caller, TokenCheck } from './callers.ts'
import { badRequest, Failure, forbidden } from './failures.ts'
import { tstuCosts } from './rate-limit.ts'
import type { RateBudget } from './rate-limit.ts'
import { dialectOf, encode } from './wire.ts'
import type { Wire } from './wire.ts'

/** Who may use a route. `anyone` needs no token; `admin` a PAT, an Entra token or a person's with the right; `agent` an agent's own. */
export type Access = 'anyone' | 'admin' | 'agent' | 'admin-or-agent'

export type Call = {
  readonly caller: Caller | undefined
  /** The organization's address, without a slash at the end. */
  readonly base: string
  /** Aborts when the client has gone. */
  readonly gone: AbortSignal
  /** A part of the path. */
  readonly path: (name: string) => string
  /** A part of the path that must be a number. */
  readonly id: (name: string) => number
  /** A query parameter, its name in any case. */
  readonly query: (name: string) => string | undefined
  readonly isOn: (name: string) => boolean
  readonly body: Readonly<Record<string, unknown>>
  readonly setHeader: (name: string, value: string) => void
  readonly setStatus: (status: number) => void
}

export type Handler = (call: Call) => Wire | Promise<Wire>
/** Adds one route below the organization. A handler that returns undefined answers 204, or the status it has set. */
export type AddRoute = (method: HTTPMethods, path: string, access: Access, handler: Handler) => void

export type RouteParts = {
  readonly clock: SandboxClock
  readonly organization: string
  readonly budget: RateBudget
  readonly checkToken: (authorization: string | undefined) => TokenCheck
  /** The person who holds a token the sandbox issued; undefined for any other token. */
  readonly personOf?: ((authorization: string | undefined) => Person | undefined) | undefined
  /** The agent that holds a token the sandbox issued; undefined for any other token. */
  readonly agentOf: (authorization: string | undefined) => Caller | undefined
}

export function createAddRoute(scope: FastifyInstance, parts: RouteParts): AddRoute {
  const callers = new WeakMap<FastifyRequest, Caller>()

  async function admit(request: FastifyRequest, reply: FastifyReply, access: Access): Promise<unknown> {
    if (access === 'anyone') return undefined
    const caller = callerOf(request, parts)
    if (caller === undefined) {
      refuseCaller(request, reply, baseOf(request, parts))
      return reply
    }
    const admitted = caller.kind === 'person' ? 'admin' : caller.kind
    if (access !== 'admin-or-agent' && access !== admitted) throw forbidden(`call ${request.method} ${request.url}`)
    if (caller.kind === 'person') checkRight(caller.person, request.method, request.routeOptions.url ?? '')
    callers.set(request, caller)
    return meter(request, reply, caller, parts.budget)
  }

  return (method, path, access, handler) => {
    scope.route({
      method,
      url: path,
      onRequest: (request, reply) => admit(request, reply, access),
      handler: async (request, reply) => {
        const version = access === 'anyone' ? undefined : apiVersionOf(request)
        parts.clock.nowMs()
        const value = await handler(createCall(request, reply, baseOf(request, parts), callers.get(request)))
        return send(request, reply, value, version)
      },
    })
  }
}

function callerOf(request: FastifyRequest, parts: RouteParts): Caller | undefined {
  const authorization = request.headers.authorization
  const agent = parts.agentOf(authorization)
  if (agent !== undefined) return agent
  const person = parts.personOf?.(authorization)
  if (person !== undefined) return { kind: 'person', identity: person.id, person }
  if (parts.checkToken(authorization) !== 'ok' || authorization === undefined) return undefined
  return adminOf(authorization)
}

/** Agents are not metered: Azure DevOps counts pipelines apart from people and services. */
async function meter(request: FastifyRequest, reply: FastifyReply, caller: Caller, budget: RateBudget): Promise<void> {
  if (caller.kind === 'agent') return
  const cost = request.method === 'OPTIONS' ? tstuCosts.discovery : request.method === 'GET' ? tstuCosts.read : tstuCosts.change
  const verdict = budget.spend(caller.identity, cost)
  reply.headers(verdict.headers)
  if (verdict.refused) {
    const message = 'TF400733: The request has been canceled: the identity exceeded its usage of a resource. Wait and try again.'
    throw new Failure(429, 'RequestBlockedException', message)
  }
  if (verdict.delayMs > 0) await sleep(verdict.delayMs)
}

function baseOf(request: FastifyRequest, parts: RouteParts): string {
  return `${request.protocol}://${request.host}/${encodeURIComponent(parts.organization)}`
}

function send(request: FastifyRequest, reply: FastifyReply, value: Wire, version: string | undefined): FastifyReply {
  if (value === undefined) return reply.code(reply.statusCode === 200 ? 204 : reply.statusCode).send()
  const suffix = version === undefined ? '' : `; api-version=${version}`
  const json = JSON.stringify(encode(value, dialectOf(request.headers.accept)))
  return reply.type(`application/json; charset=utf-8${suffix}`).send(json)
}

function createCall(request: FastifyRequest, reply: FastifyReply, base: string, caller: Caller | undefined): Call {
  const params = asRecord(request.params)
  const queries = new URL(request.url, 'http://sandbox').searchParams
  const path = (name: string): string => String(params[name] ?? '')
  const query = (name: string): string | undefined => {
    const key = [...queries.keys()].find((each) => each.toLowerCase() === name.toLowerCase())
    return key === undefined ? undefined : (queries.get(key) ?? undefined)
  }
  return {
    caller,
    base,
    gone: goneSignal(reply),
    path,
    id: (name) => integer(path(name), name),
    query,
    isOn: (name) => query(name)?.toLowerCase() === 'true',
    body: asRecord(request.body),
    setHeader: (name, value) => void reply.header(name, value),
    setStatus: (status) => void reply.code(status),
  }
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => controller.abort())
  return controller.signal
}

/** A whole number from a path or a query. Throws {@link Failure} 400 otherwise. */
export function integer(text: string, name: string): number {
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`The parameter ${name} must be a number, not "${text}".`)
  return Number(text)
}

/** An object's fields; none for anything that is not an object. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {}
}

/** A map of strings; undefined when the value is absent. */
export function asStrings(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined
  return Object.fromEntries(Object.entries(asRecord(value)).map(([key, text]) => [key, String(text)]))
}

/** A string; undefined when the value is absent or something else. */
export function asString(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function asBoolean(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}
