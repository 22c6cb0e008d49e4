/** A scale set as the REST API writes and reads it (VirtualMachineScaleSet of Microsoft.Compute). */
import { createHash } from 'node:crypto'
import type { Json, MachineFacts, ScaleSetFacts, ScaleSetPatch } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { isObject, listAt, objectAt, stringAt, stringsAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { refuse } from './refusals.ts'

/** Accepted on the way in, never on the way out. */
const secretKeys = new Set(['protectedsettings', 'adminpassword', 'customdata', 'userdata'])
const readOnlyKeys = ['provisioningState', 'uniqueId', 'timeCreated']
const etagSince = '2024-03-01'
const timeCreatedSince = '2021-11-01'

/** Whether this api-version knows etags; older ones have neither the property nor If-Match. */
export function hasEtags(apiVersion: string): boolean {
  return apiVersion >= etagSince
}

export function hasTimeCreated(apiVersion: string): boolean {
  return apiVersion >= timeCreatedSince
}

export function scaleSetShape(facts: ScaleSetFacts, apiVersion: string, clock: SandboxClock): JsonObject {
  const timeCreated = hasTimeCreated(apiVersion) ? { timeCreated: clock.toIso(facts.createdAt) } : {}
  return {
    name: facts.name,
    id: facts.id,
    type: 'Microsoft.Compute/virtualMachineScaleSets',
    location: facts.location,
    tags: facts.tags,
    ...(facts.zones === undefined ? {} : { zones: facts.zones }),
    ...(facts.identity === undefined ? {} : { identity: facts.identity }),
    ...(hasEtags(apiVersion) ? { etag: facts.etag } : {}),
    sku: { name: facts.skuName, tier: 'Standard', capacity: facts.capacity },
    properties: {
      ...withoutSecrets(facts.properties),
      provisioningState: facts.provisioningState,
      uniqueId: guidOf(`${facts.id}#${facts.createdAt}`),
      ...timeCreated,
    },
  }
}

/** The counts that Azure gives of a whole scale set, without a machine's name. */
export function scaleSetInstanceView(facts: ScaleSetFacts, machines: readonly MachineFacts[], clock: SandboxClock): JsonObject {
  const extensions = new Set(machines.flatMap((machine) => machine.extensions.map(({ name }) => name)))
  return {
    virtualMachine: { statusesSummary: summary(machines.map((machine) => machine.provisioningState)) },
    extensions: [...extensions].map((name) => ({
      name,
      statusesSummary: summary(
        machines.flatMap((machine) => machine.extensions.filter((extension) => extension.name === name).map(({ state }) => state)),
      ),
    })),
    statuses: [
      {
        code: `ProvisioningState/${facts.provisioningState.toLowerCase()}`,
        level: 'Info',
        displayStatus: `Provisioning ${facts.provisioningState.toLowerCase()}`,
        time: clock.toIso(clock.nowMs()),
      },
    ],
    orchestrationServices: [],
  }
}

type NewScaleSet = {
  readonly location: string
  readonly skuName: string
  readonly capacity: number
  readonly tags: Readonly<Record<string, string>>
  readonly properties: JsonObject
  readonly identity?: Json
  readonly zones?: readonly string[]
}

/**
 * A PUT's body; throws what Azure answers to an incomplete one. Tags and properties that a PUT leaves out stay as they
 * were: `az vmss scale` sends location and size only and relies on it.
 */
export function readScaleSet(body: JsonObject, before: ScaleSetFacts | undefined): NewScaleSet {
  const location = stringAt(body, 'location') ?? refuse(400, 'LocationRequired', 'The location property is required for this definition.')
  const sku = objectAt(body, 'sku')
  const skuName = stringAt(sku, 'name') ?? refuse(400, 'InvalidParameter', "Required parameter 'sku.name' is missing (null).")
  const zones = listAt(body, 'zones').filter((zone) => typeof zone === 'string')
  return {
    location: location.toLowerCase().replaceAll(' ', ''),
    skuName,
    capacity: capacityOf(sku) ?? refuse(400, 'InvalidParameter', "Required parameter 'sku.capacity' is missing (null)."),
    tags: stringsAt(body, 'tags') ?? before?.tags ?? {},
    properties: { ...before?.properties, ...writable(objectAt(body, 'properties')) },
    ...(isObject(body['identity']) ? { identity: body['identity'] } : {}),
    ...(zones.length > 0 ? { zones } : {}),
  }
}

export function readPatch(body: JsonObject): ScaleSetPatch {
  const sku = objectAt(body, 'sku')
  const [capacity, skuName, tags] = [capacityOf(sku), stringAt(sku, 'name'), stringsAt(body, 'tags')]
  return {
    ...(capacity === undefined ? {} : { capacity }),
    ...(skuName === undefined ? {} : { skuName }),
    ...(tags === undefined ? {} : { tags }),
    ...(isObject(body['properties']) ? { properties: writable(body['properties']) } : {}),
    ...(isObject(body['identity']) ? { identity: body['identity'] } : {}),
  }
}

/** A copy without what Azure never returns, however deep it lies. */
export function withoutSecrets(value: JsonObject): JsonObject {
  const kept = Object.entries(value).filter(([key]) => !secretKeys.has(key.toLowerCase()))
  return Object.fromEntries(kept.map(([key, entry]) => [key, withoutSecretsInside(entry)]))
}

/** A stable GUID for a name. */
export function guidOf(name: string): string {
  const digest = createHash('sha256').update(name.toLowerCase()).digest('hex')
  return digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function withoutSecretsInside(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutSecretsInside)
  return isObject(value) ? withoutSecrets(value) : value
}

function capacityOf(sku: JsonObject): number | undefined {
  const capacity = sku['capacity']
  if (capacity === undefined || capacity === null) return undefined
  // Some clients send it as a string, and Azure takes it.
  const count = typeof capacity === 'string' ? Number(capacity) : capacity
  const isCount = typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= 1000
  return isCount
    ? count
    : refuse(
        400,
        'InvalidParameter',
        `The value '${JSON.stringify(capacity)}' of parameter 'sku.capacity' is invalid: it has to be a whole number from 0 to 1000.`,
      )
}

function writable(properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !readOnlyKeys.includes(key)))
}

function summary(states: readonly string[]): Json[] {
  const counts = new Map<string, number>()
  for (const state of states) counts.set(state.toLowerCase(), (counts.get(state.toLowerCase()) ?? 0) + 1)
  return [...counts].map(([state, count]) => ({ code: `ProvisioningState/${state}`, count }))
}
