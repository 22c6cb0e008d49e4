import type { Selectable, Transaction } from 'kysely'
import { defaultSettings, type PoolSettings } from '../core/settings.ts'
import type { Clock, Order, PoolRecord, Settings } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { logRow } from './rows.ts'
import type { Schema } from './schema.ts'
import { describeChange } from './settings-words.ts'

export type NewPool = Pick<PoolRecord, 'poolId' | 'name' | 'scaleSetId' | 'settings'> & {
  readonly replaceConfirmed?: boolean
  readonly by?: string
}
export type SettingsChange = {
  readonly version: number
  readonly by: string
  readonly wallTimeMs: number
  readonly before: PoolSettings
  readonly after: PoolSettings
}

/** What people decide: read by the loop, written by the API. */
export interface SettingsStore extends Settings {
  /** A pool that is there already is a `conflict`. What is left of an earlier pool of this id is dropped. */
  addPool(pool: NewPool): Promise<'ok' | 'conflict'>
  /** `conflict` when the settings are no longer at `expectedVersion`, or the pool is gone: read again. */
  updateSettings(poolId: number, expectedVersion: number, settings: PoolSettings, by: string): Promise<'ok' | 'conflict'>
  addOrder(poolId: number, order: Omit<Order, 'id'>): Promise<void>
  /** A person lets the machines found at the claim be replaced, or a claim that stands still be taken over. */
  confirm(poolId: number, what: 'replace' | 'take-over', by: string): Promise<void>
  /** Newest first. */
  history(poolId: number, top: number): Promise<readonly SettingsChange[]>
}

export function createSettings(database: Database, clock: Pick<Clock, 'now' | 'wallTimeMs'>): SettingsStore {
  const { db } = database
  return {
    pools: async () => (await db.selectFrom('pools').select('id').orderBy('id').execute()).map((row) => row.id),
    async pool(poolId) {
      const row = await db.selectFrom('pools').selectAll().where('id', '=', poolId).executeTakeFirst()
      if (row === undefined) return undefined
      const orders = await db.selectFrom('orders').selectAll().where('pool_id', '=', poolId).orderBy('id').execute()
      return poolOf(row, orders)
    },
    forget: (poolId) => db.transaction().execute((tx) => drop(tx, poolId)),
    addPool: (pool) => db.transaction().execute((tx) => add(tx, pool, clock)),
    updateSettings: (poolId, expectedVersion, settings, by) =>
      db.transaction().execute((tx) => update(tx, poolId, expectedVersion, settings, by, clock)),
    async addOrder(poolId, { machineId, order, by, force }) {
      const row = { pool_id: poolId, machine_id: machineId, order, by, force: force ? 1 : 0 } as const
      await db.insertInto('orders').values(row).execute()
    },
    confirm: (poolId, what, by) => db.transaction().execute((tx) => confirm(tx, poolId, what, by, clock)),
    async history(poolId, top) {
      const rows = await db
        .selectFrom('settings_history')
        .selectAll()
        .where('pool_id', '=', poolId)
        .orderBy('version', 'desc')
        .limit(top)
        .execute()
      return rows.map((row) => ({
        version: row.version,
        by: row.by,
        wallTimeMs: row.wall_time_ms,
        before: settingsOf(row.before),
        after: settingsOf(row.after),
      }))
    },
  }
}

function poolOf(row: Selectable<Schema['pools']>, orders: readonly Selectable<Schema['orders']>[]): PoolRecord {
  return {
    poolId: row.id,
    name: row.name,
    scaleSetId: row.scale_set_id,
    settings: settingsOf(row.settings),
    version: row.version,
    orders: orders.map((o) => ({ id: o.id, machineId: o.machine_id, order: o.order as Order['order'], by: o.by, force: o.force === 1 })),
    replaceConfirmed: row.replace_confirmed === 1,
    takeOverConfirmed: row.take_over_confirmed === 1,
  }
}

/** Settings written by an earlier version lack the newer fields. */
const settingsOf = (json: string): PoolSettings => ({ ...defaultSettings, ...(JSON.parse(json) as Partial<PoolSettings>) })

