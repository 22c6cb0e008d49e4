/** The corpus of control C4: every wrong proof is refused, for its own reason. */
import { certify, base64Of, contentOf, extension, intermediate, leaf, nowMs, pemOf, root, signedMessage } from '../support/attestation.ts'
import type { CertificateKnobs, DocumentKnobs, Identity } from '../support/attestation.ts'
import { element, octetString, sequence, setOf, objectIdentifier, integer } from '../../sandbox/der.ts'
import { signerNames, verifyDocument, type Proof, type Trust } from '../../backend/registration/attestation.ts'
import { attestationRoots } from '../../backend/registration/roots.ts'

const trust: Trust = { roots: attestationRoots(pemOf(root)), signerNames: signerNames.public, nowMs }
const minuteMs = 60_000

function proof(knobs: DocumentKnobs = {}, content = contentOf(), sent: readonly Identity[] = [intermediate]): Proof {
  return { document: signedMessage(content, knobs).toString('base64'), certificates: sent.map(base64Of) }
}

function reasonOf(given: Proof, with_: Trust = trust): string {
  const verdict = verifyDocument(given, with_)
  return verdict.ok ? 'accepted' : verdict.reason
}

const signerUnder = (issuer: Identity, knobs: Partial<CertificateKnobs> = {}): Identity =>
  certify({ name: 'metadata.azure.com', keyLabel: 'leaf', issuer, dnsNames: ['metadata.azure.com'], ...knobs })

/** A chain of `count` intermediates, the topmost first. */
function tower(count: number, knobs: (index: number) => Partial<CertificateKnobs> = () => ({})): readonly Identity[] {
  const made: Identity[] = [root]
  for (let index = 1; index <= count; index++)
    made.push(certify({ name: `Tower ${index}`, keyLabel: 'tower', ca: true, issuer: made.at(-1)!, ...knobs(index) }))
  return made.slice(1)
}

describe('an attested document is accepted', () => {
  test('in the form of Azure, and tells what it says', () => {
    expect(verifyDocument(proof(), trust)).toEqual({
      ok: true,
      document: {
        nonce: '00112233445566778899aabbccddeeff',
        vmId: 'df7ec0d4-7840-410a-b948-6caa69700034',
        subscriptionId: '5c5a6349-0000-4e7f-ac78-3a62c211eda4',
        createdOn: Date.UTC(2026, 10, 21, 11, 59, 30),
        expiresOn: Date.UTC(2026, 10, 21, 17, 59, 30),
      },
    })
  })

  test.each<[string, () => Proof]>([
    ['with signed attributes', () => proof({ attributes: true })],
    ['with the identifiers of RFC 5754', () => proof({ azureIdentifiers: false })],
    ['with the intermediate embedded instead of sent', () => proof({ embedded: [intermediate, leaf] }, contentOf(), [])],
    ['with certificates that are not needed', () => proof({ embedded: [leaf, root] }, contentOf(), [root, intermediate, intermediate])],
    ['signed right under the root', () => proof({ signer: signerUnder(root) }, contentOf(), [])],
    [
      'over four intermediates in any order',
      () => {
        const four = tower(4)
        return proof({ signer: signerUnder(four[3]!) }, contentOf(), [four[2]!, four[0]!, four[3]!, four[1]!])
      },
    ],
    [
      'over an intermediate with an elliptic key',
      () => {
        const issuer = certify({ name: 'EC CA', curve: 'secp384r1', issuer: root, ca: true })
        return proof({ signer: signerUnder(issuer, { hash: 'sha384' }) }, contentOf(), [issuer])
      },
    ],
    [
      'over the renewed intermediate when the old one is sent too',
      () => {
        const old = certify({ name: 'Renewed CA', issuer: root, ca: true, notAfterMs: nowMs - 1 })
        const renewed = certify({ name: 'Renewed CA', issuer: root, ca: true })
        return proof({ signer: signerUnder(renewed) }, contentOf(), [old, renewed])
      },
    ],
    ['with identifiers in capitals', () => proof({}, contentOf({ vmId: 'DF7EC0D4-7840-410A-B948-6CAA69700034' }))],
  ])('%s', (_case, make) => {
    const verdict = verifyDocument(make(), trust)
    expect(verdict).toMatchObject({ ok: true, document: { vmId: 'df7ec0d4-7840-410a-b948-6caa69700034' } })
  })

  test('of a sovereign cloud by that cloud only', () => {
    const china = proof({ signer: signerUnder(intermediate, { dnsNames: ['chinaeast2.metadata.azure.cn'] }) })
    expect(reasonOf(china, { ...trust, signerNames: signerNames.china })).toBe('accepted')
    expect(reasonOf(china)).toBe('signer-name')
  })
})

