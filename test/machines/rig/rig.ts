/** The whole product over booted machines: sandbox, metadata service and service in one process, with TLS before them. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createClient } from '../../../backend/cli/client.ts'
import type { Client } from '../../../backend/cli/client.ts'
import type { Log } from '../../../backend/loop/ports.ts'
import { sandboxConfiguration } from '../../../backend/cli/sandbox-process.ts'
import { startService } from '../../../backend/cli/service.ts'
import type { Configuration } from '../../../backend/environment.ts'
import type { AttestedContent } from '../../../sandbox/metadata/instance.ts'
import { createMetadataAuthority } from '../../../sandbox/metadata/authority.ts'
import { startMetadata } from '../../../sandbox/metadata/metadata.ts'
import type { Metadata } from '../../../sandbox/metadata/metadata.ts'
import { startSandbox } from '../../../sandbox/sandbox.ts'
import type { Sandbox } from '../../../sandbox/sandbox.ts'
import { packageIn } from '../../support/package.ts'
import { runExtension } from './extension.ts'
import { createFleet } from './fleet.ts'
import type { Fleet } from './fleet.ts'
import { buildPackages } from './packages.ts'
import { addresses, place, serverIdentity, serviceName } from './place.ts'
import { startFront, startProxy } from './servers.ts'
import type { Front } from './servers.ts'

export type Rig = {
  readonly sandbox: Sandbox
  readonly metadata: Metadata
  readonly client: Client
  readonly fleet: Fleet
  /** Before Azure DevOps and before the service; rules change what passes. */
  readonly fronts: { readonly devOps: Front; readonly service: Front }
  readonly proxy: { readonly url: string; readonly seen: readonly { readonly from: string; readonly to: string }[] }
  /** What agents are registered with: it must be found nowhere on a machine. */
  readonly credential: string
  readonly subscriptionId: string
  /** What the service logged beside its passes. */
  readonly warnings: readonly string[]
  /** What documents of the machine with this vmId say instead. */
  readonly alterations: Map<string, Partial<AttestedContent>>
  close(): Promise<void>
}

const organization = 'contoso'
const subscriptionId = '00000000-0000-4000-8000-000000000001'
const app = {
  tenantId: '00000000-0000-4000-8000-000000000002',
  clientId: '00000000-0000-4000-8000-000000000003',
  secret: 'a-secret-of-the-rig',
}
/** World time in real time. The service looks at the machines every half minute of it; real clouds take longer than that to boot one. */
const speed = 5
const quick = (realMs: number) => ({ p50: realMs * speed, p95: realMs * speed * 1.2 })
const latencies = {
  list: quick(200),
  create: quick(300),
  enable: quick(100),
  reimage: quick(500),
  delete: quick(500),
  assign: quick(200),
  receive: quick(200),
}

