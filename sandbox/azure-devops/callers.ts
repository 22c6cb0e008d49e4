/** Who calls: an administrator with a PAT or an Entra token, a person behind a page, or an agent with a token of its own. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Person, Right } from '../people.ts'
import { answerFailure, Failure, sendSignInPage } from './failures.ts'

export type Caller =
  | { readonly kind: 'admin'; readonly identity: string }
  | { readonly kind: 'person'; readonly identity: string; readonly person: Person }
  | { readonly kind: 'agent'; readonly poolId: number; readonly agentId: number }

export type TokenCheck = 'ok' | 'missing' | 'invalid' | 'expired'

/** The administrator behind an accepted Authorization header. An Entra identity keeps its name over token renewals. */
export function adminOf(authorization: string): Caller {
  return {
    kind: 'admin',
    identity: claimedIdentity(authorization) ?? createHash('sha256').update(authorization).digest('hex').slice(0, 32),
  }
}

/** What a caller may do with the pools: whose token names no person manages every one of them. */
export function rightOf(caller: Caller | undefined): Right {
  return caller?.kind === 'person' ? caller.person.right : 'manage'
}

/**
 * Refuses a caller without a good token the way Azure DevOps does: a sign-in page with status 203 on GET, a redirect for
 * browsers, 401 for everything else and for clients that ask not to be redirected.
 * Source: trust-and-dependencies.md finding 5, azure-facts.md 2.
 */
export function refuseCaller(request: FastifyRequest, reply: FastifyReply, base: string): void {
  const suppressed = /^suppress$/i.test(String(request.headers['x-tfs-fedauthredirect'] ?? ''))
  if (request.method !== 'GET' || suppressed) return refuseWith401(request, reply, base)
  if (!/^\s*text\/html/i.test(request.headers.accept ?? '')) return sendSignInPage(reply)
  reply.redirect(`${base}/_signin?reply_to=${encodeURIComponent(request.url)}`, 302)
}

function refuseWith401(request: FastifyRequest, reply: FastifyReply, base: string): void {
  reply.header('www-authenticate', ['Bearer', `Basic realm="${base}"`])
  answerFailure(
    new Failure(401, 'UnauthorizedRequestException', 'TF400813: The user is not authorized to access this resource.'),
    request,
    reply,
  )
}

/** The object id in a bearer token that was already checked. */
function claimedIdentity(authorization: string): string | undefined {
  const payload = /^bearer\s+[^.]+\.([^.]+)\./i.exec(authorization)?.[1]
  if (payload === undefined) return undefined
  const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
  if (typeof claims !== 'object' || claims === null) return undefined
  const identity = 'oid' in claims ? claims.oid : 'sub' in claims ? claims.sub : undefined
  return typeof identity === 'string' ? identity : undefined
}
