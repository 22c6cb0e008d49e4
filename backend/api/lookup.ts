/** Finds what a request names, or says that there is no such thing. */
import { Type } from 'typebox'
import type { FastifyRequest } from 'fastify'
import type { Creator } from '../loop/pool-create.ts'
import type { PoolRecord } from '../loop/ports.ts'
import { personTokenHeader } from './authenticate.ts'
import type { ApiParts, Latest } from './parts.ts'
import { noPool, unavailable } from './problems.ts'
import type { Asker } from './rights.ts'

export const poolParams = Type.Object({ poolId: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }) })

/** The pools that the asker may use. */
export async function recordsFor(parts: ApiParts, asker: Asker): Promise<readonly PoolRecord[]> {
  const seen = (await parts.settings.pools()).filter((poolId) => asker.mayUse(poolId))
  const records = await Promise.all(seen.map((poolId) => parts.settings.pool(poolId)))
  return records.flatMap((record) => record ?? [])
}

/** Who makes a pool: a person with rights of their own, never with those of the service. */
export async function creatorOf({ signIn }: ApiParts, { asker, headers }: FastifyRequest): Promise<Creator> {
  const { by, person } = asker
  if (person === undefined || signIn === undefined) return { by }
  const token = headers[personTokenHeader]
  return { by, organization: await signIn.organizationOf(person, typeof token === 'string' ? token : undefined) }
}

/** Longest time that a request may wait for Azure and Azure DevOps. */
const outsideMsMax = 60_000

export async function recordOf(parts: ApiParts, poolId: number): Promise<PoolRecord> {
  const record = await parts.settings.pool(poolId)
  if (record === undefined) throw noPool(poolId)
  return record
}

/** @throws ApiProblem 503 while no pass has ended. */
export async function latestOf(parts: ApiParts, { poolId, name }: PoolRecord): Promise<Latest> {
  const latest = await parts.loop.latest(poolId)
  if (latest === undefined) throw unavailable(`The first pass of pool ${name} has not ended yet. Ask again in a moment.`)
  return latest
}

export function deadline(parts: ApiParts): AbortSignal {
  return parts.clock.deadline(outsideMsMax)
}
