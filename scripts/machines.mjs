/**
 * `npm run test:machines [-- --releases 11,12,13] [--only PATTERN]`: the proof on really booted systems; docs/machines.md.
 * It needs root on Linux. Elsewhere it says so and counts nothing as passed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import jestConfig from '../jest.config.js'
import { closeHub, closeStaleHubs, insideHub, openHub } from './machines-hub.mjs'
import { cachedRoot, releases } from './machines-root.mjs'
import { jestTotals, root } from './suites.mjs'

/** Runs side by side; each boots machines of its own. */
const lanes = 2
/** The file that measures time: it runs alone, after the others. */
const measured = 'speed\\.machines'
/** Program → the Debian package that brings it. */
const needed = {
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  ip: 'iproute2',
  nsenter: 'util-linux',
  openssl: 'openssl',
}

const hubs = []
const children = new Set()
let interrupted = false

const obstacle = findObstacle()
if (obstacle !== undefined) console.log(`The machines' tests did not run and count as nothing: ${obstacle}`)
else process.exitCode = await main()

function findObstacle() {
  if (process.platform !== 'linux') return 'they need Linux.'
  if (process.getuid() !== 0) return 'they need root. Run them as root on a computer where that does no harm.'
  if (!readFileSync('/proc/filesystems', 'utf8').includes('\toverlay')) spawnSync('modprobe', ['overlay'])
  if (!readFileSync('/proc/filesystems', 'utf8').includes('\toverlay')) return 'this kernel has no overlay file system.'
  const missing = [
    ...new Set(
      Object.keys(needed)
        .filter((program) => !isInstalled(program))
        .map((program) => needed[program]),
    ),
  ]
  if (missing.length === 0 || installs(missing)) return undefined
  return `they need ${missing.join(', ')}. Install with \`apt-get install ${missing.join(' ')}\`.`
}

function isInstalled(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
}

function installs(missing) {
  if (!isInstalled('apt-get')) return false
  console.log(`Installing system packages for the machines: ${missing.join(', ')}`)
  const aptGet = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0
  return aptGet('update') && aptGet('install', '--yes', '--no-install-recommends', ...missing)
}

async function main() {
  const { values } = parseArgs({ options: { releases: { type: 'string', default: '12' }, only: { type: 'string' } } })
  const wanted = values.releases.split(',')
  const unknown = wanted.find((release) => releases[release] === undefined)
  if (unknown !== undefined) {
    console.error(`There is no release '${unknown}' here: give some of ${Object.keys(releases).join(', ')}.`)
    return 2
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, interrupt)
  try {
    await closeStaleHubs()
    const totals = []
    for (const release of wanted) totals.push(...(await testRelease(release, values.only)))
    return report(totals)
  } catch (error) {
    console.error(interrupted ? 'Interrupted.' : `The machines' tests stopped: ${error.message}`)
    return 1
  } finally {
    for (const hub of hubs) await closeHub(hub)
  }
}

/** The tests' processes end by the same signal; `finally` takes the hubs down. */
function interrupt(signal) {
  interrupted = true
  for (const child of children) child.kill(signal)
}

async function testRelease(release, only) {
  const folder = await cachedRoot(path.join(root, 'node_modules', '.cache', 'machines'), release, run)
  console.log(`\n== Debian ${release}`)
  const started = Date.now()
  const lane = (number) => testLane(release, folder, only, number, ['--testPathIgnorePatterns', measured, `--shard=${number}/${lanes}`])
  const results = await Promise.allSettled(Array.from({ length: lanes }, (_, index) => lane(index + 1)))
  const failed = results.find(({ status }) => status === 'rejected')
  if (failed) throw failed.reason
  const alone = await testLane(release, folder, only, lanes + 1, ['--testPathPatterns', measured])
  console.log(`Debian ${release} took ${Math.round((Date.now() - started) / 1000)} s.`)
  return [...results.map(({ value }) => value), alone]
}

/** One jest in a hub of its own, over the files that `chosenFiles` leave. */
async function testLane(release, rootFolder, only, number, chosenFiles) {
  const hub = openHub(`${release}-${number}`)
  hubs.push(hub)
  const outputFile = path.join(hub.folder, 'result.json')
  const config = {
    ...jestConfig,
    rootDir: root,
    testMatch: ['<rootDir>/test/machines/**/*.machines.ts'],
    testTimeout: 180_000,
    // The next file in the same process would find signals that were taken apart.
    testEnvironmentOptions: { globalsCleanup: 'off' },
    globals: { machinesRig: { root: rootFolder, release, folder: hub.folder, groups: hub.groups, only } },
  }
  const jest = [path.join(root, 'node_modules', 'jest', 'bin', 'jest.js'), '--config', JSON.stringify(config), '--runInBand', '--forceExit']
  const options = [...chosenFiles, '--passWithNoTests', '--verbose', '--json', `--outputFile=${outputFile}`]
  const chosen = only === undefined ? [] : ['--testNamePattern', only]
  const [program, args] = insideHub(hub, process.execPath, [...jest, ...options, ...chosen])
  // Jest prints the whole JSON to standard output too; people read its reporter, on standard error.
  const status = await run(program, args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: root }).then(
    () => 0,
    () => 1,
  )
  if (interrupted) throw new Error('interrupted')
  if (!existsSync(outputFile)) return { passed: 0, failed: 1, skipped: [] }
  const totals = jestTotals(JSON.parse(readFileSync(outputFile, 'utf8')))
  await closeHub(hub)
  return status !== 0 && totals.failed === 0 ? { ...totals, failed: 1 } : totals
}

function run(program, args, options = { stdio: ['ignore', 'ignore', 'inherit'] }) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options)
    children.add(child)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      children.delete(child)
      if (code === 0) resolve()
      else reject(new Error(`${program} ended with ${signal ?? code}. Its own message is above.`))
    })
  })
}

/** The last line is the true total; a run in which nothing was tested has failed. */
function report(all) {
  const sum = (pick) => all.reduce((total, one) => total + pick(one), 0)
  const [passed, failed, skipped] = [sum((one) => one.passed), sum((one) => one.failed), sum((one) => one.skipped.length)]
  if (passed + failed === 0) console.log('No test ran: check --only.')
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  return failed > 0 || passed === 0 ? 1 : 0
}
