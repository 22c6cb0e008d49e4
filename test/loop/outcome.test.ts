import type { Action } from '../../backend/core/decision.ts'
import { operationOf, entriesForChange, entryForIntent } from '../../backend/loop/diagnostics.ts'
import { outcomeOf } from '../../backend/loop/outcome.ts'
import type { Outcome } from '../../backend/loop/outcome.ts'
import type { Result } from '../../backend/loop/act.ts'
import type { CallOutcome, Intent, MachineMemory, PoolMemory } from '../../backend/loop/ports.ts'
import { minute, now } from '../support/build.ts'
import { aMemory, anIntent, anOutside, aPipelinesAgent, aState } from '../support/loop.ts'

const ref = { id: '1', name: 'm1', generation: 1 }
const grow: Action = { kind: 'grow', by: 2, machinesMax: 10 }
const drain: Action = { kind: 'drain', machine: ref, agentId: 101, cause: 'surplus', next: 'delete' }
const unregister: Action = { kind: 'unregister', machine: ref, agentId: 101, cause: 'surplus', next: 'delete' }
const restore: Action = { kind: 'restore', machine: ref, agentId: 101 }
const save: Action = { kind: 'save', machine: ref, agentId: 101, cause: 'failed-to-start' }
const reimage: Action = { kind: 'reimage', machines: [{ ...ref, cause: 'used' }] }
const remove: Action = { kind: 'delete', machines: [{ ...ref, cause: 'surplus' }] }

const done: CallOutcome = { kind: 'done', operation: 'op' }
const lost: CallOutcome = { kind: 'unknown', why: 'timed out', correlationId: 'c' }
const refused = (code: string, status = 409, message = 'no'): CallOutcome => ({ kind: 'refused', status, code, message })

async function after(
  action: Action,
  outcome: CallOutcome | 'left',
  over: { pool?: Partial<PoolMemory>; memory?: Partial<MachineMemory> } = {},
): Promise<Outcome & { readonly read: readonly string[] }> {
  const outside = anOutside({ agents: [aPipelinesAgent(1)] })
  const state = aState(outside, { machines: [aMemory(1, over.memory)], pool: over.pool ?? {} })
  await state.readings.refresh(true, new AbortController().signal)
  outside.calls.length = 0
  const intent = anIntent(action)
  const result: Result = outcome === 'left' ? { kind: 'left', why: 'it moved' } : { kind: 'sent', outcome, capacity: { from: 1, to: 3 } }
  const told = outcomeOf(state, [intent], new Map([[intent.id, result]]), now)
  await state.readings.refresh(true, new AbortController().signal)
  return { ...told, read: outside.calls }
}

describe('an intent that was sent', () => {
  test.each<[string, Action, CallOutcome | 'left', object]>([
    ['is accepted while Azure works on it', grow, done, { state: 'accepted', operation: 'op', capacity: { from: 1, to: 3 } }],
    ['is settled when the answer is the effect', drain, done, { state: 'settled' }],
    [
      'is unknown without an answer',
      remove,
      lost,
      { state: 'unknown', error: { code: 'no-answer', message: 'timed out', correlationId: 'c' } },
    ],
    ['failed when it was refused', remove, refused('Conflict'), { state: 'failed', error: { code: 'Conflict', message: 'no' } }],
    ['is superseded when it was left', remove, 'left', { state: 'superseded', error: { code: 'left', message: 'it moved' } }],
  ])('%s', async (_what, action, outcome, change) => expect((await after(action, outcome)).intents).toMatchObject([change]))

  test('and has no result was not sent', () => {
    const state = aState(anOutside())
    expect(outcomeOf(state, [anIntent(grow)], new Map(), now).intents).toMatchObject([
      { state: 'superseded', error: { message: 'it was not sent' } },
    ])
  })
})

