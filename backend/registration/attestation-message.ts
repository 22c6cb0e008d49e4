/** The PKCS#7 message of an attested document: its shape, its one signer, its digest and its signature. */
import { createHash, verify, constants } from 'node:crypto'
import { Null, ObjectIdentifier, OctetString } from 'asn1js'
import { Certificate as ParsedCertificate, ContentInfo, IssuerAndSerialNumber, SignedData } from 'pkijs'
import type { AlgorithmIdentifier, Attribute, SignerInfo } from 'pkijs'
import { isStrongKey, describeCertificate, signerKey, type Certificate } from './attestation-certificate.ts'
import { refuse } from './attestation-refusal.ts'

export type SignedMessage = { readonly content: Buffer; readonly signer: Certificate; readonly embedded: readonly Certificate[] }

const oid = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  rsa: '1.2.840.113549.1.1.1',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  sha256: '2.16.840.1.101.3.4.2.1',
}

/** Azure names the digest by the signature's identifier, sha256WithRSA (seen in its public samples); RFC 5754 asks for the digest's own. */
const digestIds = [oid.sha256, oid.sha256WithRsa]
const signatureIds = [oid.rsa, oid.sha256WithRsa]

/** The signer's certificate and up to four intermediates. */
const maxEmbedded = 5

/**
 * Reads a message that passed `isDer` and verifies its signature with the embedded certificate of its one signer, which is not
 * yet trusted. Everything of a message that a signature does not cover has one allowed value. Throws Refused.
 */
export function readSignedMessage(der: Uint8Array): SignedMessage {
  const message = parse(der)
  const signerInfo = onlySigner(message)
  checkAlgorithms(message, signerInfo)
  const content = contentOf(message)
  const certificates = checkDistinct(embeddedCertificates(message))
  const signer = signerCertificate(signerInfo, certificates)
  checkSignature(signerInfo, content, signer)
  return { content, signer, embedded: certificates.filter((certificate) => certificate !== signer) }
}

/** Version 1 and content of type "data": what Azure sends, and what RFC 5652 asks for with a signer named by issuer and serial number. */
function parse(der: Uint8Array): SignedData {
  const message = attempt(() => signedDataOf(ContentInfo.fromBER(der)))
  if (message === undefined || !holdsAllOf(message, der))
    return refuse('not-signed-data', `The document is not a PKCS#7 signed message. ${askAgain}`)
  const isPlain = message.version === 1 && message.encapContentInfo.eContentType === oid.data
  if (!isPlain || message.crls !== undefined || message.ocsps !== undefined)
    return refuse('not-signed-data', `The document is a signed message of another form than Azure's. ${foreign}`)
  return message
}

function signedDataOf(info: ContentInfo): SignedData | undefined {
  return info.contentType === oid.signedData ? new SignedData({ schema: info.content as unknown }) : undefined
}

/** Whether what the library read is all there is: it passes over what it does not expect. */
function holdsAllOf(message: SignedData, der: Uint8Array): boolean {
  const again = attempt(() => new ContentInfo({ contentType: oid.signedData, content: message.toSchema() }).toSchema().toBER())
  return again !== undefined && Buffer.from(again).equals(der)
}

function onlySigner({ signerInfos }: SignedData): SignerInfo {
  const [signerInfo, second] = signerInfos
  if (signerInfo === undefined || second !== undefined)
    return refuse('signer-count', `The document has ${signerInfos.length} signers instead of one. ${foreign}`)
  if (signerInfo.version !== 1 || signerInfo.unsignedAttrs !== undefined)
    return refuse('not-signed-data', `The document's signature is of another form than Azure's. ${foreign}`)
  return signerInfo
}

function checkAlgorithms({ digestAlgorithms }: SignedData, signerInfo: SignerInfo): void {
  const [announced, second] = digestAlgorithms
  const isExpected =
    announced !== undefined &&
    second === undefined &&
    isOneOf(announced, digestIds) &&
    isOneOf(signerInfo.digestAlgorithm, digestIds) &&
    isOneOf(signerInfo.signatureAlgorithm, signatureIds)
  if (isExpected) return
  const { digestAlgorithm, signatureAlgorithm } = signerInfo
  refuse(
    'algorithm',
    `The document is signed with ${digestAlgorithm.algorithmId} and ${signatureAlgorithm.algorithmId}; only SHA-256 with RSA is accepted. ${foreign}`,
  )
}

