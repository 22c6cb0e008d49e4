/** Between the tables' rows and the words of the loop. Absent fields are null in a row and absent again when read. */
import type { Intent, IntentState, LogEntry, NewLogEntry, PassRecord, StoredPass } from '../loop/ports.ts'
import type { Flag, IntentRow, LogRow, PassRow } from './schema.ts'

const openStates: readonly IntentState[] = ['written', 'accepted', 'unknown']

/** Whether an intent in this state still has to be followed; an unknown outcome has. */
export const openFlag = (state: IntentState): Flag => (openStates.includes(state) ? 1 : 0)

export const textOrNull = (value: unknown): string | null => (value === undefined ? null : JSON.stringify(value))

export function intentRow(intent: Intent): IntentRow {
  return {
    pool_id: intent.poolId,
    id: intent.id,
    epoch: intent.epoch,
    kind: intent.action.kind,
    state: intent.state,
    open: openFlag(intent.state),
    action: JSON.stringify(intent.action),
    reason: JSON.stringify(intent.reason),
    operation: intent.operation ?? null,
    seen: JSON.stringify(intent.seen),
    capacity: textOrNull(intent.capacity),
    error: textOrNull(intent.error),
    written_at: intent.writtenAt,
    changed_at: intent.changedAt,
  }
}

export function intentOf(row: IntentRow): Intent {
  return {
    id: row.id,
    poolId: row.pool_id,
    epoch: row.epoch,
    action: JSON.parse(row.action) as Intent['action'],
    reason: JSON.parse(row.reason) as Intent['reason'],
    state: row.state as IntentState,
    writtenAt: row.written_at,
    changedAt: row.changed_at,
    ...(row.operation === null ? {} : { operation: row.operation }),
    seen: JSON.parse(row.seen) as Intent['seen'],
    ...(row.capacity === null ? {} : { capacity: JSON.parse(row.capacity) as NonNullable<Intent['capacity']> }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as NonNullable<Intent['error']> }),
  }
}

export function logRow(poolId: number, entry: NewLogEntry): LogRow {
  return {
    pool_id: poolId,
    level: entry.level,
    operation: entry.operation,
    message: entry.message,
    at: entry.at,
    wall_time_ms: entry.wallTimeMs,
    machine: entry.machine ?? null,
    intent_id: entry.intentId ?? null,
    correlation_id: entry.correlationId ?? null,
    raw: entry.raw ?? null,
  }
}

export function logOf(row: LogRow & { readonly id: number }): LogEntry {
  return {
    id: row.id,
    poolId: row.pool_id,
    level: row.level as LogEntry['level'],
    operation: row.operation as LogEntry['operation'],
    message: row.message,
    at: row.at,
    wallTimeMs: row.wall_time_ms,
    ...(row.machine === null ? {} : { machine: row.machine }),
    ...(row.intent_id === null ? {} : { intentId: row.intent_id }),
    ...(row.correlation_id === null ? {} : { correlationId: row.correlation_id }),
    ...(row.raw === null ? {} : { raw: row.raw }),
  }
}

export function passRow(poolId: number, pass: PassRecord): PassRow {
  return {
    pool_id: poolId,
    at: pass.at,
    last_at: pass.at,
    wall_time_ms: pass.wallTimeMs,
    last_wall_time_ms: pass.wallTimeMs,
    repeats: 0,
    counts: JSON.stringify(pass.counts),
    decision: JSON.stringify(pass.decision),
    snapshot: JSON.stringify(pass.snapshot),
    settings_version: pass.settingsVersion,
    took_ms: pass.tookMs,
  }
}

export function passOf(row: PassRow & { readonly id: number }): StoredPass {
  return {
    id: row.id,
    at: row.at,
    lastAt: row.last_at,
    wallTimeMs: row.wall_time_ms,
    lastWallTimeMs: row.last_wall_time_ms,
    repeats: row.repeats,
    counts: JSON.parse(row.counts) as StoredPass['counts'],
    decision: JSON.parse(row.decision) as StoredPass['decision'],
    snapshot: JSON.parse(row.snapshot) as StoredPass['snapshot'],
    settingsVersion: row.settings_version,
    tookMs: row.took_ms,
  }
}
