/** The states from which a pool is measured, and how its jobs come. In each of them every job needs a new machine. */
import type { PoolDetail, SettingsInput } from '../../backend/api/contract.ts'
import type { Client } from '../../backend/cli/client.ts'
import type { Latencies } from '../../backend/simulator/facts-life.ts'
import type { Random } from '../../backend/simulator/random.ts'
import { sleep, until, type BenchPool, type BenchWorld } from './world.ts'

export type Load = {
  readonly settings: SettingsInput
  /** Life times of its world's machines, where they differ from the sandbox's own. */
  readonly latencies?: Partial<Latencies>
  /** Called before the pools are made, and once all are prepared. */
  open(site: Site): Promise<void>
  settle(site: Site): Promise<void>
  /** Brings pools that were just made into the state. */
  prepare(site: Site, pools: readonly BenchPool[]): Promise<void>
  /** Resolves when the pool may get its next job, or soon after `over` aborts. */
  next(site: Site, pool: BenchPool, over: AbortSignal): Promise<void>
  readonly jobMs: number
}
export type Site = { readonly world: BenchWorld; readonly client: Client; readonly random: Random }

/** More than 15 s, and few enough for the four updates a minute that a scale set takes: one of them renews our claim. */
const apartMs = { min: 22_000, max: 28_000 }
const bootSecondsMax = 180
/** The machine of a quiet pool comes and goes at once, so that the pool is quiet again soon. */
const shortLives = {
  list: { p50: 500, p95: 1_000 },
  create: { p50: 1_000, p95: 2_000 },
  enable: { p50: 1_000, p95: 2_000 },
  delete: { p50: 1_000, p95: 2_000 },
}
const longJobMs = 3_600_000
const deletesPending = 50

const nothing = async (): Promise<void> => undefined
const apart = async ({ random }: Site): Promise<void> => sleep(random.between(apartMs.min, apartMs.max))

/** Nothing runs and no machine is there: the job's machine comes, runs it and leaves before the next one is queued. */
export const quiet: Load = {
  settings: { standby: 0, machinesMax: 10, idleDelayMinutes: 0 },
  latencies: shortLives,
  jobMs: 1_000,
  open: nothing,
  settle: nothing,
  prepare: nothing,
  async next({ client, random }, { poolId }, over) {
    // By then the service has seen the last job.
    await sleep(apartMs.min)
    await until(`A quiet pool ${poolId}`, bootSecondsMax, async () => {
      if (over.aborted) return true
      const { pool, decision, openActions } = await client.get<PoolDetail>(`/pools/${poolId}`)
      const machines = Object.values(pool.stages ?? {}).reduce((sum, count) => sum + count, 0)
      const isStill = decision !== undefined && decision.steps.length === 0 && openActions.length === 0
      return isStill && machines === 0 && pool.waiting === 0 && pool.running === 0
    })
    // Any moment of the pace of a quiet pool.
    await sleep(random.between(0, 12_000))
  },
}

/** Long jobs run, or wait for the machine that is on its way. */
export const active: Load = {
  settings: { standby: 0, machinesMax: 200, idleDelayMinutes: 0 },
  jobMs: longJobMs,
  open: nothing,
  settle: nothing,
  async prepare(site, pools) {
    for (const { poolId } of pools) await queueJob(site, poolId, longJobMs)
    await sleep(apartMs.max)
  },
  next: apart,
}

/** As active, beside machines that Azure does not get deleted. */
export const deleting: Load = {
  settings: { standby: deletesPending, machinesMax: 200, idleDelayMinutes: 0 },
  jobMs: longJobMs,
  /** Machines stay in creation, and later in deletion; those of the jobs to come do not. */
  open: (site) => setStuck(site, 1),
  settle: (site) => setStuck(site, 0),
  async prepare({ client }, pools) {
    await Promise.all(pools.map((pool) => deleteAll(client, pool)))
  },
  next: apart,
}

async function setStuck({ world }: Site, rate: number): Promise<void> {
  for (const fault of ['stuck-creating', 'stuck-deleting']) await world.control.setFault(fault, rate)
}

/** Orders the deletion while the pool is paused, so that one call takes all machines. None has an agent yet. */
async function deleteAll(client: Client, { poolId }: BenchPool): Promise<void> {
  const inStage = async (stage: 'creating' | 'deleting'): Promise<number> =>
    (await client.get<PoolDetail>(`/pools/${poolId}`)).pool.stages?.[stage] ?? 0
  await until(`Growing pool ${poolId}`, bootSecondsMax, async () => (await inStage('creating')) === deletesPending)
  await change(client, poolId, { standby: 0, paused: true })
  const { machines } = await client.get<{ machines: readonly { readonly id: string }[] }>(`/pools/${poolId}/machines`)
  for (const { id } of machines) await client.send('POST', `/pools/${poolId}/machines/${id}/orders`, { order: 'delete', force: true })
  await change(client, poolId, { paused: false })
  await until(`Deleting the machines of pool ${poolId}`, bootSecondsMax, async () => (await inStage('deleting')) === deletesPending)
}

async function change(client: Client, poolId: number, settings: SettingsInput): Promise<void> {
  const { pool } = await client.get<PoolDetail>(`/pools/${poolId}`)
  await client.send('PUT', `/pools/${poolId}/settings`, { version: pool.version, settings })
}

export async function queueJob({ world }: Site, poolId: number, durationMs: number): Promise<void> {
  await world.control.queueJob({ poolId, durationMs, jobName: 'job', definition: 'ci' })
}
