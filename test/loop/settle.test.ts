import type { Action } from '../../backend/core/decision.ts'
import { askedFor, expectedMachines, isOpen, settle, shareOut } from '../../backend/loop/settle.ts'
import type { Seen } from '../../backend/loop/settle.ts'
import type { AzureOperation, Intent, MachineMemory } from '../../backend/loop/ports.ts'
import { minute, now, second } from '../support/build.ts'
import { aMemory, anAzureSet, anIntent } from '../support/loop.ts'

const grow: Action = { kind: 'grow', by: 2, machinesMax: 10 }
const again: Action = { kind: 'ask-again', owed: 2, machinesMax: 10 }
const machines = [1, 2].map((n) => ({ id: String(n), name: `m${n}`, generation: 1, cause: 'surplus' as const }))
const remove: Action = { kind: 'delete', machines }
const reimage: Action = { kind: 'reimage', machines }

type Scene = {
  readonly memory?: readonly MachineMemory[]
  readonly capacity?: number
  readonly operation?: AzureOperation
  readonly listedAgoMs?: number
  readonly readAgoMs?: number
  readonly provisioning?: string
}

function settled(action: Action, over: Partial<Intent>, scene: Scene = {}): string | undefined {
  const { memory = [], capacity, operation, listedAgoMs = 0, readAgoMs = 0, provisioning } = scene
  const seen: Seen = {
    now,
    listedAt: now - listedAgoMs,
    memory: new Map(memory.map((each) => [each.id, each])),
    provisioning: new Map(provisioning === undefined ? [] : [['1', provisioning]]),
    scaleSet: capacity === undefined ? undefined : { at: now - readAgoMs, value: anAzureSet({ capacity }) },
    operations: new Map(operation === undefined ? [] : [['op', operation]]),
  }
  const change = settle(anIntent(action, over), seen)
  return change?.error === undefined ? change?.state : `${change.state}: ${change.error.code}`
}

const ago = (ms: number, over: Partial<Intent> = {}): Partial<Intent> => ({
  writtenAt: now - ms,
  changedAt: now - ms,
  capacity: { from: 1, to: 3 },
  ...over,
})
const accepted = (ms: number, over: Partial<Intent> = {}): Partial<Intent> => ago(ms, { state: 'accepted', operation: 'op', ...over })
const failed = { state: 'failed', code: 'AllocationFailed', message: 'none' } as const

describe('growth', () => {
  test.each<[string, Action, Partial<Intent>, Scene, string | undefined]>([
    ['is open while machines are missing', grow, accepted(second, { seen: ['1'] }), {}, undefined],
    ['is settled once all have appeared', grow, accepted(second, { seen: ['1', '2'] }), {}, 'settled'],
    ['fails with its operation', grow, accepted(second), { operation: failed }, 'failed: AllocationFailed'],
    ['waits for the list once its operation succeeded', grow, accepted(minute), { operation: { state: 'succeeded' } }, undefined],
    [
      'is settled when a list a minute later still lacks some: those are owed',
      grow,
      accepted(minute + 1),
      { operation: { state: 'succeeded' } },
      'settled',
    ],
    ['is settled when Azure forgot its operation', again, accepted(minute + 1), { operation: { state: 'gone' } }, 'settled'],
    ['is given up after half an hour', grow, accepted(30 * minute + 1), { operation: { state: 'running' } }, 'settled'],
    ['is open until then', grow, accepted(30 * minute), { operation: { state: 'running' } }, undefined],
    [
      'found to have happened, without an operation, is given up after five minutes: a process that died at its answer',
      grow,
      accepted(5 * minute + 1, { operation: undefined as never }),
      { capacity: 3 },
      'settled',
    ],
    ['is open until then, too', grow, accepted(5 * minute, { operation: undefined as never }), { capacity: 3 }, undefined],
    [
      'found to have happened is settled when a list a minute later shows all that the capacity promises',
      grow,
      accepted(minute + 1, { operation: undefined as never }),
      { capacity: 1, provisioning: 'succeeded' },
      'settled',
    ],
    [
      'but a machine that is being deleted is none of them',
      grow,
      accepted(minute + 1, { operation: undefined as never }),
      { capacity: 1, provisioning: 'deleting' },
      undefined,
    ],
    ['without an answer happened when the capacity is there', grow, ago(5 * second, { state: 'unknown' }), { capacity: 3 }, 'accepted'],
    [
      'without an answer waits for a newer read',
      grow,
      ago(5 * second, { state: 'unknown' }),
      { capacity: 3, readAgoMs: 5 * second },
      undefined,
    ],
    ['without an answer waits a minute', grow, ago(minute, { state: 'unknown' }), { capacity: 1 }, undefined],
    ['without an answer did not happen after a minute', grow, ago(minute + 1, { state: 'written' }), { capacity: 1 }, 'superseded'],
    ['without an answer is not judged while the scale set is unknown', grow, ago(5 * minute), {}, undefined],
    ['asking again without an answer is asked anew', again, ago(minute + 1, { state: 'unknown' }), { capacity: 3 }, 'superseded'],
  ])('%s', (_what, action, over, scene, expected) => expect(settled(action, over, scene)).toBe(expected))
})

