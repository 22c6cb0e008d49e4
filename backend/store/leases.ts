import type { Database } from './database.ts'
import type { LeaseOptions, Leases } from './lease.ts'
import { createShares } from './shares.ts'
import { createSingleLease } from './single-lease.ts'

/** PostgreSQL shares the pools out among replicas; an SQLite file has one holder. */
export function createLeases(database: Database, options: LeaseOptions): Leases {
  return database.dialect === 'postgres' ? createShares(database, options) : createSingleLease(database, options)
}
