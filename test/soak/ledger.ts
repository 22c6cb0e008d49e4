/** What several judges need to know of the history so far. Kept from the entries, never from the service. */
import type { Bounds, Call, Entry, Scene, Target, WrittenIntent } from './history.ts'

/** Calls and the intents they may carry out. */
const intentKinds: Readonly<Record<string, readonly string[]>> = {
  'set-capacity': ['grow', 'ask-again'],
  'set-enabled': ['drain', 'restore', 'save'],
  'remove-agent': ['unregister', 'unregister-orphan'],
  'delete-instances': ['delete'],
  reimage: ['reimage'],
  claim: ['claim'],
  'merge-tag': ['refresh-claim'],
  'put-extension': ['put-extension'],
  'remove-extension': ['release'],
  'remove-tag': ['release'],
  'add-placeholder': ['add-placeholder'],
  'update-placeholder': ['update-placeholder'],
  'delete-pool': ['delete-pool'],
}

/** Sent intents that are remembered to tell a repeated call. */
const sentKept = 40

type Kept = WrittenIntent & { sent: boolean }
export type Ledger = ReturnType<typeof createLedger>

export function createLedger(scene: Scene, before: Bounds) {
  const own = scene.scaleSetId.toLowerCase()
  const intents = new Map<string, Kept[]>()
  const passes = new Map<string, Bounds>()
  const orders = new Map<string, { asked: boolean; force: boolean; saved: boolean }>()
  const adopted = new Set<string>()
  const made = new Map<string, number>()
  const agents = new Map<number, string>()
  let bounds = before
  let running: Call | undefined
  let matched: WrittenIntent | undefined
  let match: 'one' | 'sent' | 'none' = 'none'
  /** Machines of ours that are still to be listed, and those that were deleted while the capacity still has them. */
  let credit = 0
  let falls = 0
  const possible = new Set<string>()
  let listed = 0
  let listedBefore = 0
  let unhealthy = 0

  return {
    enter,
    /** The intent whose call is being carried out at this moment; undefined outside a change of ours. */
    current: () => matched,
    intentOfCall: () => match,
    bounds: () => bounds,
    boundsOfPass: (process = running?.process) => passes.get(process ?? '') ?? bounds,
    isForced: (machine: string) => orders.get(machine)?.force === true,
    wasAsked: (machine: string) => orders.get(machine)?.asked === true,
    isSaved: (machine: string) => orders.get(machine)?.saved === true,
    mayBeOurs: (machine: string) => possible.has(machine) || adopted.has(machine),
    exists: (machine: string) => made.has(machine),
    /** The life that a machine is in, in truth. */
    lifeOf: (machine: string) =>
      `${made.get(machine)}/${scene.truth.machines(scene.scaleSetId).find((each) => each.instanceId === machine)?.reimages}`,
    machineOfAgent: (agentId: number) => agents.get(agentId),
    /** The larger of the last two lists: the one decided on, and the one read again before the call. */
    machinesListed: () => Math.max(listed, listedBefore),
    owed,
    /** Unhealthy machines that this pass has removed, with those of this call. */
    countUnhealthy: (more: number) => (unhealthy += more),
  }

  function enter(entry: Entry): void {
    switch (entry.kind) {
      case 'world':
        return happened(entry.event)
      case 'committed':
        return written(entry.process, entry.intents)
      case 'arrived':
        return arrived(entry.call)
      case 'answered':
        return answered(entry)
      case 'pass':
        passes.set(entry.process, entry.bounds)
        bounds = entry.bounds
        return
      case 'order':
        return ordered(entry.order)
      case 'replace-confirmed':
        for (const { instanceId } of scene.truth.machines(scene.scaleSetId)) adopted.add(instanceId)
        return
      default:
    }
  }

  /** A pass sends what it wrote itself; what an earlier one left is not sent any more. */
  function written(process: string, fresh: readonly WrittenIntent[]): void {
    if (fresh.length === 0) return
    unhealthy = 0
    const before = (intents.get(process) ?? []).filter((intent) => intent.sent).slice(-sentKept)
    intents.set(process, [...before, ...fresh.map((intent) => ({ ...intent, sent: false }))])
  }

  function arrived(call: Call): void {
    if (!call.change) return
    running = call
    const candidates = (intents.get(call.process) ?? []).filter((intent) => fits(call, intent))
    const found = candidates.find((intent) => !intent.sent)
    match = found !== undefined ? 'one' : candidates.length > 0 ? 'sent' : 'none'
    matched = found ?? candidates.at(-1) ?? { id: '', kind: call.name, sentence: '', machines: [] }
    if (found !== undefined) found.sent = true
    if (found?.kind === 'save') for (const each of found.machines) remember(each.id).saved = true
  }

  function answered({ call, answer }: Extract<Entry, { kind: 'answered' }>): void {
    if (call.name === 'set-capacity' && (answer.ok || 'lost' in answer)) credit = Math.max(credit, owed())
    if (call.name === 'list-machines' && answer.ok) [listedBefore, listed] = [listed, (answer.value as readonly unknown[]).length]
    running = undefined
    matched = undefined
    match = 'none'
  }

  function happened(event: Extract<Entry, { kind: 'world' }>['event']): void {
    switch (event.kind) {
      case 'machine-listed':
        if (event.scaleSetId.toLowerCase() !== own) return
        forget(event.machine)
        made.set(event.machine, event.at)
        if (credit > 0) possible.add(event.machine)
        credit = Math.max(0, credit - 1)
        return
      case 'machine-deleted':
      case 'machine-vanished':
        if (event.scaleSetId.toLowerCase() === own) forget(event.machine)
        return
      case 'agent-online':
        return proved(event.agentId)
      case 'delete-accepted':
        if (event.scaleSetId.toLowerCase() === own) falls += event.machines.length
        return
      case 'reimage-accepted':
        for (const id of event.machines) orders.delete(id)
        return
      case 'capacity':
        if (event.scaleSetId.toLowerCase() === own && event.by === 'delete') falls = Math.max(0, falls - (event.from - event.to))
        return
      default:
    }
  }

  /** A machine whose agent came online in our pool has proved itself. */
  function proved(agentId: number): void {
    const machine = scene.truth.agents(scene.poolId).find((agent) => agent.id === agentId)?.machine
    if (machine === undefined || machine.scaleSetId.toLowerCase() !== own) return
    possible.add(machine.instanceId)
    agents.set(agentId, machine.instanceId)
  }

  function forget(machine: string): void {
    made.delete(machine)
    possible.delete(machine)
    adopted.delete(machine)
    orders.delete(machine)
  }

  function remember(machine: string): { asked: boolean; force: boolean; saved: boolean } {
    const known = orders.get(machine) ?? { asked: false, force: false, saved: false }
    orders.set(machine, known)
    return known
  }

  function ordered({ machineId, order, force }: Extract<Entry, { kind: 'order' }>['order']): void {
    if (order === 'try-again') return
    const its = remember(machineId)
    if (order === 'save') its.saved = true
    else its.saved = false
    if (order === 'delete' || order === 'reimage') Object.assign(its, { asked: true, force: its.force || force })
    if (order !== 'save' && order !== 'unsave') adopted.add(machineId)
  }

  /** Machines that the capacity still promises: it counts those there are, less those deleted and not yet taken off it. */
  function owed(): number {
    const capacity = scene.truth.scaleSet(scene.scaleSetId)?.capacity ?? 0
    const standing = scene.truth.machines(scene.scaleSetId).filter((machine) => machine.provisioningState !== 'Deleting').length
    return Math.max(0, capacity - standing - falls)
  }
}

function fits(call: Call, intent: WrittenIntent): boolean {
  if (intentKinds[call.name]?.includes(intent.kind) !== true) return false
  const { agentId, enabled, machines } = call.target
  if (agentId !== undefined && intent.agentId !== agentId) return false
  if (enabled !== undefined && enabled !== (intent.kind === 'restore')) return false
  return machines === undefined || machines.every((id) => intent.machines.some((target: Target) => target.id === id))
}
