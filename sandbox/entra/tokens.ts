/** Access tokens: issued with the tenant's key, and checked for real on every call that carries one. */
import { createHash, generateKeyPair, randomUUID } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { promisify } from 'node:util'
import { decodeToken, isSignedBy, signToken } from './jwt.ts'
import type { AppRegistration } from './registrations.ts'

export type TokenCheck =
  { readonly outcome: 'ok'; readonly app: AppRegistration } | { readonly outcome: 'missing' | 'invalid' | 'expired' | 'wrong-audience' }

export type Tokens = {
  /** A signed access token; it lives in real time, whatever the sandbox's speed. */
  issue(app: AppRegistration, issuer: string, audience: string): { readonly token: string; readonly lifetimeS: number }
  /** Judges an Authorization header against signature, times and audience; audiences compare without a trailing slash. */
  check(authorization: string | undefined, audiences: readonly string[]): TokenCheck
  /** The tenant's public keys (RFC 7517). */
  readonly keys: readonly JsonWebKey[]
}

/** Creates the tenant's key pair. `lifetimeS` is how long tokens are valid. */
export async function createTokens(apps: readonly AppRegistration[], lifetimeS: number): Promise<Tokens> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const keyId = createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url')

  function issue(app: AppRegistration, issuer: string, audience: string): { token: string; lifetimeS: number } {
    const now = Math.floor(Date.now() / 1000)
    const identity = { appid: app.clientId, oid: objectIdOf(app), sub: objectIdOf(app), tid: app.tenantId, idtyp: 'app' }
    const claims = { aud: audience, iss: issuer, iat: now, nbf: now, exp: now + lifetimeS, ...identity, uti: randomUUID(), ver: '1.0' }
    return { token: signToken(claims, privateKey, keyId), lifetimeS }
  }

  function check(authorization: string | undefined, audiences: readonly string[]): TokenCheck {
    if (authorization === undefined || authorization === '') return { outcome: 'missing' }
    const decoded = decodeToken(/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '')
    if (decoded === undefined || decoded.header['alg'] !== 'RS256' || !isSignedBy(decoded, publicKey)) return { outcome: 'invalid' }
    if (Number(decoded.claims['exp']) * 1000 <= Date.now()) return { outcome: 'expired' }
    if (!audiences.some((audience) => withoutSlash(audience) === withoutSlash(String(decoded.claims['aud']))))
      return { outcome: 'wrong-audience' }
    const app = apps.find((candidate) => candidate.clientId === decoded.claims['appid'])
    return app === undefined ? { outcome: 'invalid' } : { outcome: 'ok', app }
  }

  return { issue, check, keys: [{ ...publicKey.export({ format: 'jwk' }), use: 'sig', kid: keyId, alg: 'RS256' }] }
}

/** The service principal's object id: always the same for one application. */
export function objectIdOf(app: AppRegistration): string {
  const digest = createHash('sha256').update(`${app.tenantId}/${app.clientId}`).digest('hex')
  return digest.slice(0, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5')
}

/** An audience as it compares: Azure takes it with and without the slash at its end. */
export function withoutSlash(audience: string): string {
  return audience.replace(/\/+$/, '')
}
