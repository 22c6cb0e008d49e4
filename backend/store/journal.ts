import { sql, type Kysely, type Transaction } from 'kysely'
import { LeaseLost, type IntentChange, type Journal, type JournalChange, type MachineMemory, type PoolMemory } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { createLeaseCheck, type LeaseClock } from './lease.ts'
import { intentOf, intentRow, logRow, openFlag, passRow, textOrNull } from './rows.ts'
import type { IntentRow, LogRow, PassRow, Schema } from './schema.ts'
import { bulkInsert, compile } from './statements.ts'

/** What the loop remembers. A commit whose answer got lost rejects like a failed one: `remembered` tells what is true. */
export function createJournal(database: Database, clock: LeaseClock): Journal {
  const { db } = database
  const isCurrent = createLeaseCheck(database)
  const write = createWrites(db)
  return {
    remembered: createReads(db),
    async commit(poolId, lease, change) {
      await db.transaction().execute(async (tx) => {
        if (!(await isCurrent(tx, lease))) throw new LeaseLost()
        await write(tx, poolId, change, clock.now())
      })
    },
  }
}

/** Each pass begins with it: compiled once, too. */
function createReads(db: Kysely<Schema>): Journal['remembered'] {
  const ofPool = 0
  const pools = db.selectFrom('pool_memory').select('json').where('pool_id', '=', ofPool).compile()
  const machines = db.selectFrom('machines').select('json').where('pool_id', '=', ofPool).orderBy('id').compile()
  const open = db.selectFrom('intents').selectAll().where('pool_id', '=', ofPool).where('open', '=', 1)
  const intents = open.orderBy('written_at').orderBy('id').compile()
  return async (poolId) => {
    const [pool] = (await db.executeQuery<Schema['pool_memory']>({ ...pools, parameters: [poolId] })).rows
    const known = (await db.executeQuery<Schema['machines']>({ ...machines, parameters: [poolId] })).rows
    const followed = (await db.executeQuery<IntentRow>({ ...intents, parameters: [poolId, 1] })).rows
    return {
      pool: pool === undefined ? undefined : (JSON.parse(pool.json) as PoolMemory),
      machines: known.map((row) => JSON.parse(row.json) as MachineMemory),
      openIntents: followed.map(intentOf),
    }
  }
}

type Write = (tx: Transaction<Schema>, poolId: number, change: JournalChange, now: number) => Promise<void>

/** Each part of a change by itself; a part that is absent costs nothing. */
function createWrites(db: Kysely<Schema>): Write {
  const writePools = bulkInsert<Schema['pool_memory']>(db, 'pool_memory', ['pool_id', 'json'], ['pool_id'])
  const writeMachines = bulkInsert<Schema['machines']>(db, 'machines', ['pool_id', 'id', 'name', 'json'], ['pool_id', 'id'])
  const writeIntents = bulkInsert<IntentRow>(db, 'intents', intentColumns)
  const writeLog = bulkInsert<LogRow>(db, 'log', logColumns)
  const changeIntent = intentChanger(db)
  const writePass = passWriter(db)
  const memory: Write = async (tx, poolId, { pool, machines, forgottenMachines }, now) => {
    if (pool) await writePools(tx, [{ pool_id: poolId, json: JSON.stringify(pool) }])
    // Azure may give an instance id out again: the machine that left goes first.
    if (forgottenMachines?.length) await forgetMachines(tx, poolId, forgottenMachines, now)
    if (machines?.length)
      await writeMachines(
        tx,
        machines.map((machine) => machineRow(poolId, machine)),
      )
  }
  const intents: Write = async (tx, poolId, { newIntents, intents: changes }) => {
    if (newIntents?.length) await writeIntents(tx, newIntents.map(intentRow))
    for (const intent of changes ?? []) await changeIntent(tx, poolId, intent)
  }
  const records: Write = async (tx, poolId, { log, ordersTaken, tookOver, pass }) => {
    if (log?.length)
      await writeLog(
        tx,
        log.map((entry) => logRow(poolId, entry)),
      )
    if (ordersTaken?.length) await tx.deleteFrom('orders').where('pool_id', '=', poolId).where('id', 'in', ordersTaken).execute()
    if (tookOver) await tx.updateTable('pools').set({ take_over_from: null }).where('id', '=', poolId).execute()
    if (pass) await writePass(tx, poolId, pass)
  }
  return async (tx, poolId, change, now) => {
    for (const write of [memory, intents, records]) await write(tx, poolId, change, now)
  }
}

