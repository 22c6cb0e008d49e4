/** One replica as a child process of `bench:replicas`: the real store, leases, journal and loop, before Azure and Azure DevOps made of numbers. */
import { createClock } from '../backend/adapters/clock.ts'
import { createLeaseKeeper, paces } from '../backend/cli/lease-keeper.ts'
import { createLoop } from '../backend/loop/run.ts'
import type { Log, Metrics } from '../backend/loop/ports.ts'
import { createBoots } from '../backend/store/boots.ts'
import { openDatabase } from '../backend/store/database.ts'
import { lastInstant } from '../backend/store/history.ts'
import { createJournal } from '../backend/store/journal.ts'
import { createLeases } from '../backend/store/leases.ts'
import { createReplicas } from '../backend/store/replicas.ts'
import { createSettings } from '../backend/store/settings.ts'
import { outsideOf, ownerId } from './support/numbers.ts'

export type ReplicaOptions = { readonly databaseUrl: string; readonly holder: string; readonly machines: number }
/** Since the last question. */
export type ReplicaFigures = {
  readonly passes: number
  readonly failed: number
  /** Each pass: from its first read to its commit. */
  readonly tookMs: readonly number[]
  /** Each pass after the first: how long after the one before. */
  readonly gapMs: readonly number[]
  readonly cpu: number
  readonly residentMb: number
}

let figures = { passes: 0, failed: 0, tookMs: [] as number[], gapMs: [] as number[] }
let cpu = process.cpuUsage()
let askedAt = performance.now()

process.once('disconnect', () => process.exit(0))
process.once('message', (options: ReplicaOptions) => {
  void start(options).then(() => {
    process.on('message', () => process.send?.(take()))
    process.send?.({ pid: process.pid })
  })
})

async function start({ databaseUrl, holder, machines }: ReplicaOptions): Promise<void> {
  const database = await openDatabase({ kind: 'postgres', url: databaseUrl })
  const clock = createClock({ startAt: await lastInstant(database) })
  const settings = createSettings(database, clock)
  const log: Log = { info: () => undefined, warn: tell, error: tell }
  const pace = paces.postgres
  const leases = createLeases(database, { holder, ttlMs: pace.leaseMs, clock })
  const keeper = await createLeaseKeeper({ leases, pools: settings.pools, pace, clock, log })
  const loop = createLoop({
    clock,
    log,
    metrics: counting(),
    settings,
    ownerId,
    journal: createJournal(database, clock),
    lease: keeper.current,
    replicas: createReplicas(database),
    boots: createBoots(database),
    extension: () => ({ known: false, why: 'The benchmark installs nothing.' }),
    connect: ({ poolId }) => outsideOf(poolId, machines, clock),
  })
  const forever = new AbortController().signal
  for (const part of [loop.run(forever), keeper.run(forever, loop.isPassing)]) part.catch(tell)
}

function counting(): Metrics {
  const lastAt = new Map<number, number>()
  return {
    pass(poolId, _counts, tookMs) {
      const now = performance.now()
      const before = lastAt.get(poolId)
      lastAt.set(poolId, now)
      figures.passes += 1
      figures.tookMs.push(Math.round(tookMs))
      if (before !== undefined) figures.gapMs.push(Math.round(now - before))
    },
    passFailed: () => void (figures.failed += 1),
    call: () => undefined,
    jobStarted: () => undefined,
    assignmentsLost: () => undefined,
    booted: () => undefined,
    action: () => undefined,
    left: () => undefined,
  }
}

function take(): ReplicaFigures {
  const { user, system } = process.cpuUsage(cpu)
  const taken = {
    ...figures,
    cpu: (user + system) / 1_000 / (performance.now() - askedAt),
    residentMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
  }
  figures = { passes: 0, failed: 0, tookMs: [], gapMs: [] }
  cpu = process.cpuUsage()
  askedAt = performance.now()
  return taken
}

function tell(...what: readonly unknown[]): void {
  console.error(...what)
}
