import type { Machine } from '../../backend/core/snapshot.ts'
import { join, nextLife } from '../../backend/loop/join.ts'
import type { Joined, JoinInput } from '../../backend/loop/join.ts'
import type { AzureMachine, MachineMemory, PipelinesAgent } from '../../backend/loop/ports.ts'
import { known, minute, now, second, unknown } from '../support/build.ts'
import { aMemory, anAzureMachine, aPipelinesAgent, aReport } from '../support/loop.ts'

type Scene = Partial<Omit<JoinInput, 'listed' | 'remembered' | 'agents'>> & {
  readonly listed?: readonly AzureMachine[]
  readonly agents?: readonly PipelinesAgent[] | 'unknown'
  readonly memory?: readonly MachineMemory[]
  readonly listAgeMs?: number
}

function joined({ listed = [], agents = [], memory = [], listAgeMs = 0, ...rest }: Scene): Joined {
  return join({
    listed: known(listed, listAgeMs),
    agents: agents === 'unknown' ? unknown() : known(agents),
    remembered: new Map(memory.map((each) => [each.id, each])),
    deleting: new Map(),
    unsure: new Set(),
    expected: 0,
    oneJob: false,
    reports: [],
    mayReport: true,
    startMsMax: 10 * minute,
    now,
    ...rest,
  })
}

type One = Omit<Scene, 'memory' | 'listed'> & {
  readonly azure?: Partial<AzureMachine>
  readonly agent?: Partial<PipelinesAgent>
  readonly memory?: Partial<MachineMemory>
}

/** One machine of ours, as Azure, Azure DevOps and we know it. */
function one({ azure, agent, memory, ...rest }: One): Machine {
  const [machine] = joined({
    ...rest,
    listed: [anAzureMachine(1, azure)],
    memory: [aMemory(1, memory)],
    ...(agent === undefined ? {} : { agents: [aPipelinesAgent(1, agent)] }),
  }).machines
  return machine!
}

const was = { onlineAt: now - 60 * minute, agentId: 101 }
const leaving = { cause: 'surplus', next: 'delete', at: now - minute } as const

