import type { PoolSettings } from '../core/settings.ts'

/** What became different, as the end of a sentence; `undefined` when nothing did. */
export function describeChange(before: PoolSettings, after: PoolSettings): string | undefined {
  const fields = (Object.keys(after) as (keyof PoolSettings)[]).filter((field) => shown(before[field]) !== shown(after[field]))
  if (fields.includes('deleting')) return 'asked for the pool to be deleted'
  const parts = fields.map((field) =>
    field === 'paused'
      ? `${after.paused ? 'paused' : 'resumed'} the pool`
      : `changed ${field} from ${shown(before[field])} to ${shown(after[field])}`,
  )
  return parts.length === 0 ? undefined : parts.join(', ')
}

const shown = (value: PoolSettings[keyof PoolSettings]): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))
