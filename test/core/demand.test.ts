import fc from 'fast-check'
import { comingMachines, demandOf, helpableJobs, unmetDemand } from '../../backend/core/demand.ts'
import { compareVersions } from '../../backend/core/versions.ts'
import { aJob, aSnapshot, minute, now, second, someJobs, someMachines, someSettings } from '../support/build.ts'
import type { SnapshotOver } from '../support/build.ts'

describe('a demand is met', () => {
  const capabilities = { 'Agent.OS': 'Linux', Maven: '/usr/bin/mvn', node: '20.11.1', tool: '1.10', text: 'a b', odd: 'v2', none: '' }
  test.each([
    ['by a capability of the name, whatever the case', 'maven'],
    ['by an equal value, whatever the case', 'agent.os -equals LINUX'],
    ['by an equal value with spaces in it', 'text -equals a b'],
    ['by a higher version', 'node -gtVersion 18'],
    ['by the same version', 'tool -gtVersion 1.10.0'],
    ['however many blanks are in it', '  tool   -gtVersion   1.2  '],
    ['by an empty value', 'none -equals '],
    ['by a higher part that is not a higher text', 'tool -gtVersion 1.9'],
    ['when a version is not made of numbers, because nobody can tell', 'odd -gtVersion 1'],
    ['whatever it says of the agent version, because agents update themselves', 'Agent.Version -gtVersion 99.0'],
  ])('%s: %s', (_why, demand) => expect(unmetDemand([demand], capabilities)).toBeUndefined())

  test.each([
    ['without the capability', 'cuda'],
    ['by another value', 'Agent.OS -equals Windows_NT'],
    ['by a lower version', 'node -gtVersion 20.12'],
    ['without the capability it compares', 'dotnet -gtVersion 8'],
    ['when it is not in the form of a demand', 'node -atLeast 8'],
    ['when it is empty', ' '],
    ['when words stand before it', 'not maven'],
    ['by an empty value', 'node -equals '],
  ])('not %s: %s', (_why, demand) => expect(unmetDemand(['maven', demand], capabilities)).toBe(demand))
})

test('versions compare part by part, as numbers, and a missing part is 0', () => {
  expect(compareVersions('1.10', '1.9')).toBeGreaterThan(0)
  expect(compareVersions('2', '10')).toBeLessThan(0)
  expect(compareVersions('3.0', '3')).toBe(0)
  expect(compareVersions('3', '3.1')).toBeLessThan(0)
  expect(compareVersions('x', '3')).toBe(0)
  const version = fc.array(fc.nat(300), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
  fc.assert(fc.property(version, version, (a, b) => expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)))))
})

