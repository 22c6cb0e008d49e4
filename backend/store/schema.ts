/** The tables as Kysely sees them. Instants and wall times are milliseconds; what only the service reads is JSON text. */
import type { Generated } from 'kysely'

/** 0 or 1: libsql ends the process when it is handed a boolean. */
export type Flag = 0 | 1

export type Schema = {
  readonly meta: { readonly key: string; readonly value: string }
  readonly lease: {
    readonly scope: string
    readonly epoch: number
    readonly holder: string
    /** Wall time by the clock that judges leases; see lease.ts. */
    readonly expires_at: number
    /** Our own line at the last renewal, so that the line continues after a restart. */
    readonly renewed_at: number
  }
  readonly pools: {
    readonly id: number
    readonly name: string
    readonly scale_set_id: string
    readonly settings: string
    readonly version: number
    readonly replace_confirmed: Flag
    /** Of versions that did not ask whose claim is taken over; 0 since then. */
    readonly take_over_confirmed: Flag
    /** The owner whose claim a person let us take over. */
    readonly take_over_from: string | null
    readonly wall_time_ms: number
  }
  readonly settings_history: {
    readonly pool_id: number
    readonly version: number
    readonly by: string
    readonly wall_time_ms: number
    readonly before: string
    readonly after: string
  }
  readonly orders: {
    readonly id: Generated<number>
    readonly pool_id: number
    readonly machine_id: string
    readonly order: string
    readonly by: string
    readonly force: Flag
  }
  readonly pool_memory: { readonly pool_id: number; readonly json: string }
  readonly machines: { readonly pool_id: number; readonly id: string; readonly name: string; readonly json: string }
  /** Machines that left, so that `why` can answer afterwards. */
  readonly gone_machines: {
    readonly id: Generated<number>
    readonly pool_id: number
    readonly machine_id: string
    readonly name: string
    readonly json: string
    readonly gone_at: number
  }
  readonly intents: IntentRow
  readonly log: LogRow & { readonly id: Generated<number> }
  readonly passes: PassRow & { readonly id: Generated<number> }
  readonly nonces: {
    readonly nonce: string
    readonly pool_id: number
    readonly machine: string
    /** By the clock that judges nonces; see registrations.ts. */
    readonly expires_at: number
  }
  /** One row for a life of a machine: whoever wrote it got the life's one credential. */
  readonly claims: {
    readonly pool_id: number
    readonly machine_id: string
    readonly created_at: string
    readonly generation: number
    readonly machine: string
    readonly key_hash: string
    readonly answers: number
    readonly issued_at: number
  }
  readonly boot_reports: BootRow & { readonly id: Generated<number> }
  /** What the replica that holds a pool is to hear. */
  readonly nudges: { readonly pool_id: number; readonly jobs_changed: Flag }
  /** What people changed, in order and without gaps; see audit.ts. */
  readonly audit: { readonly id: number; readonly record: string; readonly hash: string }
}

export type BootRow = {
  readonly pool_id: number
  readonly machine_id: string
  readonly machine: string
  readonly created_at: string
  readonly generation: number
  readonly phase: string
  readonly result: string
  readonly duration_ms: number
  readonly detail: string
  readonly cause: string | null
  readonly at: number
  readonly wall_time_ms: number
}

export type IntentRow = {
  readonly pool_id: number
  readonly id: string
  readonly epoch: number
  readonly kind: string
  readonly state: string
  /** Its end is not known yet. */
  readonly open: Flag
  readonly action: string
  readonly reason: string
  readonly operation: string | null
  readonly seen: string
  readonly capacity: string | null
  readonly error: string | null
  readonly written_at: number
  readonly changed_at: number
}

export type LogRow = {
  readonly pool_id: number
  readonly level: string
  readonly operation: string
  readonly message: string
  readonly at: number
  readonly wall_time_ms: number
  readonly machine: string | null
  readonly intent_id: string | null
  readonly correlation_id: string | null
  readonly raw: string | null
}

export type PassRow = {
  readonly pool_id: number
  readonly at: number
  readonly last_at: number
  readonly wall_time_ms: number
  readonly last_wall_time_ms: number
  readonly repeats: number
  readonly counts: string
  readonly decision: string
  readonly snapshot: string
  readonly settings_version: number
  readonly took_ms: number
}

export type Dialect = 'sqlite' | 'postgres'
