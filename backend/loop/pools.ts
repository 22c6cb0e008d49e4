/**
 * What a person may ask about pools. Everything that changes Azure or an agent is left to the loop: here only the agent pool
 * and its queue are made, and the wish is stored.
 */
import { parseScaleSetId, sameScaleSet } from '../core/scale-set-id.ts'
import type { Finding } from '../core/checks.ts'
import type { PoolSettings, Problem } from '../core/settings.ts'
import type { Machine, Reading } from '../core/snapshot.ts'
import { checkForPool, type CheckedAccess, type CheckResult } from './pool-check.ts'
import type { CallOutcome, Order, Pipelines, PoolRecord, Settings } from './ports.ts'

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
type NotDone = Exclude<CallOutcome, { readonly kind: 'done' }>

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
  /** Whether the service's identity may manage the pool of that name. */
  canManage(poolName: string, signal: AbortSignal): Promise<Reading<boolean>>
}

/** The stored wishes. */
export interface PoolStore extends Settings {
  /** `conflict` when the pool is there already. */
  addPool(pool: NewPool): Promise<'ok' | 'conflict'>
  updateSettings(poolId: number, expectedVersion: number, settings: PoolSettings, by: string): Promise<'ok' | 'conflict'>
  addOrder(poolId: number, order: Omit<Order, 'id'>): Promise<void>
  confirm(poolId: number, what: 'replace' | 'take-over'): Promise<void>
}
export type NewPool = Pick<PoolRecord, 'poolId' | 'name' | 'scaleSetId' | 'settings' | 'replaceConfirmed'>

export type PoolsParts = {
  readonly owner: string
  readonly store: PoolStore
  readonly organization: Organization
  readonly agents: Pipelines['agents']
  readonly scaleSet: (scaleSetId: string) => CheckedAccess
  readonly nudge: (poolId: number) => void
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

export type Creation = {
  readonly scaleSetId: string
  readonly poolName: string
  readonly settings?: object
  readonly project?: string
  readonly authorizeAllPipelines?: boolean
  readonly autoProvision?: boolean
  readonly existingPool?: boolean
  readonly replaceMachines?: boolean
}
export type Created = {
  readonly record: PoolRecord
  /** The agent pool was made, or one that existed was taken. */
  readonly how: 'made' | 'taken'
  readonly agentPool: AgentPool
  readonly queue?: AgentQueue
  readonly findings: readonly Finding[]
  /** Machines in the scale set that are not the pool's yet. */
  readonly present: readonly string[]
}

export type Pools = ReturnType<typeof createPools>

/** The person's side of pools. Nothing here throws for what a person sent; a broken store does. */
export function createPools(parts: PoolsParts) {
  return {
    check: (scaleSetId: string, settings: object | undefined, signal: AbortSignal) => check(parts, scaleSetId, settings, signal),
    checkPool: (poolId: number, signal: AbortSignal) => checkPool(parts, poolId, signal),
    create: (creation: Creation, signal: AbortSignal) => create(parts, creation, signal),
    changeSettings: (poolId: number, version: number, settings: object, by: string, signal: AbortSignal) =>
      changeSettings(parts, poolId, version, settings, by, signal),
    setPaused: (poolId: number, paused: boolean, by: string) => rewrite(parts, poolId, by, (settings) => ({ ...settings, paused })),
    /** The loop drains, deletes and releases; the record goes last. A paused pool is resumed for it. */
    remove: (poolId: number, by: string) => rewrite(parts, poolId, by, (settings) => ({ ...settings, deleting: true, paused: false })),
    confirm: (poolId: number, what: 'replace' | 'take-over') => confirm(parts, poolId, what),
    order: (poolId: number, machine: Machine, order: Omit<Order, 'id' | 'machineId'>) => giveOrder(parts, poolId, machine, order),
    change: (poolId: number, wish: PoolChange, signal: AbortSignal) => changeAgentPool(parts, poolId, wish, signal),
  }
}

async function check(
  parts: PoolsParts,
  scaleSetId: string,
  settings: object | undefined,
  signal: AbortSignal,
): Promise<Asked<CheckResult>> {
  const refusal = idProblem(scaleSetId) ?? settingsRefusal(settings)
  if (refusal !== undefined) return refusal
  const user = await userOf(parts, scaleSetId)
  const input = { scaleSetId, owner: parts.owner, ...(settings && { settings }), ...(user && { poolId: user.poolId }) }
  return granted(await checkForPool(parts.scaleSet(scaleSetId), input, signal))
}

async function checkPool(parts: PoolsParts, poolId: number, signal: AbortSignal): Promise<Asked<CheckResult>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  const input = { scaleSetId: record.scaleSetId, owner: parts.owner, poolId, base: record.settings }
  return granted(await checkForPool(parts.scaleSet(record.scaleSetId), input, signal))
}

