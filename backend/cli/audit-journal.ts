/** What an audit reads of the service's database: rows as they stand, in the order in which they were written. */
import { existsSync } from 'node:fs'
import Libsql from 'libsql'
import { exitCodes, Failure } from './exit.ts'

export type Ref = {
  readonly id: string
  readonly name: string
  readonly generation: number
  readonly cause?: string
  readonly force?: true
}
export type AuditIntent = {
  /** Its place in the journal. */
  readonly row: number
  readonly id: string
  readonly epoch: number
  readonly kind: string
  readonly state: string
  readonly machines: readonly Ref[]
  readonly agentId?: number
  readonly by?: number
  readonly machinesMax?: number
  readonly reason: { readonly code?: string }
  readonly capacity?: { readonly from: number; readonly to: number }
  readonly error?: { readonly code: string }
  readonly writtenAt: number
  readonly changedAt: number
}
type Part<T> = { readonly known: true; readonly value: T; readonly at: number } | { readonly known: false }
export type AuditMachine = Ref & {
  readonly stage: string
  readonly since: number
  readonly requestId?: number
  readonly agent?: { readonly id: number }
  readonly warm?: boolean
  readonly asked?: { readonly force: boolean }
}
export type AuditPass = {
  readonly id: number
  readonly at: number
  readonly lastAt: number
  readonly settingsVersion: number
  readonly counts: { readonly waiting: number; readonly running: number }
  readonly snapshot: {
    readonly asked: number
    readonly jobs: Part<readonly { readonly requestId: number }[]>
    readonly agents: Part<object>
    readonly scaleSet: Part<{ readonly claim: string; readonly capacity: number }>
    readonly machines: Part<readonly AuditMachine[]>
  }
}
export type AuditSettings = {
  readonly machinesMax: number
  readonly tearDownAfterUse: boolean
  readonly paused: boolean
  readonly deleting: boolean
}
export type AuditClaim = {
  readonly machineId: string
  readonly createdAt: string
  readonly generation: number
}
export type PoolHistory = {
  readonly poolId: number
  readonly name: string
  readonly scaleSetId: string
  /** In the order of writing. */
  readonly intents: readonly AuditIntent[]
  readonly passes: readonly AuditPass[]
  /** The pass that an intent was decided in; absent when its record was pruned. */
  passOf(intent: AuditIntent): AuditPass | undefined
  /** Absent when that version is not in the history. */
  settingsAt(version: number): AuditSettings | undefined
  readonly allSettings: readonly AuditSettings[]
  readonly claims: readonly AuditClaim[]
  readonly gone: readonly { readonly machineId: string; readonly goneAt: number }[]
  /** By the intent that it is about. */
  readonly sentences: ReadonlyMap<string, string>
  /** Entries that are about no intent: what people ordered, among others. */
  readonly orderSentences: readonly string[]
}

export type Row = Readonly<Record<string, string | number | null>>

/** The histories of all pools in the SQLite file of a service that runs or has ended. @throws Failure when it is none. */
export function readJournal(file: string): readonly PoolHistory[] {
  return readFile(file, (rows) => poolIds(rows).map((poolId) => poolHistory(rows, poolId)))
}

/** Reads an SQLite file of a service as it stands at one moment. Changes nothing. @throws Failure when it is none. */
export function readFile<T>(file: string, read: (rows: Rows) => T): T {
  if (!existsSync(file))
    throw new Failure(exitCodes.noInput, `There is no database ${file}. Name the data directory of a service or a demo.`)
  const database = open(file)
  try {
    // One transaction: a service that runs may write meanwhile.
    database.exec('begin')
    return read((sql) => database.prepare(sql).all() as readonly Row[])
  } catch (error) {
    throw new Failure(exitCodes.noInput, `${file} cannot be read as the database of a service (${String(error)}).`, error)
  } finally {
    database.close()
  }
}

function open(file: string): Libsql.Database {
  try {
    const database = new Libsql(file)
    database.exec('pragma busy_timeout = 5000')
    database.exec('pragma query_only = on')
    return database
  } catch (error) {
    throw new Failure(
      exitCodes.noInput,
      `The database ${file} cannot be opened (${String(error)}). Check that this user may read it.`,
      error,
    )
  }
}

