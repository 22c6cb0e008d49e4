/** `audit`: reads what a run left behind and says, invariant by invariant, whether it kept to them. Uses nothing of the service's own checks. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { onlyRaised, withinMaximum } from './audit-growth.ts'
import { readJournal, type PoolHistory } from './audit-journal.ts'
import { calmDay, oneCredential, oneJobEach, onlyOurs, restIsKept } from './audit-lives.ts'
import { everyReason, oneLine, risingEpochs, writtenBefore } from './audit-order.ts'
import { auditPeople, readPeople, type Answers, type PeopleAudit } from './audit-people.ts'
import { readPostgres } from './audit-postgres.ts'
import { noBusyRemoval, nothingOnUnknown, oneEffect, unhealthySlowly } from './audit-removals.ts'
import type { Judge, Verdict } from './audit-verdict.ts'
import { readWorld, type WorldHistory } from './audit-world.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'

const judges: readonly Judge[] = [
  noBusyRemoval,
  withinMaximum,
  onlyOurs,
  writtenBefore,
  risingEpochs,
  nothingOnUnknown,
  onlyRaised,
  unhealthySlowly,
  oneEffect,
  oneJobEach,
  oneCredential,
  restIsKept,
  everyReason,
  oneLine,
  calmDay,
]

export type PoolAudit = { readonly poolId: number; readonly name: string; readonly verdicts: readonly Verdict[] }
export type Audit = {
  readonly data: string
  readonly intents: number
  readonly calls: number
  readonly pools: readonly PoolAudit[]
  /** Absent when an older version wrote the database. */
  readonly people?: PeopleAudit
  readonly broken: number
}

export type AuditOptions = {
  /** Hash of a record of what people changed, which was kept elsewhere. */
  readonly head?: string
  /** Where the directory has no database: the service's PostgreSQL. */
  readonly databaseUrl?: string
}

/** Exit 1 when an invariant is broken. @throws Failure when there is nothing to read. */
export async function audit(directory: string, { head, databaseUrl }: AuditOptions, io: Io): Promise<ExitCode> {
  const found = dataDirectories(directory)
  if (found.length === 0 && databaseUrl === undefined)
    throw new Failure(
      exitCodes.noInput,
      `There is no service.db in ${directory}. Name the data directory of a service on SQLite, or of a demo that was run with --data; for a service on PostgreSQL, run this with the settings of the service.`,
    )
  const audits =
    found.length > 0 || databaseUrl === undefined ? found.map((data) => auditData(data, head)) : [await auditPostgres(databaseUrl, head)]
  answer(io, audits, () => audits.map(textOf).join('\n\n'))
  return audits.some(({ broken }) => broken > 0) ? exitCodes.no : exitCodes.ok
}

/** The directory of a service, or the runs of a demo in it. */
function dataDirectories(directory: string): readonly string[] {
  if (existsSync(join(directory, 'service.db'))) return [directory]
  const runs = existsSync(directory) ? readdirSync(directory).map((name) => join(directory, name)) : []
  return runs.filter((run) => existsSync(join(run, 'service.db')))
}

export function auditData(data: string, head?: string): Audit {
  const file = join(data, 'service.db')
  const pools = readJournal(file)
  const world = readWorld(join(data, 'sandbox', 'history.jsonl'))
  const audited = pools.map((pool) => auditPool(pool, world))
  const breaches = audited.flatMap(({ verdicts }) => verdicts).reduce((sum, { findings }) => sum + findings.length, 0)
  const intents = pools.reduce((sum, pool) => sum + pool.intents.length, 0)
  return { data, intents, calls: world?.calls.length ?? 0, pools: audited, ...withPeople(readPeople(file), head, breaches) }
}

/** What people changed; the journal is read of files only. */
async function auditPostgres(url: string, head: string | undefined): Promise<Audit> {
  return { data: new URL(url).host, intents: 0, calls: 0, pools: [], ...withPeople(await readPostgres(url), head, 0) }
}

function withPeople(answers: Answers | undefined, head: string | undefined, breaches: number): Pick<Audit, 'people' | 'broken'> {
  if (answers === undefined) return { broken: breaches }
  const people = auditPeople(answers, head)
  return { people, broken: breaches + (people.broken === undefined ? 0 : 1) }
}

export function auditPool(pool: PoolHistory, world: WorldHistory | undefined): PoolAudit {
  return { poolId: pool.poolId, name: pool.name, verdicts: judges.map((judge) => judge(pool, world)) }
}

function textOf({ data, intents, calls, pools, people, broken }: Audit): string {
  const sandbox = calls === 0 ? 'no record of a sandbox' : `${calls} changes that a sandbox was asked for`
  return [
    `${data}: ${intents} intents in the journal, ${sandbox}.`,
    ...pools.flatMap(({ name, verdicts }) => [`Pool ${name}`, ...verdicts.flatMap(linesOf)]),
    `What people changed: ${textOfPeople(people)}`,
    broken === 0 ? 'No invariant is broken.' : `${broken} breaches.`,
  ].join('\n')
}

function textOfPeople(people: PeopleAudit | undefined): string {
  if (people === undefined) return 'not checked, an older version wrote this database.'
  const { records, head, broken } = people
  if (broken !== undefined) return `broken. ${broken}`
  return records === 0 ? 'no record.' : `${records} records, none changed. The last one has the hash ${head}.`
}

function linesOf({ invariant, judged, findings, notChecked }: Verdict): readonly string[] {
  const rest = notChecked === undefined ? '' : `. Not checked: ${notChecked}`
  const name = invariant.padEnd(4)
  if (findings.length > 0) return findings.map(({ detail, records }) => `  ${name}broken: ${detail} (${records.join(', ')})`)
  return [judged === 0 && notChecked !== undefined ? `  ${name}not checked: ${notChecked}` : `  ${name}holds, ${judged} judged${rest}`]
}
