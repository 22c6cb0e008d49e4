/** One certificate of a chain: what is read from it, and what disqualifies it alone or as an issuer. */
import { X509Certificate, type KeyObject } from 'node:crypto'
import { AltName, BasicConstraints, Certificate as ParsedCertificate } from 'pkijs'
import { isDer } from './attestation-der.ts'
import { refuse, type Refusal } from './attestation-refusal.ts'

export type Certificate = {
  readonly x509: X509Certificate
  readonly publicKey: KeyObject
  /** Subject in one line, for people. */
  readonly name: string
  readonly issuerName: string
  /** Issuer and serial number as they are encoded: how a signer is named. */
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** Object identifier of the algorithm that its issuer signed it with. */
  readonly signedWith: string
  /** DNS names of the subject alternative name, in lower case. */
  readonly dnsNames: readonly string[]
  /** How many intermediates may stand below it. */
  readonly pathLength: number
  /** Extensions that could limit what it vouches for, in a way that is not understood here. */
  readonly limitedBy: readonly string[]
}

const dnsName = 2
const basicConstraints = '2.5.29.19'
const subjectAltName = '2.5.29.17'
/** Technically constrained authorities carry it, and it need not be critical: they do not vouch for Azure's names. */
const nameConstraints = '2.5.29.30'
/** Critical extensions that may be there: these two, key usage (judged by `ca` and `checkIssued`), policies and extended key usage. */
const understood = new Set([basicConstraints, subjectAltName, '2.5.29.15', '2.5.29.32', '2.5.29.37'])

/** RSA and ECDSA with SHA-256, 384 or 512. The root is trusted by itself, however it is signed. */
const strongSignatures = new Set([
  ...['1.2.840.113549.1.1.11', '1.2.840.113549.1.1.12', '1.2.840.113549.1.1.13'],
  ...['1.2.840.10045.4.3.2', '1.2.840.10045.4.3.3', '1.2.840.10045.4.3.4'],
])
const strongCurves = new Set(['prime256v1', 'secp384r1', 'secp521r1'])
const rsaBits = { least: 2048, most: 8192 }

/** Throws Refused when the bytes are not one certificate in DER. */
export function readCertificate(der: Uint8Array): Certificate {
  return isDer(der) ? describeCertificate(der) : refuse('certificate-unreadable', unreadable)
}

/** As `readCertificate`, of bytes that were DER and may have been parsed. */
export function describeCertificate(der: Uint8Array, parsed?: ParsedCertificate): Certificate {
  try {
    return describe(new X509Certificate(der), parsed ?? ParsedCertificate.fromBER(der))
  } catch {
    return refuse('certificate-unreadable', unreadable)
  }
}

const unreadable = 'A certificate of the proof cannot be read. Check that nothing between the machine and the service changes requests.'

function describe(x509: X509Certificate, parsed: ParsedCertificate): Certificate {
  const extensions = parsed.extensions ?? []
  const constraints: unknown = extensions.find(({ extnID }) => extnID === basicConstraints)?.parsedValue
  const limits = extensions.filter(({ extnID, critical }) => extnID === nameConstraints || (critical && !understood.has(extnID)))
  return {
    x509,
    publicKey: x509.publicKey,
    name: oneLine(x509.subject),
    issuerName: oneLine(x509.issuer),
    serial: signerKey(parsed.issuer.valueBeforeDecode, parsed.serialNumber.valueBlock.valueHexView),
    notBeforeMs: parsed.notBefore.value.getTime(),
    notAfterMs: parsed.notAfter.value.getTime(),
    signedWith: parsed.signatureAlgorithm.algorithmId,
    dnsNames: extensions.filter(({ extnID }) => extnID === subjectAltName).flatMap(({ parsedValue }) => dnsNamesOf(parsedValue)),
    pathLength: pathLengthOf(constraints),
    limitedBy: limits.map(({ extnID }) => extnID),
  }
}

/** Issuer and serial number, byte for byte: other spellings of the same name are another signer. */
export function signerKey(issuer: ArrayBuffer, serialNumber: Uint8Array): string {
  return `${Buffer.from(issuer).toString('hex')} ${Buffer.from(serialNumber).toString('hex')}`
}

function dnsNamesOf(value: unknown): readonly string[] {
  if (!(value instanceof AltName)) return []
  const names: readonly unknown[] = value.altNames.filter(({ type }) => type === dnsName).map((name): unknown => name.value)
  return names.filter((name) => typeof name === 'string').map((name) => name.toLowerCase())
}

/** No limit unless one is written; a limit that is not a small number allows nothing. */
function pathLengthOf(constraints: unknown): number {
  if (!(constraints instanceof BasicConstraints) || constraints.pathLenConstraint === undefined) return Infinity
  return typeof constraints.pathLenConstraint === 'number' ? constraints.pathLenConstraint : -1
}

function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').reverse().join(', ')
}

/** What disqualifies it at `nowMs`, whatever its place in the chain. */
export function certificateProblem(certificate: Certificate, nowMs: number): Refusal | undefined {
  const { name, limitedBy } = certificate
  if (!(certificate.notBeforeMs <= nowMs && nowMs <= certificate.notAfterMs))
    return { reason: 'certificate-time', detail: `The certificate of "${name}" is not valid now. ${clockAdvice}` }
  if (!isStrongKey(certificate.publicKey))
    return { reason: 'weak-key', detail: `The key of "${name}" is not RSA of 2048 to 8192 bits or a NIST curve. ${foreignAdvice}` }
  if (limitedBy.length > 0)
    return {
      reason: 'certificate-extension',
      detail: `The certificate of "${name}" has the limiting extension ${limitedBy[0]}, which is not supported. ${foreignAdvice}`,
    }
  return undefined
}

/** What disqualifies it as the issuer of a certificate with `below` intermediates under it. */
export function issuerProblem(issuer: Certificate, below: number, nowMs: number): Refusal | undefined {
  if (!issuer.x509.ca)
    return { reason: 'issuer-not-ca', detail: `"${issuer.name}" issued a certificate but is no certificate authority. ${foreignAdvice}` }
  if (below > issuer.pathLength)
    return { reason: 'path-length', detail: `"${issuer.name}" allows fewer certificates below it than the chain has. ${foreignAdvice}` }
  return certificateProblem(issuer, nowMs)
}

/** Why `issuer`, whose name is right, is not the issuer of `certificate`. */
export function issuedProblem(certificate: Certificate, issuer: Certificate): Refusal | undefined {
  const { x509, name, signedWith } = certificate
  if (!strongSignatures.has(signedWith))
    return { reason: 'algorithm', detail: `The certificate of "${name}" is signed with ${signedWith}, which is too weak. ${foreignAdvice}` }
  if (x509.checkIssued(issuer.x509) && x509.verify(issuer.publicKey)) return undefined
  return { reason: 'chain-signature', detail: `The certificate of "${name}" is not signed by "${issuer.name}". ${foreignAdvice}` }
}

export function isStrongKey({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): boolean {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails
  if (asymmetricKeyType === 'rsa') return modulusLength >= rsaBits.least && modulusLength <= rsaBits.most
  return asymmetricKeyType === 'ec' && strongCurves.has(namedCurve)
}

const clockAdvice = 'Check the clock of the service; if it is right, the machine sent an old document or an old intermediate.'
const foreignAdvice = 'Azure does not sign like that: find out which program sent this proof.'
