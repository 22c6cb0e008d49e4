/**
 * A hub: the network namespace in which one run of the tests lives, with the bridge that its machines are plugged into.
 * Nothing of it reaches this computer's own network. Every process and every mount of a run ends with its hub.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const prefix = 'ssa-machines-'
const folders = '/run/scale-set-agents-machines'

/** Where the servers listen: Azure DevOps, the service, a proxy, and the metadata service. Machines are 10.99.0.11 and up. */
const addresses = ['10.99.0.1/24', '10.99.0.2/24', '10.99.0.3/24', '169.254.169.254/32']

/** @returns {{ name: string, folder: string, groups: string[] }} `groups`: its control groups, one in each hierarchy of systemd */
export function openHub(number) {
  const hub = hubOf(`${process.pid}-${number}`)
  mkdirSync(hub.folder, { recursive: true, mode: 0o700 })
  for (const group of hub.groups) mkdirSync(group)
  ip('netns', 'add', hub.name)
  const inside = (...args) => ip('-n', hub.name, ...args)
  inside('link', 'set', 'lo', 'up')
  // A bridge without an address of its own takes over those of its ports, and machines would talk to one that is gone.
  inside('link', 'add', 'hub', 'address', '02:00:00:00:00:01', 'type', 'bridge')
  for (const address of addresses) inside('address', 'add', address, 'dev', 'hub')
  inside('link', 'set', 'hub', 'up')
  return hub
}

/** The command line that runs `program` inside the hub, with mounts of its own. */
export function insideHub(hub, program, args) {
  return ['nsenter', [`--net=/run/netns/${hub.name}`, 'unshare', '--mount', '--propagation=private', program, ...args]]
}

/** Ends what still runs in it or on a disk of it; the kernel takes the mounts down with the last process. */
export async function closeHub(hub) {
  for (let left = 100, pids = processesOf(hub); pids.length > 0 && left > 0; left--, pids = processesOf(hub)) {
    for (const pid of pids) endProcess(pid)
    await sleep(50)
  }
  for (const group of hub.groups) removeGroup(group)
  spawnSync('ip', ['netns', 'delete', hub.name], { stdio: 'ignore' })
  rmSync(hub.folder, { recursive: true, force: true })
}

function endProcess(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** A control group is a folder with files that nobody can delete: only the folders are removed, the inmost first. */
function removeGroup(group) {
  if (existsSync(group)) spawnSync('find', [group, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+'], { stdio: 'inherit' })
}

/** The tests with their helpers by their network; the machines, which have networks of their own, by the disks they see. */
function processesOf(hub) {
  const inNetwork = spawnSync('ip', ['netns', 'pids', hub.name], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean)
  const onDisk = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && seesDiskOf(hub, pid))
  return [...new Set([...inNetwork, ...onDisk].map(Number))]
}

function seesDiskOf(hub, pid) {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(`upperdir=${hub.folder}/`)
  } catch {
    // It has just ended.
    return false
  }
}

/** Takes down what runs left behind that could not do it themselves. */
export async function closeStaleHubs() {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith(prefix)) : []
  const left = existsSync(folders) ? readdirSync(folders) : []
  for (const key of new Set([...names.map((name) => name.slice(prefix.length)), ...left])) {
    if (!isRunning(Number(key.split('-')[0]))) await closeHub(hubOf(key))
  }
}

function hubOf(key) {
  const name = `${prefix}${key}`
  return { name, folder: path.join(folders, key), groups: ownGroups().map((group) => path.join(group, name)) }
}

/** The folders of this process in the hierarchies that systemd uses: the unified one, and a named one beside it on older layouts. */
function ownGroups() {
  const own = new Map(
    readFileSync('/proc/self/cgroup', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([, controllers, group]) => [controllers, group]),
  )
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/^\S+ \S+ \S+ (\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$/gm)
  return [...mounts].flatMap(([, top, folder, type, options]) => {
    const group = type === 'cgroup2' ? own.get('') : options.includes('name=systemd') ? own.get('name=systemd') : undefined
    return group === undefined ? [] : [path.join(folder, path.relative(top, group))]
  })
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
