/** The root certificates that an attested document may lead to. docs/attestation.md tells which, and what to do when Azure gets a new one. */
import { X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { readCertificate, type Certificate } from './attestation-certificate.ts'

/**
 * Azure's certificates come from these roots (Microsoft's page "Azure Certificate Authority details"). Node carries them; they are
 * picked by name so that one that Node drops is not trusted here for ever.
 */
const azureRoots: readonly string[] = [
  'DigiCert Global Root G2',
  'DigiCert Global Root G3',
  'DigiCert TLS RSA4096 Root G5',
  'DigiCert TLS ECC P384 Root G5',
  'Microsoft RSA Root Certificate Authority 2017',
  'Microsoft ECC Root Certificate Authority 2017',
]

const pemBlock = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

/** Bundled roots, and those of `extraPem` (the text of the operator's file). Throws when that holds no certificate, or one that cannot be a root. */
export function attestationRoots(extraPem?: string): readonly Certificate[] {
  const bundled = rootCertificates.map((pem) => new X509Certificate(pem)).filter(isAzureRoot)
  return [...bundled.map((root) => readCertificate(root.raw)), ...(extraPem === undefined ? [] : extraRoots(extraPem))]
}

function isAzureRoot({ subject }: X509Certificate): boolean {
  return azureRoots.some((name) => subject.split('\n').includes(`CN=${name}`))
}

function extraRoots(pem: string): readonly Certificate[] {
  const blocks = pem.match(pemBlock) ?? []
  if (blocks.length === 0)
    throw new Error(
      `The file of SCALE_SET_AGENTS_ATTESTATION_ROOTS holds no certificate. Give it the roots in PEM form (-----BEGIN CERTIFICATE-----), or unset the variable.`,
    )
  return blocks.map((block, index) => extraRoot(block, index + 1))
}

function extraRoot(block: string, position: number): Certificate {
  const place = `Certificate ${position} in the file of SCALE_SET_AGENTS_ATTESTATION_ROOTS`
  let root: Certificate
  try {
    root = readCertificate(new X509Certificate(block).raw)
  } catch (error) {
    throw new Error(`${place} cannot be read. Export it again as PEM.`, { cause: error })
  }
  if (!root.x509.ca) throw new Error(`${place}, "${root.name}", is no certificate authority. Give the root that issued it, or remove it.`)
  return root
}
