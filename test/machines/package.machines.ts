/** The agent's package on its way to a machine: what is wrong with it, with the way, or with the machine's disk. */
import { bringLibrary, cutOff, failsWith, holdPackageLock, oldExtension } from './rig/faults.ts'
import { addresses } from './rig/place.ts'
import { agentVersions } from './rig/packages.ts'
import type { Rig } from './rig/rig.ts'
import { scenarios } from './rig/scenarios.ts'

scenarios({
  async 'the extension refuses a package that was changed on the way'(open, rig) {
    spoil(rig, agentVersions.changed, flipLastByte)
    const pool = await open('changed', { settings: { agentVersion: agentVersions.changed } })
    const { machine } = await pool.life()
    await failsWith(pool, undefined, 'hash mismatch')
    expect(await machine.read('/agent/config.sh')).toBeUndefined()
  },

  async 'the script refuses a package that was changed, under an extension that looks at no hash'(open, rig) {
    spoil(rig, agentVersions.tampered, flipLastByte)
    const pool = await open('tampered', { settings: { agentVersion: agentVersions.tampered }, image: { extension: oldExtension } })
    const { machine } = await pool.life()
    await failsWith(pool, 'package', 'hash mismatch')
    expect(await machine.read('/agent/config.sh')).toBeUndefined()
  },

  async 'the script refuses half a package'(open, rig) {
    spoil(rig, agentVersions.halved, half)
    const pool = await open('half', { settings: { agentVersion: agentVersions.halved }, image: { extension: oldExtension } })
    await failsWith(pool, 'package', 'hash mismatch')
  },

  async 'a package without a hash starts no machine, and Diagnostics says why'(open) {
    const pool = await open('no-hash', { settings: { agentVersion: agentVersions.withoutHash } })
    await pool.problem(/states no SHA-256 for agent/)
    expect(pool.machines()).toEqual([])
  },

  async 'the download is blocked'(open, rig) {
    rig.fronts.devOps.rule(({ path }) =>
      isDownload(path, agentVersions.blocked) ? { kind: 'status', status: 403, body: 'no' } : undefined,
    )
    const pool = await open('blocked', { settings: { agentVersion: agentVersions.blocked } })
    await failsWith(pool, undefined, 'download blocked')
  },

  async 'the disk is full'(open) {
    const pool = await open('full', { image: { sizeMb: 300 } })
    await failsWith(pool, 'prerequisites', 'disk full')
  },

  async 'a one-job machine that reaches the outside by a proxy only'(open, rig) {
    const env = { https_proxy: rig.proxy.url, http_proxy: rig.proxy.url, no_proxy: addresses.metadata }
    const pool = await open('proxied', {
      settings: { proxy: rig.proxy.url, tearDownAfterUse: true },
      image: {
        async prepare(machine) {
          for (const address of [addresses.devOps, addresses.service]) await cutOff(machine, address)
          await machine.write('/etc/hosts', '127.0.0.1 localhost\n')
        },
        extension: (machine, run) => run(machine, { env }),
      },
    })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    await pool.job(pool.queueJob(), 'finished')
    await pool.told(machine.name, 'finished')
    expect(new Set(rig.proxy.seen.filter(({ from }) => from === machine.address).map(({ to }) => to))).toEqual(
      new Set(['service.test:443', 'www.microsoft.com:80', `${addresses.devOps}:443`]),
    )
  },

  async 'the package manager is in use for 60 seconds'(open) {
    const pool = await open('locked', {
      settings: { agentVersion: agentVersions.withLibrary },
      image: {
        async prepare(machine) {
          await bringLibrary(machine)
          await holdPackageLock(machine, 60)
        },
      },
    })
    const { machine, extension } = await pool.life()
    await expect(extension).resolves.toEqual({ ok: true })
    expect(await machine.read('/usr/share/stand-in-library/here')).toBe('yes\n')
    const [life] = await pool.boots(machine.name)
    expect(life?.phases.find(({ phase }) => phase === 'package')?.durationMs).toBeGreaterThan(40_000)
  },
})

/** Changes the package on its way to everybody; its description stays true. */
function spoil(rig: Rig, version: string, body: (body: Buffer) => Buffer): void {
  rig.fronts.devOps.rule(({ path }) => (isDownload(path, version) ? { kind: 'alter', body } : undefined))
}

function isDownload(path: string, version: string): boolean {
  return path.endsWith(`-${version}.tar.gz`)
}

function flipLastByte(body: Buffer): Buffer {
  return Buffer.concat([body.subarray(0, -1), Buffer.from([(body.at(-1) ?? 0) ^ 0xff])])
}

function half(body: Buffer): Buffer {
  return body.subarray(0, body.length / 2)
}
