/** Which test suites exist, how each is run, and what its machine-readable result says. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** Runs jest over everything, or over the paths and options in `args`. Returns a Totals. */
export function runJest(args) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'jest-result-'))
  const outputFile = path.join(folder, 'result.json')
  try {
    const run = spawnSync(process.execPath, [jestProgram(), '--json', `--outputFile=${outputFile}`, ...args], {
      cwd: root,
      // Jest prints the whole JSON to standard output too; people read its reporter, on standard error.
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return existsSync(outputFile) ? withExitCode(jestTotals(JSON.parse(readFileSync(outputFile, 'utf8'))), run.status) : notRun('jest')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Counts a jest result. A suite that could not run at all is one failure. */
export function jestTotals(result) {
  const skipped = result.testResults.flatMap((suite) =>
    suite.assertionResults
      .filter((test) => !['passed', 'failed'].includes(test.status))
      .map((test) => `${path.relative(root, suite.name)}: ${test.fullName}`),
  )
  return { passed: result.numPassedTests, failed: result.numFailedTests + result.numRuntimeErrorTestSuites, skipped }
}

/** Runs the bats files below test/. Returns a Totals. */
export function runBats() {
  const run = spawnSync('bats', ['--tap', ...batsFiles()], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  })
  if (run.error) return notRun('bats')
  process.stdout.write(run.stdout)
  return withExitCode(tapTotals(run.stdout), run.status)
}

/** Counts TAP lines. A test that was planned but has no line is a failure. */
export function tapTotals(tap) {
  const lines = tap.split('\n')
  const planned = Number(/^1\.\.(\d+)/m.exec(tap)?.[1] ?? 0)
  const skipped = lines.filter((line) => /^(not )?ok \d+.*# (skip|todo)/i.test(line))
  const passed = lines.filter((line) => /^ok \d+/.test(line) && !skipped.includes(line)).length
  const failed = lines.filter((line) => /^not ok \d+/.test(line) && !skipped.includes(line)).length
  const unseen = Math.max(0, planned - passed - failed - skipped.length)
  return { passed, failed: failed + unseen, skipped }
}

/** A tool that failed although no test did (a bad option, a crash after the last test) counts as one failure. */
function withExitCode(totals, exitCode) {
  return exitCode !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals
}

function notRun(tool) {
  console.error(`${tool} did not run: see its message above.`)
  return { passed: 0, failed: 1, skipped: [] }
}

function jestProgram() {
  return path.join(root, 'node_modules', 'jest', 'bin', 'jest.js')
}

function batsFiles() {
  return readdirSync(path.join(root, 'test'), { recursive: true })
    .filter((file) => file.endsWith('.bats'))
    .map((file) => path.join('test', file))
}