/** Starts everything; what was started is ended again when a later part fails. */
export async function startRig(): Promise<Rig> {
  const ends: (() => Promise<unknown> | void)[] = []
  const close = async (): Promise<void> => {
    const failed: unknown[] = []
    for (const end of ends.splice(0).reverse()) await (async () => end())().catch((error: unknown) => failed.push(error))
    if (failed.length > 0) throw new AggregateError(failed, failed.map(String).join('; '))
  }
  try {
    return { ...(await start(ends)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function start(ends: (() => Promise<unknown> | void)[]): Promise<Omit<Rig, 'close'>> {
  const folder = mkdtempSync(join(place.folder, 'rig-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  const identity = serverIdentity(folder)
  const credential = 'p'.concat('at-of-the-registrar-', folder.slice(-6), '-0123456789abcdefghij')
  const sandbox = await startSandbox({
    seed: 1,
    port: 0,
    dataDir: join(folder, 'sandbox'),
    organization,
    pats: [credential],
    apps: [{ ...app, role: 'contributor', devops: true }],
    subscriptionId,
    resourceGroup: 'agents',
    location: 'westeurope',
    machinesRunAgents: false,
    latencies,
    speed,
    // An agent polls at least every 15 s; one whose machine lost power is missed soon after.
    sessionTimes: { holdMs: 10_000, silenceMsMax: 20_000 },
    agentPackages: await buildPackages(folder),
  })
  ends.push(() => sandbox.close())
  const devOps = await startFront(addresses.devOps, identity, {
    protocol: 'https:',
    port: Number(new URL(sandbox.url).port),
    ca: sandbox.caPem,
  })
  ends.push(() => devOps.close())
  const service = await startFront(addresses.service, identity, { protocol: 'http:', port: 7200 })
  ends.push(() => service.close())
  const proxy = await startProxy(addresses.proxy, { [serviceName]: addresses.service, 'www.microsoft.com': addresses.metadata })
  ends.push(() => proxy.close())

  const fleet = createFleet({
    world: sandbox.world,
    plan: {
      layers: [await layerOfRun(folder, identity.cert), place.root],
      folder: join(folder, 'machines'),
      groups: place.groups,
      programs: programs(),
    },
    runExtension: (...run) => runExtension(sandbox.world, ...run),
  })
  ends.push(() => fleet.close())
  const authority = await createMetadataAuthority()
  const metadata = await startMetadata({ world: sandbox.world, authority, machineOf: fleet.machineAt, host: addresses.metadata, port: 80 })
  ends.push(() => metadata.close())
  const alterations: Rig['alterations'] = new Map()
  metadata.alterDocuments((content) => ({ ...content, ...alterations.get(content.vmId) }))

  const configuration: Configuration = {
    ...sandboxConfiguration(sandbox, { ...app, pat: credential }, join(folder, 'service')),
    organizationUrl: `https://${addresses.devOps}/${organization}`,
    caFile: writeInto(folder, 'ca.pem', identity.cert + sandbox.caPem),
    attestationRoots: writeInto(folder, 'roots.pem', authority.rootPem),
    port: 7200,
    publicUrl: `https://${serviceName}`,
  }
  const warnings: string[] = []
  const running = await startService({
    configuration,
    log: collect(warnings),
    packageFolder: packageIn(folder, readFileSync('agent-scripts/linux/enableagent.sh')),
    version: '0.0.0',
    speed,
  })
  ends.push(() => running.stop())
  const client = createClient(
    running,
    (url, init) => fetch(url, init),
    () => running.clock.deadline(30_000),
  )
  return { sandbox, metadata, client, fleet, fronts: { devOps, service }, proxy, credential, subscriptionId, warnings, alterations }
}

/** What every machine of this run finds in its image: names of servers, the certificate to trust, the agent's runtime. */
async function layerOfRun(folder: string, cert: string): Promise<string> {
  const layer = join(folder, 'layer')
  const write = (file: string, content: string, mode = 0o644): void => {
    mkdirSync(join(layer, file, '..'), { recursive: true })
    writeFileSync(join(layer, file), content, { mode })
  }
  const roots = await readFile(join(place.root, 'etc', 'ssl', 'certs', 'ca-certificates.crt'), 'utf8')
  write('etc/ssl/certs/ca-certificates.crt', roots + cert)
  write('etc/hosts', `127.0.0.1 localhost\n${addresses.service} ${serviceName}\n${addresses.metadata} www.microsoft.com\n`)
  write('etc/resolv.conf', `nameserver ${addresses.devOps}\noptions timeout:1 attempts:1\n`)
  // The agent brings its own runtime; the stand-in's is this computer's.
  write('usr/local/bin/node', '')
  mkdirSync(join(folder, 'machines'))
  return layer
}

function programs(): Record<string, string> {
  return { [realpathSync(process.execPath)]: '/usr/local/bin/node' }
}

function collect(warnings: string[]): Log {
  const keep = (fields: object, message: string): void => {
    warnings.push(`${message} ${inspect(fields, { depth: 4 })}`)
  }
  return { info: () => undefined, warn: keep, error: keep }
}

function writeInto(folder: string, name: string, content: string): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
