/** One booted machine: an overlay over the cached root, systemd as process 1 in a container of its own. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { mustRun, runProgram } from './programs.ts'
import type { Ended, RunOptions } from './programs.ts'
import { until } from './until.ts'

export type MachinePlan = {
  readonly name: string
  readonly address: string
  /** Lower layers of the overlay, the upmost first. */
  readonly layers: readonly string[]
  readonly folder: string
  /** Control groups in which every boot makes one of its own. */
  readonly groups: readonly string[]
  /** Written into the system before it boots: path inside → content. A path with a trailing `!` is executable. */
  readonly files: Readonly<Record<string, string>>
  /** Room for everything that the machine writes. */
  readonly sizeMb: number
  /** Program file of this computer → where the machine finds it. */
  readonly programs: Readonly<Record<string, string>>
}

export type Machine = MachinePlan & {
  /** As root inside, with a clean environment. Waits for a machine that is just booting. */
  run(command: readonly string[], options?: Omit<RunOptions, 'env'> & { readonly env?: Readonly<Record<string, string>> }): Promise<Ended>
  /** The text of a file inside; undefined when there is none. */
  read(path: string): Promise<string | undefined>
  write(path: string, content: string | Buffer, mode?: number): Promise<void>
  /** `orderly`: systemctl reboot. `power-cut`: everything ends at once. Resolves when it is up again. */
  reboot(how: 'orderly' | 'power-cut'): Promise<void>
  /** Process id of its process 1 on this computer. */
  leader(): number
  /** Everything on it is gone. */
  drop(): Promise<void>
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const bootMsMax = 60_000

export async function bootMachine(plan: MachinePlan): Promise<Machine> {
  const disk = join(plan.folder, plan.name)
  await makeDisk(disk, plan)
  let container = startContainer(disk, plan)
  let leader = await booted(container, plan.name)
  let booting: Promise<void> = Promise.resolve()

  const run: Machine['run'] = async (command, options = {}) => {
    await booting
    const env = Object.entries({ PATH: path, LANG: 'C.UTF-8', HOME: '/root', ...options.env }).map(([name, value]) => `${name}=${value}`)
    return runProgram('nsenter', ['-t', String(leader), '-a', 'env', '-i', ...env, ...command], { ...options, env: process.env })
  }
  const again = async (): Promise<void> => {
    await ended(container)
    container = startContainer(disk, plan)
    leader = await booted(container, plan.name)
  }
  return {
    ...plan,
    run,
    leader: () => leader,
    async read(file) {
      const { exitCode, output } = await run(['cat', file])
      return exitCode === 0 ? output : undefined
    },
    async write(file, content, mode = 0o644) {
      const script = 'mkdir -p "$(dirname "$1")" && cat > "$1" && chmod "$2" "$1"'
      const { exitCode, output } = await run(['sh', '-c', script, 'sh', file, mode.toString(8)], { input: content })
      if (exitCode !== 0) throw new Error(`${file} could not be written on ${plan.name}: ${output.trim()}`)
    },
    async reboot(how) {
      if (how === 'orderly') await run(['systemctl', 'reboot'])
      else process.kill(leader, 'SIGKILL')
      booting = again()
      await booting
    },
    async drop() {
      await booting.catch(() => undefined)
      // Every process on it ends with its process 1, and its supervisor with that.
      process.kill(leader, 'SIGKILL')
      await ended(container)
      await until(
        `the disk of ${plan.name} is free`,
        async () => (await runProgram('umount', [join(disk, 'system')])).exitCode === 0,
        10_000,
      )
      await mustRun('umount', disk)
      rmSync(disk, { recursive: true })
    },
  }
}

async function makeDisk(disk: string, plan: MachinePlan): Promise<void> {
  mkdirSync(disk, { recursive: true })
  await mustRun('mount', '-t', 'tmpfs', '-o', `size=${plan.sizeMb}m,mode=755`, 'tmpfs', disk)
  for (const part of ['upper', 'work', 'system']) mkdirSync(join(disk, part))
  const options = `lowerdir=${plan.layers.join(':')},upperdir=${join(disk, 'upper')},workdir=${join(disk, 'work')}`
  await mustRun('mount', '-t', 'overlay', '-o', options, 'overlay', join(disk, 'system'))
  for (const [file, content] of Object.entries({ ...ownFiles(plan), ...plan.files })) {
    const target = join(disk, 'system', file.replace(/!$/, ''))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content, { mode: file.endsWith('!') ? 0o755 : 0o644 })
  }
  const wants = join(disk, 'system', 'etc', 'systemd', 'system', 'sysinit.target.wants')
  mkdirSync(wants, { recursive: true })
  symlinkSync('../address.service', join(wants, 'address.service'))
}