describe('a delete', () => {
  test.each<[string, Partial<Intent>, Scene, string | undefined]>([
    ['is settled once all its machines are gone', accepted(second), {}, 'settled'],
    ['or in a later life', accepted(second), { memory: [aMemory(1, { generation: 2 })] }, 'settled'],
    ['is open while one is left', accepted(second), { memory: [aMemory(1)] }, undefined],
    ['fails with its operation', accepted(second), { memory: [aMemory(1)], operation: failed }, 'failed: AllocationFailed'],
    ['is overtaken after ten minutes', accepted(10 * minute + 1), { memory: [aMemory(1)] }, 'superseded'],
    [
      'without an answer waits for a list a minute later',
      ago(minute, { state: 'unknown' }),
      { memory: [aMemory(1)], listedAgoMs: second },
      undefined,
    ],
    [
      'without an answer happened when Azure is deleting one',
      ago(minute, { state: 'unknown' }),
      { memory: [aMemory(1)], provisioning: 'deleting' },
      'accepted',
    ],
    [
      'that was written and never sent is decided anew, although it made its machine look like one being deleted',
      ago(minute, { state: 'written' }),
      { memory: [aMemory(1, { stage: 'deleting' })], provisioning: 'succeeded' },
      'superseded',
    ],
    ['without an answer did not happen when none is', ago(minute, { state: 'written' }), { memory: [aMemory(1)] }, 'superseded'],
  ])('%s', (_what, over, scene, expected) => expect(settled(remove, over, scene)).toBe(expected))
})

describe('a reimage', () => {
  test.each<[string, Partial<Intent>, Scene, string | undefined]>([
    [
      'is open while its machine is in it',
      accepted(2 * minute),
      { memory: [aMemory(1, { generation: 2, stage: 'reimaging' })] },
      undefined,
    ],
    [
      'is settled when its machine left that stage in a later list',
      accepted(minute + 1),
      { memory: [aMemory(1, { generation: 2, stage: 'starting' })] },
      'settled',
    ],
    ['is not settled by a list that may lag', accepted(minute), { memory: [aMemory(1, { generation: 2, stage: 'starting' })] }, undefined],
    ['is settled when its machine is gone', accepted(second), {}, 'settled'],
    [
      'is settled when its machine is in a later life',
      accepted(second),
      { memory: [aMemory(1, { generation: 3, stage: 'reimaging' })] },
      'settled',
    ],
    [
      'without an answer began when Azure works on the machine',
      ago(second, { state: 'unknown' }),
      { memory: [aMemory(1)], provisioning: 'updating' },
      'accepted',
    ],
    ['without an answer waits a minute', ago(minute, { state: 'unknown' }), { memory: [aMemory(1)] }, undefined],
    ['without an answer did not happen then', ago(minute + 1, { state: 'written' }), { memory: [aMemory(1)] }, 'superseded'],
  ])('%s', (_what, over, scene, expected) => expect(settled(reimage, over, scene)).toBe(expected))
})

test('another call without an answer is decided anew in the next pass', () => {
  expect(settled({ kind: 'claim' }, ago(1, { state: 'unknown' }))).toBe('superseded')
  expect(settled({ kind: 'claim' }, ago(0, { state: 'written' }))).toBeUndefined()
})

test('the end of a pool stays open until the pool is forgotten: a restart in between finds it', () => {
  const intent = { kind: 'delete-pool' } as const
  for (const state of ['written', 'unknown', 'accepted'] as const) expect(settled(intent, ago(5 * minute, { state }))).toBeUndefined()
})

test('open are intents that were written, accepted, or had no answer', () => {
  const states = ['written', 'accepted', 'unknown', 'settled', 'failed', 'superseded'] as const
  expect(states.map((state) => isOpen(anIntent(grow, { state })))).toEqual([true, true, true, false, false, false])
})

test('machines that appear are shared among open growth, oldest first', () => {
  const first = anIntent(grow, { capacity: { from: 0, to: 2 }, seen: ['a'] })
  const second = anIntent(again)
  const over = anIntent(grow, { state: 'settled', capacity: { from: 0, to: 9 } })
  expect(expectedMachines([first, second, over, anIntent(remove)])).toBe(3)
  expect(shareOut([over, first, second], ['b', 'c', 'd', 'e'], now)).toEqual([
    { id: first.id, seen: ['a', 'b'], changedAt: now },
    { id: second.id, seen: ['c', 'd'], changedAt: now },
  ])
  expect(shareOut([first, second], ['b'], now)).toHaveLength(1)
  expect(askedFor(anIntent(grow))).toBe(0)
})
