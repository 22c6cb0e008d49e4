/** A Prometheus histogram as `/metrics` shows it, between two looks. */

/** Observations up to each bound, summed over all labels; the last bound is Infinity. */
export type Buckets = ReadonlyMap<number, number>

export function bucketsOf(metrics: string, name: string): Buckets {
  const buckets = new Map<number, number>()
  for (const [, bound = '', count = ''] of metrics.matchAll(new RegExp(`^${name}_bucket\\{[^}]*le="([^"]+)"[^}]*\\} (\\S+)$`, 'gm'))) {
    const upTo = bound === '+Inf' ? Infinity : Number(bound)
    buckets.set(upTo, (buckets.get(upTo) ?? 0) + Number(count))
  }
  return buckets
}

export function difference(after: Buckets, before: Buckets): Buckets {
  return new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]))
}

export function observations(buckets: Buckets): number {
  return buckets.get(Infinity) ?? 0
}

/** The value below which the share `q` lies, linear within its bucket as Prometheus estimates it; 0 without observations. */
export function histogramQuantile(buckets: Buckets, q: number): number {
  const rank = q * observations(buckets)
  let [lower, below] = [0, 0]
  for (const [bound, count] of [...buckets].sort(([left], [right]) => left - right)) {
    if (count >= rank) return bound === Infinity || count === below ? lower : lower + ((bound - lower) * (rank - below)) / (count - below)
    ;[lower, below] = [bound, count]
  }
  return lower
}
