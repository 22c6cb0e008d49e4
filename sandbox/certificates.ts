/** The sandbox's own certificate authority and its server certificate, made once per data directory. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import { bitString, boolean, element, generalizedTime, integer, objectIdentifier, octetString, sequence, setOf, utf8String } from './der.ts'

export type ServerCertificate = {
  readonly keyPem: string
  readonly certificatePem: string
  readonly caPem: string
  readonly caFile: string
}

type Identity = { readonly key: KeyObject; readonly certificate: X509Certificate }
type Extension = { readonly id: string; readonly critical?: true; readonly value: Buffer }

const dayMs = 86_400_000
const validDays = 365
const renewedBeforeDays = 7
const caName = 'Scale Set Agents sandbox CA'
const serverNames = ['localhost', '127.0.0.1', '::1']

/**
 * Reads the certificates kept in `directory`, or makes new ones when there are none, they cannot be read, or they end
 * within a week. The CA's key is not kept: nobody can sign another name with a CA that a person chose to trust.
 */
export async function serverCertificate(directory: string): Promise<ServerCertificate> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const caFile = join(directory, 'ca.pem')
  const serverFile = join(directory, 'server.pem')
  const kept = await keptCertificate(caFile, serverFile)
  if (kept !== undefined) return kept
  const ca = makeAuthority()
  const server = makeServer(ca)
  const keyPem = server.key.export({ type: 'pkcs8', format: 'pem' }).toString()
  const certificatePem = server.certificate.toString()
  await replaceFile(caFile, ca.certificate.toString(), 0o644)
  await replaceFile(serverFile, keyPem + certificatePem, 0o600)
  return { keyPem, certificatePem, caPem: ca.certificate.toString(), caFile }
}

async function keptCertificate(caFile: string, serverFile: string): Promise<ServerCertificate | undefined> {
  try {
    const [caPem, serverPem] = await Promise.all([readFile(caFile, 'utf8'), readFile(serverFile, 'utf8')])
    const certificate = new X509Certificate(serverPem)
    const fits = certificate.verify(new X509Certificate(caPem).publicKey) && certificate.checkPrivateKey(createPrivateKey(serverPem))
    if (!fits || Date.parse(certificate.validTo) < Date.now() + renewedBeforeDays * dayMs) return undefined
    return { keyPem: serverPem, certificatePem: serverPem, caPem, caFile }
  } catch {
    // Missing or damaged: both are mended by making new ones.
    return undefined
  }
}

function makeAuthority(): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const extensions: Extension[] = [
    { id: '2.5.29.19', critical: true, value: sequence(boolean(true)) },
    // keyCertSign and cRLSign
    { id: '2.5.29.15', critical: true, value: bitString(Buffer.from([0x06]), 1) },
    { id: '2.5.29.14', value: octetString(keyId(publicKey)) },
  ]
  return { key: privateKey, certificate: certify(caName, publicKey, extensions, caName, privateKey) }
}

function makeServer(ca: Identity): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const extensions: Extension[] = [
    { id: '2.5.29.19', critical: true, value: sequence() },
    // digitalSignature
    { id: '2.5.29.15', critical: true, value: bitString(Buffer.from([0x80]), 7) },
    { id: '2.5.29.37', value: sequence(objectIdentifier('1.3.6.1.5.5.7.3.1')) },
    { id: '2.5.29.17', value: sequence(...serverNames.map(generalName)) },
    { id: '2.5.29.14', value: octetString(keyId(publicKey)) },
    { id: '2.5.29.35', value: sequence(element(0x80, keyId(createPublicKey(ca.key)))) },
  ]
  return { key: privateKey, certificate: certify('localhost', publicKey, extensions, caName, ca.key) }
}

/** RFC 5280, section 4.1, signed with ecdsa-with-SHA256. */
function certify(
  subject: string,
  publicKey: KeyObject,
  extensions: readonly Extension[],
  issuer: string,
  issuerKey: KeyObject,
): X509Certificate {
  const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'))
  const version3 = element(0xa0, integer(Buffer.from([2])))
  const serial = integer(Buffer.concat([Buffer.from([1]), randomBytes(15)]))
  const validity = sequence(generalizedTime(new Date(Date.now() - dayMs)), generalizedTime(new Date(Date.now() + validDays * dayMs)))
  const subjectKey = publicKey.export({ type: 'spki', format: 'der' })
  const wrapped = element(0xa3, sequence(...extensions.map(encodeExtension)))
  const signed = sequence(version3, serial, algorithm, commonName(issuer), validity, commonName(subject), subjectKey, wrapped)
  return new X509Certificate(sequence(signed, algorithm, bitString(sign('sha256', signed, issuerKey))))
}

function encodeExtension(extension: Extension): Buffer {
  const critical = extension.critical ? [boolean(true)] : []
  return sequence(objectIdentifier(extension.id), ...critical, octetString(extension.value))
}

function commonName(name: string): Buffer {
  return sequence(setOf(sequence(objectIdentifier('2.5.4.3'), utf8String(name))))
}

function generalName(name: string): Buffer {
  if (isIPv4(name)) return element(0x87, Buffer.from(name.split('.').map(Number)))
  if (name === '::1') return element(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])]))
  return element(0x82, Buffer.from(name, 'ascii'))
}

function keyId(publicKey: KeyObject): Buffer {
  return createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
}

async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, content, { mode })
  await rename(`${file}.new`, file)
}
