import type { StayCause } from '../../backend/core/decision.ts'
import { surplusMachines, whyStays } from '../../backend/core/retire.ts'
import type { CompleteSnapshot } from '../../backend/core/snapshot.ts'
import { aMachine, aSnapshot, minute, now, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'

const complete = (over: SnapshotOver): CompleteSnapshot => aSnapshot(over) as CompleteSnapshot
const leaving = (machines: readonly MachineOver[], over: SnapshotOver = {}, standby = 0, waiting = 0): string =>
  surplusMachines(complete({ ...over, machines: someMachines(...machines) }), standby, waiting)
    .map(({ name }) => name)
    .join(' ')
const idle: MachineOver = { stage: 'idle' }

describe('ADR 0006: who leaves first', () => {
  test('an old model, then one without warm caches, then the longest idle', () => {
    const machines: MachineOver[] = [
      { stage: 'idle', warm: true, forMs: 90 * minute },
      { stage: 'idle', forMs: 10 * minute },
      { stage: 'idle', forMs: 20 * minute },
      { stage: 'idle', warm: true, oldModel: true, forMs: minute },
    ]
    expect(leaving(machines, { lowestSurplus: 4 })).toBe('m4 m3 m2 m1')
    expect(leaving(machines, { lowestSurplus: 2 })).toBe('m4 m3')
  })

  test('of equals the lowest instance id, by number', () =>
    expect(
      surplusMachines(complete({ lowestSurplus: 1, machines: [aMachine({ ...idle, n: 10 }), aMachine({ ...idle, n: 9 })] }), 0, 0)[0]?.name,
    ).toBe('m9'))
})

describe('how many leave', () => {
  test('none before the whole delay was watched', () => expect(leaving([idle, idle])).toBe(''))
  test('none while the lowest surplus was below 0', () => expect(leaving([idle, idle], { lowestSurplus: -1 })).toBe(''))
  test('no more than stand above standby and waiting jobs now', () =>
    expect(leaving([idle, idle, idle, idle], { lowestSurplus: 4 }, 1, 2)).toBe('m1'))
  test('no more than are ours, and other agents count as idle', () => {
    const others = [1, 2, 3].map((id) => ({ id, name: `other-${id}`, online: true, enabled: true, busy: false }))
    expect(leaving([idle], { lowestSurplus: 3, others }, 1)).toBe('m1')
  })
  test('only idle ones, and those without an order of their own', () => {
    const asked = { order: 'delete', by: 'Ada', force: false } as const
    expect(leaving([{ stage: 'busy', forMs: 60 * minute }, idle], { lowestSurplus: 2 })).toBe('m2')
    expect(leaving([{ ...idle, forMs: 60 * minute, asked }, idle, idle], { lowestSurplus: 3 })).toBe('m2 m3')
    expect(leaving([{ stage: 'busy', asked }, idle], { lowestSurplus: 1 })).toBe('m2')
  })
  test('an idle machine with an order leaves by it, and no other in its place', () => {
    const ordered: MachineOver = { stage: 'idle', asked: { order: 'delete', by: 'Ada', force: false } }
    expect(leaving([ordered, idle], { lowestSurplus: 2 }, 1)).toBe('')
  })
})

describe('why a machine stays', () => {
  const settings = someSettings()
  const why = (over: MachineOver, snapshot: SnapshotOver = {}, standby = 0): unknown => {
    const machine = aMachine(over)
    const { why: cause, untilMs, detail } = whyStays(complete({ ...snapshot, machines: [machine] }), settings, machine, standby)
    return [cause, untilMs === undefined ? detail : (untilMs - now) / minute]
  }
  test.each<[MachineOver, StayCause, string | number | undefined]>([
    [{ stage: 'busy', requestId: 5 }, 'busy', '5'],
    [{ stage: 'creating' }, 'starting', 29],
    [{ stage: 'starting' }, 'starting', 9],
    [{ stage: 'used' }, 'removal-elsewhere', undefined],
    [{ stage: 'unregistered' }, 'removal-elsewhere', undefined],
    [{ stage: 'draining' }, 'removal-elsewhere', undefined],
    [{ stage: 'draining', requestId: 5 }, 'waits-for-job', '5'],
    [{ stage: 'disabled' }, 'removal-elsewhere', undefined],
    [{ stage: 'disabled', requestId: 5 }, 'waits-for-job', '5'],
    [{ stage: 'offline' }, 'grace', 4],
    [{ stage: 'offline', requestId: 5 }, 'job-counted', '5'],
    [{ stage: 'failed' }, 'removal-elsewhere', undefined],
    [{ stage: 'failed', agent: { online: false }, requestId: 5 }, 'job-counted', '5'],
    [{ stage: 'failed', cause: 'stopped', agent: { online: false }, requestId: 5 }, 'job-counted', '5'],
    [{ stage: 'idle', protected: true }, 'protected', undefined],
    [{ stage: 'busy', protected: true, requestId: 5 }, 'busy', '5'],
    [{ stage: 'saved', protected: true }, 'saved', undefined],
    [{ stage: 'saved' }, 'saved', undefined],
    [{ stage: 'deleting' }, 'being-deleted', undefined],
    [{ stage: 'reimaging' }, 'being-reimaged', undefined],
    [{ stage: 'foreign' }, 'foreign', undefined],
    [{ stage: 'unclear', why: 'twice' }, 'unclear', 'twice'],
  ])('%j: %s', (over, cause, more) => expect(why(over)).toEqual([cause, more]))

  test('an idle one: for the standby, for the delay, or because others leave first', () => {
    expect(why(idle, {}, 1)).toEqual(['standby', undefined])
    expect(why(idle, {})).toEqual(['delay', undefined])
    expect(why(idle, { lowestSurplus: 0 })).toEqual(['delay', undefined])
    expect(why(idle, { lowestSurplus: 1 })).toEqual(['demand', undefined])
  })
})
