/** What goes wrong on a machine, and how the service has to tell of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BootPhase } from '../../../backend/core/boot.ts'
import type { AttestedContent } from '../../../sandbox/metadata/instance.ts'
import type { ExtensionRun, Image } from './fleet.ts'
import type { Machine } from './machine.ts'
import { libraryFile } from './packages.ts'
import { addresses, serviceName } from './place.ts'
import type { TestPool } from './pool.ts'
import type { Rig } from './rig.ts'

/** Diagnostics names the machine, the phase and the cause; the machine failed in Azure, too. */
export async function failsWith(pool: TestPool, phase: BootPhase | undefined, cause: string, waitMsMax?: number): Promise<void> {
  const where = phase === undefined ? '' : ` in ${phase}`
  await pool.diagnostics(new RegExp(`failed to start${where}: ${cause}\\.`), waitMsMax)
}

/** The machine's way to an address ends at itself. */
export async function cutOff(machine: Machine, address: string): Promise<void> {
  const { exitCode, output } = await machine.run(['ip', 'route', 'add', 'unreachable', `${address}/32`, 'metric', '0'])
  if (exitCode !== 0) throw new Error(`${address} could not be cut off: ${output}`)
}

/** For so many seconds from now, or for good. */
export async function loseMetadata(machine: Machine, seconds?: number): Promise<void> {
  const route = [`${addresses.metadata}/32`, 'dev', 'host0']
  await machine.run(['ip', 'route', 'delete', ...route])
  await cutOff(machine, addresses.metadata)
  if (seconds === undefined) return
  void sleep(seconds * 1_000).then(async () => {
    await machine.run(['ip', 'route', 'delete', 'unreachable', `${addresses.metadata}/32`])
    await machine.run(['ip', 'route', 'add', ...route])
  })
}

/** Lets something happen to the machine after the extension's downloads, before the script's first line. */
export function duringScript(happen: (machine: Machine) => Promise<void>): NonNullable<Image['extension']> {
  return async (machine: Machine, run: ExtensionRun) => run(machine, { beforeScript: () => happen(machine) })
}

/** Changes what the metadata service signs for this machine. */
export function alterDocuments(rig: Rig, machine: Machine, change: Partial<AttestedContent>): void {
  const vmId = rig.fleet.factsOf(machine)?.vmId ?? ''
  rig.alterations.set(vmId, change)
}

/** Sends a form as the machine, and gives the status of the answer. */
export async function post(machine: Machine, path: string, form: string): Promise<string> {
  const url = `https://${serviceName}/api/v1/registration${path}`
  const { stdout } = await machine.run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--data-binary', '@-', url], { input: form })
  return stdout.toString()
}

/** The extension as its older builds were: it looks at no hash. */
export const oldExtension: NonNullable<Image['extension']> = (machine, run) => run(machine, { settings: { integrityMode: 'legacy' } })

/** The package manager's lock is held for so many seconds from now. */
export async function holdPackageLock(machine: Machine, seconds: number): Promise<void> {
  const lock =
    'use Fcntl; open F, ">>", "/var/lib/dpkg/lock-frontend"; my $l = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die'
  const { exitCode, output } = await machine.run(['systemd-run', '--quiet', 'perl', '-e', `${lock}; sleep ${seconds}`])
  if (exitCode !== 0) throw new Error(`The package manager's lock is not held: ${output}`)
}

/** Puts a package for the package manager onto the machine. */
export async function bringLibrary(machine: Machine): Promise<void> {
  const folder = '/tmp/stand-in-library'
  const control =
    'Package: stand-in-library\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: nothing\n'
  await machine.write(`${folder}/DEBIAN/control`, control)
  await machine.write(`${folder}/usr/share/stand-in-library/here`, 'yes\n')
  const { exitCode, output } = await machine.run(['dpkg-deb', '--build', '--root-owner-group', folder, libraryFile])
  if (exitCode !== 0) throw new Error(`The library's package was not made: ${output}`)
}
