/** The gate before any ASN.1 library: base64 with one spelling, and DER that is bounded in depth and in number of elements. */

/** Undefined unless the text is the one spelling of its bytes: no line ends, full padding, no stray bits. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined
}

/** Far more than a real document needs (about 12 deep, 300 elements). */
const maxDepth = 24
const maxElements = 2048

const integerTag = 0x02
const constructedTags = new Set([0x30, 0x31])

type Header = { readonly tag: number; readonly start: number; readonly end: number }

/**
 * Whether the bytes are exactly one element in DER (X.690, 10), with all elements inside it: definite lengths in their shortest
 * form, every part filling its whole. Walks without recursion. Contents of strings are not looked into.
 */
export function isDer(bytes: Uint8Array): boolean {
  const whole = readHeader(bytes, 0, bytes.length)
  return whole?.end === bytes.length && (!isConstructed(whole) || areParts(bytes, whole))
}

function areParts(bytes: Uint8Array, whole: Header): boolean {
  const ends = [whole.end]
  let offset = whole.start
  for (let count = 0; ; count++) {
    while (ends.at(-1) === offset) ends.pop()
    const limit = ends.at(-1)
    if (limit === undefined) return true
    const part = readHeader(bytes, offset, limit)
    if (part === undefined || count === maxElements || ends.length === maxDepth) return false
    if (isConstructed(part)) ends.push(part.end)
    offset = isConstructed(part) ? part.start : part.end
  }
}

function isConstructed({ tag }: Header): boolean {
  return (tag & 0x20) !== 0
}

function readHeader(bytes: Uint8Array, offset: number, limit: number): Header | undefined {
  const tag = bytes[offset]
  const first = bytes[offset + 1]
  if (tag === undefined || first === undefined || !isKnownForm(tag)) return undefined
  const octets = first < 0x80 ? 0 : first & 0x7f
  const length = octets === 0 ? first : longLength(bytes, offset + 2, octets)
  const start = offset + 2 + octets
  if (length === undefined || start + length > limit) return undefined
  if (tag === integerTag && !isShortestInteger(bytes.subarray(start, start + length))) return undefined
  return { tag, start, end: start + length }
}

/** One-byte tags only; of the universal ones SEQUENCE and SET are constructed and all others are not. */
function isKnownForm(tag: number): boolean {
  if ((tag & 0x1f) === 0x1f) return false
  return (tag & 0xc0) !== 0 || ((tag & 0x20) !== 0) === constructedTags.has(tag)
}

/** Undefined for the indefinite form (no octets), for a length that fits a shorter form, and for more than 64 KB. */
function longLength(bytes: Uint8Array, offset: number, octets: number): number | undefined {
  const [high = 0, low = 0] = bytes.subarray(offset, offset + 2)
  if (octets === 1) return high >= 0x80 ? high : undefined
  return octets === 2 && high > 0 ? high * 0x100 + low : undefined
}

function isShortestInteger(content: Uint8Array): boolean {
  const [first, second] = content
  if (first === undefined) return false
  if (second === undefined) return true
  return !(first === 0 && second < 0x80) && !(first === 0xff && second >= 0x80)
}
