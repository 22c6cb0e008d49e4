import type { Joined } from '../../backend/loop/join.ts'
import { emptyMemory, lowestSurplus, rememberJobs, rememberJoined, rememberLoad, rememberOrphans } from '../../backend/loop/pool-memory.ts'
import type { Intent, IntentChange, PoolMemory } from '../../backend/loop/ports.ts'
import { troubleAfter } from '../../backend/loop/trouble.ts'
import { percentiles } from '../../backend/loop/windows.ts'
import { aJob, aSnapshot, hour, minute, now, someMachines, someSettings } from '../support/build.ts'
import { aMemory, anIntent, aPipelinesAgent, aPipelinesJob } from '../support/loop.ts'

describe('jobs', () => {
  test('are remembered from our first look until they are gone, and their wait is measured', () => {
    const first = rememberJobs(emptyMemory, [aPipelinesJob(1), aPipelinesJob(2, { agentId: 101 })], now)
    expect(first).toMatchObject({ started: [], memory: { jobs: { 1: { seenAt: now }, 2: { seenAt: now, startedAt: now } } } })
    const second = rememberJobs(first.memory, [aPipelinesJob(1, { agentId: 101 })], now + minute)
    expect(second).toEqual({
      started: [minute],
      memory: { ...first.memory, jobs: { 1: { seenAt: now, startedAt: now + minute } }, waitMs: [minute], startedJobs: 1 },
    })
    expect(rememberJobs(second.memory, [aPipelinesJob(1, { agentId: 101 })], now + 2 * minute).memory).toBe(second.memory)
  })
  test('that were replaced by as many others are a change', () => {
    const { memory } = rememberJobs(emptyMemory, [aPipelinesJob(1)], now)
    expect(Object.keys(rememberJobs(memory, [aPipelinesJob(2)], now).memory.jobs)).toEqual(['2'])
  })
})

describe('what joining found out', () => {
  const joined = (over: Partial<Joined>): Joined => ({
    machines: [],
    memory: new Map(),
    changed: [],
    gone: [],
    grown: [],
    booted: [],
    failures: [],
    phases: [],
    secondJobs: 0,
    ...over,
  })
  test('nothing changes nothing', () => expect(rememberJoined(emptyMemory, joined({}), now)).toBe(emptyMemory))
  test('machines gone, boots, reimages and lost jobs are kept', () => {
    const booted = [
      { ms: 5, after: 'create' as const },
      { ms: 7, after: 'reimage' as const },
    ]
    expect(rememberJoined(emptyMemory, joined({ gone: [aMemory(1, { name: 'M1' })], booted, secondJobs: 2 }), now)).toMatchObject({
      gone: { m1: now },
      bootMs: [5],
      reimageMs: [7],
      lostToOnceRace: 2,
    })
  })
  test('names of machines gone are forgotten after a day', () => {
    const memory = { ...emptyMemory, gone: { old: now - 24 * hour, young: now - hour } }
    expect(Object.keys(rememberJoined(memory, joined({ gone: [aMemory(1)] }), now).gone)).toEqual(['young', 'm1'])
  })
})

test('an orphan is an agent under the name of a machine of ours that is gone', () => {
  const memory: PoolMemory = { ...emptyMemory, gone: { m1: 1, m2: 1, m4: 1 }, placeholder: { agentId: 104, capabilities: {} } }
  const agents = [aPipelinesAgent(1, { name: 'M1' }), aPipelinesAgent(2), aPipelinesAgent(3), aPipelinesAgent(4)]
  const after = rememberOrphans(memory, agents, new Set(['m2']), now)
  expect(after.orphans).toEqual({ 101: now })
  expect(rememberOrphans(after, agents, new Set(['m2']), now + 1)).toBe(after)
  expect(rememberOrphans(after, [], new Set(), now).orphans).toEqual({})
})

