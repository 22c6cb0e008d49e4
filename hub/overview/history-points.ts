/** Passes as points of a picture: each stands from its first to its last repeat. */
import type { PassView } from '../../backend/api/contract.ts'

export type Point = {
  readonly atMs: number
  readonly counts: PassView['counts']
  readonly wanted: number
  readonly total: number
  /** Of the jobs that waited then; 0 when none did. */
  readonly longestWaitMs: number
}
export type Layer = {
  /** Names its colour, as a group of stages. */
  readonly group: string
  readonly name: string
  readonly spans: readonly { readonly from: number; readonly to: number }[]
}

/** From the bottom up. */
const kinds = [
  { group: 'busy', name: 'running a job', parts: ['busy'] },
  { group: 'idle', name: 'idle', parts: ['idle'] },
  { group: 'starting', name: 'coming', parts: ['starting'] },
  { group: 'leaving', name: 'leaving', parts: ['leaving'] },
  { group: 'unhealthy', name: 'failed', parts: ['failed'] },
  { group: 'saved', name: 'saved', parts: ['saved'] },
  { group: 'others', name: 'not ours or unclear', parts: ['foreign', 'unclear'] },
] as const

/** Oldest first. Two points for a pass that stood for a while, so that a step is drawn as one. */
export function pointsOf(passes: readonly PassView[]): readonly Point[] {
  return passes.toReversed().flatMap(({ atMs, lastAtMs, counts, longestWaitMs, decision }) => {
    const point = { counts, wanted: decision.wanted, total: totalOf(counts), longestWaitMs: longestWaitMs ?? 0 }
    const waited = longestWaitMs === undefined ? 0 : longestWaitMs + lastAtMs - atMs
    return lastAtMs > atMs
      ? [
          { ...point, atMs },
          { ...point, atMs: lastAtMs, longestWaitMs: waited },
        ]
      : [{ ...point, atMs }]
  })
}

/** Only the states that occur. */
export function layersOf(points: readonly Point[]): readonly Layer[] {
  const tops = points.map(() => 0)
  return kinds.flatMap(({ group, name, parts }) => {
    const spans = points.map(({ counts }, index) => {
      const from = tops[index] ?? 0
      const to = from + parts.reduce((sum, part) => sum + counts[part], 0)
      tops[index] = to
      return { from, to }
    })
    return spans.some(({ from, to }) => to > from) ? [{ group, name, spans }] : []
  })
}

function totalOf(counts: PassView['counts']): number {
  return kinds.reduce((sum, { parts }) => sum + parts.reduce((part, name) => part + counts[name], 0), 0)
}
