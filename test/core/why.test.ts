import { decide } from '../../backend/core/decide.ts'
import { stageText, whyJob, whyMachine } from '../../backend/core/why.ts'
import type { Why } from '../../backend/core/why.ts'
import { aJob, aSnapshot, minute, now, second, someJobs, someMachines, someSettings } from '../support/build.ts'
import type { SnapshotOver } from '../support/build.ts'
import { stages } from './arbitrary.ts'

const job = (over: SnapshotOver, requestId = 1, settings = {}): Why | undefined => {
  const snapshot = aSnapshot(over)
  return whyJob(snapshot, decide(snapshot, someSettings(settings), now), requestId, now)
}
const machine = (over: SnapshotOver, name = 'm1', settings = {}): readonly string[] | undefined => {
  const snapshot = aSnapshot(over)
  return whyMachine(snapshot, decide(snapshot, someSettings(settings), now), someSettings(settings), name, now)?.sentences
}
const boot = { p50Ms: 4 * minute, p95Ms: 6 * minute }

describe('a job', () => {
  test('that is not in the queue has no answer', () => {
    expect(job({ jobs: someJobs(1) }, 9)).toBeUndefined()
    expect(job({ unknown: ['jobs'] })).toBeUndefined()
  })

  test.each<[string, SnapshotOver, string]>([
    ['ours', { machines: someMachines({ stage: 'busy' }), jobs: [aJob({ agentId: 101 })] }, 'm1'],
    ['another', { others: [{ id: 55, name: 'desk', online: true, enabled: true, busy: true }], jobs: [aJob({ agentId: 55 })] }, 'desk'],
    ['one not known', { unknown: ['machines', 'agents'], jobs: [aJob({ agentId: 77 })] }, '77'],
  ])('that runs names its agent: %s', (_whose, over, name) => expect(job(over)?.sentences).toEqual([`Job "job 1" runs on agent ${name}.`]))

  test('that no agent could take, or that was passed over, says only that', () => {
    expect(job({ jobs: [aJob({ demands: ['cuda'] })] })?.sentences).toEqual([expect.stringContaining('demands "cuda"')])
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

  test('has words for every stage', () => expect(stages.map((stage) => stageText[stage]).every((text) => text.length > 0)).toBe(true))
})
