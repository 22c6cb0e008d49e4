/** One run of a script: recorded as it is, or with a strike at one of its boundaries. Judged by the soak's checker. */
import { createRandom } from '../../backend/simulator/random.ts'
import { createWorld } from '../../backend/simulator/world.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { createChecker } from '../soak/checker.ts'
import type { Entry, Violation } from '../soak/history.ts'
import { addPoolAndScaleSet, scaleSetId } from '../support/service.ts'
import { createVirtualTime } from '../support/virtual-time.ts'
import { worldBoots } from '../support/world-boots.ts'
import { createEdge, type Boundary, type Strike } from './boundary.ts'
import { unconverged, type Unconverged } from './converged.ts'
import { startProcess, type Breakage, type ProcessParts, type ServiceProcess } from './process.ts'
import { secondMs, type Script } from './scripts.ts'
import { createWish, playScript } from './stage.ts'

export type CaseResult = {
  readonly boundaries: readonly Boundary[]
  readonly actions: ReadonlyMap<string, number>
  readonly violations: readonly Violation[]
  readonly simulatedMs: number
}

const ownerId = 'crash'
/** A supervisor starts a process again after this. */
const restartMs = 2 * secondMs
/** Boots that fit a short run. */
const latencies = {
  list: { p50: 2_000, p95: 3_000 },
  create: { p50: 9_000, p95: 12_000 },
  enable: { p50: 6_000, p95: 9_000 },
  reimage: { p50: 12_000, p95: 15_000 },
  delete: { p50: 12_000, p95: 15_000 },
}
const lookMs = 20 * secondMs

export async function runCase(script: Script, strike?: Strike, breakage: Breakage = {}): Promise<CaseResult> {
  const run = await createRun(script, strike, breakage)
  const { time, checker, world } = run
  const isBroken = (): boolean => checker.violations.length > 0
  await time.run(script.untilMs, isBroken)
  let left: readonly Unconverged[] = [{ detail: 'the run was not looked at', patienceMs: lookMs }]
  const isOver = (): boolean => isBroken() || left.length === 0 || left.some((each) => time.now() > script.untilMs + each.patienceMs)
  while (!isOver()) {
    await time.run(time.now() + lookMs, isBroken)
    world.advance(time.now())
    left = await run.left()
  }
  const late = isBroken() ? [] : left.map(({ detail }) => ({ invariant: 'converges', at: time.now(), detail }))
  await run.end()
  return { boundaries: run.boundaries, actions: run.actions, violations: [...checker.violations, ...late], simulatedMs: time.now() }
}

async function createRun(script: Script, strike: Strike | undefined, breakage: Breakage) {
  const time = createVirtualTime()
  const world = createWorld({ seed: script.seed ?? 1, latencies })
  const poolId = addPoolAndScaleSet(world, script.machinesAtStart ?? 0)
  const database = await openDatabase({ kind: 'sqlite-memory' })
  const wish = createWish(script.settings)
  const outside = createSettings(database, time.clock)
  await outside.addPool({ poolId, name: 'linux', scaleSetId, settings: wish.settings() })
  const boots = worldBoots(world, poolId, scaleSetId, () => wish.settings().tearDownAfterUse)
  const edge = createEdge(time.now, strike)
  const { machinesMax, tearDownAfterUse, paused, deleting } = wish.settings()
  const checker = createChecker(
    { truth: world.truth, poolId, scaleSetId, ownerId, tearDownAfterUse },
    { machinesMax, tearDownAfterUse, paused, deleting },
  )
  const actions = new Map<string, number>()
  const enter = (entry: Entry): void => {
    if (entry.kind === 'committed') for (const { kind } of entry.intents) actions.set(kind, (actions.get(kind) ?? 0) + 1)
    checker.judge(entry)
  }
  world.watch((event) => enter({ kind: 'world', event }))
  const after = (ms: number, run: () => void): void =>
    time.after(ms, () => {
      world.advance(time.now())
      run()
    })
  const service = supervise({ world, time, database, boots, ownerId, edge, enter, breakage })
  playScript(script, { world, poolId, database, wish, service: service.present, after })
  // Machines that were there before are up by the time the service comes.
  if (script.machinesAtStart === undefined) service.launch()
  else after(30 * secondMs, service.launch)
  return {
    ...{ time, world, checker, actions, boundaries: edge.crossed },
    left: async () => unconverged({ world, poolId, scaleSetId, ownerId, wish, database, record: await outside.pool(poolId) }),
    end: () => database.close(),
  }
}

/** Starts a process, and another whenever one has ended. */
function supervise(parts: Omit<ProcessParts, 'name' | 'random' | 'onEnd'>) {
  const random = createRandom(1).fork('calls')
  let processes = 0
  let present: ServiceProcess | undefined
  const launch = (): void => {
    processes += 1
    const onEnd = (): void => {
      present = undefined
      parts.time.after(restartMs, launch)
    }
    startProcess({ ...parts, name: `process-${processes}`, random: random.fork(String(processes)), onEnd }).then(
      (started) => (present = started),
      // As when the program ends with an exit code: its supervisor starts it again.
      onEnd,
    )
  }
  return { launch, present: () => present }
}
