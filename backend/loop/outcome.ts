/** What the results of a round of calls change in our memory: pool, machines, intents. Pure but for expiring readings. */
import { isBusy, limitNamed } from '../core/azure-errors.ts'
import { leftCode, refusedAgain, stepOf, waitsAfterRefusal } from '../core/refused.ts'
import type { Action, MachineRef } from '../core/decision.ts'
import type { Instant } from '../core/snapshot.ts'
import type { Result } from './act.ts'
import { afterGrowth } from './boots.ts'
import { nextLife } from './join.ts'
import type { PoolState } from './pool-state.ts'
import { withTrouble } from './trouble.ts'
import type { CallOutcome, Intent, IntentChange, MachineMemory, PoolMemory } from './ports.ts'

export type Outcome = {
  readonly pool: PoolMemory
  readonly machines: readonly MachineMemory[]
  readonly intents: readonly IntentChange[]
}

/** Applies the results, oldest intent first. */
export function outcomeOf(state: PoolState, intents: readonly Intent[], results: ReadonlyMap<string, Result>, now: Instant): Outcome {
  const machines = new Map<string, MachineMemory>()
  let pool = state.pool
  const changes: IntentChange[] = []
  for (const intent of intents) {
    const result = results.get(intent.id) ?? { kind: 'left' as const, why: 'it was not sent' }
    changes.push(changeOf(intent, result, now))
    pool = withRefusal(pool, intent.action, result, now)
    if (result.kind === 'left') continue
    pool = poolAfter(pool, intent.action, result, now)
    for (const memory of machinesAfter(state, machines, intent.action, result, now)) machines.set(memory.id, memory)
    refreshReadings(state, intent.action, result.outcome)
  }
  return { pool, machines: [...machines.values()], intents: changes }
}

/** Calls that Azure works on stay open until their effect is seen, and a pool's end until it is forgotten; the others answer with their effect. */
const staysOpen: ReadonlySet<Action['kind']> = new Set(['grow', 'ask-again', 'delete', 'reimage', 'delete-pool'])

function changeOf(intent: Intent, result: Result, now: Instant): IntentChange {
  const change = { id: intent.id, changedAt: now }
  if (result.kind === 'left') return { ...change, state: 'superseded', error: { code: leftCode, message: result.why } }
  const { outcome, capacity } = result
  const more = capacity === undefined ? {} : { capacity }
  switch (outcome.kind) {
    case 'unknown':
      return { ...change, ...more, state: 'unknown', error: { code: 'no-answer', message: outcome.why, ...correlation(outcome) } }
    case 'refused':
      return { ...change, state: 'failed', error: { code: outcome.code, message: outcome.message, ...correlation(outcome) } }
    case 'done':
      return {
        ...change,
        ...more,
        state: staysOpen.has(intent.action.kind) ? 'accepted' : 'settled',
        ...(outcome.operation === undefined ? {} : { operation: outcome.operation }),
      }
    default:
      return outcome satisfies never
  }
}

function correlation(outcome: { readonly correlationId?: string }): { correlationId?: string } {
  return outcome.correlationId === undefined ? {} : { correlationId: outcome.correlationId }
}

// ---------------------------------------------------------------- the pool's memory

type Refusal = Extract<CallOutcome, { kind: 'refused' }>

const updateKinds: ReadonlySet<Action['kind']> = new Set([
  'grow',
  'ask-again',
  'reimage',
  'claim',
  'refresh-claim',
  'put-extension',
  'release',
])

function poolAfter(pool: PoolMemory, action: Action, result: Extract<Result, { kind: 'sent' }>, now: Instant): PoolMemory {
  const counted = updateKinds.has(action.kind)
    ? { ...pool, recentUpdates: [...pool.recentUpdates.filter((at) => now - at < 60_000), now] }
    : pool
  const { outcome } = result
  if (outcome.kind === 'refused') return afterRefusal(counted, action, outcome, now)
  if (action.kind === 'grow') return afterGrowth(counted, now)
  if (outcome.kind === 'unknown') return counted
  switch (action.kind) {
    case 'refresh-claim':
      return counted.claim === undefined ? counted : { ...counted, claim: { ...counted.claim, refreshedAt: now } }
    case 'add-placeholder':
      return { ...counted, placeholder: { agentId: Number(outcome.detail ?? 0), capabilities: action.capabilities } }
    case 'update-placeholder':
      return { ...counted, placeholder: { agentId: action.agentId, capabilities: action.capabilities } }
    default:
      return counted
  }
}

