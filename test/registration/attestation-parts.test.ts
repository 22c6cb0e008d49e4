/** The parts of the verification that have a reference to be compared with. */
import fc from 'fast-check'
import { sequence, octetString, integer } from '../../sandbox/der.ts'
import { certify, contentOf, leaf, pemOf, root, signedMessage } from '../support/attestation.ts'
import { parseTime } from '../../backend/registration/attestation-content.ts'
import { decodeBase64, isDer } from '../../backend/registration/attestation-der.ts'
import { attestationRoots } from '../../backend/registration/roots.ts'
import { verifyDocument } from '../../backend/registration/attestation.ts'

describe('the time of a document', () => {
  test('is read as the platform reads it', () => {
    const seconds = fc.integer({ min: Date.UTC(2000, 0, 1) / 1000, max: Date.UTC(2100, 0, 1) / 1000 - 1 })
    fc.assert(
      fc.property(seconds, (second) => {
        const [, year, month, day, time] = /^20(\d\d)-(\d\d)-(\d\d)T([\d:]{8})/.exec(new Date(second * 1000).toISOString())!
        expect(parseTime(`${month}/${day}/${year} ${time} -0000`)).toBe(second * 1000)
      }),
    )
  })

  test.each([
    '00/10/26 10:00:00 -0000',
    '13/10/26 10:00:00 -0000',
    '04/31/26 10:00:00 -0000',
    '1/1/26 10:00:00 -0000',
    20_261_121,
    undefined,
  ])('%s is none', (text) => {
    expect(parseTime(text)).toBeUndefined()
  })
})

describe('base64', () => {
  test('has one spelling for all bytes but none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64')
        expect(decodeBase64(text)).toEqual(Buffer.from(bytes))
        expect(decodeBase64(`${text}\n`)).toBeUndefined()
      }),
    )
    expect(decodeBase64('')).toBeUndefined()
  })
})

describe('DER', () => {
  const tree = fc.letrec<{ node: Buffer }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      fc.uint8Array({ maxLength: 300 }).map((bytes) => octetString(Buffer.from(bytes))),
      fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => integer(Buffer.from(bytes))),
      fc.array(tie('node'), { maxLength: 5 }).map((parts) => sequence(...parts)),
    ),
  })).node

  test('of any shape passes, and neither a tail nor a missing byte does', () => {
    fc.assert(
      fc.property(tree, (der) => {
        expect(isDer(der)).toBe(true)
        expect(isDer(Buffer.concat([der, Buffer.from([0])]))).toBe(false)
        expect(isDer(der.subarray(0, -1))).toBe(false)
      }),
    )
  })

  test('is told from any bytes without a throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => typeof isDer(bytes) === 'boolean'))
  })
})

test('no text is a proof, and none makes the verification throw', () => {
  const trust = { roots: attestationRoots(pemOf(root)), signerNames: ['metadata.azure.com'], nowMs: 0 }
  const text = fc.oneof(fc.string(), fc.base64String(), fc.constant(signedMessage(contentOf()).toString('base64')))
  fc.assert(
    fc.property(text, fc.array(text, { maxLength: 5 }), (document, certificates) => {
      expect(verifyDocument({ document, certificates }, trust)).toMatchObject({ ok: false, detail: expect.stringMatching(/\.$/) as string })
    }),
  )
})

describe('the roots', () => {
  const names = attestationRoots().map(({ name }) => name)

  test('are the six of Azure that Node carries', () => {
    expect(names).toHaveLength(6)
    expect(names).toContainEqual(expect.stringContaining('CN=DigiCert Global Root G2'))
    expect(names).toContainEqual(expect.stringContaining('CN=Microsoft RSA Root Certificate Authority 2017'))
  })

  test("are joined by the operator's", () => {
    const second = certify({ name: 'Second Root', ca: true })
    const added = attestationRoots(`# two roots\n${pemOf(root)}\n${pemOf(second)}`).slice(names.length)
    expect(added.map(({ name }) => name)).toEqual(['CN=Test Root', 'CN=Second Root'])
  })

  test.each<[string, string, RegExp]>([
    ['no certificate', 'metadata.azure.com', /ATTESTATION_ROOTS holds no certificate\. Give it the roots in PEM form/],
    ['a damaged one', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /Certificate 1 in the file .* cannot be read/],
    ['one that is no authority', `${pemOf(root)}${pemOf(leaf)}`, /Certificate 2 .*"CN=metadata\.azure\.com", is no certificate authority/],
  ])('a file with %s is refused', (_case, pem, message) => {
    expect(() => attestationRoots(pem)).toThrow(message)
  })
})
