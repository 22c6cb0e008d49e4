/**
 * C17: the chain of what people changed. Each record holds the SHA-256 of the hash before it, a line feed and its own text; the
 * history and the settings that people are shown have to be what the records say.
 */
import { createHash } from 'node:crypto'
import { readFile, type Row } from './audit-journal.ts'

export type PeopleAudit = {
  readonly records: number
  /** The hash of the last record; keep it elsewhere and give it to a later audit. */
  readonly head: string
  /** The first thing that is wrong, in one sentence. */
  readonly broken?: string
}

/** The version of the schema, and the first one that has records. */
export const schemaQuestion = `select value from meta where key = 'schema'`
export const schemaWithRecords = 4
/** What is asked of the database, by the name of the answer. */
export const questions = {
  records: 'select id, record, hash from audit order by id',
  changes: 'select pool_id, version, "by", "before", "after" from settings_history order by pool_id, version',
  pools: 'select id, name, version, settings from pools order by id',
} as const
export type Answers = Readonly<Record<keyof typeof questions, readonly Row[]>>

/** `undefined` when an older version wrote the database. @throws Failure when the file is none of a service. */
export function readPeople(file: string): Answers | undefined {
  return readFile(file, (rows) => {
    const [schema] = rows(schemaQuestion)
    if (Number(schema?.['value']) < schemaWithRecords) return undefined
    return { records: rows(questions.records), changes: rows(questions.changes), pools: rows(questions.pools) }
  })
}

/** `head`: the hash of a record that was kept elsewhere. */
export function auditPeople(answers: Answers, head?: string): PeopleAudit {
  const { records } = answers
  const broken = brokenLink(records) ?? lostHead(records, head) ?? otherwiseShown(answers)
  return { records: records.length, head: String(records.at(-1)?.['hash'] ?? ''), ...(broken !== undefined && { broken }) }
}

function brokenLink(rows: readonly Row[]): string | undefined {
  let before = ''
  for (const [index, row] of rows.entries()) {
    const [id, text] = [index + 1, String(row['record'])]
    if (row['id'] !== id) return `Record ${id} of what people changed is gone: the next one there is ${String(row['id'])}.`
    if (createHash('sha256').update(`${before}\n${text}`).digest('hex') !== row['hash'])
      return `Record ${id} of what people changed does not follow from the one before it: it, or its place, was changed. It reads ${text.slice(0, 200)}`
    before = String(row['hash'])
  }
  return undefined
}

function lostHead(rows: readonly Row[], head: string | undefined): string | undefined {
  if (head === undefined || rows.some((row) => row['hash'] === head)) return undefined
  return `No record of what people changed has the hash ${head}: records were taken from the end, or all of them were written anew.`
}

type Change = { readonly by: string; readonly version: number; readonly before?: unknown; readonly after: unknown; readonly record: number }

/** What is shown, against the records since the pool was made. A pool from before the first record has none until it is changed. */
function otherwiseShown({ records, changes, pools }: Answers): string | undefined {
  const told = toldChanges(records)
  for (const { id, name, version, settings } of pools) {
    const ofPool = told.get(Number(id)) ?? []
    const shown = changes.filter((row) => row['pool_id'] === id)
    const wrong = wrongHistory(`pool ${name}`, ofPool, shown)
    if (wrong !== undefined) return wrong
    const last = ofPool.at(-1)
    if (last !== undefined && (last.version !== version || JSON.stringify(last.after) !== settings))
      return `The settings of pool ${name} are not those of record ${last.record}: they were changed past the service.`
  }
  return undefined
}

function wrongHistory(pool: string, told: readonly Change[], shown: readonly Row[]): string | undefined {
  for (const row of shown) {
    const change = told.find(({ version }) => version === row['version'])
    if (change === undefined)
      return `Version ${row['version']} of the settings of ${pool}, by ${row['by']}, has no record: it was written past the service, or by a replica of the version before.`
    const { by, before, after, record } = change
    if (by !== row['by'] || JSON.stringify(before) !== row['before'] || JSON.stringify(after) !== row['after'])
      return `The history shows version ${row['version']} of the settings of ${pool} otherwise than record ${record}: it was changed.`
  }
  const gone = told.find(({ version }) => version > 1 && !shown.some((row) => row['version'] === version))
  return gone && `The history of ${pool} lacks version ${gone.version} of its settings, which is record ${gone.record}: it was removed.`
}

type Recorded = { readonly by: string; readonly poolId: number } & (
  | { readonly what: 'made'; readonly after: { readonly settings: unknown } }
  | { readonly what: 'settings'; readonly version: number; readonly before: unknown; readonly after: unknown }
  | { readonly what: 'confirmed' | 'ordered' }
)

/** By pool. One that is made again under its old id begins anew. */
function toldChanges(rows: readonly Row[]): ReadonlyMap<number, readonly Change[]> {
  const told = new Map<number, Change[]>()
  for (const row of rows) {
    const change = JSON.parse(String(row['record'])) as Recorded
    const { by, poolId } = change
    const record = Number(row['id'])
    if (change.what === 'made') told.set(poolId, [{ by, version: 1, after: change.after.settings, record }])
    if (change.what !== 'settings') continue
    const ofPool = told.get(poolId) ?? []
    told.set(poolId, ofPool)
    ofPool.push({ ...change, record })
  }
  return told
}
