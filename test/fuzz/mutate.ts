/** One wrong claim out of a right one. */
import type { Random } from '../../backend/simulator/random.ts'
import { headerOffsets, readTree, writeTree, type Tree } from './tree.ts'

/** What a machine sends; its key is left out, because any key is a right one. */
export type Claim = {
  readonly poolId: string
  readonly machine: string
  readonly nonce: string
  readonly document: string
  /** Comma separated. */
  readonly certificates: string
}

type Mutator = (claim: Claim, other: Claim, random: Random) => Claim

/** `other` is a right claim of another machine. The result may equal `claim` by chance. */
export function mutate(claim: Claim, other: Claim, random: Random): Claim {
  const mutator = random.pick(mutators) ?? onBody
  return mutator(claim, other, random)
}

export function bodyOf(claim: Claim): string {
  return new URLSearchParams(claim).toString()
}

export function claimOf(body: string): Claim {
  const fields = new URLSearchParams(body)
  const field = (name: string): string => fields.get(name) ?? ''
  return {
    poolId: field('poolId'),
    machine: field('machine'),
    nonce: field('nonce'),
    document: field('document'),
    certificates: field('certificates'),
  }
}

type Change = (bytes: Buffer, random: Random) => Buffer

const flipBit: Change = (bytes, random) => {
  const copy = Buffer.from(bytes)
  const at = random.below(copy.length)
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
  return copy
}
const insertByte: Change = (bytes, random) => {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at)])
}
const deleteBytes: Change = (bytes, random) => {
  const at = random.below(bytes.length)
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(4))])
}
const truncate: Change = (bytes, random) => bytes.subarray(0, random.below(bytes.length))
const setLength: Change = (bytes, random) => {
  const copy = Buffer.from(bytes)
  copy[(random.pick(headerOffsets(bytes)) ?? 0) + 1] = random.below(256)
  return copy
}
const reshape: Change = (bytes, random) => writeTree(reshaped(readTree(bytes), random))

const byteChanges: readonly Change[] = [flipBit, flipBit, insertByte, deleteBytes, truncate, setLength, reshape, reshape, reshape]

const onDocument: Mutator = (claim, _other, random) => ({ ...claim, document: changed(claim.document, random) })

const onCertificate: Mutator = (claim, other, random) => {
  if (claim.certificates === '') return onDocument(claim, other, random)
  const list = claim.certificates.split(',')
  const at = random.below(list.length)
  return { ...claim, certificates: list.map((text, index) => (index === at ? changed(text, random) : text)).join() }
}

const swapCertificates: Mutator = (claim, other, random) =>
  claim.certificates === '' ? splice(claim, other, random) : { ...claim, certificates: random.chance(0.5) ? other.certificates : '' }

/** The beginning of one document and the end of another. */
const splice: Mutator = (claim, other, random) => {
  const [own, foreign] = [Buffer.from(claim.document, 'base64'), Buffer.from(other.document, 'base64')]
  const ownAt = random.chance(0.5) ? (random.pick(headerOffsets(own)) ?? 0) : random.below(own.length)
  const foreignAt = random.chance(0.5) ? ownAt : (random.pick(headerOffsets(foreign)) ?? 0)
  return { ...claim, document: Buffer.concat([own.subarray(0, ownAt), foreign.subarray(foreignAt)]).toString('base64') }
}

/** An element of another document in the place of one of this. */
const transplant: Mutator = (claim, other, random) => {
  const donor = pickPart(readTree(Buffer.from(other.document, 'base64')), random)
  const tree = replaceSome(readTree(Buffer.from(claim.document, 'base64')), random, () => [donor])
  return { ...claim, document: writeTree(tree).toString('base64') }
}

const replaceNonce: Mutator = (claim, other, random) => {
  const content = Buffer.from(claim.document, 'base64').toString('latin1').replace(claim.nonce, other.nonce)
  const document = Buffer.from(content, 'latin1').toString('base64')
  return (
    random.pick([
      { ...claim, nonce: other.nonce },
      { ...claim, document },
      { ...claim, nonce: other.nonce, document },
    ]) ?? claim
  )
}

const ofOther: Mutator = (claim, other, random) =>
  random.pick<Claim>([
    { ...claim, document: other.document, certificates: other.certificates },
    { ...claim, machine: other.machine },
    { ...claim, poolId: `${claim.poolId}${random.below(10)}` },
    { ...other, machine: claim.machine },
    { ...other, nonce: claim.nonce },
  ]) ?? claim

const damageBase64: Mutator = (claim, _other, random) => {
  const change = random.pick([flipBit, insertByte, deleteBytes, truncate]) ?? flipBit
  return { ...claim, document: change(Buffer.from(claim.document, 'latin1'), random).toString('latin1') }
}

const onBody: Mutator = (claim, _other, random) => {
  const change = random.pick([flipBit, insertByte, deleteBytes, truncate]) ?? flipBit
  return claimOf(change(Buffer.from(bodyOf(claim), 'latin1'), random).toString('latin1'))
}

const mutators = [
  ...[onDocument, onDocument, onDocument, onDocument, onCertificate, onCertificate],
  ...[swapCertificates, splice, transplant, transplant, replaceNonce, ofOther, damageBase64, onBody],
]

/** One to three changes to the bytes behind a base64 text. */
function changed(text: string, random: Random): string {
  let bytes = Buffer.from(text, 'base64')
  const first = random.pick(byteChanges) ?? flipBit
  bytes = Buffer.from(first(bytes, random))
  // Only the first change may ask for DER.
  for (let more = random.below(3); more > 0 && bytes.length > 0; more--) bytes = Buffer.from(flipBit(bytes, random))
  return bytes.toString('base64')
}

/** Drops, doubles or retags an element, or changes its content, and puts all lengths right. */
function reshaped(tree: Tree, random: Random): Tree {
  return replaceSome(tree, random, (part) => {
    const change = random.pick(['drop', 'double', 'retag', 'content'])
    if (change === 'drop') return []
    if (change === 'double') return [part, part]
    if (change === 'retag' || part.parts !== undefined || part.content.length === 0) return [{ ...part, tag: random.below(256) }]
    return [{ ...part, content: Buffer.from((random.pick([flipBit, insertByte, deleteBytes]) ?? flipBit)(part.content, random)) }]
  })
}

/** Replaces one element below the top, each depth as likely as the walk reaches it. */
function replaceSome(tree: Tree, random: Random, replace: (part: Tree) => readonly Tree[]): Tree {
  const parts = tree.parts ?? []
  const at = random.below(parts.length)
  const chosen = parts[at]
  if (chosen === undefined) return tree
  const isDeeper = (chosen.parts?.length ?? 0) > 0 && random.chance(0.8)
  const put = isDeeper ? [replaceSome(chosen, random, replace)] : replace(chosen)
  return { ...tree, parts: [...parts.slice(0, at), ...put, ...parts.slice(at + 1)] }
}

function pickPart(tree: Tree, random: Random): Tree {
  const part = random.pick(tree.parts ?? [])
  return part === undefined || random.chance(0.15) ? tree : pickPart(part, random)
}