function isOneOf(algorithm: AlgorithmIdentifier, ids: readonly string[]): boolean {
  const parameters: unknown = algorithm.algorithmParams
  return ids.includes(algorithm.algorithmId) && (parameters === undefined || parameters instanceof Null)
}

function contentOf({ encapContentInfo }: SignedData): Buffer {
  const eContent: unknown = encapContentInfo.eContent
  if (!(eContent instanceof OctetString)) return refuse('no-content', `The document has a signature but no content. ${foreign}`)
  return Buffer.from(eContent.getValue())
}

function embeddedCertificates(message: SignedData): readonly Certificate[] {
  const certificates = message.certificates ?? []
  if (certificates.length > maxEmbedded)
    return refuse(
      'too-many-certificates',
      `The document embeds ${certificates.length} certificates; at most ${maxEmbedded} are read. ${foreign}`,
    )
  return certificates.map((certificate) => {
    if (!(certificate instanceof ParsedCertificate))
      return refuse('certificate-unreadable', `The document embeds a certificate that is not X.509. ${foreign}`)
    return describeCertificate(new Uint8Array(certificate.toSchema().toBER()), certificate)
  })
}

/** A set names nothing twice; two certificates of one issuer and serial number are somebody's trick. */
function checkDistinct(certificates: readonly Certificate[]): readonly Certificate[] {
  if (new Set(certificates.map(({ serial }) => serial)).size === certificates.length) return certificates
  return refuse('too-many-certificates', `The document embeds a certificate twice. ${foreign}`)
}

function signerCertificate({ sid }: SignerInfo, certificates: readonly Certificate[]): Certificate {
  const key =
    sid instanceof IssuerAndSerialNumber ? signerKey(sid.issuer.valueBeforeDecode, sid.serialNumber.valueBlock.valueHexView) : undefined
  const signer = certificates.find(({ serial }) => serial === key)
  if (signer === undefined) return refuse('signer-certificate', `The certificate of the signer is not in the document. ${foreign}`)
  if (signer.publicKey.asymmetricKeyType !== 'rsa' || !isStrongKey(signer.publicKey))
    return refuse('weak-key', `The key of the signer "${signer.name}" is not RSA of 2048 to 8192 bits. ${foreign}`)
  return signer
}

/** With signed attributes the signature is over them, and they hold the digest of the content; without, it is over the content. */
function checkSignature({ signedAttrs, signature }: SignerInfo, content: Buffer, signer: Certificate): void {
  if (signedAttrs !== undefined) checkAttributes(signedAttrs.attributes, content)
  const signed = signedAttrs === undefined ? content : Buffer.from(signedAttrs.encodedValue)
  const key = { key: signer.publicKey, padding: constants.RSA_PKCS1_PADDING }
  if (!verify('sha256', signed, key, new Uint8Array(signature.getValue())))
    refuse('signature', `The signature of the document is not by "${signer.name}". ${askAgain}`)
}

function checkAttributes(attributes: readonly Attribute[], content: Buffer): void {
  const type = onlyValue(attributes, oid.contentType)
  const digest = onlyValue(attributes, oid.messageDigest)
  const isRight =
    type instanceof ObjectIdentifier &&
    type.getValue() === oid.data &&
    digest instanceof OctetString &&
    createHash('sha256').update(content).digest().equals(Buffer.from(digest.getValue()))
  if (!isRight) refuse('digest', `The content of the document is not the signed one. ${askAgain}`)
}

/** Undefined when the attribute is missing, is there twice or has more than one value. */
function onlyValue(attributes: readonly Attribute[], type: string): unknown {
  const values = attributes.filter((attribute) => attribute.type === type).map((attribute) => attribute.values as readonly unknown[])
  return values.length === 1 && values[0]?.length === 1 ? values[0][0] : undefined
}

/** The library throws on what does not fit its schema. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const askAgain = 'If it goes on, check that nothing between the machine and the service changes requests.'
const foreign = 'Find out which program sent it; if Azure changed its documents, update this service.'
