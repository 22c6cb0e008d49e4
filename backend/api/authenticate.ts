/** Who comes in, and what they may do: the operator with the key, a person with a session, the service hook with its secret. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ApiProblem } from './problems.ts'
import type { Asker, Right } from './rights.ts'
import type { Session, Sessions } from './session.ts'

export const hookHeader = 'x-scale-set-agents-secret'
/** Carries the person's access token where something is made in Azure DevOps. */
export const personTokenHeader = 'x-azure-devops-token'

export type Keys = {
  readonly operatorKey: string
  readonly hookSecret?: string
  /** Only this computer reaches the service. */
  readonly isLocal: boolean
  readonly signIn?: { readonly sessions: Pick<Sessions, 'read'> }
}

type Asked = Pick<FastifyRequest, 'headers' | 'params'>

/** @throws ApiProblem 401 when it is not known who asks, 403 when that person may not. */
export async function authenticate(keys: Keys, right: Right, asked: Asked): Promise<Asker> {
  if (right === 'open') return anyone
  const given = credentialOf(asked.headers.authorization)
  if (given !== undefined && same(given.secret, keys.operatorKey)) return operator(given.by)
  const asker = await askerBy(keys, right, asked, given)
  if (asker === undefined) throw unauthorized(keys, right, asked.headers.authorization)
  requireRight(asker, right, asked)
  return asker
}

/** Whoever comes without the operator key. */
async function askerBy(keys: Keys, right: Right, { headers }: Asked, given: Credential | undefined): Promise<Asker | undefined> {
  if (right === 'local') return keys.isLocal ? anyone : undefined
  if (right === 'hook') return isHook(keys, headers[hookHeader], given) ? hook : undefined
  const session = given?.isBearer === true ? await keys.signIn?.sessions.read(given.secret) : undefined
  return session && personOf(session)
}

const anyone: Asker = { by: 'anyone', mayUse: () => false, mayManage: () => false, mayCreate: () => false }
const hook: Asker = { ...anyone, by: 'service hook' }

function operator(by: string): Asker {
  return { by, mayUse: () => true, mayManage: () => true, mayCreate: () => true }
}

function personOf({ person, rights, endsInMs }: Session): Asker {
  return {
    by: `${person.name} (${person.id})`,
    person,
    endsInMs,
    mayUse: (poolId) => rights.use.includes(poolId),
    mayManage: (poolId) => rights.manage.includes(poolId),
    mayCreate: () => rights.mayCreate,
  }
}

function requireRight(asker: Asker, right: Right, { params }: Asked): void {
  const poolId = poolIdIn(params)
  if (right === 'create' && !asker.mayCreate())
    throw forbidden(
      'Making a pool needs the role Administrator of agent pools, which you do not have. Ask an administrator of agent pools.',
    )
  if (right === 'use' && !asker.mayUse(poolId)) throw noRight('use', 'User', poolId)
  if (right === 'manage' && !asker.mayManage(poolId)) throw noRight('change', 'Administrator', poolId)
}

/** Plain digits or none: what is judged here must be what the route reads later. */
function poolIdIn(params: unknown): number {
  const { poolId = '' } = (params ?? {}) as { readonly poolId?: string }
  return /^\d{1,10}$/.test(poolId) ? Number(poolId) : NaN
}

/** The same for a pool that is not there: whoever may not use it is not told. */
function noRight(what: string, role: string, poolId: number): ApiProblem {
  const pool = Number.isNaN(poolId) ? 'that pool' : `pool ${String(poolId)}`
  return forbidden(
    `You may not ${what} ${pool}. If it was made, or the role ${role} given to you, within the last minute, sign in again; otherwise ask an administrator of that agent pool.`,
  )
}

function forbidden(message: string): ApiProblem {
  return new ApiProblem(403, { code: 'forbidden', message })
}

/** The same words for every session that is not accepted, whatever is wrong with it. */
function unauthorized({ signIn }: Keys, right: Right, authorization: string | undefined): ApiProblem {
  const given = authorization === undefined ? 'No key was sent' : 'The key is not the right one'
  if (right === 'hook')
    return asUnauthorized(`${given}. Send the secret of the service hook in the header x-scale-set-agents-secret or as the Basic password.`)
  if (right === 'local' || signIn === undefined)
    return asUnauthorized(`${given}. Send the operator key as the Basic password (any user name) or as a Bearer token.`)
  const session = authorization === undefined ? 'Nobody is signed in' : 'The session has ended, or is none of this service'
  return asUnauthorized(`${session}. Sign in with POST /api/v1/session, or send the operator key as the Basic password (any user name).`)
}

function asUnauthorized(message: string): ApiProblem {
  return new ApiProblem(401, { code: 'unauthorized', message })
}

function isHook({ hookSecret }: Keys, header: string | readonly string[] | undefined, given: Credential | undefined): boolean {
  if (hookSecret === undefined) return false
  const secrets = [typeof header === 'string' ? header : undefined, given?.secret]
  return secrets.some((secret) => secret !== undefined && same(secret, hookSecret))
}

type Credential = { readonly secret: string; readonly by: string; readonly isBearer: boolean }

function credentialOf(authorization: string | undefined): Credential | undefined {
  const [, scheme = '', value = ''] = /^(basic|bearer) +(\S+) *$/i.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() === 'bearer') return { secret: value, by: 'operator', isBearer: true }
  if (scheme === '') return undefined
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { secret: text.slice(colon + 1), by: userName(text.slice(0, colon)), isBearer: false }
}

/** A user name goes into records and pages, so only plain ones are kept, and none of those that are nobody. */
function userName(name: string): string {
  return /^[\w .@+-]{1,64}$/.test(name) && ![anyone.by, hook.by].includes(name) ? name : 'operator'
}

/** Compares digests, so that neither the length nor the first different letter shows in the time it takes. An empty key opens nothing. */
function same(given: string, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(key)) && key !== ''
}
