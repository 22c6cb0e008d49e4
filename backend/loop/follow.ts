/** The pools that other replicas hold: their passes are read from the store, and what is told here is passed on. */
import type { Decision } from '../core/decision.ts'
import type { Instant, PoolSnapshot, Reading } from '../core/snapshot.ts'
import type { Clock, Log, StoredPass } from './ports.ts'
import type { Nudge, PassMark, Replicas } from './ports-replicas.ts'

export type Latest = { readonly snapshot: PoolSnapshot; readonly decision: Decision; readonly at: Instant }

export type Follower = {
  /** Looks until the signal aborts. */
  run(signal: AbortSignal): Promise<void>
  /** Of a pool that another replica holds. */
  latest(poolId: number): Promise<Latest | undefined>
  lastPassAt(poolId: number): Instant | undefined
  tell(nudges: readonly Nudge[]): void
}

type FollowerParts = { readonly clock: Clock; readonly log: Log; readonly replicas?: Replicas }
type Hooks = {
  /** The pools that pass here. */
  readonly own: () => readonly number[]
  readonly nudged: (nudge: Nudge) => void
  /** Another replica's pool has had a newer pass. */
  readonly passed: (poolId: number) => void
  /** Called every second: the replica may hold other pools by now. */
  readonly looked: (signal: AbortSignal) => void
}

const lookMs = 1_000
/** Others' passes are looked for at each second look. */
const looksForPasses = 2

export function createFollower(parts: FollowerParts, hooks: Hooks): Follower {
  return parts.replicas === undefined ? alone : following({ ...parts, replicas: parts.replicas }, hooks)
}

/** One replica holds all pools or none. */
const alone: Follower = {
  run: async () => undefined,
  latest: async () => undefined,
  lastPassAt: () => undefined,
  tell: () => undefined,
}

function following({ clock, log, replicas }: Required<FollowerParts>, hooks: Hooks): Follower {
  let marks: ReadonlyMap<number, PassMark> = new Map()
  const records = new Map<number, Promise<StoredPass | undefined>>()
  let isDeaf = false

  async function look(withPasses: boolean): Promise<void> {
    try {
      for (const nudge of await replicas.told(hooks.own())) hooks.nudged(nudge)
      if (withPasses) noteMarks(await replicas.newestPasses())
      isDeaf = false
    } catch (error) {
      // Once for each outage. What was told waits in the store, and polling stays the truth.
      if (!isDeaf) log.warn({ error: String(error) }, 'What other replicas say could not be read; it is tried every second.')
      isDeaf = true
    }
  }

  function noteMarks(seen: readonly PassMark[]): void {
    const before = marks
    marks = new Map(seen.map((mark) => [mark.poolId, mark]))
    for (const poolId of records.keys()) if (!isSame(marks.get(poolId), before.get(poolId))) records.delete(poolId)
    const own = new Set(hooks.own())
    for (const mark of seen) if (!own.has(mark.poolId) && !isSame(mark, before.get(mark.poolId))) hooks.passed(mark.poolId)
  }

  function recordOf(poolId: number): Promise<StoredPass | undefined> {
    const known = records.get(poolId)
    if (known !== undefined) return known
    const record = replicas.latestPass(poolId)
    records.set(poolId, record)
    record.catch(() => records.delete(poolId))
    return record
  }

  return {
    async run(signal) {
      for (let looks = 0; !signal.aborted; looks += 1) {
        await look(looks % looksForPasses === 0)
        hooks.looked(signal)
        await clock.sleep(lookMs, signal)
      }
    },
    async latest(poolId) {
      const record = await recordOf(poolId)
      return record && latestOf(record, clock.now())
    },
    lastPassAt(poolId) {
      const mark = marks.get(poolId)
      return mark && Math.min(mark.lastAt, clock.now())
    },
    tell(nudges) {
      replicas.tell(nudges).catch((error: unknown) => log.warn({ error: String(error) }, 'Another replica could not be nudged.'))
    },
  }
}

const isSame = (left: PassMark | undefined, right: PassMark | undefined): boolean =>
  left?.id === right?.id && left?.lastAt === right?.lastAt

/** A pass that repeated the record saw the same, later. The line of the replica that wrote it may be a little ahead of ours. */
function latestOf({ snapshot, decision, at, lastAt }: StoredPass, now: Instant): Latest {
  const again = <T>(reading: Reading<T>): Reading<T> =>
    reading.known ? { ...reading, at: Math.min(now, reading.at + lastAt - at) } : reading
  const { jobs, agents, scaleSet, machines } = snapshot
  return {
    snapshot: { ...snapshot, jobs: again(jobs), agents: again(agents), scaleSet: again(scaleSet), machines: again(machines) },
    decision,
    at: Math.min(now, lastAt),
  }
}