describe('the surplus', () => {
  const settings = someSettings({ idleDelayMinutes: 30 })
  const watch = (memory: PoolMemory, at: number, idle: number, waiting = 0): PoolMemory => {
    const machines = someMachines(...Array.from({ length: idle }, () => ({ stage: 'idle' as const })))
    return rememberLoad(
      memory,
      aSnapshot({ machines, jobs: Array.from({ length: waiting }, (_each, index) => aJob({ requestId: index })) }),
      settings,
      at,
    )
  }
  const watched = (minutes: number, idleAt: (minute: number) => number): PoolMemory => {
    let memory = emptyMemory
    for (let each = 0; each <= minutes; each += 1) memory = watch(memory, now + each * minute, idleAt(each))
    return memory
  }
  const lowest = (memory: PoolMemory, minutes: number): number | undefined => lowestSurplus(memory, settings, now + minutes * minute)

  test('is not known before the whole delay was watched', () => {
    expect(
      lowest(
        watched(29, () => 2),
        29,
      ),
    ).toBeUndefined()
    expect(
      lowest(
        watched(30, () => 2),
        30,
      ),
    ).toBe(2)
  })
  test('is the lowest of the delay: rotating work resets nobody', () =>
    expect(
      lowest(
        watched(40, (each) => (each % 7 === 0 ? 1 : 3)),
        40,
      ),
    ).toBe(1))
  test('forgets what was before the delay', () =>
    expect(
      lowest(
        watched(60, (each) => (each < 10 ? 0 : 2)),
        60,
      ),
    ).toBe(2))
  test('starts anew after five minutes without a look', () => {
    const before = watched(40, () => 2)
    expect(lowest(watch(before, now + 44 * minute, 2), 44)).toBe(2)
    expect(lowest(watch(before, now + 46 * minute, 2), 46)).toBeUndefined()
  })
  test('is not judged on an incomplete picture', () =>
    expect(rememberLoad(emptyMemory, aSnapshot({ unknown: ['jobs'] }), settings, now)).toBe(emptyMemory))
  test('the highest demand is kept beside it', () =>
    expect(watch(watch(emptyMemory, now, 0, 3), now + minute, 0, 1).demand[0]?.[1]).toBe(3))
})

test('percentiles need five times', () => {
  expect([percentiles([1, 2, 3, 4]), percentiles([5, 1, 4, 2, 3])]).toEqual([undefined, { p50Ms: 3, p95Ms: 5 }])
})

describe('growth that ended', () => {
  const trouble = { code: 'AllocationFailed', message: 'none', times: 2, lastAt: 1 }
  const grow = (over: Partial<Intent> = {}): Intent => anIntent({ kind: 'grow', by: 1, machinesMax: 9 }, over)
  const after = (memory: Partial<PoolMemory>, intent: Intent, change: Partial<IntentChange>): PoolMemory =>
    troubleAfter({ ...emptyMemory, ...memory }, [{ intent, change: { id: intent.id, changedAt: now, ...change } }], now)
  const failure = (code: string): Partial<IntentChange> => ({ state: 'failed', error: { code, message: 'no' } })

  test('well ends the back-off', () =>
    expect(after({ growthTrouble: trouble }, grow({ seen: ['1'] }), { state: 'settled' })).not.toHaveProperty('growthTrouble'))
  test('without a machine does not', () =>
    expect(after({ growthTrouble: trouble }, grow(), { state: 'settled' }).growthTrouble).toEqual(trouble))
  test('badly backs off longer', () =>
    expect(after({ growthTrouble: trouble }, grow(), failure('AllocationFailed')).growthTrouble).toMatchObject({ times: 3, lastAt: now }))
  test('badly for a limit is a room of 0', () =>
    expect(after({ rooms: [{ kind: 'quota', machines: 4, detail: '' }] }, grow(), failure('QuotaExceeded'))).toMatchObject({
      rooms: [{ kind: 'quota', machines: 0, detail: 'no' }],
      roomsAt: now,
    }))
  test('a delete that failed is no trouble of growth', () =>
    expect(after({}, anIntent({ kind: 'delete', machines: [] }), failure('Conflict'))).toEqual(emptyMemory))
})
