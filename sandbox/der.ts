/** The few DER encodings that certificates and signed messages need (ITU-T X.690), so that no OpenSSL binary is asked for. */

/** One element: tag, length and the concatenated content. */
export function element(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content)
  return Buffer.concat([Buffer.from([tag]), lengthOf(body), body])
}

export const sequence = (...items: readonly Buffer[]): Buffer => element(0x30, ...items)
/** DER wants the elements of a set in the order of their encodings. */
export const setOf = (...items: readonly Buffer[]): Buffer => element(0x31, ...items.toSorted(Buffer.compare))
export const nothing = element(0x05)
export const utf8String = (text: string): Buffer => element(0x0c, Buffer.from(text, 'utf8'))
export const octetString = (content: Buffer): Buffer => element(0x04, content)
export const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]))
export const bitString = (content: Buffer, unusedBits = 0): Buffer => element(0x03, Buffer.from([unusedBits]), content)

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first < 0 ? Buffer.from([0]) : bytes.subarray(first)
  const sign = (significant[0] ?? 0) & 0x80 ? Buffer.from([0]) : Buffer.alloc(0)
  return element(0x02, sign, significant)
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** GeneralizedTime to the second, in UTC. */
export function generalizedTime(date: Date): Buffer {
  return element(0x18, Buffer.from(date.toISOString().replace(/[-:T]|\.\d+/g, ''), 'ascii'))
}

/** UTCTime to the second: years 1950 to 2049. */
export function utcTime(date: Date): Buffer {
  return element(
    0x17,
    Buffer.from(
      date
        .toISOString()
        .slice(2)
        .replace(/[-:T]|\.\d+/g, ''),
      'ascii',
    ),
  )
}

function lengthOf(body: Buffer): Buffer {
  if (body.length < 0x80) return Buffer.from([body.length])
  const digits = body.length.toString(16)
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function base128(value: number): number[] {
  const groups = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) groups.unshift((rest & 0x7f) | 0x80)
  return groups
}
