/** Installs the system packages that tests and checks need, when it may; otherwise says in one sentence what to install. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Debian package → the program or folder it brings, and who needs it. */
const needed = [
  { package: 'shellcheck', program: 'shellcheck', why: '`npm run check` reads the shell scripts' },
  { package: 'bats', program: 'bats', why: 'tests of agent-scripts' },
  { package: 'systemd', program: 'systemd-analyze', why: 'the units of agent-scripts are checked' },
  { package: 'chromium', program: 'chromium', why: 'tests of pages' },
  { package: 'fonts-liberation', program: '/usr/share/fonts/truetype/liberation', why: 'text on those pages' },
]

const missing = needed.filter(({ program }) => !isInstalled(program))
if (missing.length > 0) install(missing)

function isInstalled(program) {
  if (program.startsWith('/')) return existsSync(program)
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
}

function install(entries) {
  const names = entries.map((entry) => entry.package)
  if (!mayInstall()) return refuse(names, entries)
  console.log(`Installing system packages for the tests: ${names.join(', ')}`)
  try {
    aptGet('update')
    aptGet('install', '--yes', '--no-install-recommends', ...names)
  } catch {
    // apt-get has printed its own reason.
    refuse(names, entries)
  }
}

function mayInstall() {
  return process.getuid?.() === 0 && isInstalled('apt-get')
}

function aptGet(...args) {
  execFileSync('apt-get', ['-qq', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
}

function refuse(names, entries) {
  const reasons = entries.map((entry) => `${entry.program}: ${entry.why}`).join('; ')
  console.error(
    `The tests need ${names.join(', ')} (${reasons}): install with \`sudo apt-get install ${names.join(' ')}\` and run npm test again.`,
  )
  process.exitCode = 1
}