export type Rows = (sql: string) => readonly Row[]

function poolIds(rows: Rows): readonly number[] {
  return rows('select pool_id from intents union select id from pools').map(({ pool_id: id }) => Number(id))
}

function poolHistory(rows: Rows, poolId: number): PoolHistory {
  const [pool] = rows(`select name, scale_set_id, settings, version from pools where id = ${poolId}`)
  const passes = rows(`select * from passes where pool_id = ${poolId} order by id`).map(passOf)
  const byInstant = new Map(passes.map((pass) => [pass.at, pass]))
  const versions = settingsVersions(rows, poolId, pool)
  const ofPool = (columns: string, table: string): readonly Row[] => rows(`select ${columns} from ${table} where pool_id = ${poolId}`)
  const log = ofPool('intent_id, message', 'log')
  return {
    poolId,
    name: String(pool?.['name'] ?? `pool ${poolId}`),
    scaleSetId: String(pool?.['scale_set_id'] ?? ''),
    intents: rows(`select rowid as row, * from intents where pool_id = ${poolId} order by rowid`).map(intentOf),
    passes,
    passOf: ({ writtenAt }) => byInstant.get(writtenAt),
    settingsAt: (version) => versions.get(version),
    allSettings: [...versions.values()],
    claims: ofPool('machine_id, created_at, generation', 'claims').map((row) => ({
      machineId: String(row['machine_id']),
      createdAt: String(row['created_at']),
      generation: Number(row['generation']),
    })),
    gone: ofPool('machine_id, gone_at', 'gone_machines').map((row) => ({
      machineId: String(row['machine_id']),
      goneAt: Number(row['gone_at']),
    })),
    sentences: new Map(log.flatMap(({ intent_id: id, message }) => (id === null ? [] : [[String(id), String(message)] as const]))),
    orderSentences: log.flatMap(({ intent_id: id, message }) => (id === null ? [String(message)] : [])),
  }
}

function json<T>(text: Row[string] | undefined): T {
  return JSON.parse(String(text)) as T
}

function intentOf(row: Row): AuditIntent {
  const action = json<{
    readonly machine?: Ref
    readonly machines?: readonly Ref[]
    readonly agentId?: number
    readonly by?: number
    readonly machinesMax?: number
    readonly cause?: string
  }>(row['action'])
  const { machine, machines = machine === undefined ? [] : [machine], agentId, by, machinesMax } = action
  return {
    row: Number(row['row']),
    id: String(row['id']),
    epoch: Number(row['epoch']),
    kind: String(row['kind']),
    state: String(row['state']),
    machines,
    reason: json(row['reason']),
    writtenAt: Number(row['written_at']),
    changedAt: Number(row['changed_at']),
    ...(agentId !== undefined && { agentId }),
    ...(by !== undefined && { by }),
    ...(machinesMax !== undefined && { machinesMax }),
    ...(typeof row['capacity'] === 'string' && { capacity: json<{ from: number; to: number }>(row['capacity']) }),
    ...(typeof row['error'] === 'string' && { error: json<{ code: string }>(row['error']) }),
  }
}

function passOf(row: Row): AuditPass {
  return {
    id: Number(row['id']),
    at: Number(row['at']),
    lastAt: Number(row['last_at']),
    settingsVersion: Number(row['settings_version']),
    counts: json(row['counts']),
    snapshot: json(row['snapshot']),
  }
}

/** The settings of every version that is known: the present one, and what each change had before and after. */
function settingsVersions(rows: Rows, poolId: number, pool: Row | undefined): ReadonlyMap<number, AuditSettings> {
  const versions = new Map<number, AuditSettings>()
  for (const row of rows(`select version, before, after from settings_history where pool_id = ${poolId} order by version`)) {
    versions.set(Number(row['version']) - 1, settingsOf(row['before']))
    versions.set(Number(row['version']), settingsOf(row['after']))
  }
  if (pool !== undefined) versions.set(Number(pool['version']), settingsOf(pool['settings']))
  return versions
}

/** As a service reads what an older one wrote: a field that is absent is off. */
function settingsOf(text: Row[string] | undefined): AuditSettings {
  return { machinesMax: 2, tearDownAfterUse: false, paused: false, deleting: false, ...json<Partial<AuditSettings>>(text) }
}
