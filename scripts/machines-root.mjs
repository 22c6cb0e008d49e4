/** The root file systems that test machines start from: built once by debootstrap, kept below node_modules/.cache. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'

/** Debian's number → its name. */
export const releases = { 11: 'bullseye', 12: 'bookworm', 13: 'trixie' }

/** What an Azure image of Debian brings and a minimal system does not; strace is the tests' own. */
const packages = [
  ...['systemd', 'systemd-sysv', 'dbus', 'ca-certificates', 'curl', 'openssl', 'sudo', 'passwd', 'procps', 'util-linux'],
  ...['iproute2', 'libstdc++6', 'strace'],
]

/**
 * The folder of a release's root. Builds it unless it is there; a build that was cut off is thrown away.
 * @param run runs a program and rejects when it fails
 */
export async function cachedRoot(cache, release, run) {
  const recipe = { suite: releases[release], packages }
  const digest = createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 12)
  const folder = path.join(cache, `${release}-${digest}`)
  if (existsSync(folder)) return folder
  mkdirSync(cache, { recursive: true })
  // Half-built ones and those of an older recipe.
  for (const old of readdirSync(cache)) if (old.startsWith(`${release}-`)) rmSync(path.join(cache, old), { recursive: true, force: true })
  const building = `${folder}.building`
  console.log(`Building the root of Debian ${release}: this takes a minute or two, once.`)
  await run('debootstrap', ['--variant=minbase', `--include=${packages.join(',')}`, recipe.suite, building])
  rmSync(path.join(building, 'var', 'cache', 'apt', 'archives'), { recursive: true, force: true })
  renameSync(building, folder)
  return folder
}
