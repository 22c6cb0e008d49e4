/** Whether a document that a machine sent was signed by Azure, and what it says. Pure: no network, no clock. docs/attestation.md has the rules. */
import { readCertificate, type Certificate } from './attestation-certificate.ts'
import { checkChain } from './attestation-chain.ts'
import { checkTime, readContent, type AttestedDocument } from './attestation-content.ts'
import { decodeBase64, isDer } from './attestation-der.ts'
import { readSignedMessage } from './attestation-message.ts'
import { refuse, Refused, type Refusal } from './attestation-refusal.ts'

/** As the machine sent it. */
export type Proof = {
  /** Base64 of PKCS#7 in DER: `signature` of the metadata service's answer. */
  readonly document: string
  /** Base64 of the intermediates in DER, in any order; what is not needed is ignored. */
  readonly certificates: readonly string[]
}

export type Trust = {
  /** From `attestationRoots`. */
  readonly roots: readonly Certificate[]
  /** From `signerNames`. Each stands for itself and for every name below it. */
  readonly signerNames: readonly string[]
  readonly nowMs: number
}

export type Verdict = { readonly ok: true; readonly document: AttestedDocument } | ({ readonly ok: false } & Refusal)

/** Whose certificate signs the documents of a cloud. Source: the attested data of Azure's instance metadata service. */
export const signerNames = {
  public: ['metadata.azure.com'],
  usgov: ['metadata.azure.us'],
  china: ['metadata.azure.cn'],
} as const satisfies Readonly<Record<string, readonly string[]>>

const maxCharacters = 16 * 1024
const maxSent = 4

/**
 * Verifies form, signature, signer's name, chain and time, in this order. Never throws, and bounds its work whatever it is given.
 * The caller checks what only it knows: the nonce, the subscription and the machine.
 */
export function verifyDocument(proof: Proof, trust: Trust): Verdict {
  try {
    return { ok: true, document: verified(proof, trust) }
  } catch (error) {
    if (error instanceof Refused) return { ok: false, reason: error.reason, detail: error.message }
    const detail = `The proof cannot be read (${error instanceof Error ? error.message : String(error)}). Find out which program sent it.`
    return { ok: false, reason: 'unreadable', detail }
  }
}

function verified(proof: Proof, { roots, signerNames, nowMs }: Trust): AttestedDocument {
  checkSize(proof)
  const message = readSignedMessage(documentBytes(proof.document))
  checkName(message.signer, signerNames)
  const sent = proof.certificates.map((text) => readCertificate(bytesOf(text, 'certificate')))
  checkChain(message.signer, [...message.embedded, ...sent], roots, nowMs)
  const document = readContent(message.content)
  checkTime(document, nowMs)
  return document
}

function checkSize({ document, certificates }: Proof): void {
  if (certificates.length > maxSent)
    refuse(
      'too-many-certificates',
      `The machine sent ${certificates.length} certificates; at most ${maxSent} are read. Update its bootstrap script.`,
    )
  const characters = certificates.reduce((sum, text) => sum + text.length, document.length)
  if (characters > maxCharacters)
    refuse('too-large', `The proof has ${characters} characters; at most ${maxCharacters} are read. Find out which program sent it.`)
}

function documentBytes(text: string): Buffer {
  const bytes = bytesOf(text, 'document')
  if (!isDer(bytes)) return refuse('not-der', `The document is not one element in DER. ${damaged}`)
  return bytes
}

function bytesOf(text: string, what: string): Buffer {
  return decodeBase64(text) ?? refuse('not-base64', `The ${what} is not base64 without line ends. ${damaged}`)
}

/** Names count only where public authorities have checked them: among the DNS names of the subject alternative name. */
function checkName({ dnsNames, name }: Certificate, expected: readonly string[]): void {
  if (dnsNames.some((dnsName) => expected.some((base) => dnsName === base || dnsName.endsWith(`.${base}`)))) return
  refuse(
    'signer-name',
    `The document is signed by "${name}" for ${dnsNames.slice(0, 3).join(', ') || 'no DNS name'}, not for ${expected.join(', ')}. Check that the service is set to the cloud of the scale set.`,
  )
}

const damaged = 'Check that nothing between the machine and the service changes requests.'
