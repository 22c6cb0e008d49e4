/** docs/security-checklist.md names tests that exist, and every control of C1 to C24. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

const root = path.join(__dirname, '../..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const rows = [...read('docs/security-checklist.md').matchAll(/^\| (C\d+) \| .* \| `([^`]+)` \| (.*) \|$/gm)].map(
  ([, control, file, proof]) => ({
    control: control!,
    file: file!,
    proof: proof!,
  }),
)

test('every control has its row', () => {
  const controls = new Set(rows.map(({ control }) => control))
  expect([...controls]).toEqual(Array.from({ length: 24 }, (_, at) => `C${at + 1}`))
})

test.each(rows.map((row) => [row.control, row.file, row.proof] as const))('%s: %s has it', (_, file, proof) => {
  expect(existsSync(path.join(root, file))).toBe(true)
  if (/\.(test|browser)\.tsx?$|\.bats$/.test(file)) expect(read(file)).toContain(proof)
})
