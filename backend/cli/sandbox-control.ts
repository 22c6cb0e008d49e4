/** The sandbox's own API: the demo queues jobs with it and asks it for the truth. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import type { WorldEvent } from '../simulator/facts.ts'
import type { FaultName } from '../simulator/facts-life.ts'
import { exitCodes, Failure } from './exit.ts'
import type { SandboxAddress } from './sandbox-process.ts'

/** The truth of the world in numbers. Times in world ms. */
export type SandboxState = {
  readonly now: number
  readonly scaleSets: readonly { readonly id: string; readonly machines: number; readonly machineMs: number }[]
  readonly pools: readonly {
    readonly id: number
    readonly agents: number
    readonly waiting: number
    readonly running: number
    readonly finished: Readonly<Record<string, number>>
  }[]
  readonly faultCounts: Readonly<Record<string, number>>
}
export type SandboxEvents = { readonly next: number; readonly missed: number; readonly entries: readonly WorldEvent[] }
export type SandboxJob = { readonly poolId: number; readonly durationMs: number; readonly jobName: string; readonly definition: string }

export type SandboxControl = {
  state(): Promise<SandboxState>
  events(after: number): Promise<SandboxEvents>
  queueJob(job: SandboxJob): Promise<number>
  /** Resource id of the new scale set. */
  addScaleSet(name: string): Promise<string>
  /** A pool that Azure DevOps itself sizes: what a person takes over in the pages. */
  addBuiltInPool(organizationUrl: string, pat: string, name: string, scaleSetId: string): Promise<void>
  /** @throws Failure when there is no fault of that name. */
  setFault(name: string, rate: number): Promise<void>
  /** Puts the hub at this address into the settings page. */
  showHub(url: string): Promise<void>
  /** Keeps the service's address for the organization, with the rights of its first administrator, as the hub itself does. */
  connectHub(place: ExtensionPlace, serviceUrl: string): Promise<void>
  close(): Promise<void>
}

type ExtensionPlace = Pick<SandboxAddress, 'organizationUrl' | 'extensionName'>
type Headers = Readonly<Record<string, string>>

export function createSandboxControl(sandbox: Pick<SandboxAddress, 'url' | 'caFile'>): SandboxControl {
  const dispatcher = new Agent({ connect: { ca: readFileSync(sandbox.caFile) }, connections: 8 })
  const call = (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<unknown> =>
    send(method, `${sandbox.url}/_sandbox${path}`, body)

  async function send(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown, headers: Headers = {}): Promise<unknown> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } }
    const answer = await request(path, { method, dispatcher, ...sent })
    const text = await answer.body.text()
    const json: unknown = text === '' ? undefined : JSON.parse(text)
    if (answer.statusCode < 400) return json
    throw new Failure(exitCodes.usage, messageOf(json) ?? `The sandbox refused ${path} with status ${answer.statusCode}.`)
  }

  return {
    state: async () => (await call('GET', '/state')) as SandboxState,
    events: async (after) => (await call('GET', `/events?after=${after}`)) as SandboxEvents,
    queueJob: async (job) => ((await call('POST', '/jobs', job)) as { readonly requestId: number }).requestId,
    addScaleSet: async (name) => ((await call('POST', '/scalesets', { name })) as { readonly id: string }).id,
    async addBuiltInPool(organizationUrl, pat, name, scaleSetId) {
      const authorization = `Basic ${Buffer.from(`:${pat}`).toString('base64')}`
      const query = `poolName=${encodeURIComponent(name)}&api-version=7.1`
      await send('POST', `${organizationUrl}/_apis/distributedtask/elasticpools?${query}`, builtInPool(scaleSetId), { authorization })
    },
    async setFault(name, rate) {
      await call('POST', '/faults', { name: name as FaultName, rate })
    },
    async showHub(url) {
      await call('PUT', '/hub', { url })
    },
    async connectHub(place, serviceUrl) {
      const { people } = (await call('GET', '/people')) as { readonly people: readonly { readonly id: string; readonly right: string }[] }
      const administrator = people.find(({ right }) => right === 'manage')?.id ?? ''
      const { token } = (await call('POST', `/people/${administrator}/access-token`)) as { readonly token: string }
      await send('PUT', documentsUrl(place), { id: 'service', address: serviceUrl, __etag: -1 }, { authorization: `Bearer ${token}` })
    },
    close: () => dispatcher.close(),
  }
}

/** As somebody made it with the feature's own form. */
function builtInPool(azureId: string): object {
  const serviceEndpointId = '7d6c1f0e-55a1-4f27-9d3f-6a0f5b0c2e11'
  const serviceEndpointScope = '3f8a1c52-7b0e-4c1d-9a66-5d2b1e0f4a01'
  const settings = { maxCapacity: 8, desiredIdle: 2, recycleAfterEachUse: true, maxSavedNodeCount: 1, timeToLiveMinutes: 15 }
  return { serviceEndpointId, serviceEndpointScope, azureId, osType: 'linux', agentInteractiveUI: false, ...settings }
}

/** What hub/host.ts reads. */
function documentsUrl({ organizationUrl, extensionName }: ExtensionPlace): string {
  const extension = `${organizationUrl}/_apis/ExtensionManagement/InstalledExtensions/${extensionName.replace('.', '/')}`
  return `${extension}/Data/Scopes/Default/Current/Collections/scale-set-agents/Documents?api-version=7.2-preview.1`
}

function messageOf(json: unknown): string | undefined {
  return typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string' ? json.message : undefined
}
