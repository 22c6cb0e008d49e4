/** A secret that is planted anywhere comes out nowhere: log lines, sentences of failed calls, and the last words of a crash. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import fc from 'fast-check'
import { createLog } from '../../backend/adapters/log.ts'
import { scrub } from '../../backend/adapters/scrub.ts'
import { failureOf } from '../../backend/adapters/transport-failure.ts'
import { run } from '../cli/support.ts'

const letters = (alphabet: string, length: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length }).map((chars) => chars.join(''))
const lower = 'abcdefghijklmnopqrstuvwxyz234567'
const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const alnum = base64url.slice(0, 62)

/** A secret, and how it stands in a text. */
const planted = fc.oneof(
  fc
    .tuple(letters(base64url, 20), letters(base64url, 40))
    .map(([a, b]) => ({ secret: `eyJ${a}.${b}.${b}`, text: `got eyJ${a}.${b}.${b} back` })),
  letters(lower, 52).map((secret) => ({ secret, text: `the token ${secret} was refused` })),
  letters(alnum, 80).map((x) => ({ secret: `${x.slice(0, 76)}AZDO${x.slice(76)}`, text: `pat=${x.slice(0, 76)}AZDO${x.slice(76)}` })),
  letters(alnum, 24).map((secret) => ({ secret, text: `authorization: Bearer ${secret}` })),
  letters(alnum, 24).map((secret) => ({ secret, text: `https://x.blob.core.windows.net/y?sv=1&sig=${secret}&se=2` })),
  letters(alnum, 24).map((secret) => ({ secret, text: `grant_type=client_credentials&client_secret=${secret}` })),
  letters(alnum, 24).map((secret) => ({ secret, text: `connect postgres://agents:${secret}@server:5432/agents failed` })),
  letters(alnum, 24).map((secret) => ({ secret, text: `AccountName=x;AccountKey=${secret};EndpointSuffix=y` })),
)
const around = fc.string({ maxLength: 20 }).map((text) => text.replace(/[\w/+=.~-]/g, ' '))
const inText = fc
  .tuple(around, planted, around)
  .map(([before, { secret, text }, after]) => ({ secret, text: `${before} ${text} ${after}` }))
/** Below this many names, lists and errors. */
const deep = (value: unknown, ways: readonly ('name' | 'list' | 'error' | 'cause')[]): unknown =>
  ways.reduce<unknown>((inner, way) => {
    if (way === 'name') return { inner }
    if (way === 'list') return [1, inner]
    const text = typeof inner === 'string' ? inner : JSON.stringify(inner)
    return way === 'error' ? new Error(text) : { error: new Error('failed', { cause: text }).cause }
  }, value)
const ways = fc.array(fc.constantFrom('name', 'list', 'error', 'cause'), { maxLength: 8 })

test('in no line of the log, at any depth, in any field, name, message or error', () => {
  fc.assert(
    fc.property(inText, ways, fc.constantFrom('info', 'warn', 'error'), (plant, path, level) => {
      const lines = logged((log) => log[level]({ pool: 7, field: deep(plant.text, path), [plant.text]: 1 }, plant.text))
      expect(lines).not.toContain(plant.secret)
      expect(lines.trimEnd().split('\n')).toHaveLength(1)
    }),
    { numRuns: 1_000 },
  )
})

test('a field that is named as a secret is none, whatever it holds and however deep it lies', () => {
  const names = fc.constantFrom('token', 'pat', 'password', 'clientSecret', 'secret', 'authorization', 'cookie', 'protectedSettings')
  fc.assert(
    fc.property(
      names,
      fc.string({ minLength: 12 }).map((text) => `!${text}`),
      fc.nat(6),
      (name, value, depth) => {
        const fields = deep({ [name]: value }, Array<'name'>(depth).fill('name')) as Readonly<Record<string, unknown>>
        const line = logged((log) => log.info(fields, 'x'))
        expect(line).not.toContain(JSON.stringify(value).slice(1, -1))
        expect(line).toContain('[secret]')
      },
    ),
    { numRuns: 500 },
  )
})

test('in no sentence of a call that failed', () => {
  fc.assert(
    fc.property(inText, ({ secret, text }) => {
      const told = failureOf(new Error(text), { service: 'Azure', operation: 'x', stopped: false, timeoutMs: 1 })
      expect(told.why).not.toContain(secret)
      expect(scrub(scrub(text))).toBe(scrub(text))
    }),
    { numRuns: 500 },
  )
})

test('in nothing that a command says before it ends', async () => {
  const [sample] = fc.sample(inText, 1)
  const fetch = () => Promise.reject(new Error(sample!.text))
  const { out, err } = await run('status', {}, { fetch })
  expect(err).not.toBe('')
  expect(out + err).not.toContain(sample!.secret)
})

test('in no last words of a process that crashes', () => {
  // Below node_modules, so that the packages are found.
  const folder = join(__dirname, '../../node_modules/.cache/crash-test')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '1.2.3' }))
  buildSync({
    ...{ entryPoints: [join(__dirname, '../../backend/main.ts')], outfile: join(folder, 'dist', 'main.mjs') },
    ...{ bundle: true, format: 'esm', platform: 'node', packages: 'external', logLevel: 'silent' },
  })
  const secret = 'q'.repeat(52)
  const crash = `const wait = setInterval(() => {
    if (process.listenerCount('uncaughtException') === 0) return
    clearInterval(wait)
    throw new Error('refused ' + '${'q'.repeat(26)}'.repeat(2))
  }, 5)`
  const ran = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(crash)}`, join(folder, 'dist', 'main.mjs'), '--version'],
    {
      encoding: 'utf8',
      timeout: 20_000,
    },
  )
  rmSync(folder, { recursive: true })
  expect([ran.status, ran.stderr]).toEqual([70, expect.stringContaining('stopped at a fault of its own: Error: refused [pat]')])
  expect(ran.stderr + ran.stdout).not.toContain(secret)
}, 30_000)

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = []
  write(createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } }))
  return lines.join('')
}
