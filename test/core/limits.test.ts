import { backOffUntil, grantGrowth, totalMachines, updateRateReason, updatesLeft } from '../../backend/core/limits.ts'
import { aSnapshot, hour, minute, now, second, someMachines, someSettings } from '../support/build.ts'
import type { SnapshotOver } from '../support/build.ts'

const grant = (over: SnapshotOver, need = 5, machinesMax = 10) => grantGrowth(aSnapshot(over), someSettings({ machinesMax }), need, 0, now)
const quota = { kind: 'quota', machines: 3, detail: '6 cores are free.' } as const
const subnet = { kind: 'subnet', machines: 2, detail: '2 addresses are free.' } as const

describe('growth is granted', () => {
  test('whole when nothing limits it', () => expect(grant({})).toEqual({ by: 5, reasons: [] }))
  test('never for no need', () => expect(grant({ scaleSet: { blockers: ['x'] } }, 0)).toEqual({ by: 0, reasons: [] }))

  test('up to the maximum', () =>
    expect(grant({ machines: someMachines({ stage: 'idle' }) }, 5, 4)).toEqual({
      by: 3,
      reasons: [{ code: 'maximum', machinesMax: 4, total: 1, needed: 5, granted: 3 }],
    }))

  test('never below 0 when a person lowered the maximum', () =>
    expect(grant({ scaleSet: { capacity: 9 } }, 1, 2)).toMatchObject({ by: 0, reasons: [{ total: 9, granted: 0 }] }))

  test('up to the room, without what was asked for since', () =>
    expect(grant({ rooms: [quota], asked: 2 })).toMatchObject({ by: 1, reasons: [{ kind: 'quota', needed: 5, granted: 1 }] }))

  test('up to the tightest limit, which alone is named', () =>
    expect(grant({ rooms: [quota, subnet] }, 9, 8)).toMatchObject({ by: 2, reasons: [{ kind: 'subnet' }] }))

  test('not while a finding stops it', () =>
    expect(grant({ scaleSet: { blockers: ['A.', 'B.'] } })).toEqual({ by: 0, reasons: [{ code: 'scale-set-blocked', finding: 'A.' }] }))

  test('without a finding while the scale set is unknown', () => expect(grant({ unknown: ['scaleSet'] }).by).toBe(5))

  test('up to four updates a minute', () => {
    const ago = (...seconds: readonly number[]) => seconds.map((each) => now - each * second)
    expect(grant({ recentUpdates: ago(60, 50, 30, 10) }).by).toBe(5)
    expect(grant({ recentUpdates: ago(59, 50, 30, 10) })).toEqual({
      by: 0,
      reasons: [{ code: 'update-rate', sent: 4, freeAt: now + second }],
    })
    expect(updatesLeft(aSnapshot({ recentUpdates: ago(9, 8, 7, 6, 5) }), now)).toBe(0)
    expect(updateRateReason(aSnapshot(), now)).toEqual({ code: 'update-rate', sent: 0, freeAt: now + minute })
  })
})

test('after failures in a row it waits 1, 2, 4 … minutes, half an hour at most', () => {
  const waits = [1, 2, 3, 6, 20].map((times) => (backOffUntil({ code: 'x', message: '', times, lastAt: now }) - now) / minute)
  expect(waits).toEqual([1, 2, 4, 30, 30])
  const trouble = { code: 'AllocationFailed', message: 'none free', times: 1, lastAt: now - minute + 1 }
  expect(grant({ growthTrouble: trouble })).toMatchObject({ by: 0, reasons: [{ code: 'backing-off', freeAt: now + 1 }] })
  expect(grant({ growthTrouble: { ...trouble, lastAt: now - minute } }).by).toBe(5)
})

describe('while machines fail to start', () => {
  const paused = (tryAt: number) =>
    ({ cause: 'proxy', times: 3, lastAt: now - hour, paused: { since: now - hour, tries: 0, tryAt } }) as const
  const found = (over: SnapshotOver, need = 5) => {
    const { by, reasons } = grant(over, need)
    return [by, ...reasons.map((reason) => ('coming' in reason ? `${reason.code}, ${reason.coming} coming` : reason.code))]
  }
  test.each<[string, SnapshotOver, readonly unknown[]]>([
    ['two in a row change nothing', { bootTrouble: { cause: 'proxy', times: 2, lastAt: now } }, [5]],
    ['growth pauses', { bootTrouble: paused(now + 1) }, [0, 'boot-trouble, 0 coming']],
    [
      'one is tried when it is time',
      { bootTrouble: paused(now), machines: someMachines({ stage: 'idle' }) },
      [1, 'boot-trouble, 0 coming'],
    ],
    ['never beside another', { bootTrouble: paused(now), asked: 1 }, [0, 'boot-trouble, 1 coming']],
    [
      'nor beside one that an old list leaves out',
      { bootTrouble: paused(now), machines: someMachines({ stage: 'unclear' }) },
      [0, 'boot-trouble, 1 coming'],
    ],
    ['with the machines unknown as with none', { bootTrouble: paused(now), unknown: ['machines'] }, [1, 'boot-trouble, 0 coming']],
    ['a tighter limit is named instead', { bootTrouble: paused(now), rooms: [{ ...quota, machines: 0 }] }, [0, 'room']],
  ])('%s', (_what, over, expected) => expect(found(over)).toEqual(expected))

  test('a need of one is met by the try', () => expect(found({ bootTrouble: paused(now) }, 1)).toEqual([1]))
})

test.each<[string, SnapshotOver, number]>([
  ['the listed ones', { machines: someMachines({ stage: 'idle' }, { stage: 'saved' }) }, 2],
  ['those asked for', { machines: someMachines({ stage: 'idle' }), asked: 3 }, 4],
  ['those owed, once', { machines: someMachines({ stage: 'idle' }), asked: 2, owed: 2 }, 3],
  ['a capacity above the list', { scaleSet: { capacity: 6 } }, 6],
  ['deleting ones beside the capacity', { machines: someMachines({ stage: 'deleting' }), scaleSet: { capacity: 6 } }, 7],
  ['what is known', { unknown: ['machines', 'scaleSet'], asked: 2 }, 2],
])('all machines are %s', (_what, over, total) => expect(totalMachines(aSnapshot(over))).toBe(total))
