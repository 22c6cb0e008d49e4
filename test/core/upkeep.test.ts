import { decide } from '../../backend/core/decide.ts'
import { missingActions, neededActions } from '../../backend/core/permissions.ts'
import { aScaleSet, aSnapshot, lineOf, minute, now, placeholder, someJobs, someMachines, someSettings } from '../support/build.ts'
import type { SnapshotOver } from '../support/build.ts'

const steps = (over: SnapshotOver, settings = {}): readonly string[] =>
  decide(aSnapshot(over), someSettings(settings), now).steps.map(({ action }) => lineOf(action))

describe('the scale set is kept', () => {
  test.each<[string, SnapshotOver, readonly string[]]>([
    ['nothing is due', {}, []],
    ['the claim is three minutes old', { scaleSet: { claimRefreshedAt: now - 3 * minute } }, ['refresh-claim']],
    ['the extension is an older one', { scaleSet: { extension: 'outdated' } }, ['put-extension']],
    [
      'both, and of two updates one is kept for growth',
      { scaleSet: { extension: 'outdated', claimRefreshedAt: now - 4 * minute }, recentUpdates: [now, now] },
      ['put-extension'],
    ],
    ['the last update is kept for growth', { scaleSet: { claimRefreshedAt: now - 4 * minute }, recentUpdates: [now, now, now] }, []],
    [
      'the claim is five minutes old, of growth, too',
      { scaleSet: { claimRefreshedAt: now - 5 * minute }, recentUpdates: [now, now, now] },
      ['refresh-claim'],
    ],
    ['no update is left', { scaleSet: { claimRefreshedAt: 0 }, recentUpdates: [now, now, now, now] }, []],
    ['no update is left for a claim', { scaleSet: { claim: 'free' }, recentUpdates: [now, now, now, now] }, []],
  ])('%s', (_when, over, expected) => expect(steps(over)).toEqual(expected))
})

describe('the placeholder', () => {
  test.each<[string, SnapshotOver, readonly string[]]>([
    [
      'is not added before anything is known of it',
      { capabilities: null, placeholder: null, others: [{ id: 1, name: 'other', online: true, enabled: true, busy: false }] },
      [],
    ],
    ['is not judged while the agents are unknown', { unknown: ['agents'], placeholder: null }, []],
    [
      'loses a capability that is not declared any more',
      { placeholder: { ...placeholder, capabilities: { ...placeholder.capabilities, docker: '24' } } },
      ['update-placeholder'],
    ],
    ['takes over another value', { capabilities: { 'Agent.OS': 'Windows_NT' } }, ['update-placeholder']],
    ['stays as it is without a newer version', { newestVersion: placeholder.version }, []],
  ])('%s', (_what, over, expected) => expect(steps(over)).toEqual(expected))
})

describe('the last steps of a pool that is deleted', () => {
  test.each<[string, SnapshotOver]>([
    ['a machine is left', { machines: someMachines({ stage: 'deleting' }) }],
    ['one is still to come', { asked: 1 }],
    ['the machines are unknown', { unknown: ['machines'] }],
    ['the jobs are unknown', { unknown: ['jobs'] }],
  ])('wait while %s', (_what, over) => expect(steps(over, { deleting: true })).toEqual([]))

  test('are asked for again when their end was not written down, though nothing of the pool can be read', () =>
    expect(steps({ unknown: ['jobs', 'agents'], deletionUnfinished: true }, { deleting: true })).toEqual(['delete-pool']))
})

describe('the reason of each step', () => {
  const told = (over: SnapshotOver, settings = {}) => decide(aSnapshot(over), someSettings(settings), now).steps.map(({ reason }) => reason)
  test.each<[string, SnapshotOver, object]>([
    ['claim', { scaleSet: { claim: 'free' } }, {}],
    ['put-extension', { scaleSet: { extension: 'outdated' } }, {}],
    ['release', {}, { deleting: true }],
    ['release', { scaleSet: { extension: 'absent' } }, { deleting: true }],
    ['delete-pool', { scaleSet: { claim: 'free' } }, { deleting: true }],
  ])('%s', (what, over, settings) => expect(told(over, settings)).toEqual([{ code: 'upkeep', what }]))

  test('of the placeholder, which follows a value of several that differs', () => {
    const capabilities = { 'Agent.OS': 'Linux', docker: '24' }
    const held = { ...placeholder, capabilities: { ...capabilities, docker: '23' } }
    expect([told({ placeholder: null }), told({ capabilities, placeholder: held }), told({ newestVersion: '4.260.0' })]).toEqual([
      [{ code: 'placeholder', what: 'add' }],
      [{ code: 'placeholder', what: 'capabilities' }],
      [{ code: 'placeholder', what: 'version' }],
    ])
  })
})

describe('machines that Azure owes a pool that is deleted', () => {
  const last = (over: SnapshotOver) => steps(over, { deleting: true })
  test('are waited for half an hour, and not when there are none', () => {
    const since = (ms: number) => last({ owed: 1, owedSince: now - ms })
    expect([since(30 * minute - 1), since(30 * minute), last({ owed: 1 }), last({ owedSince: now })]).toEqual([
      [],
      ...Array<string[]>(3).fill(['release extension']),
    ])
  })
})

test('an orphan is removed five minutes after its machine went', () => {
  const gone = (ms: number) => steps({ orphans: [{ id: 900, name: 'gone', online: false, enabled: true, since: now - ms }] })
  expect([gone(5 * minute - 1), gone(5 * minute)]).toEqual([[], ['unregister-orphan gone']])
})

test('a claim whose age is not known is renewed, and leaves nothing to growth before', () => {
  const { claimRefreshedAt: _, ...scaleSet } = aScaleSet()
  const snapshot = {
    ...aSnapshot({ jobs: someJobs(1), recentUpdates: [now, now, now] }),
    scaleSet: { known: true, value: scaleSet, at: now },
  } as const
  expect(decide(snapshot, someSettings(), now).steps.map(({ action }) => lineOf(action))).toEqual(['refresh-claim'])
})

test('an extension to put is not behind growth either', () =>
  expect(steps({ jobs: someJobs(1), scaleSet: { extension: 'outdated' }, recentUpdates: [now, now, now] })).toEqual(['put-extension']))

test('an orphan with a job is left alone', () =>
  expect(steps({ orphans: [{ id: 900, name: 'gone', online: false, enabled: true, since: now - 60 * minute, requestId: 4 }] })).toEqual([]))

describe('a right is granted', () => {
  const grants = (action: string, ...actions: readonly string[]): boolean =>
    missingActions([action], [{ actions, notActions: [] }]).length === 0
  test.each([
    ['A/b/read', 'A/b/read', true],
    ['A/b/read', 'a/B/READ', true],
    ['A/b/read', '*', true],
    ['A/b/read', 'A/*', true],
    ['A/b/read', '*/read', true],
    ['A/b/c/read', 'A/*/c/*', true],
    ['A/b/c/read', 'A/*/x/*', false],
    ['A/b/read', 'B/*', false],
    ['A/b/read', 'A/b', false],
    ['A/read', 'A/*ead/*read', false],
  ])('%s by %s: %s', (action, pattern, granted) => expect(grants(action, pattern)).toBe(granted))
  test('unless the same permission takes it out again', () => {
    const permission = { actions: ['*'], notActions: ['Microsoft.Compute/*/delete/action'] }
    expect(missingActions(neededActions, [permission])).toEqual(['Microsoft.Compute/virtualMachineScaleSets/delete/action'])
    expect(missingActions(neededActions, [permission, { actions: ['*'], notActions: [] }])).toEqual([])
  })
})
