/** Reading and merging a scale set's model: `properties` as ARM puts and patches them. */
import type { Json, ScaleSetFacts } from './facts.ts'

export type JsonObject = { readonly [key: string]: Json }

export type ExtensionModel = {
  readonly name: string
  readonly type: string
  readonly after: readonly string[]
  /** What the Azure Pipelines extension is told; absent for every other extension. */
  readonly bootstrap?: { readonly poolId: number; readonly once: boolean }
}

/** The extensions in the order in which they run: each after those it names; the rest as listed. */
export function extensionsOf(facts: ScaleSetFacts): readonly ExtensionModel[] {
  const list = objectAt(objectAt(facts.properties['virtualMachineProfile'])['extensionProfile'])['extensions']
  const left = (Array.isArray(list) ? list : []).map(readExtension)
  const ordered: ExtensionModel[] = []
  while (left.length > 0) {
    const free = left.findIndex((extension) => !extension.after.some((name) => left.some((other) => other.name === name)))
    ordered.push(...left.splice(Math.max(free, 0), 1))
  }
  return ordered
}

/** How long all extensions of a machine together may take, in ms: `extensionsTimeBudget`, 90 minutes unless set (azure-facts 4). */
export function extensionsBudgetMs(facts: ScaleSetFacts): number {
  const budget = objectAt(objectAt(facts.properties['virtualMachineProfile'])['extensionProfile'])['extensionsTimeBudget']
  const [, hours = 0, minutes = 0] = /^PT(?:(\d+)H)?(?:(\d+)M)?$/.exec(typeof budget === 'string' ? budget : 'PT1H30M') ?? []
  return (Number(hours) * 60 + Number(minutes)) * 60_000
}

/** The computer name: prefix (the scale set's name unless set) and the id in base 36, six places. */
export function computerName(facts: ScaleSetFacts, instance: number): string {
  const prefix = objectAt(objectAt(facts.properties['virtualMachineProfile'])['osProfile'])['computerNamePrefix']
  return `${typeof prefix === 'string' ? prefix : facts.name}${instance.toString(36).toUpperCase().padStart(6, '0')}`
}

/** Objects are merged by key, a null removes its key, everything else is replaced. */
export function mergeJson(base: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, Json> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    const present = merged[key]
    if (value === null) delete merged[key]
    else if (isObject(value) && isObject(present)) merged[key] = mergeJson(present, value)
    else merged[key] = value
  }
  return merged
}

export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

export function objectAt(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

function readExtension(entry: Json): ExtensionModel {
  const extension = objectAt(entry)
  const properties = objectAt(extension['properties'])
  const after = properties['provisionAfterExtensions']
  const bootstrap = readBootstrap(properties)
  return {
    name: String(extension['name'] ?? ''),
    type: String(properties['type'] ?? ''),
    after: Array.isArray(after) ? after.map(String) : [],
    ...(bootstrap ? { bootstrap } : {}),
  }
}

/**
 * azure-facts 4: `isPipelinesAgent` alone selects the mode, and public parameters win over protected ones. The parameters
 * are `<url> <pool> …` or, on Windows, `-poolId <pool>`; with `--once` anywhere the agent takes one job.
 */
function readBootstrap(properties: JsonObject): ExtensionModel['bootstrap'] {
  const settings = objectAt(properties['settings'])
  if (properties['publisher'] !== 'Microsoft.VisualStudio.Services' || settings['isPipelinesAgent'] === undefined) return undefined
  const text = settings['enableScriptParameters'] ?? objectAt(properties['protectedSettings'])['enableScriptParameters']
  const words = String(text ?? '').split(/[\s"']+/)
  const rest = words.filter((word) => word !== '' && word !== '--once')
  const named = rest.findIndex((word) => word.toLowerCase() === '-poolid')
  return { poolId: Number(rest[named < 0 ? 1 : named + 1]), once: words.includes('--once') }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
