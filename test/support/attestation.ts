/** Attested documents under an authority of the tests' own, right ones and every wrong one. RSA keys are made once per process. */
import { constants, createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import {
  bitString,
  boolean,
  element,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  utf8String,
} from '../../sandbox/der.ts'

export type Identity = { readonly name: string; readonly key: KeyObject; readonly der: Buffer; readonly serial: number }

export type CertificateKnobs = {
  readonly name: string
  /** Self-signed without it. */
  readonly issuer?: Identity
  readonly ca?: boolean
  readonly pathLength?: number
  readonly dnsNames?: readonly string[]
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  readonly bits?: 1024 | 2048
  readonly curve?: string
  readonly hash?: 'sha1' | 'sha256' | 'sha384'
  /** Encoded extensions besides the usual ones. */
  readonly extensions?: readonly Buffer[]
  /** Which of the cached key pairs it uses: two names of one label share a key. */
  readonly keyLabel?: string
}

export type DocumentKnobs = {
  readonly signer?: Identity
  /** Certificates inside the message; the signer's by default. */
  readonly embedded?: readonly Identity[]
  readonly attributes?: boolean
  readonly hash?: 'sha1' | 'sha256'
  /** Names the digest by the signature's identifier, as Azure does. Default true. */
  readonly azureIdentifiers?: boolean
  readonly signers?: 0 | 1 | 2
  readonly pss?: boolean
  readonly version?: number
  readonly contentType?: string
  /** Written in place of the content that was signed; null leaves it out. */
  readonly replacedContent?: Buffer | null
  /** Encoded elements behind the certificates or inside the signer info. */
  readonly afterCertificates?: readonly Buffer[]
  readonly afterSignature?: readonly Buffer[]
}

export const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0)
const dayMs = 86_400_000

const oid = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  rsa: '1.2.840.113549.1.1.1',
  pss: '1.2.840.113549.1.1.10',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaWith: { sha1: '1.2.840.113549.1.1.5', sha256: '1.2.840.113549.1.1.11', sha384: '1.2.840.113549.1.1.12' },
  ecdsaWith: { sha1: '1.2.840.10045.4.1', sha256: '1.2.840.10045.4.3.2', sha384: '1.2.840.10045.4.3.3' },
}
const nothing = element(0x05)
const keys = new Map<string, { readonly privateKey: KeyObject; readonly publicKey: KeyObject }>()
let serials = 1000

/** A certificate authority, an intermediate or a signer, by its knobs. */
export function certify(knobs: CertificateKnobs): Identity {
  const { privateKey, publicKey } = keyPair(knobs)
  const issuer = knobs.issuer ?? { name: knobs.name, key: privateKey }
  const hash = knobs.hash ?? 'sha256'
  const algorithm =
    issuer.key.asymmetricKeyType === 'ec'
      ? sequence(objectIdentifier(oid.ecdsaWith[hash]))
      : sequence(objectIdentifier(oid.rsaWith[hash]), nothing)
  const serial = ++serials
  const validity = sequence(
    generalizedTime(new Date(knobs.notBeforeMs ?? nowMs - 30 * dayMs)),
    generalizedTime(new Date(knobs.notAfterMs ?? nowMs + 300 * dayMs)),
  )
  const signed = sequence(
    element(0xa0, integer(Buffer.from([2]))),
    serialNumber(serial),
    algorithm,
    distinguishedName(issuer.name),
    validity,
    distinguishedName(knobs.name),
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...extensionsOf(knobs))),
  )
  const der = sequence(signed, algorithm, bitString(sign(hash, signed, issuer.key)))
  return { name: knobs.name, key: privateKey, der, serial }
}

export function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value))
}

/** The usual chain: root → intermediate → signer for eastus.metadata.azure.com. */
export const root = certify({ name: 'Test Root', ca: true })
export const intermediate = certify({ name: 'Test Issuing CA 01', issuer: root, ca: true, pathLength: 0 })
export const leaf = certify({
  name: 'metadata.azure.com',
  issuer: intermediate,
  dnsNames: ['eastus.metadata.azure.com', 'metadata.azure.com'],
})

export const pemOf = ({ der }: Identity): string => new X509Certificate(der).toString()
export const base64Of = ({ der }: Identity): string => der.toString('base64')

