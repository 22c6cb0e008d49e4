/**
 * The only gateway that changes anything outside. It takes intents that are already in the journal, looks again at what each
 * depends on, sends one call for each, and tells what became of it. It never waits for a long-running operation.
 */
import { claimTag, claimValue, parseClaim } from '../core/claim.ts'
import type { Claim } from '../core/claim.ts'
import type { Action, MachineRef } from '../core/decision.ts'
import { inPipelinesOnly } from '../core/invariants.ts'
import { agentVersionMin } from '../core/settings.ts'
import { extensionName } from './extension.ts'
import { placeholderName } from './picture.ts'
import type { PoolState } from './pool-state.ts'
import type { AzureMachine, AzureScaleSet, CallOutcome, Clock, ExtensionFor, Intent, PipelinesAgent, PoolRecord } from './ports.ts'
import { isOpen } from './settle.ts'

/** A call is cut off after this, and always before another replica may act; a change without an answer is looked for, never repeated blindly. */
const callMsMax = 30_000

export type Gateway = {
  readonly state: PoolState
  readonly record: PoolRecord
  readonly clock: Clock
  readonly ownerId: string
  readonly extension: ExtensionFor
  /** Real time for which the lease of this round still holds for certain; 0 when another replica may have taken over (S5). */
  readonly leftMs: () => number
  readonly signal: AbortSignal
}

/** What became of one intent: sent with an outcome, or left because the world had moved. */
export type Result =
  | {
      readonly kind: 'sent'
      readonly outcome: CallOutcome
      readonly machines?: readonly MachineRef[]
      readonly capacity?: { readonly from: number; readonly to: number }
      readonly agentId?: number
    }
  | { readonly kind: 'left'; readonly why: string }

/** Sends the intents in order. One that fails does not stop the others. */
export async function act(gateway: Gateway, intents: readonly Intent[]): Promise<ReadonlyMap<string, Result>> {
  const results = new Map<string, Result>()
  const look = createLook(gateway)
  for (const intent of intents) {
    const stop = whyStop(gateway, intent)
    results.set(intent.id, stop === undefined ? await carryOut(gateway, look, intent.action) : left(stop))
  }
  return results
}

/** What ends a round: another replica took over, the service stops, or a look on the way found our claim gone (S3, S5). */
function whyStop(gateway: Gateway, intent: Intent): string | undefined {
  if (mustStop(gateway)) return stopped
  return intent.action.kind === 'claim' || endsWithout(gateway, intent) ? undefined : claimLost(gateway)
}

/** A pool that is being deleted ends in Azure DevOps, whoever has its scale set by now. */
function endsWithout({ record }: Gateway, { action }: Intent): boolean {
  return record.settings.deleting && inPipelinesOnly.has(action.kind)
}

const stopped = 'the service was told to stop, or lost its lease, before it was sent'

function mustStop({ signal, leftMs }: Gateway): boolean {
  return signal.aborted || leftMs() <= 0
}

function claimLost({ state, ownerId, record }: Gateway): string | undefined {
  const reading = state.readings.get('scaleSet')
  if (!reading.known || reading.value === undefined) return undefined
  const { claim, by } = parseClaim(reading.value.tags, ownerId, record.poolId)
  if (claim === 'ours' || (claim === 'free' && record.settings.deleting)) return undefined
  return `the scale set is ${claim === 'free' ? 'not marked as ours' : `marked as used by ${by ?? claim}`} by now`
}

const left = (why: string): Result => ({ kind: 'left', why })

type More = Partial<Extract<Result, { kind: 'sent' }>>

/** One call that changes something. The lease is looked at again: this process may have been stopped since the reads before it. */
async function send(gateway: Gateway, call: (signal: AbortSignal) => Promise<CallOutcome>, more: More = {}): Promise<Result> {
  if (mustStop(gateway)) return left(stopped)
  return { kind: 'sent', outcome: await call(gateway.clock.deadline(Math.min(callMsMax, gateway.leftMs()), gateway.signal)), ...more }
}

async function carryOut(gateway: Gateway, look: Look, action: Action): Promise<Result> {
  const { pipelines } = gateway.state
  const { poolId } = gateway.record
  switch (action.kind) {
    case 'grow':
    case 'ask-again':
      return grow(gateway, action)
    case 'drain':
      return send(gateway, (signal) => pipelines.setEnabled(poolId, action.agentId, false, signal))
    case 'restore':
      return send(gateway, (signal) => pipelines.setEnabled(poolId, action.agentId, true, signal))
    case 'save':
      return save(gateway, action.agentId)
    case 'unregister':
      return unregister(gateway, look, action.agentId)
    case 'unregister-orphan':
      return unregister(gateway, look, action.agentId)
    case 'delete':
    case 'reimage':
      return removeMachines(gateway, look, action)
    case 'add-placeholder':
    case 'update-placeholder':
      return placeholder(gateway, action)
    case 'delete-pool':
      return send(gateway, (signal) => pipelines.deletePool(poolId, signal))
    case 'claim':
    case 'refresh-claim':
    case 'put-extension':
    case 'release':
      return keepScaleSet(gateway, action)
    default:
      return action satisfies never
  }
}