/** Its name, and its address as a unit, so that it comes back after a reboot. */
function ownFiles({ name, address }: MachinePlan): Record<string, string> {
  const unit = [
    ...['[Unit]', 'DefaultDependencies=no', 'Before=network.target sysinit.target', '[Service]', 'Type=oneshot', 'RemainAfterExit=yes'],
    ...[`ExecStart=ip address add ${address}/24 dev host0`, 'ExecStart=ip link set host0 up'],
    ...['ExecStart=ip route add 169.254.169.254/32 dev host0', ''],
  ]
  return {
    '/etc/hostname': `${name}\n`,
    '/etc/systemd/system/address.service': unit.join('\n'),
  }
}

/** Containers of one control group would share one tree of units, and take each other's apart. */
const inOwnGroup =
  'for group; do [ "$group" != -- ] || break; mkdir -p "$group" && echo $$ >"$group/cgroup.procs" || exit; shift; done; shift; exec "$@"'
let boots = 0

function startContainer(disk: string, { name, groups, programs }: MachinePlan): ChildProcess {
  const own = groups.map((group) => join(group, `${name}-${++boots}`))
  const binds = Object.entries(programs).map(([file, inside]) => `--bind-ro=${file}:${inside}`)
  const options = ['--quiet', '--register=no', '--keep-unit', '--link-journal=no', '--resolv-conf=off', '--timezone=off', '--console=pipe']
  const args = [...options, ...binds, '--network-bridge=hub', `--machine=${name}`, `--directory=${join(disk, 'system')}`, '--boot']
  // Newer systemd boots on the unified hierarchy only; where the host has only that, the variable changes nothing.
  return spawn('sh', ['-c', inOwnGroup, 'sh', ...own, '--', 'systemd-nspawn', ...args], {
    stdio: 'ignore',
    env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' },
  })
}

/** Its process 1, once systemd has started everything. */
async function booted(container: ChildProcess, name: string): Promise<number> {
  let state = 'process 1 is not there'
  const look = async (): Promise<number | undefined> => {
    if (container.exitCode !== null) throw new Error(`${name} did not boot: systemd-nspawn ended with ${container.exitCode}.`)
    const leader = firstChild(container.pid ?? 0)
    if (leader === undefined) return undefined
    const { output } = await runProgram('nsenter', [
      '-t',
      String(leader),
      '-a',
      'sh',
      '-c',
      'systemctl is-system-running; systemctl is-active address.service; systemctl list-jobs; systemctl list-units --failed',
    ])
    state = output
    return /^(running|degraded)\nactive$/m.test(output) ? leader : undefined
  }
  return until(`${name} has booted`, look, bootMsMax).catch((error: Error) => Promise.reject(new Error(`${error.message}. ${state}`)))
}

function firstChild(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return children === '' ? undefined : Number(children.split(' ')[0])
  } catch {
    // It is just starting or ending.
    return undefined
  }
}

async function ended(container: ChildProcess): Promise<void> {
  await until('a container has ended', () => container.exitCode !== null || container.signalCode !== null, bootMsMax)
}