describe('the form:', () => {
  const der = signedMessage(contentOf())
  const bytes = (changed: Uint8Array): Proof => ({ ...proof(), document: Buffer.from(changed).toString('base64') })

  test.each<[string, string, () => Proof]>([
    ['an empty document', 'not-base64', () => ({ ...proof(), document: '' })],
    ['line ends in the base64', 'not-base64', () => ({ ...proof(), document: proof().document.replace(/(.{64})/g, '$1\n') })],
    ['stray bits in the base64', 'not-base64', () => ({ ...proof(), document: 'MIB=' })],
    ['a certificate that is not base64', 'not-base64', () => ({ ...proof(), certificates: ['-----BEGIN'] })],
    ['more than 16 KB in all', 'too-large', () => ({ ...proof(), document: 'A'.repeat(16 * 1024) })],
    ['five certificates', 'too-many-certificates', () => ({ ...proof(), certificates: Array<string>(5).fill('AAAA') })],
    ['a certificate embedded twice', 'too-many-certificates', () => proof({ embedded: [leaf, leaf] })],
    ['six embedded certificates', 'too-many-certificates', () => proof({ embedded: Array<Identity>(6).fill(leaf) })],
    ['an HTML page', 'not-der', () => bytes(Buffer.from('<html>Sign in</html>'))],
    ['a byte behind the end', 'not-der', () => bytes(Buffer.concat([der, Buffer.from([0])]))],
    ['a missing last byte', 'not-der', () => bytes(der.subarray(0, -1))],
    ['a certificate in place of the document', 'not-signed-data', () => bytes(leaf.der)],
    ['version 3', 'not-signed-data', () => proof({ version: 3 })],
    ['content of another type', 'not-signed-data', () => proof({ contentType: '1.2.840.113549.1.7.5' })],
    ['a revocation list', 'not-signed-data', () => proof({ afterCertificates: [element(0xa1, sequence())] })],
    [
      'unsigned attributes',
      'not-signed-data',
      () => proof({ afterSignature: [element(0xa1, sequence(objectIdentifier('1.2.3'), setOf(octetString(Buffer.from('x')))))] }),
    ],
    ['no content', 'no-content', () => proof({ replacedContent: null })],
    ['no signer', 'signer-count', () => proof({ signers: 0 })],
    ['two signers', 'signer-count', () => proof({ signers: 2 })],
    ['a certificate that is none', 'certificate-unreadable', () => ({ ...proof(), certificates: [der.toString('base64')] })],
    [
      'a certificate with a tail',
      'certificate-unreadable',
      () => ({ ...proof(), certificates: [Buffer.concat([intermediate.der, Buffer.from([5, 0])]).toString('base64')] }),
    ],
  ])('%s is refused: %s', (_case, reason, make) => {
    expect(reasonOf(make())).toBe(reason)
  })
})

describe('the signature:', () => {
  const other = contentOf({ nonce: 'ffeeddccbbaa99887766554433221100' })

  test.each<[string, string, () => Proof]>([
    ['SHA-1', 'algorithm', () => proof({ hash: 'sha1' })],
    ['RSA-PSS', 'algorithm', () => proof({ pss: true })],
    ['another content', 'signature', () => proof({ replacedContent: other })],
    ['another content under signed attributes', 'digest', () => proof({ attributes: true, replacedContent: other })],
    ['the key of somebody else', 'signature', () => proof({ signer: { ...leaf, key: intermediate.key } })],
    ['the key of somebody else over attributes', 'signature', () => proof({ attributes: true, signer: { ...leaf, key: root.key } })],
    ['no certificate of the signer', 'signer-certificate', () => proof({ embedded: [intermediate] })],
    ['no certificate at all', 'signer-certificate', () => proof({ embedded: [] })],
    ['a key of 1024 bits', 'weak-key', () => proof({ signer: signerUnder(intermediate, { bits: 1024 }) })],
    ['an elliptic key', 'weak-key', () => proof({ signer: signerUnder(intermediate, { curve: 'prime256v1' }) })],
  ])('%s is refused: %s', (_case, reason, make) => {
    expect(reasonOf(make())).toBe(reason)
  })
})

