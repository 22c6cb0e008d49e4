/** One Azure scale set behind the {@link ScaleSet} port. */
import type { Reading } from '../core/snapshot.ts'
import type { AzureMachine, AzureOperation, CallOutcome, ExtensionEntry, ScaleSet } from '../loop/ports.ts'
import { machineFrom, scaleSetFrom } from './azure-shapes.ts'
import type { ServiceClock } from './clock.ts'
import { computeApiVersion, createComputeReader } from './compute.ts'
import type { ComputeReader } from './compute.ts'
import type { AzureConfig } from './credentials.ts'
import type { ChangeAnswer, Http, Look } from './http.ts'
import { createSizeReader, readRooms } from './rooms.ts'
import { parseScaleSetId } from './scale-set-id.ts'
import type { ScaleSetId } from './scale-set-id.ts'
import { asObject, asText, optional } from './shape.ts'
import type { JsonObject } from './shape.ts'
import type { HttpRequest } from './transport.ts'

const tagsApiVersion = '2021-04-01'
/** More than Azure lets a scale set hold. */
const machinesMax = 1_000

/**
 * Reads go through the SDK, changes through our own HTTP: one request each, answered at acceptance with the address of
 * the long-running operation. Throws when `scaleSetId` does not parse.
 */
export function createScaleSet(options: {
  readonly config: AzureConfig
  readonly http: Http
  readonly scaleSetId: string
  readonly clock: ServiceClock
}): ScaleSet {
  const { http, clock } = options
  const id = parseScaleSetId(options.scaleSetId)
  const compute = createComputeReader({ ...options, subscriptionId: id.subscriptionId })
  const read = (signal: AbortSignal) =>
    compute.readIfThere(async (client) =>
      scaleSetFrom(await client.virtualMachineScaleSets.get(id.resourceGroup, id.name, { abortSignal: signal })),
    )
  const sizeOf = createSizeReader()
  return {
    read,
    machines: (signal) => readMachines(compute, id, signal),
    operation: (address, signal) => readOperation(http, clock, address, signal),
    rooms: (skuName, signal) => readRooms({ compute, http, read, size: sizeOf(skuName), signal }),
    ...createChanges(changer(http, id)),
  }
}

type Changes = Pick<
  ScaleSet,
  'setCapacity' | 'deleteMachines' | 'reimageMachines' | 'claimTag' | 'mergeTag' | 'removeTag' | 'putExtension' | 'removeExtension'
>

function createChanges(change: (change: Change) => Promise<CallOutcome>): Changes {
  const tags = { method: 'PATCH', path: '/providers/Microsoft.Resources/tags/default', apiVersion: tagsApiVersion } as const
  const entryPath = (name: string) => `/extensions/${encodeURIComponent(name)}`
  return {
    async setCapacity(seen, capacity, signal) {
      if (capacity < seen.capacity)
        throw new RangeError(
          `Capacity is only raised: ${String(seen.capacity)} must not become ${String(capacity)}. Delete machines by id instead.`,
        )
      return change({
        operation: 'set capacity',
        method: 'PATCH',
        body: { sku: { name: seen.skuName, capacity } },
        ifMatch: seen.etag,
        signal,
      })
    },
    deleteMachines: async (ids, signal) =>
      change({ operation: 'delete machines', method: 'POST', path: '/delete', body: { instanceIds: named(ids) }, signal }),
    reimageMachines: async (ids, signal) =>
      change({ operation: 'reimage machines', method: 'POST', path: '/reimage', body: { instanceIds: named(ids) }, signal }),
    claimTag: (seen, name, value, signal) =>
      change({ operation: 'claim', method: 'PATCH', body: { tags: { ...seen.tags, [name]: value } }, ifMatch: seen.etag, signal }),
    mergeTag: (name, value, signal) =>
      change({ operation: 'merge tag', ...tags, body: { operation: 'Merge', properties: { tags: { [name]: value } } }, signal }),
    removeTag: (name, value, signal) =>
      change({ operation: 'remove tag', ...tags, body: { operation: 'Delete', properties: { tags: { [name]: value } } }, signal }),
    // The entry's own address rather than the model's whole list: the others come back without their protected
    // settings, so that writing them back would lose them.
    putExtension: (_seen, entry, signal) =>
      change({ operation: 'put extension', method: 'PUT', path: entryPath(entry.name), body: extensionBody(entry), signal }),
    async removeExtension(_seen, name, signal) {
      const outcome = await change({ operation: 'remove extension', method: 'DELETE', path: entryPath(name), signal })
      const gone = outcome.kind === 'refused' && outcome.status === 404 && /NotFound$/.test(outcome.code)
      return gone ? { kind: 'done', detail: 'It was gone already.' } : outcome
    },
  }
}

