/** What a script does to world and service, and what people want by then, whether or not the service has heard of it. */
import { defaultSettings, type PoolSettings } from '../../backend/core/settings.ts'
import type { Order } from '../../backend/loop/ports-people.ts'
import type { World } from '../../backend/simulator/facts.ts'
import type { Database } from '../../backend/store/database.ts'
import { scaleSetId } from '../support/service.ts'
import type { Wish } from './converged.ts'
import { createPerson } from './person.ts'
import type { ServiceProcess } from './process.ts'
import { secondMs, type Script, type Stage } from './scripts.ts'

export type StageParts = {
  readonly world: World
  readonly poolId: number
  readonly database: Database
  readonly wish: ReturnType<typeof createWish>
  readonly service: () => ServiceProcess | undefined
  readonly after: (ms: number, run: () => void) => void
}

const queueAgainMs = 3 * secondMs

/** Runs the script's doings at their times. */
export function playScript(script: Script, parts: StageParts): void {
  const { world, after } = parts
  const stage = createStage(parts)
  for (const [at, run] of script.at) after(at, () => run(stage))
  for (const { from, event, run } of script.when ?? []) {
    const stopWatching = world.watch((happened) => {
      if (happened.kind !== event || happened.at < from) return
      stopWatching()
      run(stage)
    })
  }
}

function createStage(parts: StageParts): Stage {
  const { world, poolId, wish } = parts
  const person = createPerson(parts)
  return {
    ...{ world, poolId, scaleSetId },
    queue(jobs, durationMs) {
      wish.jobs(jobs)
      queueOnceThereIsAnAgent(parts, jobs, durationMs)
    },
    set(change) {
      wish.set(change)
      person.insist(async ({ settings }) => {
        const record = await settings.pool(poolId)
        if (record === undefined) return true
        return (await settings.updateSettings(poolId, record.version, { ...record.settings, ...change }, 'ada')) === 'ok'
      })
    },
    order(order, machine) {
      const machineId = machine(world)
      if (machineId === undefined) return
      person.insist(async ({ settings }) => {
        if (world.truth.machines(scaleSetId).every(({ instanceId }) => instanceId !== machineId)) return true
        if (!(await isShown(parts, machineId))) return false
        await settings.addOrder(poolId, { ...order, machineId, by: 'ada' } satisfies Omit<Order, 'id'>)
        return true
      })
    },
    restart: () => void parts.service()?.stop(),
  }
}

/** Azure DevOps fails a job at once while its pool has no agent at all. */
function queueOnceThereIsAnAgent(parts: StageParts, jobs: number, durationMs: number): void {
  const { world, poolId, after } = parts
  if (world.truth.agents(poolId).length === 0) return after(queueAgainMs, () => queueOnceThereIsAnAgent(parts, jobs, durationMs))
  for (let job = 0; job < jobs; job++) world.queueJob({ poolId, durationMs })
}

/** Nobody can order what the service does not show yet. */
async function isShown({ database }: StageParts, machine: string): Promise<boolean> {
  return (await database.db.selectFrom('machines').select('id').where('id', '=', machine).execute()).length > 0
}

export function createWish(initial: Script['settings']): Wish & { set(change: Partial<PoolSettings>): void; jobs(more: number): void } {
  let settings = { ...defaultSettings, ...initial }
  let jobs = 0
  return {
    settings: () => settings,
    queued: () => jobs,
    set: (change) => void (settings = { ...settings, ...change }),
    jobs: (more) => void (jobs += more),
  }
}