describe('the signer:', () => {
  test.each<[string, readonly string[]]>([
    ['a foreign name', ['metadata.example.com']],
    ['a name that only ends alike', ['evilmetadata.azure.com']],
    ['a name below which Azure stands', ['metadata.azure.com.example.com']],
    ['no name but the common name', []],
  ])('%s is refused: signer-name', (_case, dnsNames) => {
    expect(reasonOf(proof({ signer: signerUnder(intermediate, { dnsNames }) }))).toBe('signer-name')
  })

  test('is named in the refusal, with the names that were expected', () => {
    const verdict = verifyDocument(proof({ signer: signerUnder(intermediate, { dnsNames: ['metadata.azure.us'] }) }), trust)
    expect(verdict).toMatchObject({
      detail: expect.stringMatching(/for metadata\.azure\.us, not for metadata\.azure\.com\. Check/) as string,
    })
  })
})

describe('the chain:', () => {
  const otherRoot = certify({ name: 'Other Root', ca: true })
  const critical = extension('1.3.6.1.4.1.99999.1', true, octetString(Buffer.from('x')))
  const nameConstraints = extension('2.5.29.30', false, sequence(element(0xa0, sequence(element(0x82, Buffer.from('example.com'))))))
  const belowLeaf = signerUnder(leaf)
  const signedByLeaf = proof({ signer: belowLeaf, embedded: [belowLeaf, leaf] })
  const under = (knobs: Partial<CertificateKnobs>): Proof => {
    const issuer = certify({ name: 'Odd CA', keyLabel: 'odd', issuer: root, ca: true, ...knobs })
    return proof({ signer: signerUnder(issuer) }, contentOf(), [issuer])
  }

  test.each<[string, string, () => Proof]>([
    ['no intermediate', 'unknown-root', () => proof({}, contentOf(), [])],
    ['another root', 'unknown-root', () => proof({ signer: signerUnder(otherRoot) }, contentOf(), [otherRoot])],
    [
      'a signer that signed itself',
      'unknown-root',
      () => proof({ signer: certify({ name: 'metadata.azure.com', dnsNames: ['metadata.azure.com'] }) }),
    ],
    [
      'a root of the same name',
      'chain-signature',
      () => proof({ signer: signerUnder(certify({ name: 'Test Root', keyLabel: 'x', ca: true })) }),
    ],
    [
      'an intermediate of the same name',
      'chain-signature',
      () => proof({}, contentOf(), [certify({ name: 'Test Issuing CA 01', keyLabel: 'x', issuer: root, ca: true })]),
    ],
    ['an expired signer', 'certificate-time', () => proof({ signer: signerUnder(intermediate, { notAfterMs: nowMs - 1000 }) })],
    ['a signer of tomorrow', 'certificate-time', () => proof({ signer: signerUnder(intermediate, { notBeforeMs: nowMs + 1000 }) })],
    ['an expired intermediate', 'certificate-time', () => under({ notAfterMs: nowMs - 1000 })],
    ['an intermediate that is no authority', 'issuer-not-ca', () => under({ ca: false })],
    ['a signer that another signer issued', 'issuer-not-ca', () => signedByLeaf],
    ['an intermediate with a key of 1024 bits', 'weak-key', () => under({ bits: 1024 })],
    ['an intermediate with a weak curve', 'weak-key', () => under({ curve: 'secp224r1' })],
    ['an intermediate signed with SHA-1', 'algorithm', () => under({ hash: 'sha1' })],
    ['an intermediate with an unknown critical extension', 'certificate-extension', () => under({ extensions: [critical] })],
    ['an intermediate limited to some names', 'certificate-extension', () => under({ extensions: [nameConstraints] })],
    [
      'five intermediates',
      'chain-too-long',
      () => {
        const five = tower(5)
        const signer = signerUnder(five[4]!)
        return proof({ signer, embedded: [signer, five[0]!] }, contentOf(), five.slice(1))
      },
    ],
    [
      'an intermediate below one that allows none',
      'path-length',
      () => {
        const two = tower(2, (index) => (index === 1 ? { pathLength: 0 } : {}))
        return proof({ signer: signerUnder(two[1]!) }, contentOf(), two)
      },
    ],
  ])('%s is refused: %s', (_case, reason, make) => {
    expect(reasonOf(make())).toBe(reason)
  })

  test('an unknown root is named, with the setting that adds it', () => {
    const verdict = verifyDocument(proof({ signer: signerUnder(otherRoot) }, contentOf(), [otherRoot]), trust)
    expect(verdict).toMatchObject({ detail: expect.stringContaining('"CN=Other Root"') as string })
    expect(verdict).toMatchObject({ detail: expect.stringContaining('SCALE_SET_AGENTS_ATTESTATION_ROOTS') as string })
  })

  test('an expired root is refused', () => {
    const late = { ...trust, nowMs: nowMs + 400 * 86_400_000 }
    const signer = signerUnder(root, { notAfterMs: late.nowMs + minuteMs })
    expect(reasonOf(proof({ signer }), late)).toBe('certificate-time')
  })
})