type Change = Pick<HttpRequest, 'operation' | 'method' | 'body' | 'signal'> & {
  readonly path?: string
  readonly apiVersion?: string
  readonly ifMatch?: string
}

function changer(http: Http, id: ScaleSetId): (change: Change) => Promise<CallOutcome> {
  return async ({ operation, method, body, signal, path = '', apiVersion = computeApiVersion, ifMatch }) => {
    const url = `${id.id}${path}?api-version=${apiVersion}`
    return accepted(
      await http.change({ operation, method, url, body, signal, headers: ifMatch === undefined ? {} : { 'if-match': ifMatch } }),
    )
  }
}

/** Accepted, with the address where the operation tells how it ends. */
function accepted(answer: ChangeAnswer): CallOutcome {
  if (answer.kind !== 'done') return answer
  const operation = answer.headers['azure-asyncoperation'] ?? answer.headers['location']
  const etag = answer.headers['etag'] ?? (answer.json as { readonly etag?: unknown } | undefined)?.etag
  return { kind: 'done', ...(typeof operation === 'string' ? { operation } : {}), ...(typeof etag === 'string' ? { etag } : {}) }
}

/** An empty list or `*` would mean every machine to Azure. */
function named(ids: readonly string[]): readonly string[] {
  if (ids.length === 0 || ids.some((id) => !/^\w+$/.test(id)))
    throw new RangeError(`Machines are named one by one; [${ids.join(', ')}] does not do that.`)
  return ids
}

function extensionBody(entry: ExtensionEntry): unknown {
  return {
    name: entry.name,
    properties: {
      publisher: entry.publisher,
      type: entry.type,
      typeHandlerVersion: entry.version,
      autoUpgradeMinorVersion: true,
      settings: entry.settings,
      ...(entry.protectedSettings === undefined ? {} : { protectedSettings: entry.protectedSettings }),
      ...(entry.after.length === 0 ? {} : { provisionAfterExtensions: entry.after }),
    },
  }
}

/** Every page, or Unknown: a list that lost a page would make machines look gone. */
function readMachines(compute: ComputeReader, id: ScaleSetId, signal: AbortSignal): Promise<Reading<readonly AzureMachine[]>> {
  return compute.read(async (client) => {
    const machines = new Map<string, AzureMachine>()
    for await (const vm of client.virtualMachineScaleSetVMs.list(id.resourceGroup, id.name, {
      expand: 'instanceView',
      abortSignal: signal,
    })) {
      signal.throwIfAborted()
      const machine = machineFrom(vm)
      if (machines.has(machine.id)) throw new Error(`machine ${machine.id} is listed twice`)
      machines.set(machine.id, machine)
      if (machines.size > machinesMax) throw new Error(`more than ${String(machinesMax)} machines are listed`)
    }
    return [...machines.values()]
  })
}

async function readOperation(http: Http, clock: ServiceClock, address: string, signal: AbortSignal): Promise<Reading<AzureOperation>> {
  const look = await http.look({ operation: 'get operation', method: 'GET', url: address, signal })
  const state = operationFrom(look)
  return 'why' in state ? { known: false, why: state.why } : { known: true, value: state, at: clock.now() }
}

/** Both kinds of address: Azure-AsyncOperation answers 200 with a status; Location 202 while it runs, then 200 or 204. */
function operationFrom(look: Look): AzureOperation | { readonly why: string } {
  if (look.kind === 'unknown') return { why: look.why }
  // Only Azure's own error says that it is gone; a page of something in between does not.
  if (look.kind === 'refused') return look.status === 404 && look.code !== 'http-404' ? { state: 'gone' } : { why: look.message }
  if (look.status === 202) return { state: 'running' }
  if (look.status === 204 || look.text === '') return { state: 'succeeded' }
  try {
    return statusFrom(asObject(JSON.parse(look.text), 'the operation'))
  } catch (error) {
    return { why: `Azure's answer about the operation is not understood: ${error instanceof Error ? error.message : String(error)}.` }
  }
}

function statusFrom(answer: JsonObject): AzureOperation {
  // A Location ends with the resource, which has no status.
  const status = optional(answer['status'], 'status', asText) ?? 'Succeeded'
  if (status === 'Succeeded') return { state: 'succeeded' }
  if (status !== 'Failed' && status !== 'Canceled') return { state: 'running' }
  const error = optional(answer['error'], 'error', asObject) ?? {}
  return {
    state: 'failed',
    code: optional(error['code'], 'error.code', asText) ?? status,
    message: optional(error['message'], 'error.message', asText) ?? `The operation ended as ${status}.`,
  }
}