/** A step that was refused or left waits; one that went through ends that. Those that nobody repeats are forgotten after a while. */
function withRefusal(pool: PoolMemory, action: Action, result: Result, now: Instant): PoolMemory {
  if (!waitsAfterRefusal(action)) return pool
  const { [stepOf(action)]: before, ...others } = pool.refused ?? {}
  const error = errorOf(result)
  if (error === undefined && before === undefined) return pool
  const kept = Object.entries(others).filter(([, { freeAt }]) => now - freeAt < forgottenMs)
  const again = error === undefined ? [] : [[stepOf(action), refusedAgain(before, error, error.passing, now)] as const]
  return { ...pool, refused: Object.fromEntries([...kept, ...again]) }
}

const forgottenMs = 30 * 60_000

function errorOf(result: Result): { readonly code: string; readonly message: string; readonly passing: boolean } | undefined {
  if (result.kind === 'left') return { code: leftCode, message: result.why, passing: true }
  const { outcome } = result
  return outcome.kind === 'refused' ? { code: outcome.code, message: outcome.message, passing: isOnlyBusy(outcome) } : undefined
}

/** A refused removal waits while Azure is busy; refused growth backs off, unless somebody else was only faster. */
function afterRefusal(pool: PoolMemory, action: Action, refusal: Refusal, now: Instant): PoolMemory {
  const wasBusy = isOnlyBusy(refusal)
  if (action.kind === 'delete' || action.kind === 'reimage') return wasBusy ? { ...pool, busyAt: now } : pool
  if (wasBusy || (action.kind !== 'grow' && action.kind !== 'ask-again')) return pool
  const { code, message } = refusal
  return withTrouble(pool, { code, message }, now)
}

/** Another change was faster, fewer requests are asked for, or Azure works on something else. */
function isOnlyBusy({ status, code, message }: Refusal): boolean {
  return status === 412 || status === 429 || (isBusy(code) && limitNamed(code, message) === undefined)
}

// ---------------------------------------------------------------- the machines' memory

function machinesAfter(
  state: PoolState,
  changed: ReadonlyMap<string, MachineMemory>,
  action: Action,
  result: Extract<Result, { kind: 'sent' }>,
  now: Instant,
): readonly MachineMemory[] {
  const of = (ref: MachineRef): readonly MachineMemory[] => {
    const memory = changed.get(ref.id) ?? state.machines.get(ref.id)
    return memory === undefined ? [] : [memory]
  }
  if (result.outcome.kind === 'refused') return []
  switch (action.kind) {
    // A drain without an answer counts as ours, so that a disabled agent is never taken for a person's doing.
    case 'drain':
      return of(action.machine).map((memory) => ({ ...memory, leaving: { cause: action.cause, next: action.next, at: now } }))
    case 'restore':
      return result.outcome.kind === 'unknown' ? [] : of(action.machine).map(({ leaving: _over, ...memory }) => memory)
    case 'save':
      return of(action.machine).map((memory) => ({ ...memory, saved: memory.saved ?? { cause: action.cause, by: 'the pool' } }))
    case 'unregister':
      return result.outcome.kind === 'unknown'
        ? []
        : of(action.machine).map((memory) => ({
            ...memory,
            formerAgentId: action.agentId,
            leaving: { cause: action.cause, next: action.next, at: now, unregisteredAt: now },
          }))
    case 'reimage':
      return result.outcome.kind === 'unknown'
        ? []
        : (result.machines ?? action.machines).flatMap(of).map((memory) => nextLife(memory, now))
    default:
      return []
  }
}

// ---------------------------------------------------------------- readings

function refreshReadings(state: PoolState, action: Action, outcome: CallOutcome): void {
  const done = outcome.kind === 'done'
  switch (action.kind) {
    case 'drain':
    case 'restore':
    case 'save':
      if (action.agentId !== undefined && done) state.readings.learnAgent(action.agentId, { enabled: action.kind === 'restore' })
      else state.readings.expire('agents')
      return
    case 'unregister':
    case 'unregister-orphan':
      if (done) state.readings.learnAgent(action.agentId, undefined)
      else state.readings.expire('agents')
      return
    case 'add-placeholder':
    case 'update-placeholder':
      return state.readings.expire('agents')
    case 'delete':
    case 'reimage':
      state.readings.expire('machines')
      return state.readings.expire('scaleSet')
    case 'delete-pool':
      return
    default:
      return state.readings.expire('scaleSet')
  }
}
