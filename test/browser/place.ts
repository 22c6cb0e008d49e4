/** Sandbox, service and hub as `npm start` puts them together, in this process, with the switches that a test needs. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { createLog } from '../../backend/adapters/log.ts'
import { serveHub, type HubServer } from '../../backend/cli/hub-server.ts'
import { createSandboxControl, type SandboxControl } from '../../backend/cli/sandbox-control.ts'
import { sandboxConfiguration } from '../../backend/cli/sandbox-process.ts'
import { startService, type Service } from '../../backend/cli/service.ts'
import { createClient, type Client } from '../../backend/cli/client.ts'
import type { Configuration } from '../../backend/environment.ts'
import { bundleHostPage } from '../../sandbox/host-page/bundle.mjs'
import { extensionNames } from '../../sandbox/host-page/extension.ts'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../sandbox/sandbox.ts'

export type Place = {
  readonly sandbox: Sandbox
  readonly control: SandboxControl
  readonly hub: HubServer
  /** Keeps its address over stops and starts. */
  readonly serviceUrl: string
  readonly data: string
  /** With the operator key. */
  client(): Client
  /** As it was configured, or with another version; or with another secret of the extension, and then it knows no session any more. */
  startService(other?: Other): Promise<void>
  stopService(): Promise<void>
  /** What an administrator does on the hub's first page. */
  connect(): Promise<void>
  close(): Promise<void>
}

export type Other = { readonly version?: string; readonly extensionSecret?: string }

const root = path.dirname(path.dirname(__dirname))
const organization = 'sandbox'
const app = { tenantId: '11111111-1111-4111-8111-111111111111', clientId: '33333333-3333-4333-8333-333333333333', secret: 'of the service' }
export const pat = 'a-personal-access-token'
const quick = { p50: 1_000, p95: 1_500 }
/** World time in real time: a machine boots in a second or two. */
const speed = 30

export async function openPlace(options: Partial<SandboxOptions> = {}): Promise<Place> {
  const data = await mkdtemp(path.join(tmpdir(), 'hub-test-'))
  const folders = { hub: path.join(data, 'hub'), page: path.join(data, 'page') }
  await Promise.all([buildHub(folders.hub), bundleHostPage(root, folders.page)])
  const sandbox = await startSandbox({
    ...{ seed: 1, speed, retryAfterS: 0, dataDir: path.join(data, 'sandbox'), organization, pats: [pat] },
    ...{ subscriptionId: '22222222-2222-4222-8222-222222222222', resourceGroup: 'agents', location: 'westeurope' },
    apps: [{ ...app, role: 'contributor', devops: true }],
    latencies: { list: quick, create: { p50: 20_000, p95: 40_000 }, enable: { p50: 20_000, p95: 30_000 }, reimage: quick, delete: quick },
    hostPage: { assets: folders.page },
    ...options,
  })
  // Every organization has this one from its first day, and whoever may manage it may create others.
  sandbox.world.devops.addPool('Default', true)
  const hub = await serveHub(folders.hub, new URL(sandbox.hostPageUrl ?? '').origin)
  const control = createSandboxControl(sandbox)
  await control.showHub(hub.url)
  const { id, secret } = JSON.parse(await readFile(sandbox.extension.file, 'utf8')) as { readonly id: string; readonly secret: string }
  const configuration: Configuration = {
    ...sandboxConfiguration(sandbox, { ...app, pat }, data),
    signIn: { extensionId: id, extensionSecrets: [secret], hubOrigins: [hub.origin] },
  }
  let service: Service | undefined = await start(configuration, 0, {})
  const serviceUrl = service.url
  const stopService = async (): Promise<void> => {
    await service?.stop()
    service = undefined
  }
  return {
    ...{ sandbox, control, hub, serviceUrl, data, stopService },
    client: () => createClient(service!, fetch, () => AbortSignal.timeout(60_000)),
    async startService(other = {}) {
      if (other.extensionSecret !== undefined) await rm(path.join(data, 'session-key'))
      service ??= await start(configuration, Number(new URL(serviceUrl).port), other)
    },
    connect: () => control.connectHub({ organizationUrl: sandbox.organizationUrl, extensionName }, serviceUrl),
    async close() {
      await stopService()
      await Promise.all([control.close(), hub.close(), sandbox.close()])
      await rm(data, { recursive: true, force: true })
    },
  }
}

const extensionName = `${extensionNames.publisherId}.${extensionNames.extensionId}`

function start(usual: Configuration, port: number, { version = '0.1.0', extensionSecret }: Other): Promise<Service> {
  const log = createLog({ level: 'silent' })
  const { signIn } = usual
  const changed = signIn && extensionSecret !== undefined ? { signIn: { ...signIn, extensionSecrets: [extensionSecret] } } : {}
  return startService({ configuration: { ...usual, ...changed, port }, log, packageFolder: root, version, speed })
}

/** By a process of its own: webpack is not for jest's module system. */
async function buildHub(outdir: string): Promise<void> {
  const script = `import { buildHub } from ${JSON.stringify(path.join(root, 'scripts', 'hub-build.mjs'))}; await buildHub(process.argv[1])`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script, outdir], { cwd: root })
}
