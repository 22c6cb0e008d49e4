/** Mutates right claims and counts how each mutant is refused. */
import { signerNames, verifyDocument, type Trust } from '../../backend/registration/attestation.ts'
import { isDer } from '../../backend/registration/attestation-der.ts'
import { attestationRoots } from '../../backend/registration/roots.ts'
import { createRandom, type Random } from '../../backend/simulator/random.ts'
import { base64Of, certify, contentOf, intermediate, leaf, nowMs, pemOf, root, signedMessage } from '../support/attestation.ts'
import { bodyOf, claimOf, mutate, type Claim } from './mutate.ts'
import { meaningOf, readTree } from './tree.ts'

export type FuzzResult = {
  readonly seed: number
  readonly mutations: number
  /** Must be 0, like `crashes`. */
  readonly accepted: number
  readonly crashes: number
  /** Accepted, but the same proof: another allowed spelling of an algorithm, or a sent certificate embedded too. Not counted as mutations. */
  readonly equivalent: number
  readonly reasons: Readonly<Record<string, number>>
}

/** What the service knows: which nonce it gave to whom, and which machine that is in Azure. */
type Case = { readonly claim: Claim; readonly vmId: string; readonly subscriptionId: string }

const trust: Trust = { roots: attestationRoots(pemOf(root)), signerNames: signerNames.public, nowMs }

/** Runs `count` mutants of one seed. Equal seeds and counts draw equal mutations of keys that are made anew. */
export function fuzz(seed: number, count: number): FuzzResult {
  const random = createRandom(seed)
  const cases = validCases()
  for (const { claim } of cases)
    if (judge(bodyOf(claim), cases) !== 'accepted') throw new Error('A claim to start from is not valid itself.')
  const reasons = new Map<string, number>()
  let equivalent = 0
  for (let made = 0; made < count;) {
    const [one, mutant] = drawMutant(cases, random)
    const result = judge(bodyOf(mutant), cases)
    const isSame = result === 'accepted' && hasMeaningOf(mutant, one)
    if (isSame) equivalent++
    else made++
    if (!isSame) reasons.set(result, (reasons.get(result) ?? 0) + 1)
  }
  const { accepted = 0, crash: crashes = 0, ...refused } = Object.fromEntries([...reasons].sort())
  return { seed, mutations: count, accepted, crashes, equivalent, reasons: refused }
}

/** A mutant that differs from every right claim. */
function drawMutant(cases: readonly Case[], random: Random): readonly [Claim, Claim] {
  for (;;) {
    const at = random.below(cases.length)
    const one = cases[at]?.claim
    const other = cases[(at + 1 + random.below(cases.length - 1)) % cases.length]?.claim
    if (one === undefined || other === undefined) throw new Error('There are too few cases.')
    const mutant = mutate(one, other, random)
    if (cases.every(({ claim }) => !isSameClaim(claim, mutant))) return [one, mutant]
  }
}

/** As the service judges a claim, without its memory: the proof, then nonce, machine and subscription. */
function judge(body: string, cases: readonly Case[]): string {
  try {
    const claim = claimOf(body)
    const certificates = claim.certificates === '' ? [] : claim.certificates.split(',')
    const verdict = verifyDocument({ document: claim.document, certificates }, trust)
    if (!verdict.ok) return verdict.reason
    const { nonce, vmId, subscriptionId } = verdict.document
    if (nonce !== claim.nonce) return 'other-nonce'
    const known = cases.find((each) => each.claim.poolId === claim.poolId && each.claim.machine === claim.machine)
    if (known?.claim.nonce !== nonce) return 'unknown-nonce'
    return known.vmId === vmId && known.subscriptionId === subscriptionId ? 'accepted' : 'other-machine'
  } catch {
    return 'crash'
  }
}

function hasMeaningOf(mutant: Claim, original: Claim): boolean {
  if (!isDer(Buffer.from(mutant.document, 'base64'))) return false
  return isSameClaim({ ...mutant, document: original.document }, original) && meaningOfClaim(mutant) === meaningOfClaim(original)
}

/** The message without its certificates, and the certificates as a set: embedded, sent or both is one meaning. */
function meaningOfClaim({ document, certificates }: Claim): string {
  const message = readTree(Buffer.from(document, 'base64'))
  const embedded = message.parts?.[1]?.parts?.[0]?.parts?.[3]
  const sent = certificates === '' ? [] : certificates.split(',').map((text) => readTree(Buffer.from(text, 'base64')))
  const set = new Set([...(embedded?.parts ?? []), ...sent].map(meaningOf))
  const rest = meaningOf(message).replace(embedded === undefined ? '' : meaningOf(embedded), '')
  return [rest, ...[...set].sort()].join(' ')
}

function isSameClaim(one: Claim, other: Claim): boolean {
  const fields = ['poolId', 'machine', 'nonce', 'document', 'certificates'] as const
  return fields.every((field) => one[field] === other[field])
}

function validCases(): readonly Case[] {
  const secondCa = certify({ name: 'Test Issuing CA 02', issuer: root, ca: true, pathLength: 0 })
  const secondLeaf = certify({ name: 'metadata.azure.com', keyLabel: 'second leaf', issuer: secondCa, dnsNames: ['metadata.azure.com'] })
  return [
    makeCase(0, (content) => signedMessage(content), base64Of(intermediate)),
    makeCase(1, (content) => signedMessage(content, { attributes: true }), base64Of(intermediate)),
    makeCase(2, (content) => signedMessage(content, { embedded: [leaf, intermediate], azureIdentifiers: false }), ''),
    makeCase(3, (content) => signedMessage(content, { signer: secondLeaf, attributes: true }), base64Of(secondCa)),
  ]
}

function makeCase(index: number, signed: (content: Buffer) => Buffer, certificates: string): Case {
  const nonce = String(index).repeat(32)
  const vmId = `df7ec0d4-7840-410a-b948-6caa6970003${index}`
  const subscriptionId = '5c5a6349-0000-4e7f-ac78-3a62c211eda4'
  const document = signed(contentOf({ nonce, vmId, subscriptionId })).toString('base64')
  return { claim: { poolId: '7', machine: `agents00000${index}`, nonce, document, certificates }, vmId, subscriptionId }
}