describe('the stage of a machine', () => {
  test.each<[string, One, object]>([
    ['Azure creates it', { azure: { provisioning: 'creating', power: 'starting' } }, { stage: 'creating' }],
    ['Azure still runs its extensions', { azure: { provisioning: 'creating' } }, { stage: 'starting', after: 'create' }],
    ['created, and its agent not there yet', {}, { stage: 'starting', after: 'create' }],
    ['its agent is registered and not online yet', { agent: { online: false } }, { stage: 'starting' }],
    ['back from a reimage', { memory: { generation: 2 } }, { stage: 'starting', after: 'reimage' }],
    ['online, whatever Azure still says', { azure: { provisioning: 'creating' }, agent: {} }, { stage: 'idle' }],
    ['with a job', { agent: { requestId: 5 } }, { stage: 'busy', requestId: 5 }],
    ['offline after it was online', { agent: { online: false }, memory: was }, { stage: 'offline' }],
    ['offline with a job', { agent: { online: false, requestId: 5 }, memory: was }, { stage: 'offline', requestId: 5 }],
    ['its agent is not listed any more', { memory: was }, { stage: 'offline' }],
    ['disabled by a person', { agent: { enabled: false }, memory: was }, { stage: 'disabled' }],
    ['disabled by us', { agent: { enabled: false }, memory: { ...was, leaving } }, { stage: 'draining', cause: 'surplus', next: 'delete' }],
    [
      'disabled by us since the agents were listed',
      { agent: { enabled: false }, memory: { ...was, leaving: { ...leaving, at: now } } },
      { stage: 'draining', unseen: true },
    ],
    ['out of the pool', { memory: { ...was, leaving: { ...leaving, unregisteredAt: now } } }, { stage: 'unregistered' }],
    [
      'out of the pool, though an old list shows its agent',
      { agent: {}, memory: { ...was, formerAgentId: 101, leaving: { ...leaving, unregisteredAt: now } } },
      { stage: 'unregistered' },
    ],
    [
      'out of the pool, and its agent registered again',
      { agent: { id: 700, enabled: false }, memory: { ...was, formerAgentId: 101, leaving: { ...leaving, unregisteredAt: now } } },
      { stage: 'draining' },
    ],
    ['its one job is over', { agent: { lastRequestId: 5 }, oneJob: true }, { stage: 'used' }],
    ['its one job runs', { agent: { requestId: 5 }, oneJob: true }, { stage: 'busy' }],
    ['after a job in a reusable pool', { agent: { lastRequestId: 5 } }, { stage: 'idle', warm: true }],
    [
      'failed before our extension',
      { azure: { failure: { code: 'OSProvisioningTimedOut', message: '', ours: false } } },
      { stage: 'failed', cause: 'creation-failed' },
    ],
    [
      'failed in our extension',
      { azure: { failure: { code: 'VMExtensionProvisioningError', message: '', ours: true } } },
      { stage: 'failed', cause: 'extension-failed' },
    ],
    [
      'its extension failed, but its agent is online',
      { azure: { failure: { code: 'x', message: '', ours: true } }, agent: {} },
      { stage: 'idle' },
    ],
    [
      'its script reported a failure',
      { reports: [aReport(1, { phase: 'package', result: 'failed', cause: 'hash-mismatch' })] },
      { stage: 'failed', cause: 'extension-failed', code: 'hash-mismatch', phase: 'package' },
    ],
    [
      'its script reported a failure for which there is no name',
      { reports: [aReport(1, { phase: 'user', result: 'failed' })] },
      { stage: 'failed', cause: 'extension-failed', code: 'unknown', phase: 'user' },
    ],
    [
      'its script reported a failure while Azure still creates it',
      { azure: { provisioning: 'creating' }, reports: [aReport(1, { result: 'failed', cause: 'proxy' })] },
      { stage: 'failed', code: 'proxy' },
    ],
    [
      'its script failed and went on',
      { reports: [aReport(1, { result: 'failed', cause: 'proxy' }), aReport(1, { phase: 'user', at: now + 1 })] },
      { stage: 'starting', phase: 'user' },
    ],
    ['its script failed, and its agent is online', { reports: [aReport(1, { result: 'failed' })], agent: {} }, { stage: 'idle' }],
    [
      'the script before ours failed',
      { azure: { failure: { code: 'VMExtensionProvisioningError', message: 'CustomScript failed', ours: false } } },
      { stage: 'failed', cause: 'creation-failed', code: 'custom-script-failed' },
    ],
    [
      'its one job ended before a list showed it',
      { agent: {}, oneJob: true, reports: [aReport(1, { phase: 'finished' })] },
      { stage: 'used' },
    ],
    [
      'its one job ended, and Azure DevOps still counts it',
      { agent: { requestId: 5 }, oneJob: true, reports: [aReport(1, { phase: 'finished' })] },
      { stage: 'busy', requestId: 5 },
    ],
    [
      'its one job ended before its agent was ever seen online',
      { agent: { online: false }, oneJob: true, reports: [aReport(1, { phase: 'finished' })] },
      { stage: 'used' },
    ],
    ['stopped', { azure: { power: 'stopped' }, memory: was }, { stage: 'failed', cause: 'stopped' }],
    [
      'deallocated with a job',
      { azure: { power: 'deallocated' }, agent: { online: false, requestId: 5 }, memory: was },
      { stage: 'failed', cause: 'stopped', requestId: 5 },
    ],
    ['Azure deletes it', { azure: { provisioning: 'deleting' }, agent: {} }, { stage: 'deleting' }],
    ['Azure accepted our delete', { deleting: new Map([['1', now - minute]]) }, { stage: 'deleting' }],
    ['our delete was accepted long ago and it stands', { agent: {}, deleting: new Map([['1', now - 3 * minute]]) }, { stage: 'idle' }],
    ['Azure accepted our reimage', { memory: { generation: 2, reimagingSince: now - 30 * second } }, { stage: 'reimaging' }],
    [
      'Azure reimages it',
      { azure: { provisioning: 'updating' }, memory: { generation: 2, reimagingSince: now - 9 * minute } },
      { stage: 'reimaging' },
    ],
    ['the reimage is over', { memory: { generation: 2, reimagingSince: now - 2 * minute } }, { stage: 'starting' }],
    ['a reimage without an answer', { agent: {}, unsure: new Set(['1']) }, { stage: 'reimaging' }],
    ['saved', { agent: { enabled: false }, memory: { saved: { cause: 'failed-to-start', by: 'the pool' } } }, { stage: 'saved' }],
    ['the agents are unknown', { agents: 'unknown' }, { stage: 'unclear' }],
    ['not ours', { memory: { ownedBy: 'none' } }, { stage: 'foreign' }],
    [
      'of an older model, with an order',
      { azure: { latestModel: false }, agent: {}, memory: { asked: { order: 'delete', by: 'Ada', force: false } } },
      { stage: 'idle', oldModel: true, asked: { order: 'delete', by: 'Ada', force: false } },
    ],
  ])('%s', (_what, scene, expected) => expect(one(scene)).toMatchObject(expected))

  test('begins when we first see it, and is kept while it lasts', () => {
    expect(one({ agent: {}, memory: { ...was, stage: 'idle', stageSince: now - 5 * minute } }).since).toBe(now - 5 * minute)
    expect(one({ agent: { requestId: 5 }, memory: { ...was, stage: 'idle' } }).since).toBe(now)
  })
})

