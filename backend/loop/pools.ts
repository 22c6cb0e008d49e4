/**
 * What a person may ask about pools. Everything that changes Azure or an agent is left to the loop: here only the agent pool
 * and its queue are made, and the wish is stored.
 */
import { parseClaim } from '../core/claim.ts'
import type { PoolSettings } from '../core/settings.ts'
import type { Machine } from '../core/snapshot.ts'
import { checkForPool, settingsFor, type CheckResult } from './pool-check.ts'
import { createPool, type Creation, type Creator } from './pool-create.ts'
import { builtInPools, connectionOf, foundScaleSets } from './pool-look.ts'
import { granted, idProblem, inUse, noPool, notDone, refused, settingsRefusal, stored, unavailable, userOf } from './pool-parts.ts'
import type { AgentPool, Asked, Organization, PoolChange, PoolsParts, Refusal } from './pool-parts.ts'
import type { PoolRecord } from './ports.ts'
import type { Confirmed, Order } from './ports-people.ts'

export type { AgentPool, AgentQueue, Organization } from './pool-parts.ts'

type MachineOrder = Omit<Order, 'id' | 'machineId' | 'order'> & {
  readonly order: Exclude<Order['order'], 'try-again' | 'disable' | 'enable'>
}
/** An agent that a person turns on or off. `machine`: the one it runs on, when it is ours. */
export type SwitchedAgent = { readonly id: number; readonly name: string; readonly machine?: Machine }

export type Pools = ReturnType<typeof createPools>

/** The person's side of pools. Nothing here throws for what a person sent; a broken store does. */
export function createPools(parts: PoolsParts) {
  return {
    check: (asked: AskedCheck, signal: AbortSignal) => check(parts, asked, signal),
    checkPool: (poolId: number, signal: AbortSignal) => checkPool(parts, poolId, signal),
    create: (creation: Creation, creator: Creator, signal: AbortSignal) => createPool(parts, creation, creator, signal),
    changeSettings: (poolId: number, version: number, settings: object, by: string, signal: AbortSignal) =>
      changeSettings(parts, poolId, version, settings, by, signal),
    setPaused: (poolId: number, paused: boolean, by: string) => rewrite(parts, poolId, by, (settings) => ({ ...settings, paused })),
    /** The loop drains, deletes and releases; the record goes last. A paused pool is resumed for it. */
    remove: (poolId: number, by: string) => remove(parts, poolId, by),
    confirmReplace: (poolId: number, by: string) => confirm(parts, poolId, 'replace', by),
    /** It holds for whoever claims the scale set now, and for nobody who does later. */
    confirmTakeOver: (poolId: number, by: string, signal: AbortSignal) => confirmTakeOver(parts, poolId, by, signal),
    order: (poolId: number, machine: Machine, order: MachineOrder) => giveOrder(parts, poolId, machine, order),
    /** Growth that pauses because machines do not start: one machine is tried now. */
    tryAgain: (poolId: number, by: string) => tryAgain(parts, poolId, by),
    /** The one change that is made at once: Azure DevOps is asked, as its own page would ask. The loop draws its conclusions from what it sees. */
    setEnabled: (poolId: number, agent: SwitchedAgent, enabled: boolean, by: string, signal: AbortSignal) =>
      setEnabled(parts, poolId, agent, { enabled, by }, signal),
    connection: (poolId: number, machine: Machine, signal: AbortSignal) => connectionOf(parts, poolId, machine, signal),
    scaleSets: (signal: AbortSignal) => foundScaleSets(parts, signal),
    builtIn: (organization: Organization | undefined, signal: AbortSignal) => builtInPools(parts, organization, signal),
    change: (poolId: number, wish: PoolChange, signal: AbortSignal) => changeAgentPool(parts, poolId, wish, signal),
  }
}

/** `forNewPool`: a scale set that a pool uses already is refused; otherwise it is checked for that pool. */
type AskedCheck = { readonly scaleSetId: string; readonly settings?: object | undefined; readonly forNewPool?: boolean | undefined }

async function check(
  parts: PoolsParts,
  { scaleSetId, settings, forNewPool }: AskedCheck,
  signal: AbortSignal,
): Promise<Asked<CheckResult>> {
  const refusal = idProblem(scaleSetId) ?? settingsRefusal(settings)
  if (refusal !== undefined) return refusal
  const user = await userOf(parts, scaleSetId)
  if (user !== undefined && forNewPool === true) return inUse(user.name)
  const input = { scaleSetId, owner: parts.owner, ...(settings && { settings }), ...(user && { poolId: user.poolId }) }
  return granted(await checkForPool(parts.scaleSet(scaleSetId), input, signal))
}

async function checkPool(parts: PoolsParts, poolId: number, signal: AbortSignal): Promise<Asked<CheckResult>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  const input = { scaleSetId: record.scaleSetId, owner: parts.owner, poolId, base: record.settings }
  return granted(await checkForPool(parts.scaleSet(record.scaleSetId), input, signal))
}

async function changeSettings(
  parts: PoolsParts,
  poolId: number,
  version: number,
  input: object,
  by: string,
  signal: AbortSignal,
): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  const refusal = settingsRefusal(input) ?? beingDeleted(record)
  if (refusal !== undefined) return refusal
  const { settings, problems } = await settingsFor(parts.scaleSet(record.scaleSetId), record.settings, input, signal)
  if (settings === undefined) return { ...refused('badRequest', problems.map((problem) => problem.message).join(' ')), problems }
  const outcome = await parts.store.updateSettings(poolId, version, settings, by)
  if (outcome === 'conflict')
    return refused(
      'conflict',
      `The settings of pool ${record.name} were changed by somebody else: they are at version ${record.version}, not ${version}. Read them again and repeat the change.`,
    )
  parts.wake(poolId)
  return stored(parts, poolId)
}

