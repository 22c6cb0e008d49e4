/** What a person looks at before a pool is made, and to get to a machine. Nothing here changes anything. */
import { waysToConnect, type ConnectWay } from '../core/connect.ts'
import { sameScaleSet, type ListedScaleSet } from '../core/scale-set-id.ts'
import type { Machine } from '../core/snapshot.ts'
import type { BuiltInPool } from '../core/take-over.ts'
import { granted, noPool, refused, unavailable, type Asked, type Organization, type PoolsParts } from './pool-parts.ts'

export type Connection = { readonly adminUsername?: string; readonly ways: readonly ConnectWay[] }
export type FoundScaleSet = ListedScaleSet & {
  /** Name of the pool of ours that runs on it. */
  readonly usedBy?: string
}

export async function connectionOf(parts: PoolsParts, poolId: number, { id }: Machine, signal: AbortSignal): Promise<Asked<Connection>> {
  const record = await parts.store.pool(poolId)
  if (record === undefined) return noPool(poolId)
  const { scaleSetId, name } = record
  const access = parts.scaleSet(scaleSetId)
  const [set, reach] = await Promise.all([access.read(signal), access.reach(signal)])
  if (!set.known) return unavailable(`The scale set of pool ${name} could not be read: ${set.why}`)
  if (!reach.known) return unavailable(`The network of the scale set of pool ${name} could not be read: ${reach.why}`)
  if (set.value === undefined || reach.value === undefined)
    return refused('refused', `The scale set of pool ${name} does not exist any more.`)
  const { os, adminUsername } = set.value
  const user = adminUsername === undefined ? {} : { adminUsername }
  return granted({ ...user, ways: waysToConnect({ scaleSetId, os, reach: reach.value, ...user }, id) })
}

/** Those that the service's identity may read, by name. */
export async function foundScaleSets(parts: PoolsParts, signal: AbortSignal): Promise<Asked<readonly FoundScaleSet[]>> {
  const listed = await parts.scaleSets(signal)
  if (!listed.known) return unavailable(`The scale sets could not be listed: ${listed.why}`)
  const records = (await Promise.all((await parts.store.pools()).map((poolId) => parts.store.pool(poolId)))).flatMap(
    (record) => record ?? [],
  )
  return granted(
    listed.value
      .map((set) => {
        const user = records.find(({ scaleSetId }) => sameScaleSet(scaleSetId, set.id))
        return user === undefined ? set : { ...set, usedBy: user.name }
      })
      .toSorted((left, right) => left.name.localeCompare(right.name)),
  )
}

/** Pools that Azure DevOps sizes itself, of those that whoever asks may manage. */
export async function builtInPools(
  parts: PoolsParts,
  organization: Organization | undefined,
  signal: AbortSignal,
): Promise<Asked<readonly BuiltInPool[]>> {
  const found = await (organization ?? parts.organization).builtInPools(signal)
  return found.known ? granted(found.value) : unavailable(`The scale set pools of Azure DevOps could not be read: ${found.why}`)
}