/** The fields of Azure's documents, with some replaced. */
export function contentOf(fields: Readonly<Record<string, unknown>> = {}): Buffer {
  const usual = {
    licenseType: '',
    nonce: '00112233445566778899aabbccddeeff',
    plan: { name: '', product: '', publisher: '' },
    sku: '22_04-lts',
    subscriptionId: '5c5a6349-0000-4e7f-ac78-3a62c211eda4',
    timeStamp: { createdOn: '11/21/26 11:59:30 -0000', expiresOn: '11/21/26 17:59:30 -0000' },
    vmId: 'df7ec0d4-7840-410a-b948-6caa69700034',
  }
  return Buffer.from(JSON.stringify({ ...usual, ...fields }))
}

/** PKCS#7 in DER over `content`, by default in the very form of Azure's public samples. */
export function signedMessage(content: Buffer, knobs: DocumentKnobs = {}): Buffer {
  const signer = knobs.signer ?? leaf
  const hash = knobs.hash ?? 'sha256'
  const digestAlgorithm = sequence(objectIdentifier(knobs.azureIdentifiers === false ? oid[hash] : oid.rsaWith[hash]), nothing)
  const info = signerInfo(content, signer, knobs, digestAlgorithm)
  const message = sequence(
    integer(Buffer.from([knobs.version ?? 1])),
    setOf(digestAlgorithm),
    encapsulated(content, knobs),
    element(0xa0, ...(knobs.embedded ?? [signer]).map(({ der }) => der)),
    ...(knobs.afterCertificates ?? []),
    setOf(...Array.from({ length: knobs.signers ?? 1 }, () => info)),
  )
  return sequence(objectIdentifier(oid.signedData), element(0xa0, message))
}

function encapsulated(content: Buffer, { replacedContent = content, contentType = oid.data }: DocumentKnobs): Buffer {
  return sequence(objectIdentifier(contentType), ...(replacedContent === null ? [] : [element(0xa0, octetString(replacedContent))]))
}

function signerInfo(content: Buffer, signer: Identity, knobs: DocumentKnobs, digestAlgorithm: Buffer): Buffer {
  const hash = knobs.hash ?? 'sha256'
  const digest = createHash(hash).update(content).digest()
  const attributes = Buffer.concat([
    sequence(objectIdentifier(oid.contentType), setOf(objectIdentifier(oid.data))),
    sequence(objectIdentifier(oid.messageDigest), setOf(octetString(digest))),
  ])
  const signed = knobs.attributes ? element(0x31, attributes) : content
  const padding = knobs.pss ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  return sequence(
    integer(Buffer.from([1])),
    sequence(distinguishedName(issuerOf(signer)), serialNumber(signer.serial)),
    digestAlgorithm,
    ...(knobs.attributes ? [element(0xa0, attributes)] : []),
    sequence(objectIdentifier(knobs.pss ? oid.pss : oid.rsa), nothing),
    octetString(sign(hash, signed, signer.key.asymmetricKeyType === 'ec' ? signer.key : { key: signer.key, padding })),
    ...(knobs.afterSignature ?? []),
  )
}

function issuerOf({ der }: Identity): string {
  return new X509Certificate(der).issuer.replace(/^CN=/, '')
}

function extensionsOf({ ca, pathLength, dnsNames, extensions = [] }: CertificateKnobs): readonly Buffer[] {
  const limit = pathLength === undefined ? [] : [integer(Buffer.from([pathLength]))]
  const names = (dnsNames ?? []).map((name) => element(0x82, Buffer.from(name, 'ascii')))
  return [
    extension('2.5.29.19', true, ca ? sequence(boolean(true), ...limit) : sequence()),
    ...(names.length > 0 ? [extension('2.5.29.17', false, sequence(...names))] : []),
    ...extensions,
  ]
}

function keyPair({ name, keyLabel = name, bits = 2048, curve }: CertificateKnobs) {
  const label = `${keyLabel} ${curve ?? bits}`
  const made =
    keys.get(label) ??
    (curve === undefined ? generateKeyPairSync('rsa', { modulusLength: bits }) : generateKeyPairSync('ec', { namedCurve: curve }))
  keys.set(label, made)
  return made
}

function serialNumber(serial: number): Buffer {
  return integer(Buffer.from(serial.toString(16).padStart(8, '0'), 'hex'))
}

function distinguishedName(name: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier('2.5.4.3'), utf8String(name))))
}