/**
 * Check, agent pool, queue, record: in this order, so that nothing runs before all of it stands. A call cut off before the
 * record leaves an agent pool without agents, which the next call of the same name takes over.
 */
async function create(parts: PoolsParts, creation: Creation, signal: AbortSignal): Promise<Asked<Created>> {
  const refusal = idProblem(creation.scaleSetId) ?? settingsRefusal(creation.settings) ?? projectProblem(creation)
  if (refusal !== undefined) return refusal
  const user = await userOf(parts, creation.scaleSetId)
  if (user !== undefined && user.name.toLowerCase() !== creation.poolName.toLowerCase()) return inUse(user.name)
  const checked = await checkForPool(parts.scaleSet(creation.scaleSetId), checkInput(parts, creation, user), signal)
  if (!checked.ready || checked.settings === undefined || !checked.present.known) return notReady(creation.scaleSetId, checked)
  const found = await agentPoolFor(parts, creation, user, signal)
  if (!found.ok) return found
  const { agentPool } = found.value
  const queue = await queueFor(parts, creation, agentPool, signal)
  if (!queue.ok) return queue
  const record = await recordFor(parts, creation, agentPool, checked.settings, user)
  if (!record.ok) return record
  parts.nudge(agentPool.id)
  const made = { record: record.value, findings: checked.findings, present: checked.present.value }
  return granted({ ...found.value, ...made, ...(queue.value && { queue: queue.value }) })
}

function checkInput(parts: PoolsParts, creation: Creation, user: PoolRecord | undefined) {
  const wish =
    user === undefined ? { ...(creation.settings && { settings: creation.settings }) } : { poolId: user.poolId, base: user.settings }
  return { scaleSetId: creation.scaleSetId, owner: parts.owner, ...wish }
}

async function recordFor(
  parts: PoolsParts,
  creation: Creation,
  pool: AgentPool,
  settings: PoolSettings,
  user: PoolRecord | undefined,
): Promise<Asked<PoolRecord>> {
  const { scaleSetId, replaceMachines: replaceConfirmed = false } = creation
  if (user !== undefined && replaceConfirmed) await parts.store.confirm(pool.id, 'replace')
  if (user === undefined) {
    const outcome = await parts.store.addPool({ poolId: pool.id, name: pool.name, scaleSetId, settings, replaceConfirmed })
    if (outcome === 'conflict')
      return refused(
        'conflict',
        `The agent pool ${pool.name} was taken by another call at the same moment. Look at GET /api/v1/pools before repeating.`,
      )
  }
  return stored(parts, pool.id)
}

type PoolFound = Pick<Created, 'agentPool' | 'how'>

async function agentPoolFor(
  parts: PoolsParts,
  creation: Creation,
  user: PoolRecord | undefined,
  signal: AbortSignal,
): Promise<Asked<PoolFound>> {
  const { organization } = parts
  const name = creation.poolName
  const found = await organization.findPool(name, signal)
  if (!found.known) return unavailable(`The agent pools of the organization could not be read: ${found.why}`)
  if (found.value !== undefined) return takeOver(parts, creation, user, found.value, signal)
  if (user !== undefined)
    return refused(
      'conflict',
      `The agent pool ${name} is gone from Azure DevOps, and this service still runs it. Delete pool ${user.poolId} here first.`,
    )
  if (creation.existingPool === true)
    return refused('notFound', `There is no agent pool named ${name}. Make it first, or leave out existingPool.`)
  const outcome = await organization.addPool(name, signal)
  if (outcome.kind !== 'done') return notDone(`The agent pool ${name} was not made`, outcome)
  if (creation.autoProvision !== true) return granted({ agentPool: outcome.value, how: 'made' })
  const provided = await organization.updatePool(outcome.value.id, { autoProvision: true }, signal)
  if (provided.kind !== 'done') return notDone(`The agent pool ${name} was not given to all projects`, provided)
  return granted({ agentPool: { ...outcome.value, autoProvision: true }, how: 'made' })
}

