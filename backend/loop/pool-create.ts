/** Making a pool: the agent pool, its queue, and the record from which the loop runs it. */
import type { Finding } from '../core/checks.ts'
import type { PoolSettings } from '../core/settings.ts'
import { checkForPool, type CheckResult } from './pool-check.ts'
import { granted, idProblem, inUse, notDone, refused, settingsRefusal, stored, unavailable, userOf } from './pool-parts.ts'
import type { AgentPool, AgentQueue, Asked, Organization, PoolsParts, Refusal } from './pool-parts.ts'
import type { PoolRecord } from './ports.ts'

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
/** Who makes it. `organization`: a person with rights of their own, who gets nothing made or taken with those of the service. */
export type Creator = { readonly by: string; readonly organization?: Organization }
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

/**
 * Check, agent pool, queue, record: in this order, so that nothing runs before all of it stands. A call cut off before the
 * record leaves an agent pool without agents, which the next call of the same name takes over.
 */
export async function createPool(parts: PoolsParts, creation: Creation, creator: Creator, signal: AbortSignal): Promise<Asked<Created>> {
  const admitted = await admit(parts, creation, signal)
  if (!admitted.ok) return admitted
  const { user, settings, findings, present } = admitted.value
  const found = await agentPoolFor(parts, creation, creator, user, signal)
  if (!found.ok) return found
  const queue = await queueFor(creator.organization ?? parts.organization, creation, found.value.agentPool, signal)
  if (!queue.ok) return queue
  const record = await recordFor(parts, creation, creator, found.value.agentPool, settings, user)
  if (!record.ok) return record
  parts.wake(record.value.poolId)
  return granted({ ...found.value, record: record.value, findings, present, ...(queue.value && { queue: queue.value }) })
}

type Admitted = Pick<Created, 'findings' | 'present'> & { readonly settings: PoolSettings; readonly user: PoolRecord | undefined }

/** Everything that can be refused before anything is made. `user`: the same call was made before. */
async function admit(parts: PoolsParts, creation: Creation, signal: AbortSignal): Promise<Asked<Admitted>> {
  const { scaleSetId, poolName } = creation
  const refusal = idProblem(scaleSetId) ?? settingsRefusal(creation.settings) ?? projectProblem(creation)
  if (refusal !== undefined) return refusal
  const user = await userOf(parts, scaleSetId)
  if (user !== undefined && user.name.toLowerCase() !== poolName.toLowerCase()) return inUse(user.name)
  const checked = await checkForPool(parts.scaleSet(scaleSetId), checkInput(parts, creation, user), signal)
  const { ready, settings, present, findings } = checked
  if (!ready || settings === undefined || !present.known) return notReady(scaleSetId, checked)
  return granted({ user, settings, findings, present: present.value })
}

function checkInput(parts: PoolsParts, creation: Creation, user: PoolRecord | undefined) {
  const wish =
    user === undefined ? { ...(creation.settings && { settings: creation.settings }) } : { poolId: user.poolId, base: user.settings }
  return { scaleSetId: creation.scaleSetId, owner: parts.owner, ...wish }
}

async function recordFor(
  parts: PoolsParts,
  creation: Creation,
  { by }: Creator,
  pool: AgentPool,
  settings: PoolSettings,
  user: PoolRecord | undefined,
): Promise<Asked<PoolRecord>> {
  const { scaleSetId, replaceMachines: replaceConfirmed = false } = creation
  if (user !== undefined && replaceConfirmed) await parts.store.confirm(pool.id, 'replace', by)
  if (user === undefined) {
    const outcome = await parts.store.addPool({ poolId: pool.id, name: pool.name, scaleSetId, settings, replaceConfirmed, by })
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
  creator: Creator,
  user: PoolRecord | undefined,
  signal: AbortSignal,
): Promise<Asked<PoolFound>> {
  const organization = creator.organization ?? parts.organization
  const name = creation.poolName
  const found = await organization.findPool(name, signal)
  if (!found.known) return unavailable(`The agent pools of the organization could not be read: ${found.why}`)
  if (found.value !== undefined) {
    const refusal = await managedByBoth(parts, creator, found.value, signal)
    return refusal ?? takeOver(parts, creation, user, found.value, signal)
  }
  if (user !== undefined)
    return refused(
      'conflict',
      `The agent pool ${name} is gone from Azure DevOps, or you may not see it, and this service still runs it. Delete pool ${user.poolId} here first.`,
    )
  if (creation.existingPool === true)
    return refused('notFound', `There is no agent pool named ${name}. Make it first, or leave out existingPool.`)
  return addedPool(parts, creation, organization, signal)
}

/** A pool that a person made is the person's: the service has to be let in before it runs the pool. */
async function addedPool(
  parts: PoolsParts,
  creation: Creation,
  organization: Organization,
  signal: AbortSignal,
): Promise<Asked<PoolFound>> {
  const name = creation.poolName
  const outcome = await organization.addPool(name, signal)
  if (outcome.kind !== 'done') return notDone(`The agent pool ${name} was not made`, outcome)
  const refusal = organization === parts.organization ? undefined : await managedByService(parts, name, signal)
  if (refusal !== undefined) return refusal
  if (creation.autoProvision !== true) return granted({ agentPool: outcome.value, how: 'made' })
  const provided = await organization.updatePool(outcome.value.id, { autoProvision: true }, signal)
  if (provided.kind !== 'done') return notDone(`The agent pool ${name} was not given to all projects`, provided)
  return granted({ agentPool: { ...outcome.value, autoProvision: true }, how: 'made' })
}

async function managedByBoth(parts: PoolsParts, { organization }: Creator, pool: AgentPool, signal: AbortSignal) {
  if (organization !== undefined) {
    const manage = await organization.canManage(pool.name, signal)
    if (!manage.known) return unavailable(`Whether you may manage the agent pool ${pool.name} could not be read: ${manage.why}`)
    if (!manage.value)
      return refused(
        'refused',
        `You may not manage the agent pool ${pool.name}. Choose another name, or ask an administrator of that pool.`,
      )
  }
  return managedByService(parts, pool.name, signal)
}

async function managedByService({ organization }: PoolsParts, name: string, signal: AbortSignal): Promise<Refusal | undefined> {
  const manage = await organization.canManage(name, signal)
  if (!manage.known) return unavailable(`Whether the service may manage the agent pool ${name} could not be read: ${manage.why}`)
  if (manage.value) return undefined
  return refused(
    'refused',
    `The service's identity may not manage the agent pool ${name}. Make it an administrator of the pool in Organization settings, Agent pools, Security, and repeat.`,
  )
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
  organization: Organization,
  creation: Creation,
  pool: AgentPool,
  signal: AbortSignal,
): Promise<Asked<AgentQueue | undefined>> {
  const { project } = creation
  if (project === undefined) return granted(undefined)
  const found = await organization.findQueue(project, pool.name, signal)
  if (!found.known) return unavailable(`The queues of project ${project} could not be read: ${found.why}`)
  const queued =
    found.value === undefined
      ? await organization.addQueue(project, pool.id, pool.name, signal)
      : { kind: 'done' as const, value: found.value }
  if (queued.kind !== 'done') return notDone(`The queue of pool ${pool.name} in project ${project} was not made`, queued)
  if (creation.authorizeAllPipelines !== true) return granted(queued.value)
  const authorized = await organization.authorizeAllPipelines(project, queued.value.id, signal)
  if (authorized.kind !== 'done')
    return notDone(`The pipelines of project ${project} were not authorized for pool ${pool.name}`, authorized)
  return granted(queued.value)
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
