/** JSON Web Tokens with RSA signatures (RFC 7515, RFC 7518), synchronous because every sandbox request checks one. */
import { constants, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export type Claims = { readonly [name: string]: unknown }
export type DecodedToken = { readonly header: Claims; readonly claims: Claims; readonly signed: string; readonly signature: Buffer }

/** Signs with RS256. */
export function signToken(claims: Claims, key: KeyObject, keyId: string): string {
  const signed = `${encode({ typ: 'JWT', alg: 'RS256', kid: keyId })}.${encode(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}

/** The parts of a token, unverified; undefined when it is not a token at all. */
export function decodeToken(token: string): DecodedToken | undefined {
  const [header, claims, signature, ...more] = token.split('.')
  if (header === undefined || claims === undefined || !signature || more.length > 0) return undefined
  const [headerObject, claimsObject] = [decode(header), decode(claims)]
  if (headerObject === undefined || claimsObject === undefined) return undefined
  return { header: headerObject, claims: claimsObject, signed: `${header}.${claims}`, signature: Buffer.from(signature, 'base64url') }
}

/** Whether the signature is `key`'s, by RS256 or PS256; every other algorithm is refused. */
export function isSignedBy(token: DecodedToken, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa') return false
  const data = Buffer.from(token.signed)
  if (token.header['alg'] === 'RS256') return verify('sha256', data, key, token.signature)
  if (token.header['alg'] !== 'PS256') return false
  return verify('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, token.signature)
}

function encode(value: Claims): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(part: string): Claims | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : undefined
  } catch {
    return undefined
  }
}