function passWriter(
  db: Kysely<Schema>,
): (tx: Transaction<Schema>, poolId: number, pass: NonNullable<JournalChange['pass']>) => Promise<void> {
  const writePasses = bulkInsert<PassRow>(db, 'passes', passColumns)
  const repeatPass = passRepeater(db)
  return (tx, poolId, pass) => ('repeatedAt' in pass ? repeatPass(tx, poolId, pass) : writePasses(tx, [passRow(poolId, pass)]))
}

// prettier-ignore
const intentColumns = [
  'pool_id', 'id', 'epoch', 'kind', 'state', 'open', 'action', 'reason', 'operation', 'seen', 'capacity', 'error', 'written_at', 'changed_at',
] as const
// prettier-ignore
const logColumns = ['pool_id', 'level', 'operation', 'message', 'at', 'wall_time_ms', 'machine', 'intent_id', 'correlation_id', 'raw'] as const
// prettier-ignore
const passColumns = [
  'pool_id', 'at', 'last_at', 'wall_time_ms', 'last_wall_time_ms', 'repeats', 'counts', 'decision', 'snapshot', 'settings_version', 'took_ms',
] as const

const machineRow = (poolId: number, machine: MachineMemory) => ({
  pool_id: poolId,
  id: machine.id,
  name: machine.name,
  json: JSON.stringify(machine),
})

async function forgetMachines(tx: Transaction<Schema>, poolId: number, ids: readonly string[], now: number): Promise<void> {
  const left = tx
    .selectFrom('machines')
    .select(['pool_id', 'id', 'name', 'json', sql<number>`${now}`.as('gone_at')])
    .where('pool_id', '=', poolId)
    .where('id', 'in', ids)
  await tx.insertInto('gone_machines').columns(['pool_id', 'machine_id', 'name', 'json', 'gone_at']).expression(left).execute()
  await tx.deleteFrom('machines').where('pool_id', '=', poolId).where('id', 'in', ids).execute()
}

/** Fields that a change does not name keep their value; an intent that is not there is a fault of the caller. */
function intentChanger(db: Kysely<Schema>): (tx: Transaction<Schema>, poolId: number, change: IntentChange) => Promise<void> {
  const update = compile(
    db,
    sql`update intents set state = coalesce(${''}, state), open = coalesce(${0}, open), operation = coalesce(${''}, operation),
      seen = coalesce(${''}, seen), capacity = coalesce(${''}, capacity), error = coalesce(${''}, error), changed_at = ${0}
      where pool_id = ${0} and id = ${''}`,
  )
  return async (tx, poolId, change) => {
    const { state, operation, seen, capacity, error, changedAt, id } = change
    const kept = [
      state ?? null,
      state === undefined ? null : openFlag(state),
      operation ?? null,
      textOrNull(seen),
      textOrNull(capacity),
      textOrNull(error),
    ]
    const changed = await update(tx, [...kept, changedAt, poolId, id])
    if (changed === 0) throw new Error(`The journal of pool ${poolId} has no intent ${id}: write it before changing it.`)
  }
}

function passRepeater(
  db: Kysely<Schema>,
): (tx: Transaction<Schema>, poolId: number, pass: { readonly repeatedAt: number; readonly wallTimeMs: number }) => Promise<void> {
  const update = compile(
    db,
    sql`update passes set repeats = repeats + 1, last_at = ${0}, last_wall_time_ms = ${0}
      where id = (select max(id) from passes where pool_id = ${0})`,
  )
  return async (tx, poolId, pass) => {
    const changed = await update(tx, [pass.repeatedAt, pass.wallTimeMs, poolId])
    if (changed === 0) throw new Error(`The journal of pool ${poolId} has no pass that could repeat: record one first.`)
  }
}
