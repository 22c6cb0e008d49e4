/** The checker can fail: a hand-made bad history for each invariant, and the same history made good. */
import type { AgentFacts, Answer, MachineFacts, RequestFacts, ScaleSetFacts, WorldEvent } from '../../backend/simulator/facts.ts'
import { createChecker } from './checker.ts'
import type { Bounds, Call, Entry, Scene, WrittenIntent } from './history.ts'
import { compareActions } from './seeds.ts'
import { createTrace } from './trace.ts'

const scaleSetId = '/subscriptions/0/resourceGroups/a/providers/Microsoft.Compute/virtualMachineScaleSets/linux'
const ours = { team: 'ci', ScaleSetAgentsOwner: 'soak/1/4' }
const bounds: Bounds = { machinesMax: 4, tearDownAfterUse: false, paused: false, deleting: false }

/** Unless a capacity is given, Azure still owes some: what is listed next is ours. */
type Facts = {
  machines?: readonly Partial<MachineFacts>[]
  agents?: readonly Partial<AgentFacts>[]
  requests?: readonly Partial<RequestFacts>[]
  capacity?: number
  tags?: Readonly<Record<string, string>>
}

function sceneOf(facts: Facts, tearDownAfterUse = false): Scene {
  const truth = {
    scaleSet: () =>
      ({
        id: scaleSetId,
        capacity: facts.capacity ?? (facts.machines ?? []).length + 5,
        tags: facts.tags ?? ours,
      }) as unknown as ScaleSetFacts,
    machines: () => (facts.machines ?? []) as readonly MachineFacts[],
    agents: () => (facts.agents ?? []) as readonly AgentFacts[],
    requests: () => (facts.requests ?? []) as readonly RequestFacts[],
  }
  return { truth, poolId: 1, scaleSetId, ownerId: 'soak', tearDownAfterUse }
}

function judged(scene: Scene, entries: readonly Entry[], given: Partial<Bounds> = {}): readonly string[] {
  const checker = createChecker(scene, { ...bounds, ...given })
  for (const entry of entries) checker.judge(entry)
  return [...new Set(checker.violations.map(({ invariant }) => invariant))]
}

const at = 60_000
const ok = (value: unknown = {}): Answer<unknown> => ({ ok: true, value })
const call = (name: string, target: Call['target'] = {}, process = 'one'): Call => ({
  api: 'azure',
  name,
  change: !['read-scale-set', 'list-machines', 'agents', 'jobs'].includes(name),
  at,
  target,
  process,
})
const world = (event: object): Entry => ({ kind: 'world', event: { at, ...event } as WorldEvent })
const machine = (instanceId: string, more: Partial<MachineFacts> = {}): Partial<MachineFacts> => ({
  instanceId,
  computerName: `vm${instanceId}`,
  provisioningState: 'Succeeded',
  jobsStarted: 0,
  ...more,
})
const machineFailed = (extension: string): Partial<MachineFacts> => ({
  provisioningState: 'Failed',
  failure: { code: 'VMExtensionProvisioningError', message: '', extension },
})
const agentOn = (id: number, instanceId: string): Partial<AgentFacts> => ({
  id,
  name: `vm${instanceId}`,
  machine: { scaleSetId, instanceId },
})

function read(name: string, value: unknown = [], process = 'one'): readonly Entry[] {
  return [{ kind: 'answered', call: call(name, {}, process), answer: ok(value), at }]
}

/** Everything read and fine, and the lease held. */
const start = (process = 'one', epoch = 1): readonly Entry[] => [
  { kind: 'lease', process, epoch, at },
  ...read('read-scale-set', { tags: ours }, process),
  ...read('list-machines', [], process),
  ...read('agents', [], process),
  ...read('jobs', [], process),
]

function written(intent: Partial<WrittenIntent> & { kind: string }, process = 'one', epoch = 1): Entry {
  return { kind: 'committed', process, epoch, at, intents: [{ id: intent.kind, sentence: 'Because.', machines: [], ...intent }] }
}

/** A call that begins, arrives, does what is given, and is answered. */
function sent(name: string, target: Call['target'] = {}, effects: readonly Entry[] = [], process = 'one'): readonly Entry[] {
  const each = call(name, target, process)
  return [
    { kind: 'begun', call: each, at },
    { kind: 'arrived', call: each, at },
    ...effects,
    { kind: 'answered', call: each, answer: ok(), at },
  ]
}

