import { planHealth, unhealthyBecause, unhealthyMax } from '../../backend/core/health.ts'
import type { CompleteSnapshot } from '../../backend/core/snapshot.ts'
import { aMachine, aSnapshot, minute, now, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'

const settings = someSettings({ savedMax: 0, startMinutesMax: 10 })
const cause = (over: MachineOver): string | undefined => {
  const found = unhealthyBecause(aMachine(over), settings, now)
  return found === undefined ? undefined : `${found.cause}${found.savable ? ', savable' : ''}`
}
const plan = (machines: readonly MachineOver[], over = {}, seen: SnapshotOver = {}) => {
  const { save, remove, reasons } = planHealth(
    aSnapshot({ ...seen, machines: someMachines(...machines) }) as CompleteSnapshot,
    { ...settings, ...over },
    now,
  )
  return {
    save: save.map(({ machine }) => machine.name),
    remove: remove.map(({ machine }) => machine.name),
    reasons: reasons.map(({ code }) => code),
  }
}
const many = (count: number, over: MachineOver): readonly MachineOver[] => Array.from({ length: count }, () => over)

describe('a machine is unhealthy', () => {
  test.each<[string, MachineOver, string]>([
    ['created for 30 minutes', { stage: 'creating', forMs: 30 * minute }, 'creation-failed'],
    ['its agent not online in time', { stage: 'starting', forMs: 10 * minute }, 'failed-to-start, savable'],
    [
      'its agent not back in time after a reimage',
      { stage: 'starting', after: 'reimage', forMs: 10 * minute },
      'failed-to-restart, savable',
    ],
    ['reimaged for 30 minutes', { stage: 'reimaging', forMs: 30 * minute }, 'failed-to-restart'],
    ['failed before our extension ran', { stage: 'failed', forMs: 0 }, 'creation-failed'],
    ['its agent extension failed', { stage: 'failed', cause: 'extension-failed', forMs: 0 }, 'extension-failed, savable'],
    ['stopped for 5 minutes', { stage: 'failed', cause: 'stopped', forMs: 5 * minute }, 'stopped'],
    ['offline for 5 minutes', { stage: 'offline', forMs: 5 * minute }, 'went-offline'],
  ])('%s', (_what, over, expected) => expect(cause(over)).toBe(expected))
})

test('what failed before our extension is savable where the pool says so', () => {
  const failed = aMachine({ stage: 'failed', forMs: 0 })
  expect(unhealthyBecause(failed, { ...settings, saveCreationFailed: true }, now)).toMatchObject({
    cause: 'creation-failed',
    savable: true,
  })
  expect(
    unhealthyBecause(aMachine({ stage: 'failed', cause: 'stopped', forMs: 9 * minute }), { ...settings, saveCreationFailed: true }, now),
  ).toMatchObject({
    savable: false,
  })
})

test.each<[string, MachineOver, Partial<typeof settings>, string]>([
  ['nothing was heard', {} as MachineOver, {}, 'its agent was not online within 10 minutes and nothing was heard of it'],
  [
    'something was heard',
    { phase: 'user' } as MachineOver,
    {},
    'its agent was not online within 10 minutes, the last that it reported was user',
  ],
  ['nothing could be heard', {} as MachineOver, { tokenInModel: true }, 'its agent was not online within 10 minutes'],
])('an agent that is late tells whether %s', (_what, over, more, detail) =>
  expect(unhealthyBecause(aMachine({ ...over, stage: 'starting', forMs: 10 * minute }), { ...settings, ...more }, now)?.detail).toBe(
    detail,
  ),
)

test.each<[MachineOver, string]>([
  [{ stage: 'creating', forMs: 30 * minute }, 'Azure did not finish creating it'],
  [{ stage: 'reimaging', forMs: 30 * minute }, 'the reimage did not end'],
  [{ stage: 'offline', forMs: 5 * minute }, 'its agent went offline'],
])('%j: %s', (over, detail) => expect(unhealthyBecause(aMachine(over), settings, now)?.detail).toBe(detail))

test('a failed boot is named with its phase', () =>
  expect(
    unhealthyBecause(aMachine({ stage: 'failed', cause: 'extension-failed', code: 'proxy', phase: 'package' }), settings, now)?.detail,
  ).toBe('proxy in package'))

describe('a machine is not unhealthy', () => {
  test.each<[string, MachineOver]>([
    ['while it may still be created', { stage: 'creating', forMs: 30 * minute - 1 }],
    ['while its agent may still come', { stage: 'starting', forMs: 10 * minute - 1 }],
    ['while its reimage may still end', { stage: 'reimaging', forMs: 30 * minute - 1 }],
    ['offline within the grace time', { stage: 'offline', forMs: 5 * minute - 1 }],
    ['offline with a job that Azure DevOps counts', { stage: 'offline', forMs: 60 * minute, requestId: 3 }],
    ['failed with a job that Azure DevOps counts', { stage: 'failed', agent: { online: false }, requestId: 3 }],
    ['stopped within the grace time', { stage: 'failed', cause: 'stopped', forMs: 5 * minute - 1 }],
    ['with an order of a person', { stage: 'offline', forMs: 60 * minute, asked: { order: 'delete', by: 'Ada', force: false } }],
    ['while it leaves, however long that takes', { stage: 'deleting', forMs: 600 * minute }],
    ['out of the pool', { stage: 'unregistered', forMs: 600 * minute }],
    ['busy', { stage: 'busy', forMs: 600 * minute }],
  ])('%s', (_what, over) => expect(cause(over)).toBeUndefined())
})

describe('saving', () => {
  const late: MachineOver = { stage: 'starting', forMs: 11 * minute }
  test('takes savable ones up to the number set', () =>
    expect(plan([late, { stage: 'failed' }, late], { savedMax: 1 })).toEqual({
      save: ['m1'],
      remove: ['m2'],
      reasons: ['unhealthy-budget'],
    }))
  test('counts what is saved already', () =>
    expect(plan([{ stage: 'saved' }, late], { savedMax: 1 })).toMatchObject({ save: [], remove: ['m2'] }))
  test('does not happen while the pool is deleted', () =>
    expect(plan([late], { savedMax: 1, deleting: true })).toMatchObject({ save: [], remove: ['m1'] }))
})

describe('S8', () => {
  test.each([
    [0, 1],
    [9, 1],
    [19, 1],
    [20, 2],
    [100, 10],
  ])('of %i machines at most %i are removed in a pass', (machines, allowed) => {
    const pool = [...many(machines, { stage: 'idle' }), ...many(5, { stage: 'deleting' }), ...many(9, { stage: 'foreign' })].map(
      (machine) => aMachine(machine),
    )
    expect(unhealthyMax(pool)).toBe(allowed)
  })

  test('one that Azure refuses to touch takes nobody’s turn', () =>
    expect(plan([{ stage: 'failed', protected: true }, { stage: 'failed' }])).toEqual({ save: [], remove: ['m2'], reasons: [] }))

  test('one whose agent is still registered goes first, because its machine goes a pass later', () =>
    expect(
      plan([{ stage: 'creating', forMs: 31 * minute }, { stage: 'failed' }, { stage: 'failed', agent: { online: false } }]).remove,
    ).toEqual(['m3']))

  test('the others wait and it is said', () =>
    expect(plan(many(3, { stage: 'failed' }))).toEqual({ save: [], remove: ['m1'], reasons: ['unhealthy-budget'] }))
})

describe('a mass failure', () => {
  const lost = (forMin: number): MachineOver => ({ stage: 'offline', forMs: forMin * minute })
  test('of three or more, and more than three in ten, holds their removal', () =>
    expect(plan([...many(3, lost(6)), ...many(5, { stage: 'busy' })])).toEqual({ save: [], remove: [], reasons: ['mass-failure'] }))
  test('is none with three in ten', () =>
    expect(plan([...many(3, lost(6)), ...many(7, { stage: 'busy' })]).reasons).toEqual(['unhealthy-budget']))
  test('is none with two', () => expect(plan(many(2, lost(6))).reasons).toEqual(['unhealthy-budget']))
  test('does not hold other causes', () => expect(plan([...many(3, lost(6)), { stage: 'failed' }]).remove).toEqual(['m4']))
  test('counts stopped machines', () =>
    expect(plan(many(3, { stage: 'failed', cause: 'stopped', forMs: 6 * minute })).reasons).toEqual(['mass-failure']))
  test.each([
    ['went-offline', ['mass-failure']],
    ['stopped', ['mass-failure']],
    ['used', ['unhealthy-budget']],
  ])('counts those that are on their way out: %s', (cause, reasons) => {
    const busy = many(5, { stage: 'busy' })
    for (const stage of ['draining', 'unregistered'] as const)
      expect(
        plan([...many(2, lost(6)), { stage, cause, agent: stage === 'draining' ? { online: false } : null }, ...busy]).reasons,
      ).toEqual(reasons)
  })
  test('does not end because other machines come meanwhile', () => {
    const grown = [...many(3, lost(6)), ...many(20, { stage: 'idle' })]
    expect(plan(grown, {}, { massFailureAt: now - 30 * minute + 1 })).toMatchObject({ remove: [], reasons: ['mass-failure'] })
    expect(plan(grown, {}, { massFailureAt: now - 30 * minute })).toMatchObject({ remove: ['m1', 'm2'], reasons: ['unhealthy-budget'] })
  })
  test('ends after half an hour for each machine', () => {
    expect(plan([...many(3, lost(6)), lost(31)])).toEqual({ save: [], remove: ['m4'], reasons: ['mass-failure'] })
    expect(plan(many(4, lost(30)))).toEqual({ save: [], remove: ['m1'], reasons: ['unhealthy-budget'] })
  })
})
