/** Azure compute's token buckets of one scale set (azure-facts 5). Always on: a client must stay below them. */
import type { WorldTime } from './facts.ts'
import { tooManyRequests } from './world-answers.ts'
import type { Refusal } from './world-answers.ts'

const kinds = {
  put: { perMinute: 4, burst: 12, group: 'PutVMScaleSet' },
  update: { perMinute: 4, burst: 12, group: 'UpdateVMScaleSet' },
  delete: { perMinute: 4, burst: 12, group: 'DeleteVMScaleSet' },
  read: { perMinute: 12, burst: 36, group: 'GetVMScaleSet' },
  list: { perMinute: 10, burst: 30, group: 'HighCostGetVMScaleSet' },
  'machine-update': { perMinute: 4, burst: 12, group: 'UpdateVMScaleSetVM' },
  'machine-read': { perMinute: 12, burst: 36, group: 'GetVMScaleSetVM' },
} as const
export type CallKind = keyof typeof kinds

export interface Buckets {
  /** Takes one token, or answers 429 with the seconds until there is one. */
  take(kind: CallKind, now: WorldTime): Refusal | undefined
}

export function createBuckets(): Buckets {
  const buckets = new Map<CallKind, { tokens: number; at: WorldTime }>()
  return {
    take(kind, now) {
      const { perMinute, burst, group } = kinds[kind]
      const bucket = buckets.get(kind) ?? { tokens: burst, at: now }
      buckets.set(kind, bucket)
      bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perMinute) / 60_000)
      bucket.at = now
      if (bucket.tokens < 1) return tooManyRequests(group, Math.ceil(((1 - bucket.tokens) * 60) / perMinute))
      bucket.tokens -= 1
      return undefined
    },
  }
}
