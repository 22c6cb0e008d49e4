/** The VM extension on a booted machine: the sandbox's emulation, with the machine as its host. */
import type { World } from '../../../backend/simulator/facts.ts'
import { pipelinesExtension } from '../../../sandbox/vm-extension/settings.ts'
import { runVmExtension } from '../../../sandbox/vm-extension/vm-extension.ts'
import type { Host } from '../../../sandbox/vm-extension/vm-extension.ts'
import type { ExtensionEnd, ExtensionOptions } from './fleet.ts'
import type { Machine } from './machine.ts'

/** Runs it once, with what stands in the scale set's model now. */
export async function runExtension(
  world: World,
  scaleSetId: string,
  machine: Machine,
  options: ExtensionOptions = {},
): Promise<ExtensionEnd> {
  const scaleSet = world.truth.scaleSet(scaleSetId)
  const entry = scaleSet && pipelinesExtension(scaleSet)
  if (entry === undefined) throw new Error(`The model of ${scaleSetId} has no agent extension.`)
  const result = await runVmExtension({
    os: 'linux',
    host: hostOn(machine, options),
    settings: { ...entry.settings, ...options.settings },
    protectedSettings: entry.protectedSettings,
    download: (url) => downloadOn(machine, url, options.env),
    environment: options.env ?? {},
  })
  return result.ok ? { ok: true } : { ok: false, message: result.message }
}

function hostOn(machine: Machine, { wrap = (command) => command, started, beforeScript }: ExtensionOptions): Host {
  return {
    exists: async (path) => (await machine.run(['test', '-e', path])).exitCode === 0,
    write: (path, bytes, mode) => machine.write(path, bytes, mode),
    async run(command, env) {
      await beforeScript?.()
      // A process group of its own, so that a case can kill the script with everything it started.
      const { exitCode, stdout, stderr } = await machine.run(wrap(command), { env, detached: true, ...(started && { started }) })
      return { exitCode, stdout: stdout.toString(), stderr }
    },
  }
}

/** The extension's own client knows the VM agent's proxy, as curl does. */
async function downloadOn(machine: Machine, url: string, env: ExtensionOptions['env'] = {}): Promise<Buffer> {
  const { exitCode, stdout, stderr } = await machine.run(['curl', '--silent', '--show-error', '--fail', '--max-time', '20', url], { env })
  if (exitCode !== 0) throw new Error(stderr.trim())
  return stdout
}
