import { decide } from '../../backend/core/decide.ts'
import { stageText, whyJob, whyMachine } from '../../backend/core/why.ts'
import type { Why } from '../../backend/core/why.ts'
import { aJob, aSnapshot, minute, now, second, someJobs, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'
import type { PoolSettings } from '../../backend/core/settings.ts'
import { stages } from './arbitrary.ts'

const job = (over: SnapshotOver, requestId = 1, settings = {}): Why | undefined => {
  const snapshot = aSnapshot(over)
  return whyJob(snapshot, decide(snapshot, someSettings(settings), now), requestId, now)
}
const machine = (over: SnapshotOver, name = 'm1', settings = {}): readonly string[] | undefined => {
  const snapshot = aSnapshot(over)
  return whyMachine(snapshot, decide(snapshot, someSettings(settings), now), someSettings(settings), name, now)?.sentences
}
const desk = (id: number, name: string) => ({ id, name, online: true, enabled: true, busy: true })
const boot = { p50Ms: 4 * minute, p95Ms: 6 * minute }

describe('a job', () => {
  test('that is not in the queue has no answer', () => {
    expect(job({ jobs: someJobs(1) }, 9)).toBeUndefined()
    expect(job({ unknown: ['jobs'] })).toBeUndefined()
  })

  test.each<[string, SnapshotOver, string]>([
    [
      'ours',
      {
        machines: someMachines({ stage: 'creating' }, { stage: 'failed' }, { stage: 'idle' }, { stage: 'busy' }),
        jobs: [aJob({ agentId: 104 })],
      },
      'm4',
    ],
    [
      'another',
      { machines: someMachines({ stage: 'idle' }), others: [desk(54, 'shelf'), desk(55, 'desk')], jobs: [aJob({ agentId: 55 })] },
      'desk',
    ],
    ['one not known', { unknown: ['machines', 'agents'], jobs: [aJob({ agentId: 77 })] }, '77'],
  ])('that runs names its agent: %s', (_whose, over, name) => expect(job(over)?.sentences).toEqual([`Job "job 1" runs on agent ${name}.`]))

  test('that no agent could take, or that was passed over, says only that', () => {
    expect(job({ jobs: someJobs(2, { demands: ['cuda'] }) }, 2)?.sentences).toEqual([
      expect.stringMatching(/^Job "job 2" .* demands "cuda"/),
    ])
    expect(job({ jobs: [aJob({ passedOverSince: now - 5 * minute })] })?.sentences).toEqual([expect.stringContaining('left untaken')])
  })

  test('next in line starts now when an agent is idle', () =>
    expect(job({ machines: someMachines({ stage: 'idle' }), jobs: someJobs(1) })).toEqual({
      sentences: ['Job "job 1" has waited 30 s; it is next in line.', 'A machine for it is expected in about 0 s.'],
      estimatedStartAt: now,
    }))

  test('in the line gets the machine of its place, by measured boot times', () => {
    const over: SnapshotOver = {
      machines: someMachines({ stage: 'starting', forMs: minute }, { stage: 'creating', forMs: 5 * minute }),
      jobs: someJobs(2),
      boot,
    }
    expect(job(over, 1)?.estimatedStartAt).toBe(now)
    expect(job(over, 2)).toEqual({
      sentences: ['Job "job 2" has waited 30 s; 1 job is ahead of it.', 'A machine for it is expected in about 3 min.'],
      estimatedStartAt: now + 3 * minute,
    })
  })

  test('gets a machine that returns from a reimage, or is asked for beside other steps', () => {
    const used = someMachines({ stage: 'reimaging', forMs: minute }, { stage: 'disabled' })
    expect(job({ jobs: someJobs(2), machines: used, boot }, 1)?.estimatedStartAt).toBe(now + 3 * minute)
    expect(job({ jobs: someJobs(2), machines: used, boot }, 2)?.estimatedStartAt).toBe(now + 4 * minute)
  })

  test('is not behind jobs that run already', () =>
    expect(job({ jobs: [aJob({ agentId: 55 }), aJob({ requestId: 2 })] }, 2)?.sentences[0]).toBe(
      'Job "job 2" has waited 30 s; it is next in line.',
    ))

  test('gets no machine by a list that is too old, nor while nothing is coming for it', () => {
    const idle = { machines: someMachines({ stage: 'idle' }), jobs: someJobs(1) }
    const at = (machines: number) => job({ ...idle, ageMs: { machines } })?.estimatedStartAt
    expect([at(75 * second), at(75 * second + 1)]).toEqual([now, undefined])
    expect(job({ ...idle, jobs: someJobs(2), boot }, 2, { paused: true })?.estimatedStartAt).toBeUndefined()
  })

  test('gets a machine that is asked for now, or was before', () => {
    expect(job({ jobs: someJobs(1), boot })?.estimatedStartAt).toBe(now + 4 * minute)
    expect(job({ jobs: someJobs(1), asked: 1, boot })?.estimatedStartAt).toBe(now + 4 * minute)
    expect(job({ jobs: someJobs(3, { seenAt: now - 90 * second }), boot }, 3, { machinesMax: 2 })).toEqual({
      sentences: [
        'Job "job 3" has waited 2 min; 2 jobs are ahead of it.',
        '3 machines needed, 2 allowed: there are 0 and the maximum is 2.',
      ],
    })
  })

  test.each<[string, SnapshotOver, readonly RegExp[]]>([
    ['nor what only keeps machines', { unknown: ['jobs'] }, []],
    [
      'but what keeps it from growing',
      { unknown: ['agents'], machines: someMachines({ stage: 'idle' }) },
      [/^The agents could not be read \(status 500\), so the pool does not grow/],
    ],
  ])('is not told of removals, %s', (_what, over, expected) => {
    const snapshot = aSnapshot({ ...over, jobs: someJobs(2) })
    const seen = { ...snapshot, jobs: aSnapshot({ jobs: someJobs(2) }).jobs }
    const told = whyJob(seen, decide(snapshot, someSettings(), now), 2, now)?.sentences.slice(1) ?? []
    expect(told.filter((sentence) => !sentence.startsWith('A machine for it'))).toEqual(
      expected.map((each) => expect.stringMatching(each) as string),
    )
  })

  test('is told of machines that Azure owes, also in a pass that does not ask for them', () => {
    for (const recentUpdates of [[], [now, now, now, now]])
      expect(job({ jobs: someJobs(1), owed: 1, recentUpdates })?.sentences[1]).toMatch(/^Azure owes 1 machine of the capacity/)
  })

  test('is told of the update rate where that holds growth, not where it holds a reimage', () => {
    const recentUpdates = [now, now, now, now]
    const told = (over: SnapshotOver): boolean =>
      job({ jobs: someJobs(1), recentUpdates, ...over }, 1, { tearDownAfterUse: true })?.sentences.some((each) =>
        each.startsWith('4 updates'),
      ) ?? false
    const reimages = someMachines({ stage: 'unregistered', cause: 'used', next: 'reimage' })
    expect([told({}), told({ machines: reimages, asked: 1, peakDemand: 5 })]).toEqual([true, false])
  })

  test('is told of a refusal that keeps the pool from growing', () => {
    const refused = { claim: { code: 'ScopeLocked', message: 'locked', times: 2, freeAt: now + minute } }
    expect(job({ jobs: someJobs(1), scaleSet: { claim: 'free' }, refused })?.sentences.slice(1)).toEqual([
      expect.stringMatching(/^The scale set is not marked as used by this pool yet/),
      expect.stringMatching(/^Marking the scale set was refused 2 times/),
    ])
  })

  test('does not count on an idle agent that cannot take it', () => {
    const unsuited = [aJob({ matchedAgentIds: [9] })]
    expect(job({ machines: someMachines({ stage: 'idle' }), jobs: unsuited, boot })?.estimatedStartAt).toBe(now + 4 * minute)
  })

  test.each<[string, SnapshotOver]>([
    ['without measured times', {}],
    ['without a list of machines', { unknown: ['machines'], boot }],
    ['with an old list', { ageMs: { machines: 80 * second }, boot }],
    ['when nothing comes', { rooms: [{ kind: 'quota', machines: 0, detail: 'none' }], boot }],
  ])('has no expected start %s', (_what, over) => expect(job({ ...over, jobs: someJobs(1) })?.estimatedStartAt).toBeUndefined())
})

describe('a machine', () => {
  test('that is not listed has no answer', () => {
    expect(machine({}, 'm7')).toBeUndefined()
    expect(machine({ unknown: ['machines'] })).toBeUndefined()
  })

  test('is found by name and by instance id, and tells its state and its step', () => {
    const over: SnapshotOver = { machines: someMachines({ stage: 'disabled', forMs: 2 * minute, generation: 3 }) }
    expect(machine(over, '1')).toEqual(machine(over, 'm1'))
    expect(machine(over)).toEqual([
      'm1 is disabled by a person for 2 min (life 3).',
      'm1 is taken out of the pool and then deleted: a person disabled its agent.',
    ])
  })

  test('that stays tells why, and what holds back every removal', () => {
    const machines = someMachines({ stage: 'idle' })
    expect(machine({ machines })?.at(-1)).toMatch('m1 stays')
    expect(machine({ machines }, 'm1', { paused: true })?.[1]).toMatch('The pool is paused')
    expect(machine({ machines, unknown: ['jobs'] })?.slice(1)).toEqual(['The jobs could not be read (status 500), so no machine leaves.'])
  })

  const unregistered = { stage: 'unregistered', cause: 'surplus', next: 'delete' } as const
  const used = { stage: 'unregistered', cause: 'used', next: 'reimage' } as const
  const lost = { stage: 'offline', forMs: 10 * minute } as const
  const late = { stage: 'starting', forMs: 20 * minute } as const
  const other = { claim: 'other', claimedBy: 'them/3' } as const
  const crowd = { code: 'AuthorizationFailed', message: 'no', times: 2, freeAt: now + minute }
  test.each<[string, SnapshotOver, RegExp, Partial<PoolSettings>]>([
    ['a mass failure', { machines: someMachines(lost, lost, lost, lost) }, /^4 of 4 machines went away at once/, {}],
    ['the budget', { machines: someMachines(late, late, late).toReversed() }, /^3 unhealthy machines; at most 1/, { savedMax: 0 }],
    [
      'the budget of deletes',
      { machines: someMachines({ ...unregistered, cause: 'stopped' }, { ...unregistered, cause: 'stopped' }).toReversed() },
      /^2 unhealthy machines; at most 1/,
      {},
    ],
    ['a delete in flight', { machines: someMachines(unregistered), deleteInFlight: true }, /^1 machine to delete after the delete/, {}],
    ['a busy Azure', { machines: someMachines(unregistered), azureBusyAt: now }, /^Azure is busy/, {}],
    [
      'the update rate',
      { machines: someMachines(used), recentUpdates: [now, now, now, now], jobs: someJobs(9), peakDemand: 9 },
      /^4 updates/,
      { tearDownAfterUse: true },
    ],
    [
      "another's claim",
      { machines: someMachines({ stage: 'idle' }), lowestSurplus: 1, scaleSet: other },
      /^The scale set is marked as used by them/,
      {},
    ],
    [
      'a refusal',
      { machines: someMachines({ stage: 'disabled' }), refused: { 'unregister 101': crowd } },
      /^Taking an agent out of the pool was refused 2 times/,
      {},
    ],
    [
      "the update rate, by a person's order",
      {
        machines: someMachines({ ...unregistered, asked: { order: 'reimage', by: 'Ada', force: false } }),
        recentUpdates: [now, now, now, now],
      },
      /^4 updates/,
      {},
    ],
    ['a pause', { machines: someMachines(unregistered) }, /^The pool is paused/, { paused: true }],
    ['a pause, after its job', { machines: someMachines({ stage: 'used' }) }, /^The pool is paused/, { paused: true }],
  ])('that is due to leave and held back tells only by what: %s', (_what, over, expected, settings) => {
    const [, ...told] = machine(over, 'm1', settings) ?? []
    expect(told).toEqual([expect.stringMatching(expected)])
  })

  test.each<[string, SnapshotOver, Partial<PoolSettings>]>([
    [
      'an update rate that binds growth only',
      { machines: someMachines(unregistered), recentUpdates: [now, now, now, now], jobs: someJobs(9), deleteInFlight: true },
      {},
    ],
    ['the mass failure of others', { machines: someMachines(unregistered, lost, lost, lost, lost), deleteInFlight: true }, {}],
    [
      'the health of a pool that is deleted',
      { machines: someMachines({ ...lost, agent: null }, lost, lost, lost), deleteInFlight: true },
      { deleting: true },
    ],
  ])('does not blame %s', (_what, over, settings) =>
    expect(machine(over, 'm1', settings)?.slice(1)).toEqual([expect.stringMatching(/to delete after the delete/)]),
  )

  test.each<[string, MachineOver, RegExp]>([
    ['runs a job', { stage: 'busy' }, /^m1 stays: it runs job request 501\.$/],
    ['is protected', { stage: 'disabled', protected: true }, /^m1 stays: a person set instance protection/],
    ['is wanted again once it is seen', { stage: 'draining', unseen: true }, /^m1 stays: its removal goes on in one of the next passes\.$/],
  ])('that %s is not held back by a limit', (_what, over, expected) =>
    expect(machine({ machines: someMachines(over), jobs: someJobs(1), azureBusyAt: now })?.slice(1)).toEqual([
      expect.stringMatching(expected),
    ]),
  )

  test('says how long it may still take only while that lasts', () => {
    const told = (forMs: number): string | undefined =>
      machine({ machines: someMachines({ stage: 'starting', forMs }), unknown: [] })?.at(-1)
    expect(told(minute)).toBe('m1 stays: its agent is expected to come online (9 min left).')
    const stopped = someMachines({ stage: 'failed', cause: 'stopped', forMs: 2 * minute })
    expect(machine({ machines: stopped })?.at(-1)).toBe('m1 stays: its agent went offline and may come back (3 min left).')
    const sentences = stages.flatMap((stage) =>
      [minute, 40 * minute].flatMap(
        (forMs) => machine({ machines: someMachines({ stage, forMs }), deleteInFlight: true, azureBusyAt: now }) ?? [],
      ),
    )
    expect(sentences.filter((sentence) => sentence.includes('(0 s left)'))).toEqual([])
  })

  test('has words for every stage', () => expect(stages.map((stage) => stageText[stage]).every((text) => text.length > 0)).toBe(true))
})
