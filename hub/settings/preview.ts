/** What a change of the settings would do in the next pass: the service's own decision, on what its newest pass saw. */
import { decide } from '../../backend/core/decide.ts'
import type { PassDetail } from '../../backend/api/contract.ts'
import { explain } from '../../backend/core/explain.ts'
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { Instant, PoolSnapshot } from '../../backend/core/snapshot.ts'

export type Preview = {
  readonly wantedBefore: number
  readonly wantedAfter: number
  /** What it would do, and what holds it up. */
  readonly sentences: readonly string[]
}

const sentencesMax = 8

export function previewOf({ snapshot, raw }: Pick<PassDetail, 'snapshot' | 'raw'>, settings: PoolSettings): Preview {
  const now = seenAt(snapshot)
  const { wanted, steps, reasons } = decide(snapshot, settings, now)
  const sentences = [...steps.map(({ reason }) => reason), ...reasons].map((reason) => explain(reason, now))
  return { wantedBefore: raw.wanted, wantedAfter: wanted, sentences: [...new Set(sentences)].slice(0, sentencesMax) }
}

/** The pass decided right after its last reading. */
function seenAt({ jobs, agents, scaleSet, machines }: PoolSnapshot): Instant {
  return Math.max(0, ...[jobs, agents, scaleSet, machines].map((part) => (part.known ? part.at : 0)))
}
