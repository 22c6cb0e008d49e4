import type { Decision, Reason } from '../../backend/core/decision.ts'
import { heldBack } from '../../backend/core/held.ts'
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { CompleteSnapshot } from '../../backend/core/snapshot.ts'
import { aMachine, aSnapshot, minute, now, someSettings } from '../support/build.ts'
import type { MachineOver } from '../support/build.ts'

const refused = (action: 'drain' | 'unregister' | 'delete' | 'reimage'): Reason => ({
  ...{ code: 'refused', action, azureCode: 'ScopeLocked', times: 1, freeAt: now },
})
/** Every limit that may bind a machine, in one decision. */
const limits: readonly Reason[] = [
  { code: 'mass-failure', unhealthy: 3, total: 3 },
  { code: 'unhealthy-budget', unhealthy: 3, allowed: 1 },
  { code: 'azure-busy', waiting: 1, freeAt: now },
  { code: 'delete-in-flight', waiting: 1 },
  { code: 'update-rate', sent: 4, freeAt: now },
  ...(['drain', 'unregister', 'delete', 'reimage'] as const).map(refused),
]

function binds(over: MachineOver, settings: Partial<PoolSettings> = {}, reasons = limits, lowestSurplus?: number): string | undefined {
  const machine = aMachine(over)
  const decision: Decision = { wanted: 1, steps: [], reasons, lookAgainInMs: 1 }
  const snapshot = aSnapshot({ machines: [machine], lowestSurplus }) as CompleteSnapshot
  return heldBack(snapshot, decision, someSettings(settings), machine, now)
    ?.map((reason) => ('action' in reason ? `${reason.action} refused` : reason.code))
    .join(', ')
}

const byAda = (force: boolean, order: 'delete' | 'reimage' = 'delete') => ({ asked: { order, by: 'Ada', force } })
const deletes = 'azure-busy, delete-in-flight, delete refused'
const reimages = 'azure-busy, update-rate, reimage refused'

test.each<[string, MachineOver, Partial<PoolSettings>, string | undefined]>([
  ['an idle one is not due', { stage: 'idle' }, {}, undefined],
  ['one that a person gives up', { stage: 'idle', ...byAda(false) }, {}, 'drain refused'],
  ['by force, without its agent', { stage: 'idle', ...byAda(true, 'reimage') }, {}, reimages],
  ['one of a pool that is deleted', { stage: 'idle' }, { deleting: true }, 'drain refused'],
  ['a saved one that a person gives up', { stage: 'saved', ...byAda(false) }, {}, deletes],
  ['a used one', { stage: 'used' }, {}, 'unregister refused'],
  ['one that a person disabled', { stage: 'disabled' }, {}, 'unregister refused'],
  ['not while it has a job', { stage: 'disabled', requestId: 5 }, {}, undefined],
  ['a drained one', { stage: 'draining' }, {}, 'unregister refused'],
  ['one that comes is not due', { stage: 'starting', ...byAda(false) }, {}, undefined],
  ['one without its agent', { stage: 'unregistered' }, {}, deletes],
  ['one that comes back', { stage: 'unregistered', next: 'reimage' }, {}, reimages],
  ['as a person wants it', { stage: 'unregistered', ...byAda(false, 'reimage') }, {}, reimages],
  ['an unhealthy one', { stage: 'failed' }, {}, `unhealthy-budget, ${deletes}`],
  ['an unhealthy one without its agent', { stage: 'unregistered', cause: 'went-offline' }, {}, `unhealthy-budget, ${deletes}`],
  ['but not before that', { stage: 'draining', cause: 'went-offline' }, {}, 'unregister refused'],
  ['one that was lost', { stage: 'offline', forMs: 6 * minute }, {}, 'mass-failure, unhealthy-budget, unregister refused'],
  ['one that was lost, of a deleted pool', { stage: 'offline', forMs: 6 * minute }, { deleting: true }, 'unregister refused'],
  ['a protected one has a reason of its own', { stage: 'disabled', protected: true }, {}, undefined],
  ...(['deleting', 'reimaging', 'foreign', 'unclear'] as const).map((stage): [string, MachineOver, Partial<PoolSettings>, undefined] => [
    `${stage} is not ours to remove`,
    { stage },
    { deleting: true },
    undefined,
  ]),
])('%s', (_what, over, settings, expected) => expect(binds(over, settings)).toBe(expected))

describe('while nothing may leave', () => {
  const paused: readonly Reason[] = [{ code: 'paused' }]
  test('a surplus machine is due, and an idle one that is none is not', () =>
    expect([1, 0, undefined].map((surplus) => binds({ stage: 'idle' }, {}, paused, surplus))).toEqual(['paused', undefined, undefined]))

  test('a busy one is not', () => expect(binds({ stage: 'busy' }, {}, paused, 1)).toBeUndefined())

  test('what stops growth only holds no machine', () => {
    const tooOld = (stops: 'growth' | 'removal'): readonly Reason[] => [{ code: 'too-old', part: 'jobs', at: 0, stops }]
    expect([tooOld('growth'), tooOld('removal')].map((reasons) => binds({ stage: 'used' }, {}, reasons))).toEqual(['', 'too-old'])
  })
})
