/** README's table holds to the tests: each row names a test that exists, and each test has its row. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const folder = __dirname
const rows = readFileSync(path.join(folder, '../../README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ['))
  .map(
    (line) => /^\| \[(?<incident>[^\]]+)\]\((?<link>[^)]+)\) \| .+ \| .+ \| `(?<file>[\w.]+)` \|$/.exec(line)?.groups ?? { incident: line },
  )

const tests = readdirSync(folder)
  .filter((file) => file.endsWith('.test.ts') && file !== path.basename(__filename))
  .flatMap((file) =>
    [...readFileSync(path.join(folder, file), 'utf8').matchAll(/^test\((['"])([\w./-]+ #\d+): .+\1, async/gm)].map(([, , incident]) => ({
      incident,
      file,
    })),
  )

test('every incident of the table is replayed by a test of its name, and every replay is in the table', () => {
  expect(tests.length).toBeGreaterThan(0)
  expect(rows.map(({ incident, file }) => ({ incident, file }))).toEqual(expect.arrayContaining(tests))
  expect(tests).toEqual(expect.arrayContaining(rows.map(({ incident, file }) => ({ incident, file }))))
  expect(rows).toHaveLength(tests.length)
})

test.each(rows)('$incident links to its own thread', ({ incident, link }) => {
  const [repository, number] = incident!.split(' #')
  expect(link).toMatch(new RegExp(`^https://(github|gitlab)\\.com/.*${repository!.split('/').at(-1)}/(-/)?issues/${number}$`))
})
