/** Replicas of the built service as processes on one PostgreSQL, before one sandbox, and what the database saw them do. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import type { PoolCreated, PoolCreation, PoolSummary, SettingsInput } from '../../backend/api/contract.ts'
import { createClient, type Client } from '../../backend/cli/client.ts'
import { createSandboxControl, type SandboxControl } from '../../backend/cli/sandbox-control.ts'
import { startSandboxProcess, type SandboxProcess } from '../../backend/cli/sandbox-process.ts'
import { postgres } from '../store/dialects.ts'

const root = resolve(__dirname, '..', '..')
const operatorKey = 'the-operator-key-of-the-tests'

export type Replica = {
  readonly url: string
  readonly client: Client
  readonly pid: number
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void
  /** Changes that it has sent to Azure DevOps and Azure. */
  changes(): Promise<number>
  isReady(): Promise<boolean>
  ended: Promise<unknown>
}

export type Fleet = {
  readonly databaseUrl: string
  readonly control: SandboxControl
  readonly sql: pg.Client
  /** Starts one more; by another way to the database when a URL is given. */
  start(databaseUrl?: string): Promise<Replica>
  addPools(by: Replica, count: number, settings: SettingsInput): Promise<readonly PoolSummary[]>
  /** Who holds each pool now. */
  holders(): Promise<ReadonlyMap<number, number>>
  /** What the database saw, in order. */
  story(): Promise<readonly Told[]>
  close(): Promise<void>
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
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { cwd: root })
  const data = mkdtempSync(join(tmpdir(), 'scale-set-agents-'))
  const sandbox = await startSandboxProcess({ packageFolder: root, data: join(data, 'sandbox'), speed: 10, seed: 1 })
  const control = createSandboxControl(sandbox.address)
  const place = await (await postgres()).newDatabase()
  if (place.kind !== 'postgres') throw new Error('Replicas share a PostgreSQL.')
  const sql = new pg.Client(place.url)
  // The server of a file's tests ends before what they leave open.
  sql.on('error', () => undefined)
  await sql.connect()
  const replicas: Replica[] = []
  return {
    databaseUrl: place.url,
    control,
    sql,
    async start(databaseUrl = place.url) {
      const replica = await startReplica(sandbox, join(data, String(replicas.length)), databaseUrl)
      if (replicas.length === 0) await watch(sql)
      replicas.push(replica)
      return replica
    },
    async addPools(by, count, settings) {
      const pools: PoolSummary[] = []
      for (let number = 1; number <= count; number += 1) {
        const scaleSetId = await control.addScaleSet(`set${number}x`)
        const creation: PoolCreation = { poolName: `pool${number}`, scaleSetId, settings: { capabilities: { test: 'yes' }, ...settings } }
        pools.push((await by.client.send<PoolCreated>('POST', '/pools', creation)).pool)
      }
      return pools
    },
    async holders() {
      const now = 'extract(epoch from clock_timestamp()) * 1000'
      const { rows } = await sql.query<{ pool: number; pid: number }>(
        `select substr(scope, 6)::int as pool, split_part(holder, '/', 2)::int as pid from lease where scope like 'pool/%' and expires_at > ${now}`,
      )
      return new Map(rows.map(({ pool, pid }) => [pool, pid]))
    },
    async story() {
      const { rows } = await sql.query<Told>('select kind, pool, epoch, pid, at from story order by id')
      return rows
    },
    async close() {
      for (const replica of replicas) replica.signal('SIGKILL')
      await Promise.all(replicas.map(({ ended }) => ended))
      await Promise.all([sql.end(), control.close()])
      await sandbox.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** The database itself writes down who took what, and which intents were written. `at` is its own clock. */
async function watch(sql: pg.Client): Promise<void> {
  const now = 'extract(epoch from clock_timestamp()) * 1000'
  await sql.query(`create table story (id serial primary key, kind text, pool int, epoch int, pid int, at double precision);
    create function taken() returns trigger language plpgsql as $$ begin
      insert into story (kind, pool, epoch, pid, at) values ('taken', substr(new.scope, 6)::int, new.epoch, split_part(new.holder, '/', 2)::int, ${now});
      return new; end $$;
    create trigger taken after update on lease for each row when (new.scope like 'pool/%' and new.epoch > old.epoch) execute function taken();
    create function wrote() returns trigger language plpgsql as $$ begin
      insert into story (kind, pool, epoch, pid, at)
        select 'intent', new.pool_id, new.epoch, split_part(holder, '/', 2)::int, ${now} from lease where scope = 'pool/' || new.pool_id;
      return new; end $$;
    create trigger wrote after insert on intents for each row execute function wrote();`)
}

async function startReplica({ address, credentials }: SandboxProcess, data: string, databaseUrl: string): Promise<Replica> {
  const { tenantId, clientId, secret, pat } = credentials
  const child = spawn(process.execPath, [join(root, 'dist', 'main.js'), 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      SCALE_SET_AGENTS_ORGANIZATION_URL: address.organizationUrl,
      SCALE_SET_AGENTS_PAT: pat,
      SCALE_SET_AGENTS_RESOURCE_MANAGER_URL: address.url,
      AZURE_AUTHORITY_HOST: address.url,
      AZURE_TENANT_ID: tenantId,
      AZURE_CLIENT_ID: clientId,
      AZURE_CLIENT_SECRET: secret,
      SCALE_SET_AGENTS_CA_FILE: address.caFile,
      SCALE_SET_AGENTS_DATA: data,
      SCALE_SET_AGENTS_DATABASE_URL: databaseUrl,
      SCALE_SET_AGENTS_PORT: '0',
      SCALE_SET_AGENTS_OPERATOR_KEY: operatorKey,
    },
  })
  const ended = once(child, 'exit')
  const url = await urlOf(child, ended)
  const client = createClient({ url, operatorKey }, fetch, () => AbortSignal.timeout(20_000))
  return {
    url,
    client,
    pid: child.pid ?? 0,
    ended,
    signal: (name) => void child.kill(name),
    changes: () => changesOf(url),
    isReady: async () => (await fetch(`${url}/readyz`)).ok,
  }
}

/** From its own log. The rest of the log is read and dropped, so that it never waits for us. */
async function urlOf(child: ChildProcess, ended: Promise<unknown>): Promise<string> {
  let complaint = ''
  child.stderr?.on('data', (text: Buffer) => (complaint += text.toString()))
  const url = new Promise<string>((found) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const { url: seen } = JSON.parse(line) as { readonly url?: string }
      if (seen !== undefined) found(seen)
    })
  })
  const failed = ended.then(() => Promise.reject(new Error(`A replica did not start: ${complaint}`)))
  failed.catch(() => undefined)
  return Promise.race([url, failed])
}

const change = /operation="(add|authorize|claim|delete|merge|put|reimage|remove|set|update) ?/i

async function changesOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${operatorKey}` } })
  const lines = (await answer.text()).split('\n').filter((line) => line.startsWith('scale_set_agents_calls_total') && change.test(line))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

/** Resolves once `isSo`. @throws Error after so many seconds. */
export async function until(what: string, seconds: number, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + seconds * 1_000
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${seconds} s.`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