describe('the content:', () => {
  const time = { createdOn: '11/21/26 11:59:30 -0000', expiresOn: '11/21/26 17:59:30 -0000' }

  test.each<[string, Buffer]>([
    ['no JSON', Buffer.from('nonce=1')],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['null', Buffer.from('null')],
    ['a list', Buffer.from('[]')],
    ['a number as nonce', contentOf({ nonce: 1234567890 })],
    ['an empty nonce', contentOf({ nonce: '' })],
    ['no machine', contentOf({ vmId: '' })],
    ['a machine of another form', contentOf({ vmId: ['df7ec0d4-7840-410a-b948-6caa69700034'] })],
    ['no subscription', contentOf({ subscriptionId: undefined })],
    ['no time', contentOf({ timeStamp: null })],
    ['a day that does not exist', contentOf({ timeStamp: { ...time, createdOn: '02/29/25 11:59:30 -0000' } })],
    ['a time of another zone', contentOf({ timeStamp: { ...time, createdOn: '11/21/26 11:59:30 +0100' } })],
    ['an end before the beginning', contentOf({ timeStamp: { ...time, expiresOn: '11/21/26 11:59:29 -0000' } })],
  ])('%s is refused: content', (_case, content) => {
    expect(reasonOf(proof({}, content))).toBe('content')
  })

  test.each<[string, number, string]>([
    ['five minutes before it was made', Date.UTC(2026, 10, 21, 11, 54, 30), 'accepted'],
    ['earlier', Date.UTC(2026, 10, 21, 11, 54, 29), 'not-yet-valid'],
    ['five minutes after it expired', Date.UTC(2026, 10, 21, 18, 4, 30), 'accepted'],
    ['later', Date.UTC(2026, 10, 21, 18, 4, 31), 'expired'],
  ])('read %s is %s', (_case, at, result) => {
    expect(reasonOf(proof(), { ...trust, nowMs: at })).toBe(result)
  })
})

describe('hostile input is refused in bounded work:', () => {
  const nested = (wrap: (inner: Buffer) => Buffer, limit: number): Buffer => {
    let inner: Buffer = Buffer.from([0x05, 0x00])
    while (inner.length < limit) inner = wrap(inner)
    return inner
  }

  test.each<[string, string, () => Buffer]>([
    ['sequences in sequences', 'not-der', () => nested((inner) => sequence(inner), 11_000)],
    ['octet strings in octet strings', 'not-signed-data', () => nested((inner) => octetString(inner), 11_000)],
    ['a content of octet strings in octet strings', 'content', () => signedMessage(nested((inner) => octetString(inner), 8_000))],
    ['thousands of elements', 'not-der', () => sequence(...Array<Buffer>(4000).fill(Buffer.from([5, 0])))],
    ['an indefinite length', 'not-der', () => Buffer.from([0x30, 0x80, 0, 0])],
    ['a length beyond the end', 'not-der', () => Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff])],
    ['a long spelling of a short length', 'not-der', () => Buffer.from([0x30, 0x81, 0x02, 5, 0])],
    ['a number with a leading zero', 'not-der', () => sequence(element(0x02, Buffer.from([0, 1])), integer(Buffer.from([1])))],
  ])('%s is refused: %s', (_case, reason, make) => {
    expect(reasonOf({ ...proof(), document: make().toString('base64') })).toBe(reason)
  })

  test('certificates that all issue each other', () => {
    const same = Array.from({ length: 8 }, () => certify({ name: 'Loop', keyLabel: 'loop', ca: true, bits: 2048 }))
    const signer = signerUnder(same[0]!)
    expect(reasonOf(proof({ signer, embedded: [signer, ...same.slice(0, 4)] }, contentOf(), same.slice(4)))).toMatch(
      /chain-too-long|unknown-root/,
    )
  })

  test('what is not text at all', () => {
    expect(reasonOf({ document: undefined, certificates: null } as unknown as Proof)).toBe('unreadable')
  })
})
