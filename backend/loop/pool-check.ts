/** Reads what the check of a scale set needs, and judges it. */
import { checkScaleSet, imageFacts, type CheckFacts, type Finding } from '../core/checks.ts'
import { parseClaim } from '../core/claim.ts'
import type { Reach } from '../core/connect.ts'
import { checkSettings, defaultSettings, type PoolSettings, type Problem } from '../core/settings.ts'
import type { Reading } from '../core/snapshot.ts'
import type { AzureScaleSet, ScaleSet } from './ports.ts'

/** One scale set with what only the check reads. */
export type CheckedAccess = Pick<ScaleSet, 'read' | 'machines' | 'rooms'> & {
  autoscale(signal: AbortSignal): Promise<CheckFacts['autoscale']>
  permissions(signal: AbortSignal): Promise<CheckFacts['permissions']>
  /** How the network of the model reaches a machine; `undefined` when there is no such scale set. */
  reach(signal: AbortSignal): Promise<Reading<Reach | undefined>>
}

export type CheckInput = {
  readonly scaleSetId: string
  readonly owner: string
  /** The pool that uses it already. */
  readonly poolId?: number
  /** Settings as sent, over `base`. */
  readonly settings?: object
  readonly base?: PoolSettings
}

export type CheckResult = {
  /** Nothing found forbids a pool, the scale set and its machines could be read, and the settings have no problem. */
  readonly ready: boolean
  readonly findings: readonly Finding[]
  readonly problems: readonly Problem[]
  readonly settings?: PoolSettings
  /** Machines in the scale set, by name; machines of a pool that runs it already are not among them. */
  readonly present: Reading<readonly string[]>
}

export async function checkForPool(access: CheckedAccess, input: CheckInput, signal: AbortSignal): Promise<CheckResult> {
  const scaleSet = await access.read(signal)
  const set = scaleSet.known ? scaleSet.value : undefined
  const base = input.base ?? defaultSettings
  const { settings, problems } = judged(base, input.settings, set)
  const facts: CheckFacts = {
    ...(await besideTheModel(access, set, signal)),
    scaleSet,
    scaleSetId: input.scaleSetId,
    owner: input.owner,
    settings: settings ?? base,
    ...poolOf(input),
  }
  const findings = checkScaleSet(facts)
  const ours = set !== undefined && parseClaim(set.tags, input.owner, input.poolId).claim === 'ours'
  const present = facts.machines.known
    ? { ...facts.machines, value: ours ? [] : facts.machines.value.map((machine) => machine.name) }
    : facts.machines
  const ready = problems.length === 0 && set !== undefined && present.known && !findings.some((finding) => finding.severity === 'error')
  return { ready, findings, problems, present, ...(settings === undefined ? {} : { settings }) }
}

/** Settings as sent, over `base`, by the one rule book. A scale set that cannot be read leaves the image's rules out. */
export async function settingsFor(
  access: Pick<ScaleSet, 'read'>,
  base: PoolSettings,
  sent: object,
  signal: AbortSignal,
): Promise<ReturnType<typeof checkSettings>> {
  const scaleSet = await access.read(signal)
  return judged(base, sent, scaleSet.known ? scaleSet.value : undefined)
}

function judged(base: PoolSettings, sent: object | undefined, set: AzureScaleSet | undefined): ReturnType<typeof checkSettings> {
  return checkSettings({ ...base, ...sent }, set && imageFacts(set))
}

async function besideTheModel(
  access: CheckedAccess,
  set: AzureScaleSet | undefined,
  signal: AbortSignal,
): Promise<Pick<CheckFacts, 'machines' | 'autoscale' | 'permissions' | 'rooms'>> {
  if (set === undefined) {
    const unread = { known: false, why: 'the scale set was not read' } as const
    return { machines: unread, rooms: unread, autoscale: await access.autoscale(signal), permissions: await access.permissions(signal) }
  }
  const [machines, autoscale, permissions, rooms] = await Promise.all([
    access.machines(signal),
    access.autoscale(signal),
    access.permissions(signal),
    access.rooms(set.skuName, signal),
  ])
  return { machines, autoscale, permissions, rooms }
}

function poolOf(input: CheckInput): { readonly poolId?: number } {
  return input.poolId === undefined ? {} : { poolId: input.poolId }
}
