/** The sandbox's own certificate authority and its server certificate, made once per data directory. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bitString, boolean, element, objectIdentifier, octetString, sequence } from './der.ts'
import { certify, generalName, keyId } from './x509.ts'
import type { Extension } from './x509.ts'

export type ServerCertificate = {
  readonly keyPem: string
  readonly certificatePem: string
  readonly caPem: string
  readonly caFile: string
}

type Identity = { readonly key: KeyObject; readonly certificate: X509Certificate }

const dayMs = 86_400_000
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
  return { key: privateKey, certificate: certify({ subject: caName, publicKey, extensions, issuer: caName, issuerKey: privateKey }) }
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
  return { key: privateKey, certificate: certify({ subject: 'localhost', publicKey, extensions, issuer: caName, issuerKey: ca.key }) }
}

async function replaceFile(file: string, content: string, mode: number): Promise<void> {
  await writeFile(`${file}.new`, content, { mode })
  await rename(`${file}.new`, file)
}
