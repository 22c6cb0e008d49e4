/** What the scenarios leave open: when to look again, what counts as wanted, and the edges of each rule. */
import { ageMsMax, decide, isActive, paceMs } from '../../backend/core/decide.ts'
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { Stage } from '../../backend/core/snapshot.ts'
import { aMachine, aSnapshot, lineOf, minute, now, second, someJobs, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'

const decided = (over: SnapshotOver, settings: Partial<PoolSettings> = {}) => decide(aSnapshot(over), someSettings(settings), now)
const steps = (over: SnapshotOver, settings?: Partial<PoolSettings>) => decided(over, settings).steps.map(({ action }) => lineOf(action))
const reasons = (over: SnapshotOver, settings?: Partial<PoolSettings>) => decided(over, settings).reasons
const one = (over: MachineOver, more: SnapshotOver = {}): SnapshotOver => ({ ...more, machines: someMachines(over) })
const byAda = (force: boolean, order: 'delete' | 'reimage' = 'delete') => ({ asked: { order, by: 'Ada', force } })

describe('when to look again', () => {
  const { afterStep, active, quiet } = paceMs
  test.each<[string, number, SnapshotOver, Partial<PoolSettings>]>([
    ['nothing moves', quiet, one({ stage: 'idle' }, { lowestSurplus: 0 }), {}],
    ['a job runs', active, { jobs: someJobs(1, { agentId: 101 }), machines: someMachines({ stage: 'busy' }) }, {}],
    ['a machine comes', active, one({ stage: 'starting' }), {}],
    ['a step is taken', afterStep, { jobs: someJobs(1) }, {}],
    ['a list is too old', afterStep, { jobs: someJobs(1), ageMs: { machines: 2 * minute } }, {}],
    ['a part is unknown', quiet, { unknown: ['jobs'] }, {}],
    ['it is paused, whatever moves', quiet, { jobs: someJobs(1), machines: someMachines({ stage: 'starting' }) }, { paused: true }],
    ['it is paused, and a step is taken', quiet, { scaleSet: { claimRefreshedAt: 0 } }, { paused: true }],
  ])('%s: %i ms', (_when, ms, over, settings) => expect(decided(over, settings).lookAgainInMs).toBe(ms))

  test.each<[boolean, SnapshotOver]>([
    [false, {}],
    [false, { unknown: ['jobs', 'machines'] }],
    [true, { jobs: someJobs(1) }],
    [true, { asked: 1 }],
    [true, { machines: someMachines({ stage: 'idle' }, { stage: 'deleting' }) }],
    ...(['idle', 'saved', 'foreign'] as const).map((stage): [boolean, SnapshotOver] => [false, one({ stage })]),
  ])('active is %s: %j', (expected, over) => expect(isActive(aSnapshot(over))).toBe(expected))
})

describe('while nothing may be changed', () => {
  test('what is there is wanted, though it is above the maximum', () =>
    expect(decided({ machines: someMachines({ stage: 'idle' }, { stage: 'idle' }) }, { paused: true, machinesMax: 1 }).wanted).toBe(2))

  test('a paused pool keeps its claim and touches nothing else', () => {
    expect(steps({ scaleSet: { claimRefreshedAt: 0, extension: 'outdated' } }, { paused: true })).toEqual(['refresh-claim'])
    expect(steps({ scaleSet: { claim: 'free' } }, { paused: true })).toEqual([])
  })

  test('whoever has the scale set is named, if the tag does', () => {
    expect(reasons({ scaleSet: { claim: 'free' } })).toStrictEqual([{ code: 'not-ours', claim: 'free' }])
    expect(reasons({ scaleSet: { claim: 'other', claimedBy: 'you/3' } })).toStrictEqual([{ code: 'not-ours', claim: 'other', by: 'you/3' }])
  })

  test('a pool whose scale set is another’s ends only on lists that are whole and fresh', () => {
    const over: SnapshotOver = { scaleSet: { claim: 'other' }, ageMs: { machines: ageMsMax.removal + 1 } }
    expect(decided(over, { deleting: true })).toMatchObject({
      steps: [],
      reasons: [{ code: 'too-old', part: 'machines', stops: 'removal' }],
    })
    expect(decided({ ...over, ageMs: {} }, { deleting: true })).toMatchObject({
      steps: [{ action: { kind: 'delete-pool' } }],
      reasons: [{ code: 'not-ours' }],
    })
  })
})

describe('how old a list may be', () => {
  const grows = (part: 'agents' | 'scaleSet', ms: number) => steps({ jobs: someJobs(1), ageMs: { [part]: ms } }).includes('grow 1')
  test('for growth 45 s, and the scale set itself any age: it is read again before each change', () =>
    expect([grows('agents', 45 * second), grows('agents', 45 * second + 1), grows('scaleSet', 600 * second)]).toEqual([true, false, true]))
})

describe('updates of the scale set', () => {
  const used: MachineOver = { stage: 'unregistered', cause: 'used', next: 'reimage' }
  const due = { scaleSet: { claimRefreshedAt: now - 4 * minute } } as const
  const tornDown = { tearDownAfterUse: true } as const
  const sent = (times: number) => ({ recentUpdates: Array.from({ length: times }, () => now) })

  test.each<[string, readonly string[], SnapshotOver]>([
    ['growth, a reimage and the claim', ['grow 1', 'reimage m1', 'refresh-claim'], { jobs: someJobs(2), ...sent(0) }],
    ['growth and a reimage, and one is kept', ['grow 1', 'reimage m1'], { jobs: someJobs(2), ...sent(1) }],
    ['a reimage, and one is kept', ['reimage m1'], sent(2)],
  ])('%s', (_what, expected, over) => expect(steps({ ...one(used), ...due, peakDemand: 1, ...over }, tornDown)).toEqual(expected))

  test('a delete is none', () =>
    expect(steps({ ...one({ stage: 'unregistered' }), ...due, ...sent(2) }, tornDown)).toEqual(['delete m1', 'refresh-claim']))

  test('a reimage that has to wait for one says so, unless Azure is busy anyway', () => {
    const waits: SnapshotOver = { ...one(used), peakDemand: 1, ...sent(3) }
    const codes = (over: SnapshotOver) => reasons({ ...waits, ...over }, tornDown).map(({ code }) => code)
    expect(codes({})).toEqual(['enough', 'update-rate'])
    expect(codes({ azureBusyAt: now })).toEqual(['enough', 'azure-busy'])
    expect([codes(sent(2)), codes(one({ stage: 'unregistered' }))]).toEqual([['enough'], ['enough']])
  })
})

describe('machines that Azure owes', () => {
  const owes = (machinesMax: number) => steps({ ...one({ stage: 'idle' }), owed: 1 }, { machinesMax })
  test('are asked for again up to the maximum', () => expect([owes(2), owes(1)]).toEqual([['ask-again 1'], []]))
})

describe('a drained machine is taken back', () => {
  const back = (over: Partial<MachineOver>, settings?: Partial<PoolSettings>) =>
    steps({ jobs: someJobs(1), ...one({ stage: 'draining', ...over }) }, settings).includes('restore m1')
  test.each<[boolean, Partial<MachineOver>, Partial<PoolSettings>]>([
    [true, {}, {}],
    [true, { warm: true }, {}],
    [true, {}, { tearDownAfterUse: true }],
    [false, { warm: true }, { tearDownAfterUse: true }],
    [false, { cause: 'disabled-by-person' }, {}],
    [false, { requestId: 5 }, {}],
    [false, byAda(false), {}],
    [false, { agent: { online: false } }, {}],
  ])('%s: %j with %j', (expected, over, settings) => expect(back(over, settings)).toBe(expected))
})

describe('who leaves', () => {
  test.each<[string, readonly string[], SnapshotOver, Partial<PoolSettings>]>([
    ['a protected one stays', [], one({ stage: 'disabled', protected: true }), {}],
    ['unless it is forced', ['delete m1 (forced)'], one({ stage: 'disabled', protected: true, ...byAda(true) }), {}],
    [
      'a busy one is drained all the same',
      ['drain m1 asked-by-person → delete'],
      one({ stage: 'busy', protected: true, ...byAda(false) }),
      {},
    ],
    ['one that may still come is waited for', [], one({ stage: 'starting', ...byAda(false) }), {}],
    ['also when the pool is deleted', [], one({ stage: 'starting' }), { deleting: true }],
    ['unless it is forced', ['delete m1 (forced)'], one({ stage: 'starting', ...byAda(true) }), {}],
    ['or of an older model', ['delete m1'], one({ stage: 'starting', oldModel: true, ...byAda(false) }), {}],
    ['a used one leaves without tear-down, too', ['unregister m1 used → delete'], one({ stage: 'used' }), {}],
    ['a used one above the peak is deleted', ['unregister m1 used → delete'], one({ stage: 'used' }), { tearDownAfterUse: true }],
    ['a person’s reimage stays one', ['reimage m1'], one({ stage: 'unregistered', cause: 'asked-by-person', next: 'reimage' }), {}],
    ['an idle one stays', [], one({ stage: 'idle' }), {}],
    [
      'a saved one with an order leaves, and is not saved again',
      ['drain m1 asked-by-person → delete'],
      one({ stage: 'saved', agent: { online: true, enabled: true }, ...byAda(false) }),
      {},
    ],
  ])('%s', (_what, expected, over, settings) => expect(steps(over, settings)).toEqual(expected))

  test('whatever the stage, at most once', () => {
    const stages: readonly Stage[] = ['used', 'disabled', 'offline', 'failed', 'saved']
    for (const stage of stages) {
      const machine = aMachine({ stage, ...byAda(false) })
      const named = steps({ machines: [machine], lowestSurplus: 5 }, { deleting: true }).filter((line) => line.includes('m1'))
      expect([stage, named.length]).toEqual([stage, 1])
    }
  })
})

test('a deleted pool that asked for machines still tells what it waits for', () => {
  const codes = (over: SnapshotOver) => reasons(over, { deleting: true }).map(({ code }) => code)
  expect([codes({ asked: 1 }), codes({ owed: 1, owedSince: now }), codes({})]).toEqual([['enough'], ['owed'], []])
})

test('nothing is added before our extension is in the model, and the reason names it', () => {
  const { steps: taken, reasons: told } = decided({ jobs: someJobs(1), scaleSet: { extension: 'absent' } })
  expect(taken.map(({ action }) => action.kind)).toEqual(['put-extension'])
  expect(told.at(-1)).toEqual({ code: 'upkeep', what: 'put-extension' })
})
