/**
 * Lists of a scale set's machines for claims. A claim is held against a list whose read began after the claim came; claims
 * that come during a read share the next one, so that fifty machines that boot at once cost a handful of reads.
 */
import type { Instant, Reading } from '../core/snapshot.ts'
import type { AzureMachine, Clock, ScaleSet } from '../loop/ports.ts'

export type MachineLists = {
  /** A list that begins after this call. Never rejects. */
  next(scaleSetId: string): Promise<Reading<readonly AzureMachine[]>>
}

/** Between the beginnings of two reads of one scale set: a few may follow quickly, then Azure's budget for lists (10 a minute) rules. */
const pause = { quickMs: 2_000, quickReads: 4, slowMs: 10_000, windowMs: 60_000 } as const
/** With the pause and the read before it, a claim is answered within the minute that scripts wait for it. */
const readMsMax = 20_000

type Queue = {
  readonly scaleSet: Pick<ScaleSet, 'machines'>
  /** The read that runs; never rejects. */
  running: Promise<unknown>
  /** The read that has not begun. */
  waiting: Promise<Reading<readonly AzureMachine[]>> | undefined
  begun: readonly Instant[]
}

/** `signal` ends the waits: the service stops. */
export function createMachineLists(
  clock: Pick<Clock, 'now' | 'sleep' | 'deadline'>,
  connect: (scaleSetId: string) => Pick<ScaleSet, 'machines'>,
  signal: AbortSignal,
): MachineLists {
  const queues = new Map<string, Queue>()

  async function read(queue: Queue): Promise<Reading<readonly AzureMachine[]>> {
    await queue.running
    await clock.sleep(pauseMs(queue, clock.now()), signal)
    // Whoever comes from here on waits for the next one.
    queue.waiting = undefined
    const now = clock.now()
    queue.begun = [...queue.begun.filter((at) => now - at < pause.windowMs), now]
    const reading = queue.scaleSet.machines(clock.deadline(readMsMax, signal)).catch(unread)
    queue.running = reading
    return reading
  }

  return {
    next(scaleSetId) {
      const queue = queues.get(scaleSetId) ?? { scaleSet: connect(scaleSetId), running: Promise.resolve(), waiting: undefined, begun: [] }
      queues.set(scaleSetId, queue)
      queue.waiting ??= read(queue)
      return queue.waiting
    },
  }
}

function pauseMs({ begun }: Queue, now: Instant): number {
  const last = begun.at(-1)
  if (last === undefined) return 0
  const recent = begun.filter((at) => now - at < pause.windowMs).length
  return Math.max(0, last + (recent < pause.quickReads ? pause.quickMs : pause.slowMs) - now)
}

function unread(error: unknown): Reading<never> {
  return { known: false, why: error instanceof Error ? error.message : String(error) }
}
