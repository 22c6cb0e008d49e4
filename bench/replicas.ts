/**
 * `npm run bench:replicas -- --pools 1000 --machines 100000 --json`: three replicas share the pools over one PostgreSQL. Passes
 * per second, what they cost the database, and how long it takes until the pools of a replica that was killed pass again.
 */
import { loadavg } from 'node:os'
import { sql } from 'kysely'
import { quantile } from '../backend/cli/quantile.ts'
import { defaultSettings } from '../backend/core/settings.ts'
import { openDatabase, type Database } from '../backend/store/database.ts'
import { createJournal } from '../backend/store/journal.ts'
import { createLeases } from '../backend/store/leases.ts'
import { createReplicas } from '../backend/store/replicas.ts'
import { createSettings } from '../backend/store/settings.ts'
import type { ReplicaFigures, ReplicaOptions } from './replica.ts'
import { startChild, type Child } from './support/children.ts'
import { rememberedMachines } from './support/numbers.ts'
import { readFleet, type FleetOptions } from './support/options.ts'
import { startPostgres, type BenchPostgres } from './support/postgres.ts'
import { sleep } from './support/world.ts'

const replicaCount = 3
/** Every pool has had its first passes, and the shares are even. */
const settleMs = 45_000
const bounds = { takeOverMs: 30_000, share: 0.95 } as const
/** A quiet pool passes each 12 s, an active one each 10 s. */
const passesPerSecond = (pools: number): number => pools / 2 / 12 + pools / 2 / 10

type Replica = Child<{ readonly pid: number }>

async function main(options: FleetOptions): Promise<void> {
  const say = (text: string): void => void (options.json || console.error(text))
  const server = await startPostgres()
  const database = await openDatabase({ kind: 'postgres', url: server.url })
  const replicas: Replica[] = []
  try {
    const machines = Math.ceil(options.machines / options.pools)
    await fill(database, options.pools, machines)
    say(`${options.pools} pools with ${machines} machines each are in the database.`)
    for (let number = 1; number <= replicaCount; number += 1) {
      const start: ReplicaOptions = { databaseUrl: server.url, holder: `replica-${number}`, machines }
      replicas.push(await startChild<{ readonly pid: number }>('replica', start))
    }
    await sleep(settleMs)
    say(`Measuring for ${options.minutes} minutes.`)
    const load = await measure(server, database, replicas, options)
    say('One replica is killed.')
    const takeOver = await killOne(database, replicas)
    const holds = takeOver.passedMs <= bounds.takeOverMs && load.passesPerSecond >= bounds.share * load.passesPerSecondWanted
    const computer = { load: Number((loadavg()[0] ?? 0).toFixed(1)) }
    console.log(
      JSON.stringify(
        { ...options, replicas: replicaCount, ...load, takeOver, ...computer, bounds, holds },
        undefined,
        options.json ? 0 : 2,
      ),
    )
    process.exitCode = holds ? 0 : 1
  } finally {
    await Promise.all(replicas.map((replica) => replica.stop()))
    await database.close()
    await server.stop()
  }
}

/** The pools, and what is remembered of their machines, as if they had run for long. */
async function fill(database: Database, pools: number, machines: number): Promise<void> {
  const clock = { now: () => 1_000, wallTimeMs: () => 0 }
  const settings = createSettings(database, clock)
  const ids = Array.from({ length: pools }, (_each, index) => index + 1)
  const wanted = { ...defaultSettings, machinesMax: machines, standby: machines }
  for (const poolId of ids) await settings.addPool({ poolId, name: `pool${poolId}`, scaleSetId: `/set${poolId}`, settings: wanted })
  const leases = createLeases(database, { holder: 'filler', ttlMs: 600_000, clock })
  const holding = await leases.look(ids)
  const journal = createJournal(database, clock)
  for (const poolId of ids) {
    const lease = holding.lease(poolId)
    if (lease !== undefined) await journal.commit(poolId, lease, { machines: rememberedMachines(machines) })
  }
  await leases.release()
  await sql`vacuum analyze`.execute(database.db)
}

type Counters = { readonly transactions: number; readonly rowsWritten: number; readonly walBytes: number }