async function add(tx: Transaction<Schema>, pool: NewPool, clock: Pick<Clock, 'now' | 'wallTimeMs'>): Promise<'ok' | 'conflict'> {
  const there = await tx.selectFrom('pools').select('id').where('id', '=', pool.poolId).executeTakeFirst()
  if (there !== undefined) return 'conflict'
  await drop(tx, pool.poolId)
  const result = await tx
    .insertInto('pools')
    .values({
      id: pool.poolId,
      name: pool.name,
      scale_set_id: pool.scaleSetId,
      settings: JSON.stringify(pool.settings),
      version: 1,
      replace_confirmed: pool.replaceConfirmed ? 1 : 0,
      take_over_confirmed: 0,
      wall_time_ms: clock.wallTimeMs(),
    })
    // Another replica added it at the same moment.
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if (result.numInsertedOrUpdatedRows !== 1n) return 'conflict'
  if (pool.by !== undefined) await tell(tx, pool.poolId, `${pool.by} made pool ${pool.name} on the scale set ${pool.scaleSetId}.`, clock)
  return 'ok'
}

async function update(
  tx: Transaction<Schema>,
  poolId: number,
  expected: number,
  settings: PoolSettings,
  by: string,
  clock: Pick<Clock, 'now' | 'wallTimeMs'>,
): Promise<'ok' | 'conflict'> {
  const before = await tx.selectFrom('pools').select('settings').where('id', '=', poolId).where('version', '=', expected).executeTakeFirst()
  if (before === undefined) return 'conflict'
  const [version, after] = [expected + 1, JSON.stringify(settings)]
  const changed = await tx
    .updateTable('pools')
    .set({ settings: after, version })
    .where('id', '=', poolId)
    .where('version', '=', expected)
    .executeTakeFirst()
  if (changed.numUpdatedRows === 0n) return 'conflict'
  await tx
    .insertInto('settings_history')
    .values({ pool_id: poolId, version, by, wall_time_ms: clock.wallTimeMs(), before: before.settings, after })
    .execute()
  const done = describeChange(settingsOf(before.settings), settings)
  if (done !== undefined) await tell(tx, poolId, `${by} ${done}.`, clock)
  return 'ok'
}

async function confirm(
  tx: Transaction<Schema>,
  poolId: number,
  what: 'replace' | 'take-over',
  by: string,
  clock: Pick<Clock, 'now' | 'wallTimeMs'>,
): Promise<void> {
  const confirmed = what === 'replace' ? ({ replace_confirmed: 1 } as const) : ({ take_over_confirmed: 1 } as const)
  const changed = await tx.updateTable('pools').set(confirmed).where('id', '=', poolId).executeTakeFirst()
  if (changed.numUpdatedRows > 0n) await tell(tx, poolId, `${by} ${confirmedText[what]}`, clock)
}

const confirmedText = {
  replace: 'confirmed that the machines found when the pool was made are replaced.',
  'take-over': 'confirmed that a claim of the scale set which stands still is taken over.',
} as const

/** What a person decided is an entry of Diagnostics, in the transaction of the wish itself. */
async function tell(tx: Transaction<Schema>, poolId: number, message: string, clock: Pick<Clock, 'now' | 'wallTimeMs'>): Promise<void> {
  const entry = { level: 'info', operation: 'configurationJob', message, at: clock.now(), wallTimeMs: clock.wallTimeMs() } as const
  await tx.insertInto('log').values(logRow(poolId, entry)).execute()
}

// prettier-ignore
const tablesOfPool = [
  'pool_memory', 'machines', 'gone_machines', 'intents', 'log', 'passes', 'nonces', 'claims', 'boot_reports', 'nudges',
] as const

/** Everything of the pool: orders and the history of its settings go with the row of the pool. */
async function drop(tx: Transaction<Schema>, poolId: number): Promise<void> {
  await tx.deleteFrom('pools').where('id', '=', poolId).execute()
  for (const table of tablesOfPool) {
    await tx.deleteFrom(table).where('pool_id', '=', poolId).execute()
  }
}
