/** Finds what a request names, or says that there is no such thing. */
import { Type } from 'typebox'
import type { PoolRecord } from '../loop/ports.ts'
import type { ApiParts, Latest } from './parts.ts'
import { ApiProblem, noPool } from './problems.ts'

export const poolParams = Type.Object({ poolId: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }) })

/** Longest time that a request may wait for Azure and Azure DevOps. */
const outsideMsMax = 60_000

export async function recordOf(parts: ApiParts, poolId: number): Promise<PoolRecord> {
  const record = await parts.settings.pool(poolId)
  if (record === undefined) throw noPool(poolId)
  return record
}

/** @throws ApiProblem 503 while no pass has ended. */
export function latestOf(parts: ApiParts, { poolId, name }: PoolRecord): Latest {
  const latest = parts.loop.latest(poolId)
  if (latest === undefined) throw unavailable(`The first pass of pool ${name} has not ended yet. Ask again in a moment.`)
  return latest
}

export function unavailable(message: string): ApiProblem {
  return new ApiProblem(503, { code: 'unavailable', message })
}

export function deadline(parts: ApiParts): AbortSignal {
  return parts.clock.deadline(outsideMsMax)
}
