import type { Selectable, Transaction } from 'kysely'
import { defaultSettings, type PoolSettings } from '../core/settings.ts'
import type { Clock, PoolRecord, Settings } from '../loop/ports.ts'
import type { Confirmed, Order } from '../loop/ports-people.ts'
import { createRecorder, type Head, type PersonChange } from './audit.ts'
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
  confirm(poolId: number, what: Confirmed, by: string): Promise<void>
  /** Newest first. */
  history(poolId: number, top: number): Promise<readonly SettingsChange[]>
}

/** `onRecord` hears where the chain of what people changed ends, after each record. */
export function createSettings(database: Database, clock: WallClock, onRecord: (head: Head) => void = () => undefined): SettingsStore {
  const { db } = database
  const write = createWriter(database, clock, onRecord)
  return {
    pools: async () => (await db.selectFrom('pools').select('id').orderBy('id').execute()).map((row) => row.id),
    async pool(poolId) {
      const row = await db.selectFrom('pools').selectAll().where('id', '=', poolId).executeTakeFirst()
      if (row === undefined) return undefined
      const orders = await db.selectFrom('orders').selectAll().where('pool_id', '=', poolId).orderBy('id').execute()
      return poolOf(row, orders)
    },
    forget: (poolId) => db.transaction().execute((tx) => drop(tx, poolId)),
    addPool: (pool) => write((change) => add(change, pool)),
    updateSettings: (poolId, expectedVersion, settings, by) => write((change) => update(change, poolId, expectedVersion, settings, by)),
    addOrder: (poolId, order) => write((change) => give(change, poolId, order)),
    confirm: (poolId, what, by) => write((change) => confirm(change, poolId, what, by)),
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
    ...(row.take_over_from === null ? {} : { takeOverFrom: row.take_over_from }),
  }
}

/** Settings written by an earlier version lack the newer fields. */
const settingsOf = (json: string): PoolSettings => ({ ...defaultSettings, ...(JSON.parse(json) as Partial<PoolSettings>) })

/** One change of a person: the wish, its entry of Diagnostics and its record are committed together or not at all. */
type Writing = {
  readonly tx: Transaction<Schema>
  readonly clock: WallClock
  tell(poolId: number, message: string): Promise<void>
  /** Written after everything else; see audit.ts. */
  record(change: PersonChange): void
}
type WallClock = Pick<Clock, 'now' | 'wallTimeMs'>

function createWriter({ db, dialect }: Database, clock: WallClock, onRecord: (head: Head) => void) {
  const addRecord = createRecorder(dialect)
  return async <T>(work: (writing: Writing) => Promise<T>): Promise<T> => {
    const { result, heads } = await db.transaction().execute(async (tx) => {
      const changes: PersonChange[] = []
      const result = await work({ tx, clock, tell: (...entry) => tell(tx, clock, ...entry), record: (change) => void changes.push(change) })
      const heads: Head[] = []
      for (const change of changes) heads.push(await addRecord(tx, { at: clock.wallTimeMs(), ...change }))
      return { result, heads }
    })
    heads.forEach(onRecord)
    return result
  }
}

async function add({ tx, clock, tell, record }: Writing, pool: NewPool): Promise<'ok' | 'conflict'> {
  const { poolId, name, scaleSetId, settings, replaceConfirmed = false, by } = pool
  const there = await tx.selectFrom('pools').select('id').where('id', '=', poolId).executeTakeFirst()
  if (there !== undefined) return 'conflict'
  await drop(tx, poolId)
  const result = await tx
    .insertInto('pools')
    .values({
      id: poolId,
      name,
      scale_set_id: scaleSetId,
      settings: JSON.stringify(settings),
      version: 1,
      replace_confirmed: replaceConfirmed ? 1 : 0,
      take_over_confirmed: 0,
      wall_time_ms: clock.wallTimeMs(),
    })
    // Another replica added it at the same moment.
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if (result.numInsertedOrUpdatedRows !== 1n) return 'conflict'
  if (by === undefined) return 'ok'
  await tell(poolId, `${by} made pool ${name} on the scale set ${scaleSetId}.`)
  record({ by, poolId, what: 'made', after: { name, scaleSetId, settings, replaceConfirmed } })
  return 'ok'
}

async function update(
  { tx, clock, tell, record }: Writing,
  poolId: number,
  expected: number,
  settings: PoolSettings,
  by: string,
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
  if (done !== undefined) await tell(poolId, `${by} ${done}.`)
  record({ by, poolId, what: 'settings', version, before: JSON.parse(before.settings) as object, after: settings })
  return 'ok'
}

async function give({ tx, record }: Writing, poolId: number, { machineId, order, by, force }: Omit<Order, 'id'>): Promise<void> {
  const row = { pool_id: poolId, machine_id: machineId, order, by, force: force ? 1 : 0 } as const
  await tx.insertInto('orders').values(row).execute()
  record({ by, poolId, what: 'ordered', after: { machineId, order, force } })
}

async function confirm({ tx, tell, record }: Writing, poolId: number, what: Confirmed, by: string): Promise<void> {
  const confirmed = what === 'replace' ? ({ replace_confirmed: 1 } as const) : { take_over_from: what.takeOverFrom }
  const changed = await tx.updateTable('pools').set(confirmed).where('id', '=', poolId).executeTakeFirst()
  if (changed.numUpdatedRows === 0n) return
  await tell(poolId, `${by} confirmed that ${confirmedText(what)}.`)
  record({ by, poolId, what: 'confirmed', after: what })
}

const confirmedText = (what: Confirmed): string =>
  what === 'replace'
    ? 'the machines found when the pool was made are replaced'
    : `the claim of ${what.takeOverFrom} on the scale set is taken over once it stands still`

/** What a person decided is an entry of Diagnostics, too. */
async function tell(tx: Transaction<Schema>, clock: WallClock, poolId: number, message: string): Promise<void> {
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
