/** What happened, for the API and the command line. Reads only. */
import type { Action } from '../core/decision.ts'
import type { Instant } from '../core/snapshot.ts'
import type { Intent, LogEntry, MachineMemory, PoolMemory, StoredPass } from '../loop/ports.ts'
import type { Database } from './database.ts'
import { intentOf, logOf, passOf } from './rows.ts'

export type LogQuery = {
  readonly top: number
  /** Only entries with a greater id, oldest first: for following. Without it the newest come first. */
  readonly after?: number
  /** Only entries with a smaller id: for paging back. */
  readonly before?: number
  readonly level?: LogEntry['level']
  /** As the entry names it. */
  readonly machine?: string
}
/** `machine`: id or name. */
export type IntentQuery = { readonly top: number; readonly open?: boolean; readonly machine?: string }
/** `goneAt` is absent while the machine is there. */
export type MachineRecord = { readonly memory: MachineMemory; readonly goneAt?: Instant }
/** Over the recent jobs that the pool's memory holds; the quantiles are absent while there are none. */
export type Waits = {
  readonly jobs: number
  readonly p50Ms?: number
  readonly p95Ms?: number
  readonly startedJobs: number
  readonly lostToOnceRace: number
}

export interface History {
  log(poolId: number, query: LogQuery): Promise<readonly LogEntry[]>
  /** Newest first. */
  passes(poolId: number, query: { readonly top: number; readonly before?: number }): Promise<readonly StoredPass[]>
  latestPass(poolId: number): Promise<StoredPass | undefined>
  /** The pass that held at that instant: the newest that began at or before it. */
  passAt(poolId: number, at: Instant): Promise<StoredPass | undefined>
  /** Newest first. */
  intents(poolId: number, query: IntentQuery): Promise<readonly Intent[]>
  /** By id or name: the one that is there, then those that left, newest first. */
  machine(poolId: number, idOrName: string): Promise<readonly MachineRecord[]>
  machines(poolId: number): Promise<readonly MachineMemory[]>
  waits(poolId: number): Promise<Waits>
}

/** Intents that are read at most to find those of one machine. */
const intentsSearchedMax = 5_000

export function createHistory({ db }: Database): History {
  const passesOf = (poolId: number) => db.selectFrom('passes').selectAll().where('pool_id', '=', poolId).orderBy('id', 'desc')
  const machinesOf = (poolId: number) =>
    db.selectFrom('machines').select(['id', 'name', 'json']).where('pool_id', '=', poolId).orderBy('id')
  return {
    async log(poolId, { top, after, before, level, machine }) {
      let query = db.selectFrom('log').selectAll().where('pool_id', '=', poolId).limit(top)
      if (level !== undefined) query = query.where('level', '=', level)
      if (machine !== undefined) query = query.where('machine', '=', machine)
      if (before !== undefined) query = query.where('id', '<', before)
      query = after === undefined ? query.orderBy('id', 'desc') : query.where('id', '>', after).orderBy('id')
      return (await query.execute()).map(logOf)
    },
    async passes(poolId, { top, before }) {
      const query = passesOf(poolId).limit(top)
      return (await (before === undefined ? query : query.where('id', '<', before)).execute()).map(passOf)
    },
    async latestPass(poolId) {
      const row = await passesOf(poolId).limit(1).executeTakeFirst()
      return row && passOf(row)
    },
    async passAt(poolId, at) {
      const row = await passesOf(poolId).where('at', '<=', at).limit(1).executeTakeFirst()
      return row && passOf(row)
    },
    async intents(poolId, { top, open, machine }) {
      let query = db.selectFrom('intents').selectAll().where('pool_id', '=', poolId).orderBy('written_at', 'desc').orderBy('id', 'desc')
      if (open !== undefined) query = query.where('open', '=', open ? 1 : 0)
      if (machine === undefined) return (await query.limit(top).execute()).map(intentOf)
      const intents = (await query.limit(intentsSearchedMax).execute()).map(intentOf)
      return intents.filter((intent) => concerns(intent, machine)).slice(0, top)
    },
    async machine(poolId, idOrName) {
      const live = (await machinesOf(poolId).execute()).filter((row) => row.id === idOrName || row.name === idOrName)
      const gone = await db
        .selectFrom('gone_machines')
        .select(['json', 'gone_at'])
        .where('pool_id', '=', poolId)
        .where((either) => either.or([either('machine_id', '=', idOrName), either('name', '=', idOrName)]))
        .orderBy('id', 'desc')
        .execute()
      return [
        ...live.map((row) => ({ memory: memoryOf(row.json) })),
        ...gone.map((row) => ({ memory: memoryOf(row.json), goneAt: row.gone_at })),
      ]
    },
    machines: async (poolId) => (await machinesOf(poolId).execute()).map((row) => memoryOf(row.json)),
    async waits(poolId) {
      const row = await db.selectFrom('pool_memory').select('json').where('pool_id', '=', poolId).executeTakeFirst()
      return waitsOf(row && (JSON.parse(row.json) as PoolMemory))
    },
  }
}

/** The greatest instant ever stored: a new process continues the line from here, so that no time runs twice. */
export async function lastInstant({ db }: Database): Promise<Instant> {
  const greatest = await Promise.all([
    db
      .selectFrom('passes')
      .select((of) => of.fn.max('last_at').as('at'))
      .executeTakeFirst(),
    db
      .selectFrom('intents')
      .select((of) => of.fn.max('changed_at').as('at'))
      .executeTakeFirst(),
    db
      .selectFrom('lease')
      .select((of) => of.fn.max('renewed_at').as('at'))
      .executeTakeFirst(),
    db
      .selectFrom('boot_reports')
      .select((of) => of.fn.max('at').as('at'))
      .executeTakeFirst(),
  ])
  return Math.max(0, ...greatest.map((row) => row?.at ?? 0))
}

const memoryOf = (json: string): MachineMemory => JSON.parse(json) as MachineMemory

function concerns(intent: Intent, machine: string): boolean {
  return intent.seen.includes(machine) || machinesIn(intent.action).some(({ id, name }) => id === machine || name === machine)
}

function machinesIn(action: Action): readonly { readonly id: string; readonly name: string }[] {
  if ('machines' in action) return action.machines
  return 'machine' in action ? [action.machine] : []
}

function waitsOf(memory: PoolMemory | undefined): Waits {
  const sorted = [...(memory?.waitMs ?? [])].sort((a, b) => a - b)
  const p50 = sorted[Math.ceil(sorted.length * 0.5) - 1]
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1]
  return {
    jobs: sorted.length,
    ...(p50 === undefined ? {} : { p50Ms: p50 }),
    ...(p95 === undefined ? {} : { p95Ms: p95 }),
    startedJobs: memory?.startedJobs ?? 0,
    lostToOnceRace: memory?.lostToOnceRace ?? 0,
  }
}