async function countersOf({ db }: Database): Promise<Counters> {
  const { rows } = await sql<Record<keyof Counters, string>>`
    select xact_commit as transactions, tup_inserted + tup_updated + tup_deleted as "rowsWritten",
      pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as "walBytes" from pg_stat_database where datname = current_database()`.execute(db)
  const [row] = rows
  return { transactions: Number(row?.transactions), rowsWritten: Number(row?.rowsWritten), walBytes: Number(row?.walBytes) }
}

async function measure(server: BenchPostgres, database: Database, replicas: readonly Replica[], { pools, minutes }: FleetOptions) {
  await Promise.all(replicas.map((replica) => replica.ask<ReplicaFigures>('begin')))
  const before = { counters: await countersOf(database), cpu: server.cpuSeconds(), at: performance.now() }
  await sleep(minutes * 60_000)
  const seconds = (performance.now() - before.at) / 1_000
  const after = { counters: await countersOf(database), cpu: server.cpuSeconds() }
  const figures = await Promise.all(replicas.map((replica) => replica.ask<ReplicaFigures>('figures')))
  const perSecond = (name: keyof Counters): number => Math.round((after.counters[name] - before.counters[name]) / seconds)
  const sum = (of: (each: ReplicaFigures) => number): number => figures.reduce((total, each) => total + of(each), 0)
  const passes = sum((each) => each.passes)
  const [took, gaps] = [figures.flatMap((each) => each.tookMs), figures.flatMap((each) => each.gapMs)]
  return {
    passesPerSecond: Number((passes / seconds).toFixed(1)),
    passesPerSecondWanted: Number(passesPerSecond(pools).toFixed(1)),
    failedPasses: sum((each) => each.failed),
    passMs: { p50: quantile(took, 0.5), p99: quantile(took, 0.99) },
    gapMs: { p50: quantile(gaps, 0.5), p99: quantile(gaps, 0.99), max: gaps.reduce((most, each) => Math.max(most, each), 0) },
    held: await heldBy(database),
    replicaCpu: figures.map((each) => Number(each.cpu.toFixed(2))),
    replicaMb: figures.map((each) => each.residentMb),
    database: {
      cpu: Number(((after.cpu - before.cpu) / seconds).toFixed(2)),
      transactionsPerSecond: perSecond('transactions'),
      rowsWrittenPerSecond: perSecond('rowsWritten'),
      walKbPerSecond: Math.round(perSecond('walBytes') / 1_024),
    },
  }
}

async function heldBy({ db }: Database): Promise<readonly number[]> {
  const { rows } = await sql<{ readonly pools: string }>`
    select count(*) as pools from lease where scope like 'pool/%' and expires_at > 0 group by holder order by 1 desc`.execute(db)
  return rows.map(({ pools }) => Number(pools))
}

/** Until the others hold every pool, and until each of those pools has passed there. */
async function killOne(database: Database, replicas: readonly Replica[]) {
  const { db } = database
  const dead = 'replica-1'
  const { rows } = await sql<{
    readonly id: number
  }>`select substr(scope, 6)::int as id from lease where holder = ${dead} and scope like 'pool/%'`.execute(db)
  const lost = new Set(rows.map(({ id }) => id))
  const [first] = replicas
  if (first === undefined) throw new Error('There is no replica to kill.')
  process.kill(first.address.pid, 'SIGKILL')
  const killedAt = performance.now()
  const passes = createReplicas(database)
  const before = new Map((await passes.newestPasses()).map((mark) => [mark.poolId, mark.lastAt]))
  let heldMs: number | undefined
  for (;;) {
    await sleep(250)
    const sinceMs = Math.round(performance.now() - killedAt)
    const left = await sql`select 1 from lease where holder = ${dead} and scope like 'pool/%' limit 1`.execute(db)
    if (left.rows.length === 0) heldMs ??= sinceMs
    const passed = (await passes.newestPasses()).filter(({ poolId, lastAt }) => lost.has(poolId) && lastAt !== before.get(poolId))
    if (passed.length === lost.size) return { pools: lost.size, heldMs: heldMs ?? sinceMs, passedMs: sinceMs }
    if (sinceMs > 4 * bounds.takeOverMs) throw new Error(`After ${sinceMs} ms only ${passed.length} of ${lost.size} pools pass again.`)
  }
}

await main(readFleet({ pools: 1_000, machines: 100_000, minutes: 2 }))
