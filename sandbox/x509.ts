/** Makes X.509 certificates (RFC 5280) with elliptic-curve or RSA keys, so that no OpenSSL binary is asked for. */
import { createHash, randomBytes, sign, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import {
  bitString,
  boolean,
  element,
  generalizedTime,
  integer,
  nothing,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from './der.ts'

export type Extension = { readonly id: string; readonly critical?: true; readonly value: Buffer }

export type CertificateRequest = {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly extensions: readonly Extension[]
  readonly issuer: string
  readonly issuerKey: KeyObject
}

const dayMs = 86_400_000
const validDays = 365

/** RFC 5280, section 4.1: valid from yesterday on for a year, signed with SHA-256 by the issuer's key. */
export function certify({ subject, publicKey, extensions, issuer, issuerKey }: CertificateRequest): X509Certificate {
  const algorithm = signatureAlgorithm(issuerKey)
  const version3 = element(0xa0, integer(Buffer.from([2])))
  const serial = integer(Buffer.concat([Buffer.from([1]), randomBytes(15)]))
  const validity = sequence(generalizedTime(new Date(Date.now() - dayMs)), generalizedTime(new Date(Date.now() + validDays * dayMs)))
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const wrapped = element(0xa3, sequence(...extensions.map(encodeExtension)))
  const signed = sequence(version3, serial, algorithm, commonName(issuer), validity, commonName(subject), subjectKey, wrapped)
  return new X509Certificate(sequence(signed, algorithm, bitString(sign('sha256', signed, issuerKey))))
}

/** A name with nothing but a common name. */
export function commonName(name: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier('2.5.4.3'), utf8String(name))))
}

export function generalName(name: string): Buffer {
  if (isIPv4(name)) return element(0x87, Buffer.from(name.split('.').map(Number)))
  if (name === '::1') return element(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]))
  return element(0x82, Buffer.from(name, 'ascii'))
}

export function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
}

/** ecdsa-with-SHA256 or sha256WithRSAEncryption. */
function signatureAlgorithm(key: KeyObject): Buffer {
  if (key.asymmetricKeyType === 'ec') return sequence(objectIdentifier('1.2.840.10045.4.3.2'))
  return sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing)
}

function encodeExtension(extension: Extension): Buffer {
  const critical = extension.critical ? [boolean(true)] : []
  return sequence(objectIdentifier(extension.id), ...critical, octetString(extension.value))
}
