/**
 * A replica whose credential is not taken, whose clock is wrong or who gets no answer has given its pools to others and passes none. It
 * asks by itself whether that is over: a read needs no lease, and its answer is what the watch waits for.
 */
import type { ServiceClock } from '../adapters/clock.ts'
import type { Log, PoolRecord, Settings } from '../loop/ports.ts'
import type { Outside } from './outside.ts'

type ProbeParts = {
  readonly clock: Pick<ServiceClock, 'real' | 'deadline'>
  readonly log: Log
  readonly settings: Pick<Settings, 'pools' | 'pool'>
  readonly outside: Pick<Outside, 'pipelines' | 'scaleSet' | 'watch'>
}

/** In real time, as long as something stops this replica. */
const probeMs = 10_000

/** Probes until the signal aborts. Never rejects. */
export async function probeWhileUnwell(parts: ProbeParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await parts.clock.real.sleep(probeMs, signal)
    if (!signal.aborted && parts.outside.watch.isUnwell()) await probe(parts, signal)
  }
}

async function probe(parts: ProbeParts, signal: AbortSignal): Promise<void> {
  const { outside, clock } = parts
  try {
    const record = await firstPool(parts.settings)
    if (record === undefined) return
    const inTime = clock.deadline(probeMs, signal)
    await Promise.all([outside.pipelines.agents(record.poolId, inTime), outside.scaleSet(record.scaleSetId).read(inTime)])
  } catch (error) {
    parts.log.warn({ error: String(error) }, 'The pools could not be read to find out whether this replica is well; it tries again.')
  }
}

/** Any one will do. */
async function firstPool(settings: ProbeParts['settings']): Promise<PoolRecord | undefined> {
  const [poolId] = await settings.pools()
  return poolId === undefined ? undefined : settings.pool(poolId)
}
