/** A world for the demo: sandbox, service, a scale set and a pool on it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../adapters/log.ts'
import type { PassList, PoolCreated, PoolCreation, SettingsInput } from '../api/contract.ts'
import type { Configuration } from '../environment.ts'
import { createClient, type Client, type Fetch } from './client.ts'
import { prepareDataDirectory } from './data-directory.ts'
import { exitCodes, Failure } from './exit.ts'
import { serveHub, type HubServer } from './hub-server.ts'
import { quantile } from './quantile.ts'
import { createSandboxControl, type SandboxControl } from './sandbox-control.ts'
import { sandboxConfiguration, startSandboxProcess, type SandboxProcess } from './sandbox-process.ts'
import { startService, type Service } from './service.ts'

export type WorldWish = {
  readonly speed: number
  readonly seed: number
  readonly port: number
  readonly data?: string
  readonly settings: SettingsInput
  readonly packageFolder: string
  readonly version: string
  readonly fetch: Fetch
}

export type DemoWorld = {
  readonly data: string
  readonly sandbox: SandboxProcess
  readonly control: SandboxControl
  readonly service: Service
  readonly client: Client
  readonly pool: { readonly poolId: number; readonly name: string; readonly scaleSet: string; readonly scaleSetId: string }
  close(): Promise<void>
}

const poolName = 'linux-agents'
const scaleSetName = 'linux'
const spareScaleSetName = 'spare'
/** Azure DevOps' own pool, and its scale set. */
const builtInName = 'built-in'
/** World time that a pass may take before waits show the computer's speed and not the service's. */
const passMsMax = 5_000
/** Real time given to the first passes for judging that. */
const judgeMs = 2_000

/** Starts everything; what was started is ended again when a later part fails. */
export async function openWorld(wish: WorldWish): Promise<DemoWorld> {
  const opened: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const end of opened.splice(0).reverse()) await end()
  }
  try {
    return { ...(await open(wish, opened)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function open(wish: WorldWish, opened: (() => Promise<void>)[]): Promise<Omit<DemoWorld, 'close'>> {
  const data = newFolder(wish.data)
  if (wish.data === undefined) opened.push(async () => rmSync(data, { recursive: true, force: true }))
  const sandbox = await startSandboxProcess({ ...wish, data: join(data, 'sandbox'), port: 0 })
  opened.push(() => sandbox.stop())
  const control = createSandboxControl(sandbox.address)
  opened.push(() => control.close())
  const { packageFolder, version, speed } = wish
  const hub = await openHub(packageFolder, sandbox)
  opened.push(() => hub.close())
  const service = await startService({
    configuration: {
      ...sandboxConfiguration(sandbox.address, sandbox.credentials, data),
      port: wish.port,
      signIn: signInFor(sandbox, hub),
    },
    log: createLog({ level: 'silent' }),
    packageFolder,
    version,
    speed,
  })
  opened.push(() => service.stop())
  await Promise.all([control.showHub(hub.url), control.connectHub(sandbox.address, service.url)])
  const client = createClient(service, wish.fetch, () => service.clock.deadline(60_000))
  const scaleSetId = await control.addScaleSet(scaleSetName)
  const created = await client.send<PoolCreated>('POST', '/pools', { poolName, scaleSetId, settings: wish.settings } satisfies PoolCreation)
  await addForPeople(control, sandbox)
  return {
    data,
    sandbox,
    control,
    service,
    client,
    pool: { poolId: created.pool.poolId, name: poolName, scaleSet: scaleSetName, scaleSetId },
  }
}

/** For the pool that a person makes in the pages, and one that Azure DevOps sizes, to take over. */
async function addForPeople(control: SandboxControl, { address, credentials }: SandboxProcess): Promise<void> {
  await control.addScaleSet(spareScaleSetName)
  await control.addBuiltInPool(address.organizationUrl, credentials.pat, builtInName, await control.addScaleSet(builtInName))
}

async function openHub(packageFolder: string, { address }: SandboxProcess): Promise<HubServer> {
  const folder = join(packageFolder, 'dist', 'hub')
  if (!existsSync(folder)) throw new Failure(exitCodes.noInput, `The hub is not built: ${folder} does not exist. Run npm run build.`)
  return serveHub(folder, new URL(address.hostPageUrl).origin)
}

function signInFor({ address }: SandboxProcess, hub: HubServer): NonNullable<Configuration['signIn']> {
  const { id, secret } = JSON.parse(readFileSync(address.extensionFile, 'utf8')) as { readonly id: string; readonly secret: string }
  return { extensionId: id, extensionSecrets: [secret], hubOrigins: [hub.origin] }
}

/** Each demo has a world of its own, so it gets a folder of its own, also in a directory that is kept. */
function newFolder(kept: string | undefined): string {
  if (kept === undefined) return mkdtempSync(join(tmpdir(), 'scale-set-agents-'))
  prepareDataDirectory(kept)
  return mkdtempSync(join(kept, 'demo-'))
}

/** The highest speed at which this computer's passes are short in world time, judged by the first ones. */
export async function sustainableSpeed({ service, client, pool }: DemoWorld, speed: number, stop: AbortSignal): Promise<number> {
  await service.clock.real.sleep(judgeMs, stop)
  const { passes } = await client.get<PassList>(`/pools/${pool.poolId}/passes?top=20`)
  const took =
    quantile(
      passes.map((pass) => pass.tookMs),
      0.5,
    ) ?? 0
  return took <= passMsMax ? speed : Math.max(1, Math.floor((speed * passMsMax) / took))
}
