import { createLog } from '../../backend/adapters/log.ts'
import { scrub } from '../../backend/adapters/scrub.ts'

const jwt = ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxIn0', 'c2lnbmF0dXJl'].join('.')
const oldPat = 'abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst'
const newPat = `${'Ab1'.repeat(25)}xAZDOq1w2`

test.each([
  ['a JWT', `got ${jwt}.`, 'got [token].'],
  ['a header', 'authorization: Basic OmFiY2RlZmdoaWprbA== sent', 'authorization: Basic [secret] sent'],
  ['a Bearer header', 'Bearer abcdefghijkl', 'Bearer [secret]'],
  ['a PAT of 52 characters', `pat ${oldPat} refused`, 'pat [pat] refused'],
  ['a PAT of 84 characters', `pat ${newPat} refused`, 'pat [pat] refused'],
  ['a signed address', 'https://x.blob/y?sv=1&sig=a%2Fb&se=2', 'https://x.blob/y?sv=1&sig=[secret]&se=2'],
  ['a client secret in a form', 'client_id=a&client_secret=s3cr3t~x', 'client_id=a&client_secret=[secret]'],
])('%s does not survive', (_name, text, clean) => {
  expect(scrub(text)).toBe(clean)
})

test('ordinary text survives: ids, hashes, etags', () => {
  const text =
    'scale set /subscriptions/00000000-0000-0000-0000-000000000001/x etag "abc" sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'
  expect(scrub(text)).toBe(text)
})

test('a line has no secret, wherever it stood', () => {
  const lines: string[] = []
  const log = createLog({ destination: { write: (line) => void lines.push(line) } })
  log.warn(
    { pool: 7, token: 'plain', config: { clientSecret: 'hidden', url: `https://x?sig=abc` }, error: new Error(`Bearer ${jwt}`) },
    `refused ${newPat}`,
  )
  expect(lines).toHaveLength(1)
  const line = lines[0] ?? ''
  for (const secret of ['plain', 'hidden', 'sig=abc', jwt, newPat]) expect(line).not.toContain(secret)
  expect(JSON.parse(line)).toMatchObject({ level: 40, pool: 7, token: '[secret]', msg: 'refused [pat]' })
})
