import { standbyAt } from '../../backend/core/schedule.ts'
import type { StandbyWindow } from '../../backend/core/settings.ts'
import { someSettings } from '../support/build.ts'

const everyDay = [0, 1, 2, 3, 4, 5, 6]
const at = (time: string, windows: readonly StandbyWindow[], timeZone = 'UTC', standby = 1): number =>
  standbyAt(someSettings({ standby, standbyWindows: windows, timeZone }), new Date(time).getTime())
const workDay: StandbyWindow = { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', standby: 5 }
const night: StandbyWindow = { days: [6], from: '22:00', to: '06:00', standby: 3 }

test('without windows the standby holds', () => expect(at('2026-01-05T09:00Z', [])).toBe(1))
test('a pool that is deleted keeps nothing idle', () => expect(standbyAt(someSettings({ standby: 4, deleting: true }), 0)).toBe(0))

test.each([
  ['2026-01-05T07:59Z', 1],
  ['2026-01-05T08:00Z', 5],
  ['2026-01-05T17:59Z', 5],
  ['2026-01-05T18:00Z', 1],
  ['2026-01-04T09:00Z', 1],
])('a window holds from its start until before its end, on its days: %s', (time, standby) => expect(at(time, [workDay])).toBe(standby))

test.each([
  ['2026-01-10T21:59Z', 1],
  ['2026-01-10T22:00Z', 3],
  ['2026-01-11T05:59Z', 3],
  ['2026-01-11T06:00Z', 1],
  ['2026-01-10T03:00Z', 1],
])('a window over midnight reaches into the next day, also from Saturday to Sunday: %s', (time, standby) =>
  expect(at(time, [night])).toBe(standby),
)

test('a window that ends when it starts lasts a day', () => {
  const day: StandbyWindow = { days: [3], from: '09:00', to: '09:00', standby: 4 }
  expect(['2026-01-07T08:59Z', '2026-01-07T09:00Z', '2026-01-08T08:59Z', '2026-01-08T09:00Z'].map((time) => at(time, [day]))).toEqual([
    1, 4, 4, 1,
  ])
})

test('of overlapping windows the highest wins, and a window may go below the standby', () => {
  const low: StandbyWindow = { days: everyDay, from: '00:00', to: '00:00', standby: 0 }
  expect(at('2026-01-05T09:00Z', [low, workDay])).toBe(5)
  expect(at('2026-01-05T20:00Z', [low, workDay])).toBe(0)
})

test.each([
  ['Asia/Kolkata', '2026-01-05T02:29Z', 1],
  ['Asia/Kolkata', '2026-01-05T02:30Z', 5],
  ['America/New_York', '2026-01-05T13:00Z', 5],
  ['Pacific/Auckland', '2026-01-04T19:00Z', 5],
])('windows are in the wall time of their zone: %s at %s', (zone, time, standby) => expect(at(time, [workDay], zone)).toBe(standby))

describe('when clocks change in Berlin', () => {
  const early: StandbyWindow = { days: [0], from: '01:30', to: '02:30', standby: 6 }
  const open = (from: string, minutes: number): number =>
    Array.from({ length: minutes }, (_each, index) =>
      at(new Date(new Date(from).getTime() + index * 60_000).toISOString(), [early], 'Europe/Berlin'),
    ).filter((standby) => standby === 6).length

  test('forward, a window loses the hour that there is not', () => expect(open('2026-03-29T00:00Z', 240)).toBe(30))
  test('back, a window has the half hour after 2:00 twice', () =>
    expect(open('2026-10-25T00:00Z', 240) + open('2026-10-24T22:00Z', 120)).toBe(90))
  test('a window starts at the same wall time on both sides', () => {
    expect(at('2026-03-27T07:00Z', [workDay], 'Europe/Berlin')).toBe(5)
    expect(at('2026-03-30T06:00Z', [workDay], 'Europe/Berlin')).toBe(5)
    expect(at('2026-03-27T06:59Z', [workDay], 'Europe/Berlin')).toBe(1)
  })
})
