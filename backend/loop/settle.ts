/** Settles intents by what was seen since: done, failed, overtaken, or still open. Pure. */
import type { Instant } from '../core/snapshot.ts'
import type { AzureOperation, AzureScaleSet, Intent, IntentChange, MachineMemory } from './ports.ts'

/** A call without an answer is looked for this long before it counts as not having happened; longer than a list may lag. */
const unknownMsMax = 60_000
/** Azure's list lags behind its answers by this much at most. */
const listLagMs = 60_000
/** A delete that has not begun after this no longer holds back the next one. */
export const deleteHeldMsMax = 10 * 60_000
/** Growth whose operation cannot be followed is given up after this; what is missing is then owed. */
const growthMsMax = 30 * 60_000
/** Growth whose answer was lost has no operation to follow; its machines are listed within this, or owed. */
const unfollowedMsMax = 5 * 60_000

export type Seen = {
  readonly now: Instant
  /** When the machines were last listed completely. */
  readonly listedAt: Instant
  readonly memory: ReadonlyMap<string, MachineMemory>
  /** Azure's provisioning state by machine id. */
  readonly provisioning: ReadonlyMap<string, string>
  readonly scaleSet: { readonly at: Instant; readonly value: AzureScaleSet } | undefined
  readonly operations: ReadonlyMap<string, AzureOperation>
}

export const isOpen = (intent: Intent): boolean => intent.state === 'written' || intent.state === 'accepted' || intent.state === 'unknown'

/** How many machines a growth intent asked for. */
export function askedFor(intent: Intent): number {
  if (intent.action.kind === 'ask-again') return intent.action.owed
  return intent.capacity === undefined ? 0 : intent.capacity.to - intent.capacity.from
}

/** Machines that open growth still expects to appear. */
export function expectedMachines(intents: Iterable<Intent>): number {
  let sum = 0
  for (const intent of intents) if (isOpen(intent)) sum += Math.max(0, askedFor(intent) - intent.seen.length)
  return sum
}

/** Growth without an answer makes new machines ours only for a short while: later ones may be a stranger's (S3). */
export function mayAppear(intent: Intent, now: Instant): boolean {
  return intent.state === 'accepted' || now - intent.changedAt <= unknownMsMax
}

/** Shares machines that appeared among the open growth, oldest first. */
export function shareOut(intents: readonly Intent[], appeared: readonly string[], now: Instant): readonly IntentChange[] {
  const left = [...appeared]
  return intents.filter(isOpen).flatMap((intent) => {
    const seen = left.splice(0, Math.max(0, askedFor(intent) - intent.seen.length))
    return seen.length === 0 ? [] : [{ id: intent.id, seen: [...intent.seen, ...seen], changedAt: now }]
  })
}

/** What became of one open intent; undefined while nothing is known. */
export function settle(intent: Intent, seen: Seen): IntentChange | undefined {
  const to = (state: Intent['state'], error?: Intent['error']): IntentChange => ({
    id: intent.id,
    state,
    changedAt: seen.now,
    ...(error === undefined ? {} : { error }),
  })
  switch (intent.action.kind) {
    case 'grow':
    case 'ask-again':
      return settleGrowth(intent, seen, to)
    case 'delete':
      return settleDelete(intent, seen, to)
    case 'reimage':
      return settleReimage(intent, seen, to)
    // It goes with the pool's record; until then a restart has to find it.
    case 'delete-pool':
      return undefined
    default:
      // The other calls answer with their effect. One without an answer is looked at again and decided anew.
      return intent.state !== 'accepted' && seen.now - intent.changedAt > 0 ? to('superseded') : undefined
  }
}

type To = (state: Intent['state'], error?: Intent['error']) => IntentChange

function settleGrowth(intent: Intent, seen: Seen, to: To): IntentChange | undefined {
  if (intent.state !== 'accepted') return settleUnansweredGrowth(intent, seen, to)
  if (intent.seen.length >= askedFor(intent)) return to('settled')
  const operation = operationOf(intent, seen)
  if (operation?.state === 'failed') return to('failed', { code: operation.code, message: operation.message })
  const isOver = intent.operation === undefined ? isCovered(seen) : operation !== undefined && operation.state !== 'running'
  if (isOver && seen.listedAt - intent.changedAt > listLagMs) return to('settled')
  return seen.now - intent.writtenAt > (intent.operation === undefined ? unfollowedMsMax : growthMsMax) ? to('settled') : undefined
}

/** All that the capacity promises is listed: growth whose answer was lost has nothing left to bring. */
function isCovered({ scaleSet, provisioning }: Seen): boolean {
  const standing = [...provisioning.values()].filter((state) => state !== 'deleting').length
  return scaleSet !== undefined && standing >= scaleSet.value.capacity
}

function operationOf(intent: Intent, seen: Seen): AzureOperation | undefined {
  return intent.operation === undefined ? undefined : seen.operations.get(intent.operation)
}

/** Sent and no answer: a capacity that reached the target tells that it happened. */
function settleUnansweredGrowth(intent: Intent, seen: Seen, to: To): IntentChange | undefined {
  const { scaleSet } = seen
  if (scaleSet === undefined || scaleSet.at <= intent.changedAt) return undefined
  if (intent.capacity !== undefined && intent.action.kind === 'grow' && scaleSet.value.capacity >= intent.capacity.to) return to('accepted')
  return seen.now - intent.changedAt > unknownMsMax ? to('superseded') : undefined
}

function settleDelete(intent: Intent, seen: Seen, to: To): IntentChange | undefined {
  const left = machinesOf(intent).filter(({ id, generation }) => {
    const memory = seen.memory.get(id)
    return memory?.generation === generation && memory.missingSince === undefined
  })
  if (left.length === 0) return to('settled')
  if (intent.state === 'accepted') {
    const operation = operationOf(intent, seen)
    if (operation?.state === 'failed') return to('failed', { code: operation.code, message: operation.message })
    return seen.now - intent.writtenAt > deleteHeldMsMax ? to('superseded') : undefined
  }
  if (seen.listedAt - intent.changedAt < unknownMsMax) return undefined
  // By Azure's list alone: what we remember of the machine was made from this very intent.
  return left.some(({ id }) => seen.provisioning.get(id) === 'deleting') ? to('accepted') : to('superseded')
}

/** Sent and no answer: a machine that Azure works on tells that the reimage began. */
function settleUnansweredReimage(intent: Intent, seen: Seen, to: To): IntentChange | undefined {
  if (machinesOf(intent).some(({ id }) => seen.provisioning.get(id) === 'updating')) return to('accepted')
  return seen.listedAt - intent.changedAt > unknownMsMax ? to('superseded') : undefined
}

/** A reimage is over when each of its machines left that stage, or entered a later life. */
function settleReimage(intent: Intent, seen: Seen, to: To): IntentChange | undefined {
  if (intent.state !== 'accepted') return settleUnansweredReimage(intent, seen, to)
  const back = machinesOf(intent).every(({ id, generation }) => {
    const memory = seen.memory.get(id)
    return (
      memory === undefined ||
      memory.generation > generation + 1 ||
      (memory.stage !== 'reimaging' && seen.listedAt - intent.changedAt > listLagMs)
    )
  })
  return back ? to('settled') : undefined
}

function machinesOf(intent: Intent): readonly { readonly id: string; readonly generation: number }[] {
  return intent.action.kind === 'delete' || intent.action.kind === 'reimage' ? intent.action.machines : []
}
