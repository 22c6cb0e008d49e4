/** From the signer's certificate over the intermediates at hand to a trusted root. No network: addresses in certificates are not read. */
import { certificateProblem, issuedProblem, issuerProblem, type Certificate } from './attestation-certificate.ts'
import { Refused, type Refusal } from './attestation-refusal.ts'

/** A certificate that leads to the signer's, and how many intermediates stand below its issuer. */
type Link = { readonly certificate: Certificate; readonly below: number }

const maxIntermediates = 4

/**
 * Throws Refused unless some of the `intermediates` lead from `leaf` to one of the `roots` at `nowMs`. Shortest chain first; each
 * intermediate is tried once, which bounds the work; one that is not needed is ignored.
 */
export function checkChain(leaf: Certificate, intermediates: readonly Certificate[], roots: readonly Certificate[], nowMs: number): void {
  const problem = certificateProblem(leaf, nowMs) ?? pathProblem(leaf, intermediates, roots, nowMs)
  if (problem !== undefined) throw new Refused(problem)
}

function pathProblem(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  nowMs: number,
): Refusal | undefined {
  let problem: Refusal | undefined
  const unused = new Set(intermediates)
  const links: Link[] = [{ certificate: leaf, below: 0 }]
  // The list grows while it is walked.
  for (const link of links) {
    for (const issuer of [...roots, ...unused].filter((each) => isNamedIssuer(each, link.certificate))) {
      const isRoot = roots.includes(issuer)
      const wrong = linkProblem(issuer, link, nowMs) ?? (isRoot ? undefined : lengthProblem(link))
      problem ??= wrong
      if (wrong !== undefined) continue
      if (isRoot) return undefined
      unused.delete(issuer)
      links.push({ certificate: issuer, below: link.below + 1 })
    }
  }
  return problem ?? unknownRoot(links.at(-1)?.certificate ?? leaf)
}

function isNamedIssuer(issuer: Certificate, certificate: Certificate): boolean {
  return issuer.x509.subject === certificate.x509.issuer
}

function linkProblem(issuer: Certificate, link: Link, nowMs: number): Refusal | undefined {
  return issuerProblem(issuer, link.below, nowMs) ?? issuedProblem(link.certificate, issuer)
}

function lengthProblem({ certificate, below }: Link): Refusal | undefined {
  if (below < maxIntermediates) return undefined
  const detail = `There are more than ${maxIntermediates} intermediates, up to "${certificate.name}". Azure's chains have one or two: find out which program sent this proof.`
  return { reason: 'chain-too-long', detail }
}

function unknownRoot({ issuerName, name }: Certificate): Refusal {
  const detail =
    `The chain of certificates ends at "${issuerName}", which issued "${name}" and is neither a known root nor a certificate that the machine sent. ` +
    `If Azure announced it as a root, add it to the PEM file that SCALE_SET_AGENTS_ATTESTATION_ROOTS names and restart the service (docs/attestation.md).`
  return { reason: 'unknown-root', detail }
}
