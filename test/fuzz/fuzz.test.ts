/** A slice of `npm run fuzz:claim`. */
import { fuzz } from './fuzz.ts'

test('no mutant of a right claim is accepted, and none throws', () => {
  const { accepted, crashes, reasons } = fuzz(7, 1000)
  expect({ accepted, crashes }).toEqual({ accepted: 0, crashes: 0 })
  // Mutants reach every layer: form, message, signature, chain, and the nonce.
  for (const reason of ['not-base64', 'not-der', 'not-signed-data', 'algorithm', 'digest', 'signature', 'unknown-root', 'other-nonce'])
    expect(reasons[reason]).toBeGreaterThan(0)
}, 60_000)