describe('the memory of a machine', () => {
  const memory = async (action: Action, outcome: CallOutcome, before: Partial<MachineMemory> = {}) =>
    (await after(action, outcome, { memory: before })).machines[0]
  const leaving = { cause: 'surplus', next: 'delete', at: now } as const
  test('a drain is ours, answer or not', async () => {
    expect(await memory(drain, done)).toMatchObject({ leaving })
    expect(await memory(drain, lost)).toMatchObject({ leaving })
    expect(await memory(drain, refused('x'))).toBeUndefined()
  })
  test('a restore ends the leaving once it is answered', async () => {
    expect(await memory(restore, done, { leaving })).not.toHaveProperty('leaving')
    expect(await memory(restore, lost, { leaving })).toBeUndefined()
  })
  test('a saved machine is saved', async () =>
    expect(await memory(save, done)).toMatchObject({ saved: { cause: 'failed-to-start', by: 'the pool' } }))
  test('an agent out of the pool is remembered', async () => {
    expect(await memory(unregister, done)).toMatchObject({ formerAgentId: 101, leaving: { ...leaving, unregisteredAt: now } })
    expect(await memory(unregister, lost)).toBeUndefined()
  })
  test('a reimage begins another life', async () => {
    expect(await memory(reimage, done)).toMatchObject({ generation: 2, stage: 'reimaging' })
    expect(await memory(reimage, lost)).toBeUndefined()
  })
  test('two changes of one round add up', () => {
    const state = aState(anOutside(), { machines: [aMemory(1)] })
    const intents = [anIntent(drain), anIntent(save)]
    const results = new Map<string, Result>(intents.map(({ id }) => [id, { kind: 'sent', outcome: done }]))
    expect(outcomeOf(state, intents, results, now).machines).toMatchObject([{ leaving, saved: { by: 'the pool' } }])
  })
})

describe('the memory of the pool', () => {
  const pool = async (action: Action, outcome: CallOutcome, before: Partial<PoolMemory> = {}): Promise<PoolMemory> =>
    (await after(action, outcome, { pool: before })).pool
  test('counts updates of the scale set of the last minute, also refused ones', async () => {
    expect((await pool(grow, done, { recentUpdates: [now - minute, now - 5] })).recentUpdates).toEqual([now - 5, now])
    expect((await pool(reimage, refused('Conflict'))).recentUpdates).toEqual([now])
    expect((await pool(remove, done)).recentUpdates).toEqual([])
  })
  test('remembers the placeholder and the renewed claim', async () => {
    const claim = { value: 'owner/7/1', seenAt: 1 }
    expect((await pool({ kind: 'add-placeholder', capabilities: { a: '1' } }, { kind: 'done', detail: '44' })).placeholder).toEqual({
      agentId: 44,
      capabilities: { a: '1' },
    })
    expect((await pool({ kind: 'update-placeholder', agentId: 44, capabilities: {} }, done)).placeholder).toEqual({
      agentId: 44,
      capabilities: {},
    })
    expect((await pool({ kind: 'refresh-claim' }, done, { claim })).claim).toEqual({ ...claim, refreshedAt: now })
    expect((await pool({ kind: 'refresh-claim' }, lost, { claim })).claim).toEqual(claim)
  })
  test('while growth pauses, each machine that was asked for puts off the next try', async () => {
    const bootTrouble = { cause: 'proxy', times: 3, lastAt: now, paused: { since: now - 60 * minute, tries: 1, tryAt: now } } as const
    const tryAt = async (outcome: CallOutcome) => (await pool(grow, outcome, { bootTrouble })).bootTrouble?.paused?.tryAt
    expect([await tryAt(done), await tryAt(lost), await tryAt(refused('Conflict'))]).toEqual([now + 5 * minute, now + 5 * minute, now])
  })
  test('backs off after refused growth, each time in a row', async () => {
    const trouble = { code: 'AllocationFailed', message: 'no', times: 1, lastAt: now }
    expect((await pool(grow, refused('AllocationFailed'))).growthTrouble).toEqual(trouble)
    expect((await pool(grow, refused('AllocationFailed'), { growthTrouble: trouble })).growthTrouble).toEqual({ ...trouble, times: 2 })
  })
  test('a refusal that names a limit is a room of 0', async () => {
    const before = [{ kind: 'quota', machines: 9, detail: 'old' }] as const
    expect(await pool(grow, refused('QuotaExceeded', 400, 'no cores'), { rooms: before })).toMatchObject({
      rooms: [{ kind: 'quota', machines: 0, detail: 'no cores' }],
      roomsAt: now,
    })
  })
  test.each<[string, CallOutcome]>([
    ['somebody was faster', refused('PreconditionFailed', 412)],
    ['Azure is throttled', refused('TooManyRequests', 429)],
    ['Azure is busy', refused('OperationNotAllowed', 409, 'another operation runs')],
  ])('does not back off when %s', async (_why, outcome) => expect((await pool(grow, outcome)).growthTrouble).toBeUndefined())
})

