/** What machines told of their boots. The rows outlive their machines; `prune.ts` bounds their number. */
import { sql } from 'kysely'
import type { BootReport, Boots } from '../loop/ports-boot.ts'
import type { Database } from './database.ts'
import type { BootRow } from './schema.ts'

/** Of one machine, or of one look at the news. */
const reportsMax = 500

export function createBoots({ db, dialect }: Database): Boots {
  const ofPool = (poolId: number) => db.selectFrom('boot_reports').selectAll().where('pool_id', '=', poolId).limit(reportsMax)
  const greater = dialect === 'postgres' ? sql.raw('greatest') : sql.raw('max')
  return {
    async add(report) {
      // Replicas' lines differ a little: a report's instant is after every earlier one's, so that `since` misses none.
      const latest = sql<number>`(select coalesce(max(at), 0) from boot_reports where pool_id = ${report.poolId})`
      const at = sql<number>`${greater}(cast(${report.at} as double precision), ${latest} + 0.001)`
      await db
        .insertInto('boot_reports')
        .values({ ...rowOf(report), at })
        .execute()
    },
    async of(poolId, machine) {
      const newestFirst = await ofPool(poolId).where('machine', '=', machine).orderBy('id', 'desc').execute()
      return newestFirst.map(reportOf).reverse()
    },
    since: async (poolId, since) => (await ofPool(poolId).where('at', '>', since).orderBy('at').execute()).map(reportOf),
  }
}

function rowOf(report: BootReport): Omit<BootRow, 'at'> {
  return {
    pool_id: report.poolId,
    machine_id: report.machineId,
    machine: report.machine,
    created_at: report.createdAt,
    generation: report.generation,
    phase: report.phase,
    result: report.result,
    duration_ms: report.durationMs,
    detail: report.detail,
    cause: report.cause ?? null,
    wall_time_ms: report.wallTimeMs,
  }
}

function reportOf(row: BootRow): BootReport {
  return {
    poolId: row.pool_id,
    machineId: row.machine_id,
    machine: row.machine,
    createdAt: row.created_at,
    generation: row.generation,
    phase: row.phase as BootReport['phase'],
    result: row.result as BootReport['result'],
    durationMs: row.duration_ms,
    detail: row.detail,
    ...(row.cause === null ? {} : { cause: row.cause as NonNullable<BootReport['cause']> }),
    at: row.at,
    wallTimeMs: row.wall_time_ms,
  }
}