describe('S3: a new machine is ours', () => {
  test('when it appears under our growth and within its count', () => {
    const { machines, grown } = joined({ listed: [1, 2, 3].map((n) => anAzureMachine(n)), expected: 2 })
    expect(machines.map(({ stage }) => stage)).toEqual(['starting', 'starting', 'foreign'])
    expect(grown).toEqual(['1', '2'])
  })
  test('and an offline agent of a deleted scale set that had its name was never online, nor is its last job of this machine', () => {
    const leftover = { online: false, lastRequestId: 5 }
    const scene = { listed: [anAzureMachine(1)], expected: 1, oneJob: true }
    const first = joined({ ...scene, agents: [aPipelinesAgent(1, leftover)] })
    expect(first.machines).toMatchObject([{ stage: 'starting' }])
    expect(first.memory.get('1')).not.toHaveProperty('onlineAt')
    const memory = [...first.memory.values()]
    const stageOf = (agent: Partial<PipelinesAgent>) =>
      joined({ ...scene, memory, agents: [aPipelinesAgent(1, { ...leftover, ...agent })] }).machines[0]?.stage
    expect([stageOf({}), stageOf({ online: true }), stageOf({ lastRequestId: 6 })]).toEqual(['starting', 'idle', 'used'])
  })
  test('when its agent comes online', () =>
    expect(joined({ listed: [anAzureMachine(1)], agents: [aPipelinesAgent(1, { name: 'M1' })] }).machines[0]?.stage).toBe('idle'))
  test('not when it has the id of one of ours and another creation time', () =>
    expect(joined({ listed: [anAzureMachine(1, { createdAt: 'c2' })], memory: [aMemory(1)] }).machines[0]).toMatchObject({
      stage: 'foreign',
      generation: 1,
    }))
})

describe('a machine that is missing from a list', () => {
  test('is kept as it was, with the agent that it has', () => {
    const { machines, memory, gone } = joined({ agents: [aPipelinesAgent(1)], memory: [aMemory(1, was)] })
    expect([machines[0]?.stage, memory.get('1')?.missingSince, gone]).toEqual(['idle', now, []])
  })
  test.each([
    ['for a minute and in two lists', { missingSince: now - minute }, 0, true],
    ['for less than a minute', { missingSince: now - minute + 1 }, 0, false],
    ['in the same list as before', { missingSince: now - minute }, minute, false],
  ])('%s: is it gone?', (_what, over, listAgeMs, isGone) =>
    expect(joined({ memory: [aMemory(1, over)], listAgeMs }).gone.length === 1).toBe(isGone),
  )
  test('and back is the same machine', () =>
    expect(joined({ listed: [anAzureMachine(1)], memory: [aMemory(1, { missingSince: 5 })] }).memory.get('1')).not.toHaveProperty(
      'missingSince',
    ))
})