/** A machine without an agent is kept by our own record of it alone. */
async function save(gateway: Gateway, agentId: number | undefined): Promise<Result> {
  if (agentId === undefined) return { kind: 'sent', outcome: { kind: 'done' } }
  return send(gateway, (signal) => gateway.state.pipelines.setEnabled(gateway.record.poolId, agentId, false, signal))
}

/** Answers that this round has asked for anew, each at most once. */
type Look = {
  readonly agents: () => Promise<readonly PipelinesAgent[] | undefined>
  readonly machines: () => Promise<readonly AzureMachine[] | undefined>
}

function createLook({ state, signal }: Gateway): Look {
  const once = <T>(read: () => Promise<T>): (() => Promise<T>) => {
    let answer: Promise<T> | undefined
    return () => (answer ??= read())
  }
  return {
    agents: once(async () => {
      const reading = await state.readings.fresh('agents', signal)
      return reading.known ? reading.value : undefined
    }),
    machines: once(async () => {
      const reading = await state.readings.fresh('machines', signal)
      return reading.known ? reading.value : undefined
    }),
  }
}

// ---------------------------------------------------------------- growing

/** Raises the capacity by compare-and-swap on a fresh read, never below what is listed or was asked for (S2, S7). */
async function grow(gateway: Gateway, action: Extract<Action, { kind: 'grow' | 'ask-again' }>): Promise<Result> {
  const fresh = await freshOurs(gateway)
  if ('kind' in fresh) return fresh
  const { scaleSet } = gateway.state
  const floor = knownMachines(gateway)
  if (fresh.capacity < floor.standing) {
    gateway.state.readings.expire('machines')
    return left(
      `Azure answered a capacity of ${fresh.capacity}, below the ${floor.standing} machines that are known to exist or to come; it is read again before anything is written`,
    )
  }
  if (action.kind === 'grow' && fresh.capacity > floor.standing + floor.deleting + floor.justGone) {
    gateway.state.readings.expire('machines')
    return left(
      `Azure answered a capacity of ${fresh.capacity}, above the ${floor.standing + floor.deleting} machines that are known; the machines are listed first, so that nobody else's is taken for ours`,
    )
  }
  const by = action.kind === 'grow' ? Math.min(action.by, action.machinesMax - fresh.capacity - floor.deleting) : 0
  if (action.kind === 'grow' && by <= 0)
    return left(`the scale set has ${fresh.capacity} machines by now, which the maximum of ${action.machinesMax} does not let grow`)
  const to = fresh.capacity + by
  return send(gateway, (signal) => scaleSet.setCapacity(fresh, to, signal), { capacity: { from: fresh.capacity, to } })
}

/** Azure does not document when the capacity falls after a delete; for this long it may still count machines that are gone. */
const fallsLateMs = 3 * 60_000

/** Machines that the capacity must still cover, those that are being deleted beside it, and those that it may still count. */
function knownMachines({ state, clock }: Gateway): { readonly standing: number; readonly deleting: number; readonly justGone: number } {
  const machines = [...state.machines.values()]
  const deleting = machines.filter((machine) => machine.stage === 'deleting').length
  const present = machines.filter((machine) => machine.stage !== 'deleting' && machine.missingSince === undefined).length
  const asked = [...state.intents.values()]
    .filter((intent) => isOpen(intent) && intent.state === 'accepted' && intent.action.kind === 'grow')
    .reduce(
      (sum, intent) =>
        sum + Math.max(0, (intent.capacity === undefined ? 0 : intent.capacity.to - intent.capacity.from) - intent.seen.length),
      0,
    )
  const now = clock.now()
  const justGone = Object.values(state.pool.gone).filter((at) => now - at < fallsLateMs).length
  // Machines that Azure owes are part of the capacity without being listed or asked for any more.
  return { standing: present + Math.max(asked, state.pool.owed?.machines ?? 0), deleting, justGone }
}

/** The scale set as it is now, if it still is ours. */
async function freshOurs(gateway: Gateway): Promise<AzureScaleSet | Extract<Result, { kind: 'left' }>> {
  const reading = await gateway.state.readings.fresh('scaleSet', gateway.signal)
  if (!reading.known) return { kind: 'left', why: `the scale set could not be read (${reading.why})` }
  if (reading.value === undefined) return { kind: 'left', why: 'the scale set does not exist any more' }
  const { claim, by } = parseClaim(reading.value.tags, gateway.ownerId, gateway.record.poolId)
  return claim === 'ours' ? reading.value : { kind: 'left', why: `the scale set is not marked as ours any more (${by ?? claim})` }
}

// ---------------------------------------------------------------- removing

/** Deletes the agent after looking again: it must be unable to take a job. Azure DevOps refuses while one runs. */
async function unregister(gateway: Gateway, look: Look, agentId: number): Promise<Result> {
  const agents = await look.agents()
  if (agents === undefined) return left('the agents could not be read again')
  const agent = agents.find((each) => each.id === agentId)
  if (agent?.requestId !== undefined) return left(`agent ${agent.name} has job request ${agent.requestId} by now`)
  if (agent !== undefined && agent.online && agent.enabled) return left(`agent ${agent.name} is online and enabled by now`)
  return send(gateway, (signal) => gateway.state.pipelines.removeAgent(gateway.record.poolId, agentId, signal))
}

