/** DER as a tree, so that a mutant keeps right lengths and gets past the first gate. */

export type Tree = { readonly tag: number; readonly content: Buffer; readonly parts?: readonly Tree[] }

/** Of bytes that are DER. */
export function readTree(bytes: Buffer): Tree {
  const [tree] = readParts(bytes)
  if (tree === undefined) throw new Error('No element to read.')
  return tree
}

export function writeTree({ tag, content, parts }: Tree): Buffer {
  const body = parts === undefined ? content : Buffer.concat(parts.map(writeTree))
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body])
}

/** Where the headers of all elements start. */
export function headerOffsets(bytes: Buffer, from = 0, to = bytes.length): readonly number[] {
  const offsets: number[] = []
  for (let offset = from; offset < to;) {
    const { start, end } = extentOf(bytes, offset)
    offsets.push(offset, ...(((bytes[offset] ?? 0) & 0x20) === 0 ? [] : headerOffsets(bytes, start, end)))
    offset = end
  }
  return offsets
}

/**
 * The same for two documents that differ only in what two spellings are allowed for: parameters of an algorithm absent or NULL, and
 * the digest named by its own identifier or by that of the signature. The signature covers neither.
 */
export function meaningOf(tree: Tree): string {
  if (tree.parts === undefined) return `${tree.tag}:${spellings[tree.content.toString('hex')] ?? tree.content.toString('hex')}`
  return `${tree.tag}(${tree.parts
    .filter(({ tag }) => tag !== 0x05)
    .map(meaningOf)
    .join()})`
}

/** sha256WithRSA and rsaEncryption → SHA-256. */
const spellings: Readonly<Record<string, string>> = {
  '2a864886f70d01010b': '608648016503040201',
  '2a864886f70d010101': '608648016503040201',
}

function readParts(bytes: Buffer): readonly Tree[] {
  const parts: Tree[] = []
  for (let offset = 0; offset < bytes.length;) {
    const { start, end } = extentOf(bytes, offset)
    const content = bytes.subarray(start, end)
    const tag = bytes[offset] ?? 0
    parts.push((tag & 0x20) === 0 ? { tag, content } : { tag, content, parts: readParts(content) })
    offset = end
  }
  return parts
}

function extentOf(bytes: Buffer, offset: number): { readonly start: number; readonly end: number } {
  const first = bytes[offset + 1] ?? 0
  if (first < 0x80) return { start: offset + 2, end: offset + 2 + first }
  const start = offset + 2 + (first & 0x7f)
  return { start, end: start + bytes.readUIntBE(offset + 2, first & 0x7f) }
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}