describe('what is read again', () => {
  test.each<[Action, CallOutcome, readonly string[]]>([
    [drain, done, []],
    [drain, lost, ['agents']],
    [{ kind: 'save', machine: ref, cause: 'failed-to-start' }, done, ['agents']],
    [unregister, done, []],
    [unregister, lost, ['agents']],
    [{ kind: 'add-placeholder', capabilities: {} }, done, ['agents']],
    [remove, done, ['machines', 'scaleSet']],
    [grow, done, ['scaleSet']],
    [{ kind: 'delete-pool' }, done, []],
  ])('%j', async (action, outcome, read) => expect((await after(action, outcome)).read).toEqual(read))
})

describe('Diagnostics', () => {
  const times = { at: now, wallTimeMs: 0 }
  const every: readonly Action[] = [
    grow,
    { kind: 'ask-again', owed: 1, machinesMax: 2 },
    drain,
    restore,
    unregister,
    { kind: 'unregister-orphan', agentId: 1, name: 'gone' },
    remove,
    reimage,
    save,
    { kind: 'claim' },
    { kind: 'refresh-claim' },
    { kind: 'put-extension' },
    { kind: 'add-placeholder', capabilities: {} },
    { kind: 'update-placeholder', agentId: 1, capabilities: {} },
    { kind: 'release', part: 'tag' },
    { kind: 'delete-pool' },
  ]
  const entry = (action: Action, change: Partial<Intent>) =>
    entriesForChange(anIntent(action, { seen: ['1'] }), { id: 'x', changedAt: now, ...change } as never, times)

  test.each(every)('$kind has an operation of ElasticPoolLog, and words for its failure with cause and fix', (action) => {
    expect(['configurationJob', 'sizingJob', 'increaseCapacity', 'reimage', 'deleteVMs']).toContain(operationOf(action))
    const [failed] = entry(action, { state: 'failed', error: { code: 'ScopeLocked', message: 'locked', correlationId: 'c' } })
    expect(failed).toMatchObject({ level: 'error', raw: 'ScopeLocked: locked', correlationId: 'c' })
    expect(failed?.message).toMatch(/^Failed \(.+\): A lock .+\. Remove the lock.+\.$/)
  })

  test('a decided action is told by its reason, but the routine renewal of the claim is not', () => {
    expect(entryForIntent(anIntent(drain), times)).toMatchObject([
      {
        level: 'info',
        machine: 'm1',
        operation: 'sizingJob',
        message: 'The pool is paused: nothing but its mark on the scale set is changed until a person resumes it.',
      },
    ])
    expect(entryForIntent(anIntent({ kind: 'refresh-claim' }), times)).toEqual([])
  })

  test.each<[string, Action, Partial<Intent>, object[]]>([
    [
      'a refusal that is part of the plan is no error',
      unregister,
      { state: 'failed', error: { code: 'TaskAgentJobStillRunningException', message: '' } },
      [{ level: 'info' }],
    ],
    ['a failure without a word', grow, { state: 'failed' }, [{ level: 'error' }]],
    [
      'no answer',
      remove,
      { state: 'unknown' },
      [{ level: 'warning', message: 'No answer to deleting m1: it is looked for before it is tried again.' }],
    ],
    [
      'left',
      remove,
      { state: 'superseded', error: { code: 'left', message: 'it moved' } },
      [{ message: 'Not done (deleting m1): it moved.' }],
    ],
    ['overtaken', remove, { state: 'superseded' }, []],
    ['growth that is complete', grow, { state: 'settled' }, [{ message: '1 new machine has appeared.' }]],
    ['another action that is complete', drain, { state: 'settled' }, []],
    ['an action that goes on', grow, { state: 'accepted' }, []],
  ])('%s', (_what, action, change, entries) => expect(entry(action, change)).toMatchObject(entries))
})