describe('need', () => {
  const count = fc.nat(8)
  test('is waiting + standby − idle − coming, and never below 0', () => {
    fc.assert(
      fc.property(count, count, count, count, count, count, count, (waiting, standby, idle, starting, asked, owed, returning) => {
        const machines = someMachines(
          ...Array.from({ length: idle }, () => ({ stage: 'idle' as const })),
          ...Array.from({ length: starting }, () => ({ stage: 'starting' as const })),
        )
        const demand = demandOf(aSnapshot({ jobs: someJobs(waiting), machines, asked, owed }), someSettings(), standby, returning, now)
        expect(demand.need).toBe(Math.max(0, waiting + standby - idle - starting - asked - owed - returning))
        expect(demand.reasons[0]?.code).toBe(demand.need > 0 ? 'need' : 'enough')
      }),
    )
  })

  const unsuited = { matchedAgentIds: [9] }
  test.each<[string, SnapshotOver, number, { need: number; idle: number }]>([
    [
      'an idle agent that can take none',
      { jobs: someJobs(1, unsuited), machines: someMachines({ stage: 'idle' }) },
      0,
      { need: 1, idle: 0 },
    ],
    ['one that is standby', { jobs: someJobs(1, unsuited), machines: someMachines({ stage: 'idle' }) }, 1, { need: 1, idle: 1 }],
    [
      'one that can take another job',
      { jobs: [aJob(unsuited), aJob({ requestId: 2, matchedAgentIds: [9, 101] })], machines: someMachines({ stage: 'idle' }) },
      0,
      { need: 1, idle: 1 },
    ],
    [
      'machines that come for them',
      { jobs: someJobs(2, unsuited), machines: someMachines({ stage: 'idle' }, { stage: 'starting' }), asked: 1 },
      0,
      { need: 0, idle: 0 },
    ],
    [
      "another's idle agent",
      { jobs: someJobs(1, unsuited), others: [{ id: 55, name: 'desk', online: true, enabled: true, busy: false }] },
      0,
      { need: 1, idle: 0 },
    ],
    [
      'no more jobs than may start',
      { jobs: someJobs(3, unsuited), machines: someMachines({ stage: 'idle' }), parallelJobsFree: 1 },
      0,
      { need: 1, idle: 0 },
    ],
  ])('counts for jobs that some idle agents cannot take: %s', (_what, over, standby, expected) =>
    expect(demandOf(aSnapshot(over), someSettings(), standby, 0, now)).toMatchObject(expected),
  )

  const machine = { id: 55, name: 'desk', online: true, enabled: true, busy: false }
  test.each([
    [1, machine],
    [0, { ...machine, online: false }],
    [0, { ...machine, enabled: false }],
    [0, { ...machine, busy: true }],
  ])('counts %i of another’s agents as idle: %j', (idle, other) =>
    expect(demandOf(aSnapshot({ others: [other] }), someSettings(), 0, 0, now).idle).toBe(idle),
  )

  test('tells idle agents that can take none of the jobs apart, and only those', () => {
    const told = (over: SnapshotOver) => demandOf(aSnapshot(over), someSettings(), 0, 0, now).reasons[0]
    const machines = someMachines({ stage: 'idle' }, { stage: 'idle' }, { stage: 'idle' })
    expect(told({ machines, jobs: someJobs(2) })).toStrictEqual({ code: 'enough', waiting: 2, standby: 0, idle: 3, coming: 0 })
    const jobs = [...someJobs(1), aJob({ requestId: 2, ...unsuited })]
    expect(told({ machines, jobs })).toStrictEqual({ code: 'need', waiting: 2, standby: 0, idle: 1, coming: 0, unsuited: 2, need: 1 })
    // One that any of the idle agents can take is not stranded.
    expect(told({ machines, jobs: [aJob({ matchedAgentIds: [103] })] })).toStrictEqual({
      code: 'enough',
      waiting: 1,
      standby: 0,
      idle: 3,
      coming: 0,
    })
  })

  test('does not learn by a machine while jobs or the standby ask for one', () => {
    const codes = (over: SnapshotOver, standby: number) =>
      demandOf(aSnapshot({ capabilities: null, ...over }), someSettings(), standby, 0, now).reasons[0].code
    expect([codes({ jobs: someJobs(1) }, 0), codes({}, 1), codes({ machines: someMachines({ stage: 'idle' }) }, 0), codes({}, 0)]).toEqual([
      ...['need', 'need', 'enough', 'learn-capabilities'],
    ])
  })

  test('does not count one that a person gives up as coming', () => {
    const asked = { order: 'delete', by: 'Ada', force: false } as const
    expect(
      comingMachines(
        aSnapshot({ machines: someMachines({ stage: 'starting', asked }, { stage: 'reimaging', asked }) }),
        someSettings(),
        now,
      ),
    ).toBe(0)
  })

  test('is one for a pool that has never seen an agent, so that it learns', () => {
    const learning = demandOf(aSnapshot({ capabilities: null }), someSettings(), 0, 0, now)
    expect([learning.need, learning.reasons]).toEqual([1, [{ code: 'learn-capabilities' }]])
  })

  test.each([
    ['one is coming', aSnapshot({ capabilities: null, machines: someMachines({ stage: 'creating' }) })],
    [
      'others show what they can do',
      aSnapshot({ capabilities: null, others: [{ id: 1, name: 'other', online: false, enabled: true, busy: false }] }),
    ],
    ['the agents are unknown', aSnapshot({ capabilities: null, unknown: ['agents'] })],
  ])('is not raised to learn when %s', (_why, snapshot) => expect(demandOf(snapshot, someSettings(), 0, 0, now).need).toBe(0))

  test('counts what comes: created, starting, reimaged, asked for, owed', () => {
    const machines = someMachines(
      { stage: 'creating' },
      { stage: 'starting' },
      { stage: 'reimaging' },
      { stage: 'deleting' },
      { stage: 'failed' },
      { stage: 'saved' },
    )
    expect(comingMachines(aSnapshot({ machines, asked: 2, owed: 1 }), someSettings(), now)).toBe(6)
    expect(comingMachines(aSnapshot({ unknown: ['machines'], asked: 2 }), someSettings(), now)).toBe(2)
  })

  test.each(['creating', 'starting', 'reimaging'] as const)('does not wait for a machine that is past its time in %s', (stage) => {
    const late = aSnapshot({ machines: someMachines({ stage, forMs: 30 * minute }), deleteInFlight: true })
    expect(comingMachines(late, someSettings(), now)).toBe(0)
  })
})

describe('a waiting job', () => {
  const codes = (snapshot: Parameters<typeof helpableJobs>[0]): readonly string[] =>
    helpableJobs(snapshot, now).reasons.map(({ code }) => code)

  test('has no agent yet', () =>
    expect(helpableJobs(aSnapshot({ jobs: [aJob({ agentId: 101 }), aJob()] }), now)).toEqual({ waiting: 1, stranded: 0, reasons: [] }))

  test('is not counted while the jobs are unknown', () =>
    expect(helpableJobs(aSnapshot({ unknown: ['jobs'] }), now)).toEqual({ waiting: 0, stranded: 0, reasons: [] }))

  test('may demand anything before capabilities are known', () =>
    expect(helpableJobs(aSnapshot({ capabilities: null, jobs: [aJob({ demands: ['cuda'] })] }), now).waiting).toBe(1))

  test('is passed over once idle agents left it for two minutes, not before', () => {
    const left = (ms: number): readonly string[] => codes(aSnapshot({ jobs: [aJob({ passedOverSince: now - ms })] }))
    expect([left(2 * minute - 1), left(2 * minute)]).toEqual([[], ['passed-over']])
  })

  test('beyond the free parallel jobs is not counted', () => {
    const jobs = someJobs(3, { seenAt: now - second })
    expect(helpableJobs(aSnapshot({ jobs, parallelJobsFree: 1 }), now)).toEqual({
      waiting: 1,
      stranded: 0,
      reasons: [{ code: 'parallel-jobs', free: 1, waiting: 3 }],
    })
    expect(helpableJobs(aSnapshot({ jobs, parallelJobsFree: 3 }), now)).toEqual({ waiting: 3, stranded: 0, reasons: [] })
  })
})

test('jobs with the same unmet demand are each told of', () => {
  const { waiting, reasons } = helpableJobs(
    aSnapshot({ jobs: [...someJobs(2, { demands: ['cuda'] }), ...someJobs(2, { demands: ['Agent.OS'] }, 5)] }),
    now,
  )
  expect([waiting, reasons.map(({ code }) => code)]).toEqual([2, ['no-agent-could-take', 'no-agent-could-take']])
})
