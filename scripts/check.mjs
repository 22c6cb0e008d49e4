/** Everything a reader should not have to check: types, lint, format, shell scripts, import directions, branches of core. One line per step. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { root } from './suites.mjs'

/** By tests that draw nothing by chance, so that it does not hang on a seed. */
const everyBranchOfCore = [
  ...['test/core', 'test/scenarios', '--silent', '--testPathIgnorePatterns=(properties|reasons-are-true)', '--coverage'],
  ...['--coverageDirectory=node_modules/.cache/coverage', '--coverageReporters=text', '--collectCoverageFrom=backend/core/**/*.ts'],
  '--coverageThreshold={"global":{"branches":100}}',
]

const files = listFiles()
const failures = steps().filter((step) => !passes(step))
if (failures.length > 0) {
  console.error(`npm run check failed: ${failures.map((step) => step.name).join(', ')}`)
  process.exitCode = 1
}

function steps() {
  const configs = files.filter((file) => /(^|\/)tsconfig(\.\w+)?\.json$/.test(file) && file !== 'tsconfig.base.json')
  const shell = [...files.filter((file) => file.endsWith('.sh')), '.ci/run']
  return [
    ...configs.map((config) => node(`types of ${config}`, 'typescript/bin/tsc', '--noEmit', '--project', config)),
    node('lint', 'eslint/bin/eslint.js', '--max-warnings', '0', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'),
    node('format', 'prettier/bin/prettier.cjs', '--log-level', 'warn', '--check', '.'),
    { name: 'shell scripts', command: 'shellcheck', args: shell },
    { name: "the hub's size", command: process.execPath, args: ['scripts/hub.mjs', '--check'] },
    node('import directions', 'jest/bin/jest.js', '--silent', 'test/import-direction'),
    node('branches of core', 'jest/bin/jest.js', ...everyBranchOfCore),
  ]
}

/** A step that runs a program of node_modules, without the start-up time of npx. */
function node(name, program, ...args) {
  return { name, command: process.execPath, args: [path.join('node_modules', program), ...args] }
}

function passes({ name, command, args }) {
  const startedAt = performance.now()
  const run = spawnSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 })
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const passed = run.status === 0
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
  if (!passed) console.log(run.error ? whyNotRun(command, run.error) : `${run.stdout}${run.stderr}`)
  return passed
}

function whyNotRun(command, error) {
  return `${command} did not run (${error.code}): \`npm test\` installs it, or says how to.`
}

/** Files of the repository, relative to its root, without what is built or installed. */
function listFiles(folder = '.') {
  const skipped = ['node_modules', 'dist', 'coverage', 'reports', '.git', '.stryker-tmp']
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name)
    if (entry.isDirectory()) return skipped.includes(entry.name) ? [] : listFiles(file)
    return [file]
  })
}
