import type { DecisionView, LogView, PoolDetail } from '../../backend/api/contract.ts'
import { changesBetween } from '../../backend/cli/demo-lines.ts'
import { nextState, type Look } from '../../backend/cli/demo-state.ts'
import type { ScreenState } from '../../backend/cli/screen.ts'
import type { Reason } from '../../backend/core/decision.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import { summary } from './support.ts'

const minute = 60_000
const empty: ScreenState = {
  pool: 'linux-agents', scaleSet: 'linux', page: 'http://127.0.0.1:7300/', address: 'http://127.0.0.1:7200', source: 'ci.csv from day 1, 07:00', elapsedMs: 0, startMs: 7 * 60 * minute, speed: 60,
  jobs: { waiting: 0, running: 0, finished: 0 }, history: [], stages: [], machinesMax: 0, standby: 0, wanted: undefined, reasons: [], diagnostics: [], waits: {}, machineMs: 0,
} // prettier-ignore

const decisionOf = (...said: readonly (readonly [string, string])[]): DecisionView => ({
  wanted: 1,
  steps: [
    { action: {} as DecisionView['steps'][number]['action'], reason: { code: 'leave-together' } as Reason, sentence: 'linux7 is deleted.' },
  ],
  reasons: said.map(([code, sentence]) => ({ reason: { code } as Reason, sentence })),
  lookAgainInMs: 10_000,
})
const entry: LogView = {
  id: 1,
  poolId: 7,
  level: 'info',
  operation: 'increaseCapacity',
  message: 'Raised the capacity from 5 to 7.',
  atMs: 0,
}

function look(change: {
  readonly elapsedMs: number
  readonly waiting?: number
  readonly decision?: DecisionView
  readonly log?: readonly LogView[]
}): Look {
  const detail: PoolDetail = {
    pool: summary,
    settings: defaultSettings,
    openActions: [],
    replaceConfirmed: false,
    takeOverConfirmed: false,
    lostToOnceRace: 0,
    ...(change.decision && { decision: change.decision }),
  }
  const pool = { id: 7, agents: 1, waiting: change.waiting ?? 0, running: 4, finished: {} }
  return {
    elapsedMs: change.elapsedMs,
    detail,
    log: change.log ?? [],
    world: { now: 0, scaleSets: [{ id: 'linux', machines: 7, machineMs: 90 * minute }], pools: [pool], faultCounts: {} },
    score: { queued: 9, finished: 2, waits: { jobs: 3, p50Ms: 1_000 }, busyKills: 0 },
  }
}

it('takes jobs and waits from the truth and machines from the service', () => {
  const state = nextState(empty, look({ elapsedMs: minute, waiting: 3 }), minute)
  expect(state.jobs).toEqual({ waiting: 3, running: 4, finished: 2 })
  expect(state.waits.p50Ms).toBe(1_000)
  expect(state.stages).toEqual(['busy', 'busy', 'busy', 'busy', 'idle', 'idle', 'creating'])
  expect(state.machineMs).toBe(90 * minute)
})

it('draws one column for each step of world time', () => {
  const times = [0, 0.3, 0.9, 1.1, 1.9, 2].map((minutes) => minutes * minute)
  const state = times.reduce((each, elapsedMs, at) => nextState(each, look({ elapsedMs, waiting: at }), minute), empty)
  expect(state.history.map((column) => column.waiting)).toEqual([2, 4, 5])
})

it('gives the reasons of the newest decision, without its actions and without machines that stay', () => {
  const first = decisionOf(['maximum', '9 needed, 0 allowed.'], ['maximum', '9 needed, 0 allowed.'])
  const second = decisionOf(['maximum', '8 needed, 0 allowed.'], ['stays', 'linux1 stays: busy.'], ['owed', 'Azure owes 1 machine.'])
  const once = nextState(empty, look({ elapsedMs: minute, decision: first }), minute)
  expect(once.reasons.map((line) => line.text)).toEqual(['9 needed, 0 allowed.'])
  const twice = nextState(once, look({ elapsedMs: 2 * minute, decision: second }), minute)
  expect(twice.reasons.map(({ text, atMs }) => [text, atMs - empty.startMs])).toEqual([
    ['8 needed, 0 allowed.', 2 * minute],
    ['Azure owes 1 machine.', 2 * minute],
  ])
  expect(changesBetween(once, twice).filter((line) => line.includes('why'))).toEqual(['07:02  why       Azure owes 1 machine.'])
  const gone = nextState(twice, look({ elapsedMs: 3 * minute, decision: decisionOf() }), minute)
  expect(gone.reasons).toEqual([])
})

it('writes a line for each change and none without one', () => {
  const before = nextState(empty, look({ elapsedMs: minute }), minute)
  const after = nextState(
    before,
    look({ elapsedMs: 2 * minute, waiting: 3, decision: decisionOf(['need', '3 more machines needed.']), log: [entry] }),
    minute,
  )
  expect(changesBetween(before, after)).toEqual([
    '07:02  why       3 more machines needed.',
    '07:02  did       Raised the capacity from 5 to 7.',
    '07:02  pool      3 waiting, 4 running, 2 finished; machines: 4 busy, 2 idle, 1 creating',
  ])
  expect(changesBetween(after, nextState(after, look({ elapsedMs: 3 * minute, waiting: 3 }), minute))).toEqual([])
})
