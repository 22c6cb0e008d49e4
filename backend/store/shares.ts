/**
 * The pools shared out among the replicas on one PostgreSQL: a row for each pool, with an epoch of its own, and a row for
 * each replica that tells that it lives. The server's clock judges them all (S14). See docs/adr/0015-share-pools-by-leases.md.
 */
import type { Lease } from '../loop/ports.ts'
import type { Database } from './database.ts'
import type { Holding, LeaseOptions, Leases } from './lease.ts'
import { createShareRows, rememberedMs, type ShareRow } from './share-rows.ts'

/** Three statements for a look when nothing moves, however many pools there are. */
export function createShares(database: Database, options: LeaseOptions): Leases {
  const { holder, ttlMs, clock } = options
  const store = createShareRows(database, options)
  const held = new Map<string, Lease>()
  const hold = (taken: readonly Pick<Lease, 'scope' | 'epoch'>[]): void => {
    for (const { scope, epoch } of taken) held.set(scope, { scope, epoch, holder })
  }

  return {
    async look(pools, { isPassing = () => false, isUnwell = false } = {}) {
      const sentAt = clock.now()
      await (isUnwell ? store.tellThatWeAreUnwell() : store.tellThatWeLive(sentAt))
      const renewed = await store.renew(sentAt)
      held.clear()
      hold(renewed)
      const rows = await store.read()
      const scopes = new Set(pools.map(scopeOf))
      const share = shareOf(holder, scopes.size, rows)
      const surplus = surplusOf([...held.keys()], scopes, share, isPassing)
      // Before anything is awaited: from here on no pass of them begins.
      for (const scope of surplus) held.delete(scope)
      if (surplus.length > 0) await store.giveBack(surplus)
      const free = freeOf(scopes, rows)
      if (held.size < share && free.length > 0) hold(await store.take(free, share - held.size, sentAt))
      const gone = rows.filter(({ scope, leftMs }) => leftMs < -rememberedMs && !scopes.has(scope)).map(({ scope }) => scope)
      if (gone.length > 0) await store.forget(gone)
      return { validUntil: sentAt + ttlMs, lease: (poolId) => held.get(scopeOf(poolId)), ...othersAt(rows, options) }
    },
    async release() {
      held.clear()
      await store.release()
    },
  }
}

/** Between a renewal and our look only the server's clock went on, which judges both. */
function othersAt(rows: readonly ShareRow[], { holder, ttlMs }: LeaseOptions): Pick<Holding, 'othersAt'> {
  const alive = rows.filter((row) => row.holder !== holder && row.leftMs > 0)
  return alive.length === 0 ? {} : { othersAt: Math.max(...alive.map(({ renewedAt, leftMs }) => renewedAt + ttlMs - leftMs)) }
}

const scopeOf = (poolId: number): string => `pool/${poolId}`

/**
 * The replicas that live and are well, in the order of their names, share the pools; the first ones take what does not divide. One
 * that is not among them has no share, unless there is none: then it keeps what it has, and takes what nobody has.
 */
function shareOf(holder: string, pools: number, rows: readonly ShareRow[]): number {
  const well = rows.filter(({ scope, leftMs }) => scope.startsWith('member/') && leftMs > 0).map((row) => row.holder)
  if (well.length === 0) return pools
  if (!well.includes(holder)) return 0
  const place = well.filter((other) => other < holder).length
  return Math.floor(pools / well.length) + (place < pools % well.length ? 1 : 0)
}

/** What is above the share, and pools that were deleted; never one that passes now. */
function surplusOf(
  held: readonly string[],
  pools: ReadonlySet<string>,
  share: number,
  isPassing: (poolId: number) => boolean,
): readonly string[] {
  const mayGo = held.filter((scope) => !isPassing(Number(scope.slice('pool/'.length))))
  const deleted = mayGo.filter((scope) => !pools.has(scope))
  const others = mayGo.filter((scope) => pools.has(scope))
  const surplus = Math.max(0, held.length - deleted.length - share)
  return [...deleted, ...others.slice(Math.max(0, others.length - surplus))]
}

/** Pools whose lease ended, was given back or never was. */
function freeOf(pools: ReadonlySet<string>, rows: readonly ShareRow[]): readonly string[] {
  const taken = new Set(rows.filter(({ leftMs }) => leftMs > 0).map(({ scope }) => scope))
  return [...pools].filter((scope) => !taken.has(scope))
}
