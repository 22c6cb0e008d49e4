/**
 * Who signs attested documents: an own root, an intermediate below it, and a leaf named like Azure's signer. As in Azure the
 * intermediate is not part of a document; the leaf says where it is (azure-facts 5, IMDS).
 */
import { createHash, generateKeyPair, sign } from 'node:crypto'
import type { KeyObject, X509Certificate } from 'node:crypto'
import { promisify } from 'node:util'
import { bitString, boolean, element, integer, nothing, objectIdentifier, octetString, sequence, setOf, utcTime } from '../der.ts'
import { certify, commonName, generalName, keyId } from '../x509.ts'
import type { Extension } from '../x509.ts'

export type AuthorityOptions = {
  /** The leaf's DNS name; sovereign clouds have others. */
  readonly signerName?: string
  /** The intermediate travels in each document. Off in Azure, mostly. */
  readonly embedsIntermediate?: boolean
  /** The signature covers attributes, of which the content's digest is one; or the content itself. Both are valid CMS. */
  readonly signsAttributes?: boolean
}

export type MetadataAuthority = {
  /** What the verifier has to trust. */
  readonly rootPem: string
  /** The intermediate in DER, and the path at which the leaf says it is, on the host www.microsoft.com. */
  readonly intermediate: Buffer
  readonly intermediatePath: string
  /** A PKCS#7 SignedData in DER around `content`. */
  sign(content: Buffer): Buffer
}

type Keys = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }

const rootName = 'Scale Set Agents sandbox metadata root'
const issuingName = 'Scale Set Agents sandbox metadata CA 01'
const intermediatePath = '/pkiops/certs/Sandbox%20Metadata%20CA%2001%20-%20xsign.crt'
const digestAlgorithm = sequence(objectIdentifier('2.16.840.1.101.3.4.2.1'), nothing)
const rsaSha256 = sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing)
const dataType = objectIdentifier('1.2.840.113549.1.7.1')
const newKeys = promisify(generateKeyPair)

/** Makes new keys and certificates; nothing is kept, so a new authority is a stranger to whoever trusts the last one. */
export async function createMetadataAuthority(options: AuthorityOptions = {}): Promise<MetadataAuthority> {
  const make = (): Promise<Keys> => newKeys('rsa', { modulusLength: 2048 })
  const [root, issuing, leaf] = await Promise.all([make(), make(), make()])
  const certificates = certifyAll(root, issuing, leaf, options.signerName ?? 'metadata.azure.com')
  return {
    rootPem: certificates.root.toString(),
    intermediate: certificates.issuing.raw,
    intermediatePath,
    sign: (content) => {
      const embedded = options.embedsIntermediate ? [certificates.leaf, certificates.issuing] : [certificates.leaf]
      return signedData(content, embedded, signerInfo(content, certificates.leaf, leaf.privateKey, options.signsAttributes ?? true))
    },
  }
}

function certifyAll(root: Keys, issuing: Keys, leaf: Keys, signerName: string): Record<'root' | 'issuing' | 'leaf', X509Certificate> {
  return {
    root: certify({
      subject: rootName,
      publicKey: root.publicKey,
      extensions: authority(root),
      issuer: rootName,
      issuerKey: root.privateKey,
    }),
    issuing: certify({
      subject: issuingName,
      publicKey: issuing.publicKey,
      extensions: [...authority(issuing), issuedBy(root)],
      issuer: rootName,
      issuerKey: root.privateKey,
    }),
    leaf: certify({
      subject: signerName,
      publicKey: leaf.publicKey,
      extensions: [...signer(leaf, signerName), issuedBy(issuing)],
      issuer: issuingName,
      issuerKey: issuing.privateKey,
    }),
  }
}

function authority({ publicKey }: Keys): readonly Extension[] {
  return [
    { id: '2.5.29.19', critical: true, value: sequence(boolean(true)) },
    // keyCertSign and cRLSign
    { id: '2.5.29.15', critical: true, value: bitString(Buffer.from([0x06]), 1) },
    { id: '2.5.29.14', value: octetString(keyId(publicKey)) },
  ]
}

function signer({ publicKey }: Keys, name: string): readonly Extension[] {
  const address = element(0x86, Buffer.from(`http://www.microsoft.com${intermediatePath}`, 'ascii'))
  return [
    { id: '2.5.29.19', critical: true, value: sequence() },
    // digitalSignature and keyEncipherment
    { id: '2.5.29.15', critical: true, value: bitString(Buffer.from([0xa0]), 5) },
    // Azure signs with certificates made for TLS: server and client.
    { id: '2.5.29.37', value: sequence(objectIdentifier('1.3.6.1.5.5.7.3.1'), objectIdentifier('1.3.6.1.5.5.7.3.2')) },
    { id: '2.5.29.17', value: sequence(generalName(name)) },
    // Authority information access: where the issuer's certificate is
    { id: '1.3.6.1.5.5.7.1.1', value: sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.2'), address)) },
    { id: '2.5.29.14', value: octetString(keyId(publicKey)) },
  ]
}

function issuedBy({ publicKey }: Keys): Extension {
  return { id: '2.5.29.35', value: sequence(element(0x80, keyId(publicKey))) }
}

/** RFC 5652, section 5.1, in its ContentInfo. */
function signedData(content: Buffer, certificates: readonly X509Certificate[], info: Buffer): Buffer {
  const version1 = integer(Buffer.from([1]))
  const encapsulated = sequence(dataType, element(0xa0, octetString(content)))
  const embedded = element(0xa0, ...certificates.map(({ raw }) => raw))
  const data = sequence(version1, setOf(digestAlgorithm), encapsulated, embedded, setOf(info))
  return sequence(objectIdentifier('1.2.840.113549.1.7.2'), element(0xa0, data))
}

/** RFC 5652, section 5.3. Attributes are signed as a SET and sent as [0]. */
function signerInfo(content: Buffer, leaf: X509Certificate, key: KeyObject, signsAttributes: boolean): Buffer {
  const attributes = signedAttributes(content)
  const signed = signsAttributes ? setOf(...attributes) : content
  const sent = signsAttributes ? [element(0xa0, ...attributes.toSorted(Buffer.compare))] : []
  const signature = octetString(sign('sha256', signed, key))
  return sequence(integer(Buffer.from([1])), issuerAndSerial(leaf), digestAlgorithm, ...sent, rsaSha256, signature)
}

function signedAttributes(content: Buffer): readonly Buffer[] {
  const attribute = (id: string, value: Buffer): Buffer => sequence(objectIdentifier(id), setOf(value))
  return [
    attribute('1.2.840.113549.1.9.3', dataType),
    attribute('1.2.840.113549.1.9.5', utcTime(new Date())),
    attribute('1.2.840.113549.1.9.4', octetString(createHash('sha256').update(content).digest())),
  ]
}

function issuerAndSerial(leaf: X509Certificate): Buffer {
  return sequence(commonName(issuingName), integer(Buffer.from(leaf.serialNumber, 'hex')))
}
