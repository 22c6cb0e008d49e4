/** What `npm run trust` runs, how large, and by what its figures are judged. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { jestTotals, root } from './suites.mjs'

/** Tests of which the page tells the number. */
const folders = { incidents: 'test/incidents', replicas: 'test/replicas', security: 'test/security' }

/** `full` as CI runs it; `quick` only for trying. `wrong` answers what did not hold, from the figures alone. */
export const proofs = [
  {
    name: 'soak',
    full: ['--seeds', '300', '--hours', '4'],
    quick: ['--seeds', '3', '--hours', '1'],
    wrong({ violations, missing }, quick) {
      if (violations > 0) return `${violations} violations`
      // A few seeds do not meet everything.
      return !quick && missing.length > 0 ? `${missing.join(', ')} never came up` : undefined
    },
  },
  {
    name: 'sabotage',
    program: 'soak',
    full: ['--sabotage'],
    quick: ['--sabotage'],
    wrong(figures) {
      const missed = Object.keys(figures).filter((name) => !figures[name].caught)
      return missed.length > 0 ? `${missed.join(', ')} not caught` : undefined
    },
  },
  {
    name: 'crash',
    full: [],
    quick: ['--script', 'machine that Azure owes'],
    wrong({ violations, missing }, quick) {
      if (violations > 0) return `${violations} violations`
      return !quick && missing.length > 0 ? `${missing.join(', ')} did not occur` : undefined
    },
  },
  {
    name: 'kill',
    full: ['--times', '200'],
    quick: ['--times', '3'],
    wrong: ({ lost, breaches }) => [...lost, ...breaches][0],
  },
  {
    name: 'fuzz',
    program: 'fuzz-claim',
    full: ['--count', '100000'],
    quick: ['--count', '1000'],
    wrong: ({ accepted, crashes }) => (accepted + crashes > 0 ? `${accepted} accepted, ${crashes} crashes` : undefined),
  },
  {
    name: 'tests',
    program: 'jest',
    wrong({ failed, skipped, passed, rights }) {
      if (failed + skipped > 0) return `${failed} failed and ${skipped} skipped`
      const empty = Object.keys(folders).find((each) => !(passed[each] > 0))
      if (empty !== undefined) return `nothing ran of ${folders[empty]}`
      return rights?.cases > 0 ? undefined : 'no right was judged'
    },
  },
]

/** The figures of one proof. @throws Error when it gave none, or failed by anything else than them. */
export function run(proof, quick) {
  const { name, program = name, full, quick: small, wrong } = proof
  if (program === 'jest') return runTests(name)
  const file = path.join(root, 'dist', `${program}.js`)
  const args = ['--enable-source-maps', file, ...(quick ? small : full), '--json']
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  })
  const figures = parsed(stdout)
  const isUnexplained = status !== 0 && !quick && figures !== undefined && wrong(figures, quick) === undefined
  if (figures === undefined || isUnexplained)
    throw new Error(`${name} failed: ${path.basename(file)} ended with code ${status}; its message is above. Nothing was written.`)
  return figures
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The matrix of rights writes down what it judged; of the others the number counts. */
function runTests(name) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'trust-'))
  const [outputFile, rightsFile] = ['result.json', 'rights.json'].map((file) => path.join(folder, file))
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js')
  try {
    spawnSync(process.execPath, [jest, '--json', `--outputFile=${outputFile}`, 'test/api/rights', ...Object.values(folders)], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, RIGHTS_FIGURES_FILE: rightsFile },
    })
    if (!existsSync(outputFile)) throw new Error(`${name} failed: jest gave no result; its message is above. Nothing was written.`)
    const result = JSON.parse(readFileSync(outputFile, 'utf8'))
    const { failed, skipped } = jestTotals(result)
    return {
      rights: existsSync(rightsFile) ? JSON.parse(readFileSync(rightsFile, 'utf8')) : undefined,
      passed: Object.fromEntries(Object.entries(folders).map(([each, below]) => [each, passedIn(result, below)])),
      failed,
      skipped: skipped.length,
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function passedIn(result, below) {
  const suites = result.testResults.filter((suite) => suite.name.startsWith(path.join(root, below) + path.sep))
  return suites.flatMap((suite) => suite.assertionResults).filter((test) => test.status === 'passed').length
}

/** Where and when the figures are made. */
export function machine() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: os.availableParallelism(),
    // What this process may have, where that is less than the computer has.
    memoryGb: Math.round(Math.min(os.totalmem(), process.constrainedMemory() || Infinity) / 2 ** 30),
    node: process.version,
    system: `${os.type()} ${os.arch()}`,
  }
}

/** Of the newest `npm run mutation`, which takes too long to be a part of this; undefined where it never ran. */
export function mutationScore() {
  const file = path.join(root, 'reports', 'stryker-incremental.json')
  if (!existsSync(file)) return undefined
  const { files } = JSON.parse(readFileSync(file, 'utf8'))
  const statuses = Object.values(files).flatMap(({ mutants }) => mutants.map(({ status }) => status))
  const count = (...wanted) => statuses.filter((status) => wanted.includes(status)).length
  const [caught, missed] = [count('Killed', 'Timeout'), count('Survived', 'NoCoverage')]
  return { date: statSync(file).mtime.toISOString().slice(0, 10), caught, mutants: caught + missed }
}
