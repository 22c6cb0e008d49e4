/** What making and changing pools stands on, and how it answers. */
import type { Finding } from '../core/checks.ts'
import { parseScaleSetId, sameScaleSet, type ListedScaleSet } from '../core/scale-set-id.ts'
import type { PoolSettings, Problem } from '../core/settings.ts'
import type { Reading } from '../core/snapshot.ts'
import type { BuiltInPool } from '../core/take-over.ts'
import type { CheckedAccess } from './pool-check.ts'
import type { CallOutcome, Pipelines, PoolRecord, Settings } from './ports.ts'
import type { Confirmed, Order } from './ports-people.ts'

/** An agent pool as Azure DevOps describes it. `builtIn`: Azure DevOps sizes it itself. */
export type AgentPool = {
  readonly id: number
  readonly name: string
  readonly builtIn: boolean
  readonly autoProvision: boolean
  readonly autoUpdate: boolean
}
export type AgentQueue = { readonly id: number; readonly name: string }
export type PoolChange = { readonly name?: string; readonly autoProvision?: boolean; readonly autoUpdate?: boolean }
type Made<T> = { readonly kind: 'done'; readonly value: T } | NotDone
export type NotDone = Exclude<CallOutcome, { readonly kind: 'done' }>

/** What is asked of the organization about pools. Reads never throw; `undefined` when Azure DevOps says there is none. */
export interface Organization {
  findPool(name: string, signal: AbortSignal): Promise<Reading<AgentPool | undefined>>
  pool(poolId: number, signal: AbortSignal): Promise<Reading<AgentPool | undefined>>
  addPool(name: string, signal: AbortSignal): Promise<Made<AgentPool>>
  updatePool(poolId: number, change: PoolChange, signal: AbortSignal): Promise<CallOutcome>
  findQueue(project: string, name: string, signal: AbortSignal): Promise<Reading<AgentQueue | undefined>>
  addQueue(project: string, poolId: number, name: string, signal: AbortSignal): Promise<Made<AgentQueue>>
  /** Every pipeline of the project may use the queue without asking. */
  authorizeAllPipelines(project: string, queueId: number, signal: AbortSignal): Promise<CallOutcome>
  /** Whether whoever asks may manage the pool of that name. */
  canManage(poolName: string, signal: AbortSignal): Promise<Reading<boolean>>
  /** Of those that whoever asks may manage. */
  builtInPools(signal: AbortSignal): Promise<Reading<readonly BuiltInPool[]>>
}

/** The stored wishes. */
export interface PoolStore extends Settings {
  /** `conflict` when the pool is there already. */
  addPool(pool: NewPool): Promise<'ok' | 'conflict'>
  updateSettings(poolId: number, expectedVersion: number, settings: PoolSettings, by: string): Promise<'ok' | 'conflict'>
  addOrder(poolId: number, order: Omit<Order, 'id'>): Promise<void>
  confirm(poolId: number, what: Confirmed, by: string): Promise<void>
}
/** `by`: who made it. */
export type NewPool = Pick<PoolRecord, 'poolId' | 'name' | 'scaleSetId' | 'settings' | 'replaceConfirmed'> & { readonly by: string }

export type PoolsParts = {
  readonly owner: string
  readonly store: PoolStore
  readonly organization: Organization
  readonly agents: Pipelines['agents']
  readonly setEnabled: Pipelines['setEnabled']
  readonly scaleSet: (scaleSetId: string) => CheckedAccess
  /** Those that the service's identity may read. */
  readonly scaleSets: (signal: AbortSignal) => Promise<Reading<readonly ListedScaleSet[]>>
  readonly wake: (poolId: number) => void
}

export type Refusal = {
  readonly ok: false
  readonly code: 'badRequest' | 'refused' | 'conflict' | 'notFound' | 'unavailable'
  readonly message: string
  readonly problems?: readonly Problem[]
  readonly findings?: readonly Finding[]
}
export type Granted<T> = { readonly ok: true; readonly value: T }
export type Asked<T> = Granted<T> | Refusal

/** The pool of ours that runs on a scale set. */
export async function userOf(parts: PoolsParts, scaleSetId: string): Promise<PoolRecord | undefined> {
  for (const poolId of await parts.store.pools()) {
    const record = await parts.store.pool(poolId)
    if (record !== undefined && sameScaleSet(record.scaleSetId, scaleSetId)) return record
  }
  return undefined
}

export async function stored(parts: PoolsParts, poolId: number): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  return record === undefined ? noPool(poolId) : granted(record)
}

export function inUse(name: string): Refusal {
  return refused('conflict', `This virtual machine scale set is already in use by pool ${name}. Choose another, or delete that pool first.`)
}

export function idProblem(scaleSetId: string): Refusal | undefined {
  if (parseScaleSetId(scaleSetId) !== undefined) return undefined
  return refused(
    'badRequest',
    `The scale set id "${scaleSetId}" does not parse. Give the resource id: /subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}.`,
  )
}

export function settingsRefusal(settings: object | undefined): Refusal | undefined {
  if (settings === undefined || !('deleting' in settings)) return undefined
  const message = 'The setting "deleting" is set by the service only. Use DELETE on the pool.'
  return { ...refused('badRequest', message), problems: [{ field: 'deleting', message }] }
}

export function noPool(poolId: number): Refusal {
  return refused(
    'notFound',
    `This service runs no pool ${poolId}: it was deleted, or was never one of its pools. The list of pools has those it runs.`,
  )
}

/** The other side gave no complete answer: nothing is known to be wrong with the request. */
export function unavailable(message: string): Refusal {
  return refused('unavailable', `${message.replace(/\.$/, '')}. Try again.`)
}

export function notDone(what: string, outcome: NotDone): Refusal {
  if (outcome.kind === 'unknown') return unavailable(`${what}, as far as is known: ${outcome.why}`)
  return refused('refused', `${what}: ${outcome.message} (${outcome.code}).`)
}

export function refused(code: Refusal['code'], message: string): Refusal {
  return { ok: false, code, message }
}

export function granted<T>(value: T): Granted<T> {
  return { ok: true, value }
}
