import { standbyOf } from '../../backend/api/standby.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import type { Machine } from '../../backend/core/snapshot.ts'
import { idle, known, nowMs, snapshot } from './fixture.ts'

const starting: Machine = { stage: 'starting', id: '9', name: 'linux000009', generation: 1, since: nowMs, after: 'create' }

test.each<[number, readonly Machine[], boolean, string]>([
  [0, [], true, 'No agent is kept on standby now: a job waits until a machine has started for it.'],
  [2, [idle('1'), idle('2')], true, 'The standby is kept: 2 idle, 2 wanted.'],
  [1, [], false, 'The standby is not kept: 0 of 1 agent on standby are idle, and no machine is on its way.'],
  [2, [idle('1'), starting], false, 'The standby is not kept yet: 1 of 2 agents on standby is idle, and 1 machine is on its way.'],
])('%d on standby, and %j', (standby, machines, kept, sentence) => {
  const { standby: view } = standbyOf(snapshot({ machines: known(machines), asked: 0, owed: 0 }), { ...defaultSettings, standby }, 0)
  expect(view).toMatchObject({ wanted: standby, kept, sentence })
})

test('the standby of the hour counts', () => {
  const window = { days: [0, 1, 2, 3, 4, 5, 6], from: '00:00', to: '23:59', standby: 5 }
  const settings = { ...defaultSettings, machinesMax: 10, standbyWindows: [window] }
  expect(standbyOf(snapshot({ owed: 0 }), settings, 0).standby?.wanted).toBe(5)
})

test('nothing is said while machines or agents could not be read', () => {
  const unread = { known: false, why: 'x' } as const
  expect(standbyOf(snapshot({ machines: unread }), defaultSettings, 0)).toEqual({})
  expect(standbyOf(snapshot({ agents: unread }), defaultSettings, 0)).toEqual({})
})
