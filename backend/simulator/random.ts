/** Seeded chance: one seed, one run. The generator is sfc32 (public domain, Chris Doty-Humphrey). */

export type Spread = { readonly p50: number; readonly p95: number }

export interface Random {
  /** Uniform in [0, 1). */
  next(): number
  /** Whole number in [0, n). */
  below(n: number): number
  /** True with probability p. Draws nothing when p is 0 or 1. */
  chance(p: number): boolean
  /** Uniform in [from, to). */
  between(from: number, to: number): number
  /** Log-normal with this median and 95th percentile, rounded to whole units. */
  logNormal(spread: Spread): number
  /** Exponentially distributed gap with this mean. */
  exponential(mean: number): number
  pick<T>(items: readonly T[]): T | undefined
  /** A line of its own, which depends on seed and label only and not on what was drawn so far. */
  fork(label: string): Random
  /** A version-4-shaped UUID. */
  guid(): string
}

export function createRandom(seed: number): Random {
  const next = sfc32(seed)
  const below = (n: number): number => Math.floor(next() * n)
  return {
    next,
    below,
    chance: (p) => p >= 1 || (p > 0 && next() < p),
    between: (from, to) => from + next() * (to - from),
    logNormal: (spread) => Math.round(spread.p50 * Math.exp(sigma(spread) * normal(next))),
    exponential: (mean) => -Math.log(1 - next()) * mean,
    pick: (items) => items[below(items.length)],
    fork: (label) => createRandom(hash(label, seed)),
    guid: () => guid(next),
  }
}

/** FNV-1a over the text, started from a seed. */
export function hash(text: string, seed = 0): number {
  let value = (0x811c9dc5 ^ seed) >>> 0
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0
  return value
}

function sfc32(seed: number): () => number {
  let a = 0x9e3779b9 ^ (seed >>> 0)
  let b = 0x243f6a88 ^ Math.floor(seed / 0x1_0000_0000)
  let c = 0xb7e15162
  let counter = 1
  const next = (): number => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 0x1_0000_0000
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

/** The 95th percentile of a normal line lies 1.645 deviations above its middle. */
function sigma({ p50, p95 }: Spread): number {
  return p50 > 0 && p95 > p50 ? Math.log(p95 / p50) / 1.645 : 0
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}

function guid(next: () => number): string {
  const hex = (): string =>
    Math.floor(next() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  const [a, b, c, d] = [hex(), hex(), hex(), hex()]
  return `${a}-${b.slice(0, 4)}-4${b.slice(5)}-a${c.slice(1, 4)}-${c.slice(4)}${d}`
}
