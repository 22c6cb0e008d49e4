/** JSON Web Tokens with a shared secret (RFC 7518 section 3.2). */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeToken } from './entra/jwt.ts'
import type { Claims } from './entra/jwt.ts'

/** Signs with HS256; the key is the secret's text as UTF-8 bytes. */
export function signWithSecret(claims: Claims, secret: string): string {
  const signed = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`
  return `${signed}.${mac(signed, secret).toString('base64url')}`
}

/** The claims of a token that this secret signed with HS256 and that has not expired; undefined for any other text. */
export function claimsOf(token: string, secret: string): Claims | undefined {
  const decoded = decodeToken(token)
  if (decoded === undefined || decoded.header['alg'] !== 'HS256') return undefined
  const expected = mac(decoded.signed, secret)
  if (decoded.signature.length !== expected.length || !timingSafeEqual(decoded.signature, expected)) return undefined
  return Number(decoded.claims['exp']) * 1000 > Date.now() ? decoded.claims : undefined
}

function mac(signed: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(signed).digest()
}

function encode(value: Claims): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