/** A change of one wish that holds whatever the rest says; tried again when somebody else was faster. */
async function rewrite(
  parts: PoolsParts,
  poolId: number,
  by: string,
  change: (settings: PoolSettings) => PoolSettings,
): Promise<Asked<PoolRecord>> {
  for (let tries = 0; tries < 5; tries += 1) {
    const record = await parts.store.pool(poolId)
    if (record === undefined) return noPool(poolId)
    const refusal = beingDeleted(record)
    if (refusal !== undefined) return refusal
    if ((await parts.store.updateSettings(poolId, record.version, change(record.settings), by)) === 'conflict') continue
    parts.wake(poolId)
    return stored(parts, poolId)
  }
  return refused('conflict', `The settings of pool ${poolId} keep being changed by others. Repeat the call.`)
}

async function remove(parts: PoolsParts, poolId: number, by: string): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  if (record?.settings.deleting === true) return granted(record)
  return rewrite(parts, poolId, by, (settings) => ({ ...settings, deleting: true, paused: false }))
}

async function confirm(parts: PoolsParts, poolId: number, what: Confirmed, by: string): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  await parts.store.confirm(poolId, what, by)
  parts.wake(poolId)
  return stored(parts, poolId)
}

async function confirmTakeOver(parts: PoolsParts, poolId: number, by: string, signal: AbortSignal): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  const scaleSet = await parts.scaleSet(record.scaleSetId).read(signal)
  if (!scaleSet.known) return unavailable(`The scale set of pool ${record.name} could not be read: ${scaleSet.why}`)
  const { claim, by: owner } = parseClaim(scaleSet.value?.tags ?? {}, parts.owner, poolId)
  if (claim === 'other') return confirm(parts, poolId, { takeOverFrom: owner }, by)
  return refused('conflict', `No other service marks the scale set of pool ${record.name} as its own: there is nothing to take over.`)
}

async function giveOrder(parts: PoolsParts, poolId: number, machine: Machine, order: MachineOrder): Promise<Asked<string>> {
  const problem = orderProblem(machine, order.order)
  if (problem !== undefined) return refused('conflict', problem)
  await parts.store.addOrder(poolId, { ...order, machineId: machine.id })
  parts.wake(poolId)
  return granted(`The order to ${order.order} machine ${machine.name} is noted; the next pass takes it up.`)
}

async function tryAgain(parts: PoolsParts, poolId: number, by: string): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  await parts.store.addOrder(poolId, { machineId: '', order: 'try-again', by, force: false })
  parts.wake(poolId)
  return granted(record)
}

async function setEnabled(
  parts: PoolsParts,
  poolId: number,
  { id, name, machine }: SwitchedAgent,
  { enabled, by }: { readonly enabled: boolean; readonly by: string },
  signal: AbortSignal,
): Promise<Asked<string>> {
  if (enabled && machine?.stage === 'draining')
    return refused('conflict', `The pool itself disabled agent ${name}, for its machine leaves. Raise the standby to keep more machines.`)
  const outcome = await parts.setEnabled(poolId, id, enabled, signal)
  if (outcome.kind !== 'done') return notDone(`Agent ${name} was not ${enabled ? 'enabled' : 'disabled'}`, outcome)
  await parts.store.addOrder(poolId, { machineId: machine?.id ?? name, order: enabled ? 'enable' : 'disable', by, force: false })
  parts.wake(poolId)
  if (enabled) return granted(`Agent ${name} is enabled and takes jobs again.`)
  const after = machine === undefined ? '' : ' Its machine leaves the pool once no job runs on it.'
  return granted(`Agent ${name} is disabled and takes no more jobs.${after}`)
}

function orderProblem(machine: Machine, order: MachineOrder['order']): string | undefined {
  if (order === 'adopt')
    return machine.stage === 'foreign' ? undefined : `Machine ${machine.name} belongs to the pool already; there is nothing to adopt.`
  if (machine.stage === 'foreign') return `Machine ${machine.name} is not ours. Adopt it first.`
  if (machine.stage === 'deleting') return `Machine ${machine.name} is being deleted; wait for its end.`
  if (order === 'unsave' && machine.stage !== 'saved') return `Machine ${machine.name} is not saved.`
  if (order === 'save' && machine.stage === 'saved') return `Machine ${machine.name} is saved already.`
  return undefined
}

async function changeAgentPool(parts: PoolsParts, poolId: number, wish: PoolChange, signal: AbortSignal): Promise<Asked<AgentPool>> {
  if ((await parts.store.pool(poolId)) === undefined) return noPool(poolId)
  const outcome = await parts.organization.updatePool(poolId, wish, signal)
  if (outcome.kind !== 'done') return notDone(`The agent pool ${poolId} was not changed`, outcome)
  const pool = await parts.organization.pool(poolId, signal)
  if (!pool.known) return unavailable(`The agent pool ${poolId} could not be read: ${pool.why}`)
  return pool.value === undefined ? noPool(poolId) : granted(pool.value)
}

function beingDeleted(record: PoolRecord): Refusal | undefined {
  return record.settings.deleting ? refused('conflict', `Pool ${record.name} is being deleted; it cannot be changed any more.`) : undefined
}
