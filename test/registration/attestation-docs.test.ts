/** docs/attestation.md knows every reason. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { refusalReasons } from '../../backend/registration/attestation-refusal.ts'

test.each(refusalReasons)('%s is documented', (reason) => {
  expect(readFileSync(path.join(__dirname, '../../docs/attestation.md'), 'utf8')).toContain(`\`${reason}\``)
})