describe('a start that failed', () => {
  const starting = { stage: 'starting', stageSince: now - 10 * minute }
  const failures = (memory: Partial<MachineMemory>, scene: Scene = {}) =>
    joined({ listed: [anAzureMachine(1)], ...scene, memory: [aMemory(1, memory)] }).failures

  test('is told once, with the words of the machine', () => {
    const reports = [aReport(1, { result: 'failed', cause: 'proxy', detail: 'curl: 407' })]
    const scene = { listed: [anAzureMachine(1)], memory: [aMemory(1)], reports }
    const first = joined(scene)
    expect(first.failures).toEqual([{ machine: 'm1', bornAt: now - 2 * minute, phase: 'package', cause: 'proxy', raw: 'curl: 407' }])
    expect(joined({ ...scene, memory: [...first.memory.values()] }).failures).toEqual([])
  })
  test('is silence when the time is over and nothing was heard', () => {
    expect(failures(starting)).toEqual([{ machine: 'm1', bornAt: now - 2 * minute, cause: 'silence' }])
    expect(failures({ ...starting, stageSince: now - 10 * minute + 1 })).toEqual([])
    expect(failures(starting, { mayReport: false })).toMatchObject([{ cause: 'unknown' }])
  })
  test('has the words of Azure where the machine told nothing', () => {
    const failure = { code: 'VMExtensionProvisioningError', message: 'exit code 3', ours: true }
    const unheard = { machineId: '1', createdAt: 'c1', generation: 1 }
    expect(failures({}, { listed: [anAzureMachine(1, { failure })] })).toMatchObject([{ cause: 'unknown', raw: 'exit code 3', unheard }])
  })
  test.each<[string, Partial<MachineMemory>, Scene]>([
    ['an order of a person', { ...starting, asked: { order: 'delete', by: 'Ada', force: false } }, {}],
    ['an adoption', { ...starting, ownedBy: 'adopted' }, {}],
    [
      'a creation that Azure could not make',
      {},
      { listed: [anAzureMachine(1, { failure: { code: 'AllocationFailed', message: '', ours: false } })] },
    ],
    ['a machine that was stopped', was, { listed: [anAzureMachine(1, { power: 'stopped' })] }],
  ])('is not %s', (_what, memory, scene) => expect(failures(memory, scene)).toEqual([]))
  test('tells the times of the phases before it', () => {
    const reports = [aReport(1, { phase: 'proof', durationMs: 40 }), aReport(1, { result: 'failed', at: now + 1 })]
    expect(joined({ listed: [anAzureMachine(1)], memory: [aMemory(1)], reports }).phases).toEqual([{ phase: 'proof', ms: 40 }])
  })
})

describe('what a pass learns', () => {
  test('nothing changed, nothing is written', () => {
    const memory = aMemory(1, { ...was, stage: 'idle' })
    expect(joined({ listed: [anAzureMachine(1)], agents: [aPipelinesAgent(1)], memory: [memory] }).changed).toEqual([])
  })
  test('how long a boot took, and a reimage', () => {
    const scene = (generation: number): Scene => ({
      listed: [anAzureMachine(1)],
      agents: [aPipelinesAgent(1)],
      memory: [aMemory(1, { generation, bornAt: now - 3 * minute })],
    })
    expect(joined(scene(1)).booted).toEqual([{ ms: 3 * minute, after: 'create' }])
    expect(joined(scene(2)).booted).toEqual([{ ms: 3 * minute, after: 'reimage' }])
  })
  test('a second job of a one-job agent, once', () => {
    const scene = (memory: Partial<MachineMemory>, oneJob = true): number =>
      joined({
        listed: [anAzureMachine(1)],
        agents: [aPipelinesAgent(1, { requestId: 6 })],
        memory: [aMemory(1, { ...was, ...memory })],
        oneJob,
      }).secondJobs
    expect([
      scene({ firstRequestId: 5, lastRequestId: 5 }),
      scene({ firstRequestId: 5, lastRequestId: 6 }),
      scene({}),
      scene({ firstRequestId: 5 }, false),
    ]).toEqual([1, 0, 0, 0])
  })
})

test('the next life remembers the machine and nothing of its agent but the id of the former one', () => {
  const before = aMemory(1, {
    ...was,
    firstRequestId: 3,
    formerAgentId: 101,
    leaving,
    asked: { order: 'reimage', by: 'Ada', force: false },
  })
  expect(nextLife(before, now)).toEqual({
    id: '1',
    name: 'm1',
    createdAt: 'c1',
    generation: 2,
    ownedBy: 'growth',
    latestModel: true,
    stage: 'reimaging',
    stageSince: now,
    bornAt: now,
    reimagingSince: now,
    formerAgentId: 101,
  })
  expect(nextLife(aMemory(1), now)).not.toHaveProperty('formerAgentId')
})
