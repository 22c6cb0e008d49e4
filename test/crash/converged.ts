/** Liveness: what is still not as people want it, by the truth of the world and the service's own list of open work. */
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { MachineMemory, PoolRecord } from '../../backend/loop/ports.ts'
import type { World } from '../../backend/simulator/facts.ts'
import type { Database } from '../../backend/store/database.ts'

export type Wish = { settings(): PoolSettings; queued(): number }
export type Situation = {
  readonly world: World
  readonly poolId: number
  readonly scaleSetId: string
  readonly ownerId: string
  readonly wish: Wish
  readonly database: Database
  readonly record: PoolRecord | undefined
}

/** The longest wait for what cannot be known, for a list, a boot and two passes after a failed one. */
const convergeMs = 8 * 60_000
/** An agent whose machine is gone. */
const orphanMs = 10.5 * 60_000
/** Azure DevOps does not let an agent go before its job counts as abandoned. */
const lockMs = 10 * 60_000

export type Unconverged = { readonly detail: string; readonly patienceMs: number }

export async function unconverged(situation: Situation): Promise<readonly Unconverged[]> {
  const wrong = situation.wish.settings().deleting ? deleted(situation) : await unsettled(situation)
  return [
    ...wrong.map((detail) => ({ detail, patienceMs: convergeMs })),
    ...(situation.wish.settings().deleting ? [] : await orphans(situation)),
  ]
}

async function unsettled(situation: Situation): Promise<readonly string[]> {
  const open = await situation.database.db.selectFrom('intents').select(['kind', 'state']).where('open', '=', 1).execute()
  return [
    ...decisionsLost(situation),
    ...jobsLeft(situation),
    ...(await machinesLeft(situation)),
    ...placeholderLeft(situation),
    ...modelLeft(situation),
    // The claim is refreshed for ever; everything else has come to its end.
    ...open.filter(({ kind }) => kind !== 'refresh-claim').map(({ kind, state }) => `an intent to ${kind} is still ${state}`),
  ]
}

/** What the service has answered to a person is so, and has been carried out. */
function decisionsLost({ record, wish }: Situation): readonly string[] {
  if (record === undefined) return ['the pool is gone, and nobody had deleted it']
  const wanted = wish.settings()
  const other = Object.entries(wanted).filter(
    ([name, value]) => JSON.stringify(record.settings[name as keyof PoolSettings]) !== JSON.stringify(value),
  )
  return [
    ...other.map(([name]) => `the setting ${name} is not what a person set`),
    ...record.orders.map(({ order, machineId }) => `the order to ${order} machine ${machineId} has not been taken in`),
  ]
}

/** Every job has found its agent. One whose machine was taken away by Azure is lost to everybody. */
function jobsLeft({ world, poolId, wish }: Situation): readonly string[] {
  const requests = world.truth.requests(poolId)
  const started = requests.filter(({ receivedAt }) => receivedAt !== undefined).length
  return started === wish.queued() ? [] : [`${started} of ${wish.queued()} jobs have started`]
}

/** Exactly the standby works; what is saved stays beside it. */
async function machinesLeft({ world, scaleSetId, wish, poolId, database }: Situation): Promise<readonly string[]> {
  const { standby } = wish.settings()
  const all = world.truth.machines(scaleSetId)
  const saved = new Set(await savedIn(database))
  const machines = all.filter(({ instanceId }) => !saved.has(instanceId))
  const capacity = world.truth.scaleSet(scaleSetId)?.capacity ?? 0
  const online = world.truth.agents(poolId).filter((agent) => agent.online && agent.enabled).length
  return [
    ...(online === standby ? [] : [`${online} agents are ready; the standby is ${standby}`]),
    ...(machines.length === standby ? [] : [`there are ${machines.length} machines for a standby of ${standby}`]),
    ...(capacity === all.length ? [] : [`the capacity is ${capacity} with ${all.length} machines`]),
  ]
}

async function savedIn({ db }: Database): Promise<readonly string[]> {
  const rows = await db.selectFrom('machines').select(['id', 'json']).execute()
  return rows.filter(({ json }) => (JSON.parse(json) as MachineMemory).saved !== undefined).map(({ id }) => id)
}

/** A machine that came and went unseen, while the database failed, left an agent that nobody can know to be ours. */
async function orphans({ world, poolId, scaleSetId, database }: Situation): Promise<readonly Unconverged[]> {
  const names = new Set(world.truth.machines(scaleSetId).map(({ computerName }) => computerName))
  const gone = await database.db.selectFrom('gone_machines').select('name').execute()
  const known = new Set(gone.map(({ name }) => name))
  const agents = world.truth.agents(poolId).filter(({ name }) => !names.has(name) && known.has(name))
  const hadJob = new Set(world.truth.requests(poolId).map(({ agentId }) => agentId))
  return agents.map(({ name, id }) => ({ detail: `agent ${name} has no machine`, patienceMs: orphanMs + (hadJob.has(id) ? lockMs : 0) }))
}

function placeholderLeft({ world, poolId }: Situation): readonly string[] {
  const count = world.truth.agents(poolId).filter(({ name }) => isPlaceholder(name)).length
  return count === 1 ? [] : [`there are ${count} placeholder agents`]
}

const isPlaceholder = (name: string): boolean => name.includes('placeholder')

function modelLeft({ world, scaleSetId, ownerId, poolId }: Situation): readonly string[] {
  const scaleSet = world.truth.scaleSet(scaleSetId)
  const claims = Object.values(scaleSet?.tags ?? {}).filter((value) => value.startsWith(`${ownerId}/${poolId}/`)).length
  const extensions = JSON.stringify(scaleSet?.properties ?? {}).split('"Microsoft.Azure.DevOps.Pipelines.Agent"').length - 1
  return [
    ...(claims === 1 ? [] : [`the scale set has ${claims} claims of ours`]),
    ...(extensions === 1 ? [] : [`the model has ${extensions} entries of our extension`]),
  ]
}

function deleted({ record, world, poolId, scaleSetId }: Situation): readonly string[] {
  const scaleSet = world.truth.scaleSet(scaleSetId)
  const machines = world.truth.machines(scaleSetId).length
  const tags = Object.keys(scaleSet?.tags ?? {}).filter((name) => name.toLowerCase() === 'scalesetagentsowner').length
  return [
    ...(record === undefined ? [] : ['the deleted pool is still run']),
    ...(machines === 0 ? [] : [`the deleted pool left ${machines} machines`]),
    ...(tags === 0 ? [] : ['the deleted pool left its tag']),
    ...(world.truth.agents(poolId).length === 0 ? [] : ['the deleted pool left agents']),
    ...(JSON.stringify(scaleSet?.properties ?? {}).includes('Pipelines.Agent') ? ['the deleted pool left its extension'] : []),
  ]
}
