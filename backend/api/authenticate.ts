/** Who may come in. Until the hub's sign-in exists there is one key, and the caller listens on loopback only. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { Right } from './parts.ts'

export type Keys = { readonly operatorKey: string; readonly hookSecret?: string }
export const hookHeader = 'x-scale-set-agents-secret'

/** Who asks, when the route's right is met; `undefined` when not. */
export function authenticate(keys: Keys, right: Right, headers: FastifyRequest['headers']): { readonly by: string } | undefined {
  if (right === 'open') return { by: 'anyone' }
  const given = credentialOf(headers.authorization)
  if (given !== undefined && same(given.secret, keys.operatorKey)) return { by: given.by }
  if (right !== 'hook' || keys.hookSecret === undefined) return undefined
  const header = headers[hookHeader]
  const secrets = [typeof header === 'string' ? header : undefined, given?.secret]
  return secrets.some((secret) => secret !== undefined && same(secret, keys.hookSecret ?? '')) ? { by: 'service hook' } : undefined
}

type Credential = { readonly secret: string; readonly by: string }

function credentialOf(authorization: string | undefined): Credential | undefined {
  const [, scheme = '', value = ''] = /^(basic|bearer) +(\S+) *$/i.exec(authorization ?? '') ?? []
  if (scheme.toLowerCase() === 'bearer') return { secret: value, by: 'operator' }
  if (scheme === '') return undefined
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { secret: text.slice(colon + 1), by: userName(text.slice(0, colon)) }
}

/** A user name goes into records and pages, so only plain ones are kept. */
function userName(name: string): string {
  return /^[\w .@+-]{1,64}$/.test(name) ? name : 'operator'
}

/** Compares digests, so that neither the length nor the first different letter shows in the time it takes. An empty key opens nothing. */
function same(given: string, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(key)) && key !== ''
}
