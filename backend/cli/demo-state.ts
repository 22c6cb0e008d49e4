/** What the live view shows, gathered from the service's API and the world's record. Pure: one look gives the next state. */
import type { DecisionView, LogView, PoolDetail } from '../api/contract.ts'
import { stagesOf } from './pools.ts'
import type { SandboxState } from './sandbox-control.ts'
import type { ScreenState } from './screen.ts'
import type { Score } from './tally.ts'

/** One look at everything. `before`: the decision of the last look. `log`: entries since then, oldest first. */
export type Look = {
  readonly elapsedMs: number
  readonly detail: PoolDetail
  readonly before?: DecisionView | undefined
  readonly log: readonly LogView[]
  readonly world: SandboxState
  readonly score: Score
}

const linesKept = 40
const historyKept = 120

/** The state after one more look. Decisions and entries that are new are stamped with the time of this look. */
export function nextState(state: ScreenState, look: Look, stepMs: number): ScreenState {
  const { detail, elapsedMs, world, score } = look
  const truth = world.pools[0]
  const jobs = { waiting: truth?.waiting ?? 0, running: truth?.running ?? 0, finished: score.finished }
  const atMs = state.startMs + elapsedMs
  return {
    ...state,
    elapsedMs,
    jobs,
    history: extend(state, jobs, elapsedMs, stepMs),
    stages: stagesOf(detail.pool),
    machinesMax: detail.pool.machinesMax,
    standby: detail.pool.standby,
    wanted: detail.pool.wanted,
    decisions: [...state.decisions, ...newSentences(look.before, detail.decision).map((text) => ({ atMs, text }))].slice(-linesKept),
    diagnostics: [...state.diagnostics, ...look.log.map((entry) => ({ atMs, text: entry.message, level: entry.level }))].slice(-linesKept),
    waits: score.waits,
    machineMs: world.scaleSets.reduce((sum, scaleSet) => sum + scaleSet.machineMs, 0),
  }
}

/** One column of the picture for each step of world time; the newest is drawn over until its step is full. */
function extend(
  state: ScreenState,
  jobs: { readonly waiting: number; readonly running: number },
  elapsedMs: number,
  stepMs: number,
): ScreenState['history'] {
  const isNewStep = state.history.length === 0 || Math.floor(elapsedMs / stepMs) > Math.floor(state.elapsedMs / stepMs)
  const kept = isNewStep ? state.history : state.history.slice(0, -1)
  return [...kept, { waiting: jobs.waiting, running: jobs.running }].slice(-historyKept)
}

/**
 * What the decision does, and what stopped it. A reason that goes on with other numbers is not told again, and machines
 * that simply stay would fill the view.
 */
function newSentences(before: DecisionView | undefined, decision: DecisionView | undefined): readonly string[] {
  const told = new Set([...(before?.steps ?? []), ...(before?.reasons ?? [])].map((each) => each.reason.code))
  const toldSteps = new Set(before?.steps.map((step) => step.sentence))
  const steps = (decision?.steps ?? []).filter((step) => !toldSteps.has(step.sentence))
  const reasons = (decision?.reasons ?? []).filter(({ reason }) => reason.code !== 'stays' && !told.has(reason.code))
  return [...new Set([...steps, ...reasons].map((each) => each.sentence))]
}
