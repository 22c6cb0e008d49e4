/** Replicas of the built service as processes on one PostgreSQL, before one sandbox, and what the database saw them do. */
import { execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import pg from 'pg'
import type { PoolCreated, PoolCreation, PoolList, SettingsInput } from '../../backend/api/contract.ts'
import { auditData, type Audit } from '../../backend/cli/audit.ts'
import { createSandboxControl, type SandboxControl } from '../../backend/cli/sandbox-control.ts'
import { startSandboxProcess } from '../../backend/cli/sandbox-process.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { postgres, type PostgresServer } from '../store/dialects.ts'
import { replicaOf, startReplica, type Replica } from './replica.ts'

export type Fleet = {
  readonly databaseUrl: string
  readonly control: SandboxControl
  readonly sql: pg.Pool
  readonly server: PostgresServer
  /** Starts one more. */
  start(how?: Start): Promise<Replica>
  /** Pools 1 to `count`, with a job for each every three seconds from now on: machines come and go all the time. */
  addPools(by: Replica, count: number, settings: SettingsInput): Promise<readonly number[]>
  /** The pools that this replica holds. */
  heldBy(replica: Replica): Promise<readonly number[]>
  /** How many pools each of these holds, most first; undefined while another one still holds some. */
  spread(among: readonly Replica[]): Promise<string | undefined>
  /** Every pool has passed since then, as this replica tells. */
  allPassed(since: number, by: Replica): Promise<boolean>
  /** What the database saw, in order. */
  story(): Promise<readonly Told[]>
  /** Ends all replicas. What the history checker finds in the journal and in the sandbox's record of this whole run. */
  audit(): Promise<Audit>
  close(): Promise<void>
}

export type Start = {
  /** Another way to the database. */
  readonly databaseUrl?: string
  /** A version of the service that has one more migration. */
  readonly isNewer?: boolean
  /** Of the identity that it asks Entra for tokens with, in place of the right one. */
  readonly secret?: string
  /** Known before it listens. */
  readonly port?: number
}

/** A pool got a holder, or an intent was written. */
export type Told = {
  readonly kind: 'taken' | 'intent'
  readonly pool: number
  readonly epoch: number
  readonly pid: number
  readonly at: number
}

export async function openFleet(): Promise<Fleet> {
  const data = mkdtempSync(join(tmpdir(), 'scale-set-agents-'))
  const programs = { now: buildIn(join(data, 'now')), newer: '' }
  const sandbox = await startSandboxProcess({ packageFolder: programs.now, data: join(data, 'sandbox'), speed: 10, seed: 1 })
  const control = createSandboxControl(sandbox.address)
  const server = await postgres()
  const place = await server.newDatabase()
  if (place.kind !== 'postgres') throw new Error('Replicas share a PostgreSQL.')
  const sql = new pg.Pool({ connectionString: place.url, max: 2 })
  // The server of a file's tests ends before what they leave open.
  sql.on('error', () => undefined)
  const children: ChildProcess[] = []
  let isWatched = false
  const pools: number[] = []
  let feeding: NodeJS.Timeout | undefined
  return {
    ...{ databaseUrl: place.url, control, sql, server },
    async start({ databaseUrl = place.url, isNewer = false, secret = sandbox.credentials.secret, port = 0 } = {}) {
      if (isNewer && programs.newer === '') programs.newer = buildIn(join(data, 'newer'), 'newer')
      const child = startReplica({ ...sandbox.credentials, secret }, sandbox.address, {
        program: join(isNewer ? programs.newer : programs.now, 'dist', 'main.js'),
        data: mkdtempSync(join(data, 'replica-')),
        databaseUrl,
        port,
      })
      children.push(child)
      const replica = await replicaOf(child)
      if (!isWatched) await watch(sql)
      isWatched = true
      return replica
    },
    async addPools(by, count, settings) {
      for (let number = 1; number <= count; number += 1) {
        const scaleSetId = await control.addScaleSet(`set${number}x`)
        const creation: PoolCreation = { poolName: `pool${number}`, scaleSetId, settings: { capabilities: { test: 'yes' }, ...settings } }
        pools.push((await by.client.send<PoolCreated>('POST', '/pools', creation)).pool.poolId)
      }
      feeding = setInterval(() => pools.forEach((poolId) => queueJob(control, poolId)), 3_000)
      return pools
    },
    async heldBy({ pid }) {
      return [...(await holders(sql))].flatMap(([pool, holder]) => (holder === pid ? [pool] : [])).toSorted((a, b) => a - b)
    },
    async spread(among) {
      const held = [...(await holders(sql)).values()]
      const counts = among.map(({ pid }) => held.filter((holder) => holder === pid).length)
      return counts.reduce((sum, count) => sum + count, 0) === pools.length ? counts.toSorted((a, b) => b - a).join() : undefined
    },
    async allPassed(since, by) {
      const { pools: seen } = await by.client.get<PoolList>('/pools')
      const sinceMs = performance.now() - since
      return seen.length === pools.length && seen.every(({ lastPassAgoMs }) => lastPassAgoMs !== undefined && lastPassAgoMs < sinceMs)
    },
    async story() {
      const { rows } = await sql.query<Told>('select kind, pool, epoch, pid, at from story order by id')
      return rows
    },
    async audit() {
      // A call that came between the two reads would be one without an intent.
      await Promise.all(children.map(killed))
      await copyToFile(sql, join(data, 'service.db'))
      return auditData(data)
    },
    async close() {
      clearInterval(feeding)
      await Promise.all(children.map(killed))
      await Promise.all([sql.end(), control.close()])
      await sandbox.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** Who holds each pool now, by process. */
async function holders(sql: pg.Pool): Promise<ReadonlyMap<number, number>> {
  const now = 'extract(epoch from clock_timestamp()) * 1000'
  const { rows } = await sql.query<{ pool: number; pid: number }>(
    `select substr(scope, 6)::int as pool, split_part(holder, '/', 2)::int as pid from lease where scope like 'pool/%' and expires_at > ${now}`,
  )
  return new Map(rows.map(({ pool, pid }) => [pool, pid]))
}

/** The sandbox's time runs ten times as fast as the replicas': two seconds of theirs. */
function queueJob(control: SandboxControl, poolId: number): void {
  control.queueJob({ poolId, durationMs: 20_000, jobName: 'job', definition: 'ci' }).catch(() => undefined)
}

/** Also one that has not come to listen yet. */
async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function buildIn(folder: string, ...version: readonly string[]): string {
  execFileSync(process.execPath, [join(__dirname, 'build.mjs'), folder, ...version])
  return folder
}

const orders: Readonly<Record<string, string>> = {
  intents: 'order by (select story.id from story where intent = intents.id)',
  ...Object.fromEntries(['log', 'passes', 'gone_machines', 'boot_reports'].map((name) => [name, 'order by id'])),
}

/** The checker reads SQLite only, and takes the order of the rows for the order in which they were written. */
async function copyToFile(from: pg.Pool, file: string): Promise<void> {
  await (await openDatabase({ kind: 'sqlite', file })).close()
  const to = new Libsql(file)
  to.exec('pragma foreign_keys = off')
  const tables = to.prepare(`select name from sqlite_master where type = 'table' and name not like 'sqlite%'`).all() as { name: string }[]
  for (const { name } of tables) {
    const columns = (to.prepare(`select name from pragma_table_info('${name}')`).all() as { name: string }[]).map((column) => column.name)
    const { rows } = await from.query<Record<string, string | number | null>>(`select * from ${name} ${orders[name] ?? ''}`)
    const insert = to.prepare(
      `insert or replace into ${name} (${columns.map((column) => `"${column}"`).join()}) values (${columns.map(() => '?').join()})`,
    )
    to.exec('begin')
    for (const row of rows) insert.run(columns.map((column) => row[column] ?? null))
    to.exec('commit')
  }
  to.close()
}

/** The database itself writes down who took what, and which intents were written. `at` is its own clock. */
async function watch(sql: pg.Pool): Promise<void> {
  const now = 'extract(epoch from clock_timestamp()) * 1000'
  await sql.query(`create table story (id serial primary key, kind text, pool int, epoch int, pid int, at double precision, intent text);
    create function taken() returns trigger language plpgsql as $$ begin
      insert into story (kind, pool, epoch, pid, at) values ('taken', substr(new.scope, 6)::int, new.epoch, split_part(new.holder, '/', 2)::int, ${now});
      return new; end $$;
    create trigger taken after update on lease for each row when (new.scope like 'pool/%' and new.epoch > old.epoch) execute function taken();
    create function wrote() returns trigger language plpgsql as $$ begin
      insert into story (kind, pool, epoch, pid, at, intent)
        select 'intent', new.pool_id, new.epoch, split_part(holder, '/', 2)::int, ${now}, new.id from lease where scope = 'pool/' || new.pool_id;
      return new; end $$;
    create trigger wrote after insert on intents for each row execute function wrote();`)
}

/** @throws what jest finds wrong: an intent of another than the holder, or an epoch with two holders. */
export function expectOneHolder(story: readonly Told[], poolId: number): void {
  let holder = { epoch: 0, pid: 0 }
  for (const { kind, epoch, pid } of story.filter(({ pool }) => pool === poolId)) {
    if (kind === 'taken') expect(epoch).toBe(holder.epoch + 1)
    else expect([epoch, pid]).toEqual([holder.epoch, holder.pid])
    if (kind === 'taken') holder = { epoch, pid }
  }
  expect(holder.epoch).toBeGreaterThan(0)
}

/** Resolves once `isSo`. @throws Error after so many seconds. */
export async function until(what: string, seconds: number, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + seconds * 1_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${seconds} s.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
