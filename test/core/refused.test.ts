import type { Action, Step } from '../../backend/core/decision.ts'
import { holdRefused, refusedAgain, stepOf, waitsAfterRefusal } from '../../backend/core/refused.ts'
import type { Refused } from '../../backend/core/snapshot.ts'
import { aSnapshot, minute, now, second } from '../support/build.ts'

const locked = { code: 'ScopeLocked', message: 'locked' }
const ref = { id: '1', name: 'm1', generation: 1 }
const unregister = (agentId: number): Action => ({ kind: 'unregister', machine: ref, agentId, cause: 'surplus', next: 'delete' })
const step = (action: Action): Step => ({ action, reason: { code: 'paused' } })

/** The waits in seconds of so many refusals in a row. */
function waits(times: number, passing: boolean): readonly number[] {
  const all: number[] = []
  let before: Refused | undefined
  for (let each = 0; each < times; each += 1) {
    before = refusedAgain(before, locked, passing, now)
    all.push((before.freeAt - now) / second)
  }
  return all
}

test('each refusal in a row doubles the wait, up to ten minutes', () => expect(waits(7, false)).toEqual([30, 60, 120, 240, 480, 600, 600]))
test('what may only be the world moving is tried again at once, the first time', () => expect(waits(4, true)).toEqual([0, 30, 60, 120]))

test('agents wait one by one, everything else by its kind; growth has rules of its own', () => {
  const actions: readonly Action[] = [
    unregister(7),
    { kind: 'save', machine: ref, cause: 'failed-to-start' },
    { kind: 'delete', machines: [{ ...ref, cause: 'surplus' }] },
    { kind: 'grow', by: 1, machinesMax: 5 },
    { kind: 'ask-again', owed: 1, machinesMax: 5 },
  ]
  expect(actions.map((action) => [stepOf(action), waitsAfterRefusal(action)])).toEqual([
    ['unregister 7', true],
    ['save', true],
    ['delete', true],
    ['grow', false],
    ['ask-again', false],
  ])
})

test('steps that wait are held with one reason of a kind; those whose time has come go', () => {
  const refused = (inMs: number): Refused => ({ ...locked, times: 2, freeAt: now + inMs })
  const snapshot = aSnapshot({ refused: { 'unregister 1': refused(minute), 'unregister 2': refused(second), 'unregister 3': refused(0) } })
  const steps = [unregister(1), unregister(2), unregister(3), unregister(4)].map(step)
  expect(holdRefused(steps, snapshot, now)).toEqual({
    steps: steps.slice(2),
    reasons: [{ code: 'refused', action: 'unregister', azureCode: 'ScopeLocked', times: 2, freeAt: now + minute }],
  })
  expect(holdRefused(steps, aSnapshot({}), now)).toEqual({ steps, reasons: [] })
})
