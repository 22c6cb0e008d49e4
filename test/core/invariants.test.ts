import type { Action, MachineRef } from '../../backend/core/decision.ts'
import { breachOf, namedMachines } from '../../backend/core/invariants.ts'
import type { LeaveCause } from '../../backend/core/snapshot.ts'
import { aMachine, aSnapshot, now, second, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'

const ref = (n = 1): MachineRef => ({ id: String(n), name: `m${n}`, generation: 1 })
const breach = (action: Action, over: SnapshotOver = {}, settings = {}): string | undefined =>
  breachOf({ action, reason: { code: 'paused' } }, aSnapshot(over), someSettings(settings), now)?.invariant
const on = (...machines: readonly MachineOver[]): SnapshotOver => ({ machines: someMachines(...machines) })
const grow = (by: number): Action => ({ kind: 'grow', by, machinesMax: 10 })
const remove = (kind: 'delete' | 'reimage', count = 1, cause: LeaveCause = 'surplus'): Action => ({
  kind,
  machines: Array.from({ length: count }, (_each, index) => ({ ...ref(index + 1), cause })),
})
const unregister: Action = { kind: 'unregister', machine: ref(), agentId: 101, cause: 'surplus', next: 'delete' }
const drain: Action = { kind: 'drain', machine: ref(), agentId: 101, cause: 'surplus', next: 'delete' }
const restore: Action = { kind: 'restore', machine: ref(), agentId: 101 }
const save: Action = { kind: 'save', machine: ref(), cause: 'failed-to-start' }
const orphan: Action = { kind: 'unregister-orphan', agentId: 5, name: 'gone' }

test('S12: a paused pool keeps its claim', () => expect(breach({ kind: 'refresh-claim' }, {}, { paused: true })).toBeUndefined())
describe('S12: a paused pool is not changed otherwise', () =>
  test.each([grow(1), drain, { kind: 'claim' } as const])('$kind', (action) => expect(breach(action, {}, { paused: true })).toBe('S12')))

describe('S3: only what is ours is touched', () => {
  test.each<[Action, string | undefined]>([
    [{ kind: 'claim' }, undefined],
    [{ kind: 'delete-pool' }, 'S3'],
    [orphan, 'S3'],
    [grow(1), 'S3'],
    [{ kind: 'put-extension' }, 'S3'],
  ])('on a free scale set: %j', (action, invariant) => expect(breach(action, { scaleSet: { claim: 'free' } })).toBe(invariant))
  test.each(['other', 'built-in'] as const)('nothing on one of another (%s)', (claim) =>
    expect(breach({ kind: 'claim' }, { scaleSet: { claim } })).toBe('S3'),
  )
  test.each(['free', 'other', 'built-in'] as const)('a pool that is deleted ends in Azure DevOps alone (%s)', (claim) => {
    const actions: readonly Action[] = [drain, unregister, orphan, { kind: 'delete-pool' }, remove('delete'), { kind: 'refresh-claim' }]
    const over = { ...on({ stage: 'draining' }), scaleSet: { claim } }
    expect(actions.map((action) => breach(action, over, { deleting: true }))).toEqual([...Array(4).fill(undefined), 'S3', 'S3'])
  })
  test('no foreign machine', () => expect(breach(drain, on({ stage: 'foreign' }))).toBe('S3'))
})

describe('S6: unknown changes nothing', () => {
  test('without the scale set', () => expect(breach(grow(1), { unknown: ['scaleSet'] })).toBe('S6'))
  test.each(['machines', 'agents'] as const)('no growth without the %s', (part) => expect(breach(grow(1), { unknown: [part] })).toBe('S6'))
  test('no growth on an old list', () =>
    expect([45, 46].map((age) => breach(grow(1), { ageMs: { machines: age * second } }))).toEqual([undefined, 'S6']))
  test.each(['jobs', 'machines', 'agents'] as const)('no removal without the %s', (part) =>
    expect(breach(remove('delete'), { ...on({ stage: 'unregistered' }), unknown: [part] })).toBe('S6'),
  )
  test('no unclear machine', () => expect(breach(drain, on({ stage: 'unclear' }))).toBe('S6'))
})

describe('S2: growth ends at the maximum', () => {
  test.each<[string, number, SnapshotOver, string | undefined]>([
    ['to the maximum', 8, on({ stage: 'idle' }, { stage: 'busy' }), undefined],
    ['above it', 9, on({ stage: 'idle' }, { stage: 'busy' }), 'S2'],
    ['with what was asked for', 8, { ...on({ stage: 'idle' }), asked: 2 }, 'S2'],
    ['with what is being deleted beside the capacity', 6, { ...on({ stage: 'deleting' }), scaleSet: { capacity: 4 } }, 'S2'],
  ])('%s', (_what, by, over, invariant) => expect(breach(grow(by), over)).toBe(invariant))
  test('asking again for what is owed', () => {
    const again: Action = { kind: 'ask-again', owed: 2, machinesMax: 10 }
    expect([10, 11].map((capacity) => breach(again, { scaleSet: { capacity } }))).toEqual([undefined, 'S2'])
  })
})

describe('S7: capacity is only raised', () => test.each([-1, 0.5])('not by %d', (by) => expect(breach(grow(by))).toBe('S7')))

describe('S9: one effect, on the machine that was meant', () => {
  test('not on one that is gone', () => expect(breach(remove('delete', 2), on({ stage: 'unregistered' }))).toBe('S9'))
  test('not in another generation', () =>
    expect(breach(unregister, { machines: [aMachine({ stage: 'draining', generation: 2 })] })).toBe('S9'))
})

describe('S1: no machine with a job, or with an agent that could take one', () => {
  test.each<[Action, MachineOver, string | undefined]>([
    [remove('delete'), { stage: 'unregistered' }, undefined],
    [remove('delete'), { stage: 'idle' }, 'S1'],
    [remove('reimage'), { stage: 'used' }, 'S1'],
    [remove('delete'), { stage: 'busy' }, 'S1'],
    [unregister, { stage: 'draining' }, undefined],
    [unregister, { stage: 'draining', requestId: 3 }, 'S1'],
    [unregister, { stage: 'offline', requestId: 3 }, 'S1'],
    [drain, { stage: 'busy' }, undefined],
    [save, { stage: 'starting', agent: { online: false } }, undefined],
    [remove('delete'), { stage: 'busy', asked: { order: 'delete', by: 'Ada', force: true } }, undefined],
    [remove('delete'), { stage: 'busy', asked: { order: 'delete', by: 'Ada', force: false } }, 'S1'],
  ])('%j on %j', (action, machine, invariant) => expect(breach(action, on(machine))).toBe(invariant))
})

describe('S12: what a person saved or disabled stays as it is', () => {
  const saved: MachineOver = { stage: 'saved', agent: { online: false } }
  const asked: MachineOver = { ...saved, asked: { order: 'delete', by: 'Ada', force: false } }
  test('a saved machine is not removed', () =>
    expect([drain, unregister, remove('delete'), remove('reimage')].map((action) => breach(action, on(saved)))).toEqual([
      'S12',
      'S12',
      'S12',
      'S12',
    ]))
  test('but by order, with its pool, or saved again', () =>
    expect([breach(unregister, on(asked)), breach(unregister, on(saved), { deleting: true }), breach(save, on(saved))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]))
  test('an agent is restored only when we drained it as surplus', () => {
    expect(breach(restore, on({ stage: 'draining' }))).toBeUndefined()
    expect(breach(restore, on({ stage: 'disabled' }))).toBe('S12')
    expect(breach(restore, on({ stage: 'draining', cause: 'used' }))).toBe('S10')
    expect(breach(restore, on({ stage: 'unregistered' }))).toBe('S10')
    expect(breach(restore, on({ stage: 'draining' }), { tearDownAfterUse: true })).toBeUndefined()
    expect(breach(restore, on({ stage: 'draining', warm: true }))).toBeUndefined()
    expect(breach(restore, on({ stage: 'draining', warm: true }), { tearDownAfterUse: true })).toBe('S10')
  })
  test('and only when the agents were listed since', () => expect(breach(restore, on({ stage: 'draining', unseen: true }))).toBe('S10'))
})

describe('S8: few are removed for being unhealthy', () => {
  const gone = (count: number): SnapshotOver => on(...Array.from({ length: count }, () => ({ stage: 'unregistered' as const })))
  test('one in ten', () =>
    expect([breach(remove('delete', 2, 'went-offline'), gone(20)), breach(remove('delete', 3, 'went-offline'), gone(20))]).toEqual([
      undefined,
      'S8',
    ]))
  test.each(['deleting', 'foreign'] as const)('of those that are the pool’s: %s ones are not', (stage) => {
    const gone15 = someMachines(
      ...Array.from({ length: 20 }, (_each, index) => ({ stage: index < 15 ? ('unregistered' as const) : stage })),
    )
    expect(breach(remove('delete', 2, 'went-offline'), { machines: gone15 })).toBe('S8')
  })
  test('other causes do not count', () => expect(breach(remove('delete', 9, 'used'), gone(9))).toBeUndefined())
  test('a pool that is deleted loses all', () =>
    expect(breach(remove('delete', 9, 'stopped'), gone(9), { deleting: true })).toBeUndefined())
})

test('a breach says what is wrong', () => {
  const detail = (action: Action, over: SnapshotOver = {}, settings = {}): string | undefined =>
    breachOf({ action, reason: { code: 'paused' } }, aSnapshot(over), someSettings(settings), now)?.detail
  expect([
    detail(grow(1), {}, { paused: true }),
    detail(grow(1), { unknown: ['scaleSet'] }),
    detail(grow(1), { scaleSet: { claim: 'other' } }),
    detail(grow(1), { unknown: ['agents'] }),
    detail(grow(1), { ageMs: { machines: 46 * second } }),
    detail(grow(-1)),
    detail(grow(11)),
    detail(remove('delete'), { ...on({ stage: 'unregistered' }), unknown: ['jobs'] }),
    detail(remove('delete')),
    detail(drain, on({ stage: 'foreign' })),
    detail(drain, on({ stage: 'unclear' })),
    detail(drain, on({ stage: 'saved' })),
    detail(restore, on({ stage: 'draining', warm: true }), { tearDownAfterUse: true }),
    detail(restore, on({ stage: 'draining', unseen: true })),
    detail(restore, on({ stage: 'idle' })),
    detail(unregister, on({ stage: 'draining', requestId: 3 })),
    detail(remove('delete'), on({ stage: 'idle' })),
    detail(remove('delete', 2, 'stopped'), on({ stage: 'unregistered' }, { stage: 'unregistered' })),
  ]).toEqual([
    'the pool is paused',
    'the scale set could not be read',
    "the scale set's tag is other",
    'growth without a list of machines and agents',
    'growth on a list older than 45 s',
    'growth by -1',
    '11 machines would exceed the maximum of 10',
    'a removal on an incomplete picture',
    'm1 is not in this generation any more',
    'm1 is not ours',
    'm1 is unclear',
    'm1 is saved',
    'm1 has run its job',
    'the agents were not listed since m1 was disabled',
    'm1 was not drained as surplus',
    'm1 has job 3',
    'the agent of m1 is still registered',
    '2 unhealthy machines in one call, 1 allowed',
  ])
})

test('the machines of an action are those it names', () => {
  expect([drain, restore, unregister, save, remove('reimage', 2), grow(1), orphan].map((action) => namedMachines(action).length)).toEqual([
    1, 1, 1, 1, 2, 0, 0,
  ])
})
