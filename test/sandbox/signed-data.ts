/** Takes a PKCS#7 SignedData apart and checks its signature with nothing but Node: DER is read here, not by the code that wrote it. */
import { createHash, verify, X509Certificate } from 'node:crypto'

type Element = { readonly tag: number; readonly body: Buffer; readonly whole: Buffer }
export type Signed = { readonly content: Buffer; readonly certificates: readonly X509Certificate[]; readonly isGenuine: boolean }

/** `content` stands in for the signed one, for a test of tampering. */
export function openSignedData(der: Buffer, content?: Buffer): Signed {
  const [, wrapped] = inside(first(der))
  const [, , encapsulated, certificateSet, infos] = inside(first(wrapped!.body))
  const signedContent = content ?? first(inside(encapsulated!)[1]!.body).body
  const certificates = inside(certificateSet!).map(({ whole }) => new X509Certificate(whole))
  const [, , , ...rest] = inside(first(infos!.body))
  const attributes = rest[0]!.tag === 0xa0 ? rest.shift() : undefined
  const signature = rest[1]!.body
  const covered = attributes ? Buffer.concat([Buffer.from([0x31]), attributes.whole.subarray(1)]) : signedContent
  const isGenuine =
    verify('sha256', covered, certificates[0]!.publicKey, signature) && (!attributes || digestOf(attributes).equals(sha256(signedContent)))
  return { content: signedContent, certificates, isGenuine }
}

/** The value of the attribute messageDigest (1.2.840.113549.1.9.4). */
function digestOf(attributes: Element): Buffer {
  const attribute = inside(attributes).find((each) => inside(each)[0]!.body.toString('hex') === '2a864886f70d010904')
  return first(inside(attribute!)[1]!.body).body
}

function sha256(content: Buffer): Buffer {
  return createHash('sha256').update(content).digest()
}

function inside({ body }: Element): Element[] {
  const items: Element[] = []
  for (let rest = body; rest.length > 0; rest = rest.subarray(items.at(-1)!.whole.length)) items.push(first(rest))
  return items
}

function first(der: Buffer): Element {
  const short = der[1]!
  const lengthBytes = short < 0x80 ? 0 : short - 0x80
  const length = lengthBytes === 0 ? short : der.readUIntBE(2, lengthBytes)
  const start = 2 + lengthBytes
  return { tag: der[0]!, body: der.subarray(start, start + length), whole: der.subarray(0, start + length) }
}
