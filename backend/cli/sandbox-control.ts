/** The sandbox's own API: the demo queues jobs with it and asks it for the truth. */
import { readFileSync } from 'node:fs'
import { Agent, request } from 'undici'
import type { WorldEvent } from '../simulator/facts.ts'
import type { FaultName } from '../simulator/facts-life.ts'
import { exitCodes, Failure } from './exit.ts'

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
  /** @throws Failure when there is no fault of that name. */
  setFault(name: string, rate: number): Promise<void>
  close(): Promise<void>
}

export function createSandboxControl(sandbox: { readonly url: string; readonly caFile: string }): SandboxControl {
  const dispatcher = new Agent({ connect: { ca: readFileSync(sandbox.caFile) }, connections: 8 })

  async function call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const answer = await request(`${sandbox.url}/_sandbox${path}`, { method, dispatcher, ...sent })
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
    async setFault(name, rate) {
      await call('POST', '/faults', { name: name as FaultName, rate })
    },
    close: () => dispatcher.close(),
  }
}

function messageOf(json: unknown): string | undefined {
  return typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string' ? json.message : undefined
}
