/** `npm run trust` makes its page of figures that all hold, and of no others. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const invariants = Array.from({ length: 15 }, (_, at) => `S${at + 1}`)
/** As `reports/trust` holds them after a run; small. */
const recorded = {
  machine: { date: '2026-11-21', cores: 2, memoryGb: 8, node: 'v20.20.2', system: 'Linux x64' },
  soak: {
    ...{ seeds: 300, regressions: 5, simulatedHours: 1353, decisions: 1_234_567, jobs: 48_000, removals: 28_500, violations: 0 },
    ...{ speedup: 21_200, missing: [], counts: { actions: { grow: 7, delete: 5 }, reasons: {}, faults: { throttled: 3 } } },
  },
  sabotage: Object.fromEntries(invariants.map((name) => [name, { caught: true, seed: 1, after: 1, detail: `${name} | broken` }])),
  crash: { scripts: 6, boundaries: 1475, cases: 6273, simulatedHours: 900, violations: 0, missing: [] },
  kill: {
    ...{ kills: 200, calls: 4_000, acknowledged: { settings: 90, entries: 910 } },
    ...{ lost: [] as string[], breaches: [], busyKills: 0, doubleEffects: 0 },
  },
  fuzz: { mutations: 100_000, accepted: 0, crashes: 0, reasons: { 'bad-signature': 99_000, 'not-der': 1_000 } },
  tests: { rights: { routes: 64, roles: 17, cases: 1734 }, passed: { incidents: 24, replicas: 11, security: 40 }, failed: 0, skipped: 0 },
}
type Recorded = typeof recorded

const folder = mkdtempSync(join(tmpdir(), 'trust-'))
const page = join(folder, 'trust.md')
const pageNow = (): string => readFileSync(page, 'utf8')
afterAll(() => rmSync(folder, { recursive: true }))

function trust(figures: Partial<Record<keyof Recorded | 'mutation', unknown>>, ...more: readonly string[]) {
  writeFileSync(page, 'as before')
  const from = mkdtempSync(join(folder, 'from-'))
  for (const [name, value] of Object.entries(figures)) writeFileSync(join(from, `${name}.json`), JSON.stringify(value))
  const script = join(__dirname, '../scripts/trust.mjs')
  return spawnSync(process.execPath, [script, '--from', from, '--to', page, ...more], { encoding: 'utf8' })
}

test('the page has every figure with its machine, each invariant, and what was never tried', () => {
  const { status, stdout, stderr } = trust({ ...recorded, mutation: { date: '2026-11-20', caught: 950, mutants: 1_000 } }, '--json')
  expect([status, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toMatchObject(recorded)
  const text = pageNow()
  for (const part of [
    'Made on 2026-11-21 with 2 cores, 8 GB of memory, Node 20.20.2, Linux x64.',
    '300 seeds and 5 that once failed, 1,353 hours at 21,200 × real time on each core: 1,234,567 decisions, 12 actions, 48,000 jobs',
    '| 15, each hunted over at most 50 seeds | 0 not caught',
    '1,475 boundaries in 6 recorded runs, 6,273 cases',
    '200 kills, 1,000 answers that had to be kept',
    '100,000 mutations refused, for 2 reasons | 0 accepted, 0 crashes',
    '64 routes × 17 credentials, for the own pool and another one: 1,734 answers',
    '1,000 mutants on 2026-11-20 | 50 not noticed (95 % were)',
    '- **Never tried on live Azure or Azure DevOps.**',
  ])
    expect(text).toContain(part)
  for (const name of invariants)
    expect(text).toMatch(new RegExp(`^\\| ${name} \\| .+ \\| noticed by seed 1: ${name} \\\\\\| broken \\|$`, 'm'))
  expect(text).not.toMatch(/undefined|NaN|\]\((docs\/|#)/)
})

test('mutations that were not run are said to be so', () => {
  expect(trust(recorded).status).toBe(0)
  expect(pageNow()).toContain('| not run here | not known | `npm run mutation` |')
})

test.each([
  ['violations of the soak', { soak: { ...recorded.soak, violations: 2 } }, 'soak failed: 2 violations.'],
  ['a soak with holes', { soak: { ...recorded.soak, missing: ['quota'] } }, 'soak failed: quota never came up.'],
  [
    'a sabotage that nobody noticed',
    { sabotage: { ...recorded.sabotage, S7: { caught: false, after: 50 } } },
    'sabotage failed: S7 not caught.',
  ],
  ['a crash that broke something', { crash: { ...recorded.crash, violations: 1 } }, 'crash failed: 1 violations.'],
  ['an answer that was lost', { kill: { ...recorded.kill, lost: ['setting 3 is gone'] } }, 'kill failed: setting 3 is gone.'],
  ['a forgery that got in', { fuzz: { ...recorded.fuzz, accepted: 1 } }, 'fuzz failed: 1 accepted, 0 crashes.'],
  ['a failed test', { tests: { ...recorded.tests, failed: 1 } }, 'tests failed: 1 failed and 0 skipped.'],
  ['a matrix that did not run', { tests: { ...recorded.tests, rights: undefined } }, 'tests failed: no right was judged.'],
  ['a folder that did not run', { tests: { ...recorded.tests, passed: {} } }, 'tests failed: nothing ran of test/incidents.'],
  ['an invariant that nothing breaks', { sabotage: {} }, 'invariants failed: no service is broken for S1.'],
])('%s: the page stays as it was', (_, change, complaint) => {
  const { status, stdout, stderr } = trust({ ...recorded, ...change })
  expect([status, stdout, pageNow()]).toEqual([1, '', 'as before'])
  expect(readdirSync(folder).filter((file) => file.startsWith('trust'))).toEqual(['trust.md'])
  expect(stderr).toContain(`${complaint} Nothing was written.`)
})

test.each(Object.keys(recorded))('without the figures of %s the page stays as it was', (name) => {
  const { [name as keyof Recorded]: _missing, ...rest } = recorded
  const { status, stderr } = trust(rest)
  expect([status, pageNow()]).toEqual([1, 'as before'])
  expect(stderr).toMatch(new RegExp(`^${name} failed: there is no .*${name}.json. Nothing was written.`))
})