/** Deletes or reimages by instance id, without those for which anything has changed. */
async function removeMachines(gateway: Gateway, look: Look, action: Extract<Action, { kind: 'delete' | 'reimage' }>): Promise<Result> {
  const ours = await freshOurs(gateway)
  if ('kind' in ours) return ours
  const [machines, agents] = [await look.machines(), await look.agents()]
  if (machines === undefined || agents === undefined) return left('machines or agents could not be read again')
  const kept = new Map(action.machines.map((ref) => [ref, whyNot(gateway, ref, machines, agents)]))
  const still = action.machines.filter((ref) => kept.get(ref) === undefined)
  if (still.length === 0) return left([...kept].map(([{ name }, why]) => `${name} ${why}`).join('; '))
  const ids = still.map((ref) => ref.id)
  const { scaleSet } = gateway.state
  const remove = action.kind === 'delete' ? scaleSet.deleteMachines : scaleSet.reimageMachines
  return send(gateway, (signal) => remove(ids, signal), { machines: still })
}

/** What keeps it: it is not the machine that was decided on, a person protects it, or an agent of its name is not the one we removed. */
function whyNot(
  gateway: Gateway,
  ref: MachineRef & { readonly force?: true },
  machines: readonly AzureMachine[],
  agents: readonly PipelinesAgent[],
): string | undefined {
  const memory = gateway.state.machines.get(ref.id)
  const listed = machines.find((machine) => machine.id === ref.id)
  if (memory === undefined || listed === undefined) return 'is not listed any more'
  if (memory.generation !== ref.generation || memory.createdAt !== listed.createdAt) return 'is another machine by now'
  if (ref.force === true) return undefined
  if (listed.protected) return 'has instance protection'
  const agent = agents.find((each) => each.name.toLowerCase() === ref.name.toLowerCase())
  return agent === undefined || agent.id === memory.formerAgentId ? undefined : `has agent ${agent.id} by now`
}

// ---------------------------------------------------------------- upkeep

async function placeholder(gateway: Gateway, action: Extract<Action, { kind: 'add-placeholder' | 'update-placeholder' }>): Promise<Result> {
  const { pipelines, pool } = gateway.state
  const { poolId } = gateway.record
  const version = pool.learned?.version ?? agentVersionMin
  const { capabilities } = action
  if (action.kind === 'add-placeholder')
    return send(gateway, (signal) => pipelines.addPlaceholder(poolId, placeholderName(poolId), version, capabilities, signal))
  const { agentId } = action
  return send(gateway, (signal) => pipelines.updatePlaceholder(poolId, agentId, version, capabilities, signal), { agentId })
}

type Upkeep = Extract<Action, { kind: 'claim' | 'refresh-claim' | 'put-extension' | 'release' }>

async function keepScaleSet(gateway: Gateway, action: Upkeep): Promise<Result> {
  const reading = await gateway.state.readings.fresh('scaleSet', gateway.signal)
  if (!reading.known || reading.value === undefined) return left('the scale set could not be read again')
  const claim = parseClaim(reading.value.tags, gateway.ownerId, gateway.record.poolId)
  if (action.kind === 'claim') return claimFree(gateway, reading.value, claim)
  const { tag, counter = 0 } = claim
  if (claim.claim !== 'ours' || tag === undefined) return left('the scale set is not marked as ours any more')
  const { scaleSet } = gateway.state
  const seen = reading.value
  switch (action.kind) {
    case 'refresh-claim':
      return send(gateway, (signal) => scaleSet.mergeTag(tag.name, claimValue(gateway.ownerId, gateway.record.poolId, counter + 1), signal))
    case 'put-extension': {
      const entry = gateway.extension(gateway.record, seen)
      return entry.known ? send(gateway, (signal) => scaleSet.putExtension(seen, entry.value, signal)) : left(entry.why)
    }
    case 'release':
      return send(gateway, (signal) =>
        action.part === 'extension'
          ? scaleSet.removeExtension(seen, extensionName, signal)
          : scaleSet.removeTag(tag.name, tag.value, signal),
      )
    default:
      return action satisfies never
  }
}

/** A free scale set, or another's claim that stood still and that a person lets us take over. */
async function claimFree(gateway: Gateway, seen: AzureScaleSet, { claim, by, tag }: Claim): Promise<Result> {
  const { ownerId, record, state } = gateway
  const mayTake = claim === 'free' || (claim === 'other' && by === record.takeOverFrom && tag?.value === state.pool.claim?.value)
  if (!mayTake) return left(`the scale set is marked by ${tag?.value ?? claim} by now`)
  return send(gateway, (signal) => state.scaleSet.claimTag(seen, tag?.name ?? claimTag, claimValue(ownerId, record.poolId, 1), signal))
}
