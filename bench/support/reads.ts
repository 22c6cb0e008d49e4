/** What the service asked of each API, counted by the sandbox. */
import type { LoggedCall } from '../../sandbox/journal.ts'
import type { BenchPool, Calls } from './world.ts'

type Api = 'azure-devops' | 'resource-manager'
/** `shared` names no pool: usages, operations. */
type Owner = number | 'shared'

/** Reads by API and owner. */
export type Traffic = ReadonlyMap<string, number>

/** Counts calls by the pool that they are for. @throws Error when the sandbox had to forget calls before they were read. */
export function createTraffic(pools: readonly BenchPool[]): { add(calls: Calls): void; readonly traffic: Traffic } {
  const byScaleSet = new Map(pools.map((pool) => [pool.scaleSet.toLowerCase(), pool.poolId]))
  const reads = new Map<string, number>()

  function ownerOf({ path }: LoggedCall): Owner {
    const poolId = /\/distributedtask\/pools\/(\d+)/i.exec(path)?.[1]
    if (poolId !== undefined) return Number(poolId)
    const name = /\/virtualmachinescalesets\/([^/?]+)/i.exec(path)?.[1]
    return byScaleSet.get(name?.toLowerCase() ?? '') ?? 'shared'
  }

  return {
    add({ entries, missed }) {
      if (missed > 0) throw new Error(`${missed} calls were not counted: the sandbox keeps too few for this many pools.`)
      for (const call of entries) {
        const key = `${call.api} ${ownerOf(call)}`
        if (call.method === 'GET') reads.set(key, (reads.get(key) ?? 0) + 1)
      }
    },
    traffic: reads,
  }
}

/** Reads for each of these pools and minute; those that name no pool are shared out among all `poolCount`. */
export function readsPerMinute(reads: Traffic, api: Api, pools: readonly BenchPool[], poolCount: number, minutes: number): number {
  const own = pools.reduce((sum, { poolId }) => sum + (reads.get(`${api} ${poolId}`) ?? 0), 0)
  const shared = (reads.get(`${api} shared`) ?? 0) / poolCount
  return Number(((own / pools.length + shared) / minutes).toFixed(2))
}