async function takeOver(
  parts: PoolsParts,
  creation: Creation,
  user: PoolRecord | undefined,
  pool: AgentPool,
  signal: AbortSignal,
): Promise<Asked<PoolFound>> {
  if (pool.id === user?.poolId) return granted({ agentPool: pool, how: 'taken' })
  if ((await parts.store.pool(pool.id)) !== undefined)
    return refused(
      'conflict',
      `The agent pool ${pool.name} already runs on another scale set. Choose another name, or delete that pool first.`,
    )
  if (pool.builtIn)
    return refused(
      'conflict',
      `The agent pool ${pool.name} is sized by Azure DevOps itself. Choose another name, or delete that pool first.`,
    )
  const manage = await parts.organization.canManage(pool.name, signal)
  if (!manage.known) return unavailable(`Whether the service may manage the agent pool ${pool.name} could not be read: ${manage.why}`)
  if (!manage.value)
    return refused(
      'refused',
      `The service's identity may not manage the agent pool ${pool.name}. Make it an administrator of the pool in Organization settings, Agent pools, Security.`,
    )
  if (creation.existingPool === true) return granted({ agentPool: pool, how: 'taken' })
  const agents = await parts.agents(pool.id, signal)
  if (!agents.known) return unavailable(`The agents of the agent pool ${pool.name} could not be read: ${agents.why}`)
  if (agents.value.length > 0)
    return refused(
      'conflict',
      `An agent pool named ${pool.name} exists and has ${agents.value.length} agents. Set existingPool to take it, or choose another name.`,
    )
  return granted({ agentPool: pool, how: 'taken' })
}

/** The queue that lets the project's pipelines use the pool; found again when an earlier call made it. */
async function queueFor(
  parts: PoolsParts,
  creation: Creation,
  pool: AgentPool,
  signal: AbortSignal,
): Promise<Asked<AgentQueue | undefined>> {
  const { project } = creation
  if (project === undefined) return granted(undefined)
  const found = await parts.organization.findQueue(project, pool.name, signal)
  if (!found.known) return unavailable(`The queues of project ${project} could not be read: ${found.why}`)
  const queued =
    found.value === undefined
      ? await parts.organization.addQueue(project, pool.id, pool.name, signal)
      : { kind: 'done' as const, value: found.value }
  if (queued.kind !== 'done') return notDone(`The queue of pool ${pool.name} in project ${project} was not made`, queued)
  if (creation.authorizeAllPipelines !== true) return granted(queued.value)
  const authorized = await parts.organization.authorizeAllPipelines(project, queued.value.id, signal)
  if (authorized.kind !== 'done')
    return notDone(`The pipelines of project ${project} were not authorized for pool ${pool.name}`, authorized)
  return granted(queued.value)
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
  const checked = await checkForPool(
    parts.scaleSet(record.scaleSetId),
    { scaleSetId: record.scaleSetId, owner: parts.owner, poolId, base: record.settings, settings: input },
    signal,
  )
  if (checked.settings === undefined)
    return { ...refused('badRequest', checked.problems.map((problem) => problem.message).join(' ')), problems: checked.problems }
  const outcome = await parts.store.updateSettings(poolId, version, checked.settings, by)
  if (outcome === 'conflict')
    return refused(
      'conflict',
      `The settings of pool ${record.name} were changed by somebody else: they are at version ${record.version}, not ${version}. Read them again and repeat the change.`,
    )
  parts.nudge(poolId)
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
    if (refusal !== undefined) return change(record.settings).deleting ? granted(record) : refusal
    if ((await parts.store.updateSettings(poolId, record.version, change(record.settings), by)) === 'conflict') continue
    parts.nudge(poolId)
    return stored(parts, poolId)
  }
  return refused('conflict', `The settings of pool ${poolId} keep being changed by others. Repeat the call.`)
}

