/** What the live view shows, gathered from the service's API and the world's record. Pure: one look gives the next state. */
import type { DecisionView, LogView, PoolDetail } from '../api/contract.ts'
import { stagesOf } from './pools.ts'
import type { SandboxState } from './sandbox-control.ts'
import type { ReasonLine, ScreenState } from './screen.ts'
import type { Reason } from '../core/decision.ts'
import type { Score } from './tally.ts'

/** One look at everything. `log`: entries since then, oldest first. */
export type Look = {
  readonly elapsedMs: number
  readonly detail: PoolDetail
  readonly log: readonly LogView[]
  readonly world: SandboxState
  readonly score: Score
}

const linesKept = 40
const historyKept = 120

/** The state after one more look. Reasons and entries that are new are stamped with the time of this look. */
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
    reasons: reasonsOf(detail.decision, state.reasons, atMs),
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
 * Why the decision is as it is: the need, what bounds it, what waits and what is unknown. Actions are told by Diagnostics, and
 * machines that simply stay would fill the view. Its time is when the sentence came, with these numbers.
 */
function reasonsOf(decision: DecisionView | undefined, before: readonly ReasonLine[], atMs: number): readonly ReasonLine[] {
  const needs = (decision?.steps ?? []).filter(({ reason }) => reason.code === 'need' || reason.code === 'learn-capabilities')
  const others = (decision?.reasons ?? []).filter(({ reason }) => reason.code !== 'stays')
  const lines = new Map([...needs, ...others].map(({ reason, sentence }) => [sentence, aboutOf(reason)]))
  return [...lines].map(([text, about]) => ({ text, about, atMs: before.find((line) => line.text === text)?.atMs ?? atMs }))
}

function aboutOf(reason: Reason): string {
  const part = 'part' in reason ? reason.part : 'requestId' in reason ? reason.requestId : 'kind' in reason ? reason.kind : ''
  return `${reason.code} ${part}`
}