const grown = (id: string): readonly Entry[] => [
  written({ kind: 'grow' }),
  ...sent('set-capacity', { capacity: 1 }),
  world({ kind: 'machine-listed', scaleSetId, machine: id }),
]
const deleting = (ids: readonly string[], cause = 'surplus'): readonly Entry[] => [
  written({ kind: 'delete', machines: ids.map((id) => ({ id, generation: 1, cause })) }),
  ...sent('delete-instances', { machines: ids }, [world({ kind: 'delete-accepted', scaleSetId, machines: ids })]),
]

describe('the checker', () => {
  test('finds nothing in a good history', () => {
    const scene = sceneOf({ machines: [machine('0')] })
    expect(judged(scene, [...start(), ...grown('0'), ...deleting(['0'])])).toEqual([])
  })

  test('S1: a machine with a job is deleted', () => {
    const scene = sceneOf({ machines: [machine('0')], agents: [agentOn(7, '0')], requests: [{ id: 3, agentId: 7 }] })
    expect(judged(scene, [...start(), ...grown('0'), ...deleting(['0'])])).toEqual(['S1'])
    const forced: Entry = { kind: 'order', order: { machineId: '0', order: 'delete', force: true }, at }
    expect(judged(scene, [...start(), ...grown('0'), forced, ...deleting(['0'])])).toEqual([])
  })

  test('S2: growth beyond the maximum, counting what is being deleted', () => {
    const machines = [machine('0'), machine('1'), machine('2'), machine('3', { provisioningState: 'Deleting' })]
    const growth = [
      written({ kind: 'grow' }),
      ...sent('set-capacity', { capacity: 4 }, [world({ kind: 'capacity', scaleSetId, from: 3, to: 4, by: 'patch' })]),
    ]
    expect(judged(sceneOf({ machines, capacity: 4 }), [...start(), ...growth])).toEqual(['S2'])
    expect(judged(sceneOf({ machines: machines.slice(0, 3), capacity: 4 }), [...start(), ...growth])).toEqual([])
  })

  test('boot trouble: growth by two, or again too soon, after five machines in a row failed alike', () => {
    const ids = ['0', '1', '2', '3', '4']
    const failed = machineFailed('script')
    const scene = sceneOf({ machines: ids.map((id) => machine(id, failed)), capacity: 9 })
    const failures = [...start(), ...ids.flatMap((id) => [...grown(id), world({ kind: 'machine-failed', scaleSetId, machine: id })])]
    const growth = (by: number, afterMinutes: number) =>
      world({ kind: 'capacity', scaleSetId, from: 5, to: 5 + by, by: 'patch', at: at + afterMinutes * 60_000 })
    const wide = { machinesMax: 50 }
    const online = world({ kind: 'agent-online', poolId: 1, agentId: 1 })
    const mixed = world({ kind: 'fault', fault: 'agent-never-online' })
    const asked: Entry = { kind: 'order', order: { machineId: '', order: 'try-again', force: false }, at }
    expect(judged(scene, [...failures, growth(2, 6)], wide)).toEqual(['boot-trouble'])
    expect(judged(scene, [...failures, growth(1, 6), growth(1, 8)], wide)).toEqual(['boot-trouble'])
    for (const fine of [
      [growth(1, 6), growth(1, 11)],
      [growth(2, 4)],
      [growth(1, 6), asked, growth(1, 8)],
      [online, growth(2, 6)],
      [mixed, growth(2, 6)],
    ])
      expect(judged(scene, [...failures, ...fine], wide)).toEqual([])
    expect(judged(scene, [...failures.slice(0, -1), growth(2, 6)], wide)).toEqual([])
  })

  test('S3: a machine that nobody asked for is deleted', () => {
    const scene = sceneOf({ machines: [machine('0')] })
    const appeared = world({ kind: 'machine-listed', scaleSetId, machine: '0' })
    expect(judged(scene, [...start(), appeared, ...deleting(['0'])])).toEqual(['S3'])
    expect(
      judged(scene, [
        ...start(),
        appeared,
        { kind: 'order', order: { machineId: '0', order: 'adopt', force: false }, at },
        ...deleting(['0']),
      ]),
    ).toEqual([])
  })

  test("S3: a change although the tag is another's, a foreign agent, a lost tag, a neighbour", () => {
    const scene = sceneOf({})
    const drain = [written({ kind: 'drain', agentId: 9 }), ...sent('set-enabled', { agentId: 9, enabled: false })]
    expect(judged(scene, [...start(), ...read('read-scale-set', { tags: { ScaleSetAgentsOwner: 'other/2/1' } }), ...drain])).toEqual(['S3'])
    expect(judged(scene, [...start(), { kind: 'planted', agentId: 9, at }, ...drain])).toEqual(['S3'])
    const claim = (effects: readonly Entry[]): readonly Entry[] => [written({ kind: 'claim' }), ...sent('claim', {}, effects)]
    expect(
      judged(sceneOf({ tags: { ScaleSetAgentsOwner: 'soak/1/1' } }), [...start(), ...claim([world({ kind: 'tags', scaleSetId })])]),
    ).toEqual(['S3'])
    expect(judged(scene, [...start(), ...claim([world({ kind: 'tags', scaleSetId: '/another' })])])).toEqual(['S3'])
  })

  test('S4: a call without an intent', () => {
    expect(judged(sceneOf({}), [...start(), ...sent('set-capacity', { capacity: 1 })])).toEqual(['S4'])
    expect(
      judged(sceneOf({}), [
        ...start(),
        written({ kind: 'delete', machines: [{ id: '1', generation: 1 }] }),
        ...sent('delete-instances', { machines: ['2'] }),
      ]),
    ).toEqual(['S4'])
  })

  test('S5: an old holder goes on after another took over, beyond the one call on its way', () => {
    const drains = (process: string): readonly Entry[] =>
      [1, 2].flatMap((agentId) => [
        written({ kind: 'drain', agentId }, process, 2),
        ...sent('set-enabled', { agentId, enabled: false }, [], process),
      ])
    expect(judged(sceneOf({}), [...start('one', 1), ...start('two', 2), ...drains('one')])).toEqual(['S5'])
    expect(judged(sceneOf({}), [...start('one', 1), ...start('two', 2), written({ kind: 'grow' }, 'one', 1)])).toEqual(['S5'])
    expect(judged(sceneOf({}), [...start('one', 1), ...start('two', 2), ...drains('two')])).toEqual([])
  })

  test('S6: a removal right after a failed or an old read', () => {
    const scene = sceneOf({ machines: [machine('0')] })
    const failed: Entry = { kind: 'answered', call: call('agents'), answer: { ok: false, lost: true }, at }
    expect(judged(scene, [...start(), ...grown('0'), failed, ...deleting(['0'])])).toEqual(['S6'])
    const late = deleting(['0']).map((entry): Entry => (entry.kind === 'begun' ? { ...entry, at: at + 61_000 } : entry))
    expect(judged(scene, [...start(), ...grown('0'), ...late])).toEqual(['S6'])
  })

  test('S7: the capacity is lowered', () => {
    expect(
      judged(sceneOf({}), [
        ...start(),
        written({ kind: 'grow' }),
        ...sent('set-capacity', { capacity: 2 }, [world({ kind: 'capacity', scaleSetId, from: 3, to: 2, by: 'patch' })]),
      ]),
    ).toEqual(['S7'])
  })

  test('S8: too many unhealthy machines in one pass', () => {
    const scene = sceneOf({ machines: [machine('0'), machine('1')] })
    const both = [...grown('0'), ...grown('1')]
    expect(judged(scene, [...start(), ...both, ...deleting(['0', '1'], 'went-offline')])).toEqual(['S8'])
    expect(judged(scene, [...start(), ...both, ...deleting(['0'], 'went-offline'), ...deleting(['1'], 'went-offline')])).toEqual([])
  })

  test('S8: a machine of a mass failure is deleted within half an hour', () => {
    const ids = ['0', '1', '2']
    const scene = sceneOf({ machines: ids.map((id) => machine(id)), agents: ids.map((id) => agentOn(Number(id), id)) })
    const up = ids.flatMap((id) => [...grown(id), world({ kind: 'agent-added', poolId: 1, agentId: Number(id), name: `vm${id}` })])
    const down = (count: number): readonly Entry[] =>
      ids.slice(0, count).map((id) => world({ kind: 'agent-offline', poolId: 1, agentId: Number(id), name: `vm${id}`, by: 'machine' }))
    expect(judged(scene, [...start(), ...up, ...down(3), ...deleting(['0'], 'went-offline')])).toEqual(['S8'])
    expect(judged(scene, [...start(), ...up, ...down(1), ...deleting(['0'], 'went-offline')])).toEqual([])
  })

  test('S8: of one-job machines, those that were given their job are not lost when they go', () => {
    const ids = ['0', '1', '2']
    const facts = { machines: ids.map((id) => machine(id)), agents: ids.map((id) => agentOn(Number(id), id)) }
    const down = ids.flatMap((id) => [
      ...grown(id),
      world({ kind: 'agent-added', poolId: 1, agentId: Number(id), name: `vm${id}` }),
      world({ kind: 'agent-offline', poolId: 1, agentId: Number(id), name: `vm${id}`, by: 'machine' }),
    ])
    const history = [...start(), ...down, ...deleting(['0'], 'went-offline')]
    const given = [{ id: 1, agentId: 2 }]
    expect(judged(sceneOf({ ...facts, requests: given }, true), history)).toEqual([])
    expect(judged(sceneOf({ ...facts, requests: given }), history)).toEqual(['S8'])
    expect(judged(sceneOf(facts, true), history)).toEqual(['S8'])
  })

  test('S9: one intent is sent twice, and one life is reimaged twice', () => {
    const drain = sent('set-enabled', { agentId: 9, enabled: false })
    expect(judged(sceneOf({}), [...start(), written({ kind: 'drain', agentId: 9 }), ...drain, ...drain])).toEqual(['S9'])
    const scene = sceneOf({ machines: [machine('0')] })
    const reimage = (generation: number): readonly Entry[] => [
      written({ kind: 'reimage', machines: [{ id: '0', generation }] }),
      ...sent('reimage', { machines: ['0'] }),
    ]
    expect(judged(scene, [...start(), ...grown('0'), ...reimage(1), ...reimage(1)])).toEqual(['S9'])
    expect(judged(scene, [...start(), ...grown('0'), ...reimage(1), ...reimage(2)])).toEqual([])
  })

  test('S10: a second job in one life, and a used machine that is enabled', () => {
    const scene = sceneOf({ machines: [machine('0')], agents: [agentOn(7, '0')] }, true)
    const job = (requestId: number): readonly Entry[] =>
      ['job-assigned', 'job-started', 'job-finished'].map((kind) => world({ kind, poolId: 1, requestId, agentId: 7, machine: '0' }))
    expect(judged(scene, [...job(1), ...job(2)])).toEqual(['S10'])
    expect(judged(scene, [...job(1), world({ kind: 'fault', fault: 'once-ignored' }), ...job(2)])).toEqual([])
    expect(judged(scene, [...job(1), world({ kind: 'machine-reimaged', scaleSetId, machine: '0' }), ...job(2)])).toEqual([])
    const restore = [written({ kind: 'restore', agentId: 7 }), ...sent('set-enabled', { agentId: 7, enabled: true })]
    expect(judged(scene, [...start(), ...job(1), ...restore])).toEqual(['S10'])
  })

  test('S11: two agents register in one life', () => {
    const scene = sceneOf({ machines: [machine('0')] })
    const added = world({ kind: 'agent-added', poolId: 1, agentId: 7, name: 'vm0', by: 'machine' })
    expect(judged(scene, [added, added])).toEqual(['S11'])
    expect(judged(scene, [added, world({ kind: 'machine-reimaged', scaleSetId, machine: '0' }), added])).toEqual([])
  })

  test('S12: a change while paused, a saved machine, an agent that a person disabled', () => {
    const scene = sceneOf({ machines: [machine('0')] })
    const restore = [written({ kind: 'restore', agentId: 7 }), ...sent('set-enabled', { agentId: 7, enabled: true })]
    expect(judged(scene, [...start(), { kind: 'pass', process: 'one', bounds: { ...bounds, paused: true }, at }, ...restore])).toEqual([
      'S12',
    ])
    const save: Entry = { kind: 'order', order: { machineId: '0', order: 'save', force: false }, at }
    expect(judged(scene, [...start(), ...grown('0'), save, ...deleting(['0'])])).toEqual(['S12'])
    expect(
      judged(scene, [...start(), world({ kind: 'agent-disabled', poolId: 1, agentId: 7, name: 'vm0', by: 'person' }), ...restore]),
    ).toEqual(['S12'])
  })

  test('S13: an intent whose reason says nothing', () => {
    expect(judged(sceneOf({}), [...start(), written({ kind: 'grow', sentence: ' ' })])).toEqual(['S13'])
    expect(judged(sceneOf({}), [...start(), written({ kind: 'grow', sentence: 'undefined more machines needed.' })])).toEqual(['S13'])
  })

  test('S14: two runs that differ only in the clock act differently', () => {
    expect(compareActions(['grow', 'drain 1'], ['grow', 'drain 2']).map(({ invariant }) => invariant)).toEqual(['S14'])
    expect(compareActions(['grow', 'drain 1'], ['grow', 'drain 1'])).toEqual([])
  })

  test('S15: a steady pool acts after it has warmed up', () => {
    const grow = (hours: number): Entry => ({
      ...(written({ kind: 'grow' }) as Extract<Entry, { kind: 'committed' }>),
      at: hours * 3_600_000,
    })
    const [restless, quiet] = [createTrace(false), createTrace(false)]
    restless.enter(grow(5))
    quiet.enter(grow(0.5))
    expect(restless.steadyActions()).toHaveLength(1)
    expect(quiet.steadyActions()).toEqual([])
  })
})