async function confirm(parts: PoolsParts, poolId: number, what: 'replace' | 'take-over'): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  await parts.store.confirm(poolId, what)
  parts.nudge(poolId)
  return stored(parts, poolId)
}

async function giveOrder(
  parts: PoolsParts,
  poolId: number,
  machine: Machine,
  order: Omit<Order, 'id' | 'machineId'>,
): Promise<Asked<string>> {
  const problem = orderProblem(machine, order.order)
  if (problem !== undefined) return refused('conflict', problem)
  await parts.store.addOrder(poolId, { ...order, machineId: machine.id })
  parts.nudge(poolId)
  return granted(`The order to ${order.order} machine ${machine.name} is noted; the next pass takes it up.`)
}

function orderProblem(machine: Machine, order: Order['order']): string | undefined {
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

/** The pool of ours that runs on a scale set. */
async function userOf(parts: PoolsParts, scaleSetId: string): Promise<PoolRecord | undefined> {
  for (const poolId of await parts.store.pools()) {
    const record = await parts.store.pool(poolId)
    if (record !== undefined && sameScaleSet(record.scaleSetId, scaleSetId)) return record
  }
  return undefined
}

async function stored(parts: PoolsParts, poolId: number): Promise<Asked<PoolRecord>> {
  const record = await parts.store.pool(poolId)
  return record === undefined ? noPool(poolId) : granted(record)
}

function idProblem(scaleSetId: string): Refusal | undefined {
  if (parseScaleSetId(scaleSetId) !== undefined) return undefined
  return refused(
    'badRequest',
    `The scale set id "${scaleSetId}" does not parse. Give the resource id: /subscriptions/{id}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}.`,
  )
}

function settingsRefusal(settings: object | undefined): Refusal | undefined {
  if (settings === undefined || !('deleting' in settings)) return undefined
  const message = 'The setting "deleting" is set by the service only. Use DELETE on the pool.'
  return { ...refused('badRequest', message), problems: [{ field: 'deleting', message }] }
}

function projectProblem(creation: Creation): Refusal | undefined {
  if (creation.authorizeAllPipelines !== true || creation.project !== undefined) return undefined
  return refused('badRequest', 'authorizeAllPipelines needs a project: name the project whose pipelines may use the pool.')
}

function notReady(scaleSetId: string, checked: CheckResult): Refusal {
  const bad = checked.findings.filter((finding) => finding.severity === 'error')
  const { findings, problems } = checked
  if (problems.length > 0) return { ...refused('badRequest', problems.map((problem) => problem.message).join(' ')), findings, problems }
  if (bad.length > 0) return { ...refused('refused', bad.map((finding) => finding.cause).join(' ')), findings }
  const unread = findings.find((finding) => finding.severity === 'unknown')
  return { ...unavailable(unread?.cause ?? `The scale set ${scaleSetId} could not be read`), findings }
}

function beingDeleted(record: PoolRecord): Refusal | undefined {
  return record.settings.deleting ? refused('conflict', `Pool ${record.name} is being deleted; it cannot be changed any more.`) : undefined
}

function notDone(what: string, outcome: NotDone): Refusal {
  if (outcome.kind === 'unknown') return unavailable(`${what}, as far as is known: ${outcome.why}`)
  return refused('refused', `${what}: ${outcome.message} (${outcome.code}).`)
}

function inUse(name: string): Refusal {
  return refused('conflict', `This virtual machine scale set is already in use by pool ${name}. Choose another, or delete that pool first.`)
}

function noPool(poolId: number): Refusal {
  return refused('notFound', `This service runs no pool ${poolId}. GET /api/v1/pools lists those it runs.`)
}

/** The other side gave no complete answer: nothing is known to be wrong with the request. */
function unavailable(message: string): Refusal {
  return refused('unavailable', `${message.replace(/\.$/, '')}. Try again.`)
}

function refused(code: Refusal['code'], message: string): Refusal {
  return { ok: false, code, message }
}

function granted<T>(value: T): Granted<T> {
  return { ok: true, value }
}
