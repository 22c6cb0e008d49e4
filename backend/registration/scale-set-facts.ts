/** The system and size of scale sets, for the choice of the agent's package. They hardly ever change. */
import type { Reading } from '../core/snapshot.ts'
import type { AzureScaleSet, Clock, ScaleSet } from '../loop/ports.ts'

export type ScaleSetFacts = Reading<Pick<AzureScaleSet, 'os' | 'skuName'> | undefined>

const keptMsMax = 10 * 60_000
const readMsMax = 20_000

/** One read for all who ask within ten minutes, and for all who ask while it runs. A failed one is not kept. Never rejects. */
export function createScaleSetFacts(
  clock: Pick<Clock, 'now' | 'deadline'>,
  connect: (scaleSetId: string) => Pick<ScaleSet, 'read'>,
): (scaleSetId: string) => Promise<ScaleSetFacts> {
  const asked = new Map<string, { readonly at: number; readonly answer: Promise<ScaleSetFacts> }>()
  return (scaleSetId) => {
    const last = asked.get(scaleSetId)
    if (last !== undefined && clock.now() - last.at < keptMsMax) return last.answer
    const answer = connect(scaleSetId)
      .read(clock.deadline(readMsMax))
      .catch(unread)
      .then((reading) => {
        if (!reading.known) asked.delete(scaleSetId)
        return reading
      })
    asked.set(scaleSetId, { at: clock.now(), answer })
    return answer
  }
}

function unread(error: unknown): Reading<never> {
  return { known: false, why: error instanceof Error ? error.message : String(error) }
}
