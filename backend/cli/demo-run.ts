/** The demo's run: jobs are queued as the trace says, everything is looked at a few times a second, and the truth is counted. */
import type { LogList, PoolDetail } from '../api/contract.ts'
import type { Replay } from './trace.ts'
import { nextState } from './demo-state.ts'
import { summarize, type Summary } from './demo-summary.ts'
import type { DemoWorld } from './demo-world.ts'
import { exitCodes, Failure } from './exit.ts'
import type { ScreenState } from './screen.ts'
import { createTally, type Tally } from './tally.ts'

export type RunOptions = {
  readonly speed: number
  readonly seed: number
  readonly forMs?: number
  readonly faults: readonly string[]
  readonly note?: string
}

/** Real time between two looks: four in a second. */
const frameMs = 250
/** World time that one column of the picture stands for. */
const stepMs = 60_000
/** Real time for the pool's first agent, or its placeholder, to register. */
const firstAgentMs = 60_000
/** Share of the calls or lives that a fault strikes. */
const faultRate = 0.1
/** Jobs of one moment that are queued at once. */
const queuedAtOnce = 16

/** Ends when `stop` aborts, when the time is over, or when every job is done. */
export async function runDemo(
  world: DemoWorld,
  replay: Replay,
  options: RunOptions,
  show: (state: ScreenState) => void,
  stop: AbortSignal,
): Promise<Summary> {
  for (const fault of options.faults) await world.control.setFault(fault, faultRate)
  const { clock } = world.service
  await firstAgent(world, stop)
  const startedAt = clock.now()
  const elapsed = (): number => clock.now() - startedAt
  const ending = new AbortController()
  const tally = createTally(world.pool.poolId)
  const watcher = createWatcher(world, tally, elapsed)
  const parts = Promise.all([feed(world, replay, elapsed, ending.signal), untilStopped(world, ending.signal)])
  try {
    await Promise.race([parts, watch(world, replay, options, watcher, show, AbortSignal.any([stop, ending.signal]))])
    const worldMs = elapsed()
    await watcher.count()
    return summarize(
      { trace: replay.source, seed: options.seed, speed: options.speed, worldMs },
      tally.score(),
      await world.control.state(),
    )
  } finally {
    ending.abort()
    await parts.catch(() => undefined)
  }
}

/** Azure DevOps fails a job at once when its pool has no agent at all, so the first one is waited for. */
async function firstAgent({ control, pool, service }: DemoWorld, stop: AbortSignal): Promise<void> {
  const tooLate = service.clock.deadline(firstAgentMs, stop)
  while (!tooLate.aborted) {
    const { pools } = await control.state()
    if (pools.some(({ id, agents }) => id === pool.poolId && agents > 0)) return
    await service.clock.real.sleep(100, tooLate)
  }
  if (!stop.aborted)
    throw new Failure(
      exitCodes.system,
      'The pool got no agent in a minute, so there is nothing to watch. Run the demo without --faults, or look at it with a lower --speed.',
    )
}

async function watch(
  world: DemoWorld,
  replay: Replay,
  options: RunOptions,
  watcher: Watcher,
  show: (state: ScreenState) => void,
  stop: AbortSignal,
): Promise<void> {
  const { clock } = world.service
  const frame = clock.real.sleep
  let state = firstState(world, replay, options)
  while (!stop.aborted) {
    state = await watcher.look(state)
    show(state)
    if (options.forMs === undefined ? state.jobs.finished >= replay.arrivals.length : state.elapsedMs >= options.forMs) return
    await frame(frameMs, stop)
  }
}

/** Queues each job at its time. */
async function feed(world: DemoWorld, replay: Replay, elapsed: () => number, stop: AbortSignal): Promise<void> {
  const { control, pool, service } = world
  const left = [...replay.arrivals].reverse()
  let number = 0
  for (let next = left.at(-1); next !== undefined && !stop.aborted; next = left.at(-1)) {
    await service.clock.sleep(next.atMs - elapsed(), stop)
    const due: Promise<number>[] = []
    for (
      let job = left.at(-1);
      job !== undefined && job.atMs <= elapsed() && due.length < queuedAtOnce && !stop.aborted;
      job = left.at(-1)
    ) {
      left.pop()
      number += 1
      due.push(
        control.queueJob({
          poolId: pool.poolId,
          durationMs: Math.max(1_000, job.durationMs),
          jobName: `job ${number}`,
          definition: job.label ?? 'ci',
        }),
      )
    }
    await Promise.all(due)
  }
}

/** Rejects when the sandbox or the service ends by itself. */
async function untilStopped(world: DemoWorld, stop: AbortSignal): Promise<void> {
  const stopped = new Promise<'stopped'>((resolve) => stop.addEventListener('abort', () => resolve('stopped'), { once: true }))
  const first = await Promise.race([stopped, world.sandbox.ended.then(() => 'sandbox'), world.service.running.then(() => 'service')])
  if (first !== 'stopped')
    throw new Failure(
      exitCodes.system,
      `The ${first} ended by itself and the demo with it. Start it again, with another --seed if it does so again.`,
    )
}

type Watcher = { look(state: ScreenState): Promise<ScreenState>; count(): Promise<void> }

function createWatcher(world: DemoWorld, tally: Tally, elapsed: () => number): Watcher {
  const { client, control, pool } = world
  let lastEvent = 0
  let lastEntry = 0
  async function count(): Promise<void> {
    const { next, missed, entries } = await control.events(lastEvent)
    if (missed > 0)
      throw new Failure(
        exitCodes.system,
        `${missed} events of the sandbox were missed, so the score would be wrong. Run the demo with a lower --speed.`,
      )
    lastEvent = next
    entries.forEach(tally.add)
  }
  return {
    count,
    async look(state) {
      const [detail, { entries }, truth] = await Promise.all([
        client.get<PoolDetail>(`/pools/${pool.poolId}`),
        client.get<LogList>(`/pools/${pool.poolId}/log?top=50`),
        control.state(),
        count(),
      ])
      const log = entries.filter((entry) => entry.id > lastEntry).reverse()
      lastEntry = log.at(-1)?.id ?? lastEntry
      return nextState(state, { elapsedMs: elapsed(), detail, log, world: truth, score: tally.score() }, stepMs)
    },
  }
}

function firstState(world: DemoWorld, replay: Replay, options: RunOptions): ScreenState {
  const notes = [
    ...(options.note === undefined ? [] : [options.note]),
    ...(options.faults.length === 0 ? [] : [`Faults: ${options.faults.join(', ')}.`]),
  ]
  return {
    pool: world.pool.name,
    scaleSet: world.pool.scaleSet,
    page: world.sandbox.address.hostPageUrl,
    address: `${world.service.url}   data ${world.data}`,
    source: replay.source,
    elapsedMs: 0,
    ...(options.forMs !== undefined && { forMs: options.forMs }),
    startMs: replay.startMs,
    speed: options.speed,
    ...(notes.length > 0 && { note: notes.join(' ') }),
    jobs: { waiting: 0, running: 0, finished: 0 },
    history: [],
    stages: [],
    machinesMax: 0,
    standby: 0,
    wanted: undefined,
    reasons: [],
    diagnostics: [],
    waits: {},
    machineMs: 0,
  }
}
