/** Versions of agents and tools. */

/** Compares dotted versions by number, part by part; a missing part counts as 0. */
export function compareVersions(left: string, right: string): number {
  if (left === right) return 0
  const [a, b] = [left.split('.').map(Number), right.split('.').map(Number)]
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (Number.isNaN(difference)) return 0
    if (difference !== 0) return difference
  }
  return 0
}
