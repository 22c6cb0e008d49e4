/**
 * Azure's request limits above the single scale set, as token buckets in world time: Compute's per subscription
 * (compute-throttling-limits) and Azure Resource Manager's per caller (request-limits-and-throttling). The limits of
 * one scale set are the world's own.
 */
import type { WorldTime } from '../../backend/simulator/facts.ts'

type Limit = { readonly size: number; readonly perMinute: number }
type Bucket = { tokens: number; at: WorldTime }

export type Call = { readonly method: string; readonly path: string; readonly expanded: boolean; readonly caller: string }
/** Headers that tell what is left, or the limit that is reached and the world time until one more call. */
export type Allowance =
  | { readonly ok: true; readonly headers: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly limit: string; readonly waitMs: number }
export type Throttle = { take(call: Call, now: WorldTime): Allowance }

const computeLimits = {
  PutVMScaleSet: { size: 375, perMinute: 125 },
  UpdateVMScaleSet: { size: 1500, perMinute: 500 },
  DeleteVMScaleSet: { size: 525, perMinute: 175 },
  GetVMScaleSet: { size: 2400, perMinute: 800 },
  HighCostGetVMScaleSet: { size: 1080, perMinute: 360 },
  UpdateVMScaleSetVM: { size: 1500, perMinute: 500 },
  GetVMScaleSetVM: { size: 6000, perMinute: 2000 },
} as const satisfies Record<string, Limit>
type ComputeGroup = keyof typeof computeLimits

const callerLimits = {
  reads: { size: 250, perMinute: 25 * 60 },
  writes: { size: 200, perMinute: 10 * 60 },
  deletes: { size: 200, perMinute: 10 * 60 },
} as const satisfies Record<string, Limit>

export function createThrottle(): Throttle {
  const buckets = new Map<string, Bucket>()

  function refill(key: string, limit: Limit, now: WorldTime): Bucket {
    const bucket = buckets.get(key) ?? { tokens: limit.size, at: now }
    bucket.tokens = Math.min(limit.size, bucket.tokens + ((now - bucket.at) * limit.perMinute) / 60_000)
    bucket.at = now
    buckets.set(key, bucket)
    return bucket
  }

  return {
    take(call, now) {
      const kind = kindOf(call.method)
      const group = computeGroupOf(call)
      const limits = [
        {
          name: kind,
          header: `x-ms-ratelimit-remaining-subscription-${kind}`,
          prefix: '',
          limit: callerLimits[kind],
          bucket: refill(`${call.caller}/${kind}`, callerLimits[kind], now),
        },
        ...(group === undefined
          ? []
          : [
              {
                name: group,
                header: 'x-ms-ratelimit-remaining-resource',
                prefix: `Microsoft.Compute/${group}SubscriptionMaximum;`,
                limit: computeLimits[group],
                bucket: refill(group, computeLimits[group], now),
              },
            ]),
      ]
      const reached = limits.find(({ bucket }) => bucket.tokens < 1)
      if (reached !== undefined)
        return { ok: false, limit: reached.name, waitMs: ((1 - reached.bucket.tokens) * 60_000) / reached.limit.perMinute }
      for (const { bucket } of limits) bucket.tokens -= 1
      return {
        ok: true,
        headers: Object.fromEntries(limits.map(({ header, prefix, bucket }) => [header, `${prefix}${Math.floor(bucket.tokens)}`])),
      }
    },
  }
}

function kindOf(method: string): keyof typeof callerLimits {
  if (method === 'GET' || method === 'HEAD') return 'reads'
  return method === 'DELETE' ? 'deletes' : 'writes'
}

/** Compute's operation group; undefined for other providers. */
function computeGroupOf({ method, path, expanded }: Call): ComputeGroup | undefined {
  const match = /\/providers\/microsoft\.compute\/virtualmachinescalesets(?:\/[^/]+)?(\/.*)?$/i.exec(path)
  if (match === null) return undefined
  const rest = match[1]?.slice(1).toLowerCase() ?? ''
  if (method !== 'GET') return changeGroupOf(method, rest)
  const isList = rest === 'virtualmachines' || /virtualmachinescalesets$/i.test(path)
  if (expanded || isList || rest.endsWith('instanceview')) return 'HighCostGetVMScaleSet'
  return rest.startsWith('virtualmachines/') ? 'GetVMScaleSetVM' : 'GetVMScaleSet'
}

/** A tag written at a scale set reaches Compute as an update (assumed). */
function changeGroupOf(method: string, rest: string): ComputeGroup {
  if (rest.startsWith('virtualmachines/')) return 'UpdateVMScaleSetVM'
  if (rest === '' && method === 'DELETE') return 'DeleteVMScaleSet'
  if (rest === '' && method === 'PUT') return 'PutVMScaleSet'
  return ['delete', 'poweroff', 'deallocate'].includes(rest) ? 'DeleteVMScaleSet' : 'UpdateVMScaleSet'
}
