import type { Action } from '../../backend/core/decision.ts'
import { act } from '../../backend/loop/act.ts'
import { extensionName } from '../../backend/loop/extension.ts'
import type { Result } from '../../backend/loop/act.ts'
import type { Clock, Intent, MachineMemory, PoolMemory, PoolRecord } from '../../backend/loop/ports.ts'
import { now } from '../support/build.ts'
import { aMemory, anAzureMachine, anAzureSet, anIntent, anOutside, aPipelinesAgent, aRecord, aState } from '../support/loop.ts'
import type { Answers, Outside } from '../support/loop.ts'

type Scene = {
  readonly answers?: Partial<Answers>
  readonly machines?: readonly MachineMemory[]
  readonly open?: readonly Intent[]
  readonly pool?: Partial<PoolMemory>
  readonly record?: Partial<PoolRecord>
  /** How often the lease is found to stand; for ever when not given. */
  readonly held?: number
  readonly leftMs?: number
  readonly deadline?: Clock['deadline']
  readonly stopped?: boolean
}

async function sendAll(
  actions: readonly Action[],
  scene: Scene,
): Promise<{ readonly results: readonly Result[]; readonly outside: Outside }> {
  const outside = anOutside(scene.answers)
  const intents = actions.map((action) => anIntent(action))
  const state = aState(outside, { machines: scene.machines ?? [], intents: scene.open ?? [], pool: scene.pool ?? {} })
  const abort = new AbortController()
  if (scene.stopped === true) abort.abort()
  let looks = 0
  const results = await act(
    {
      state,
      record: aRecord(scene.record),
      clock: { ...outside.clock, ...(scene.deadline && { deadline: scene.deadline }) },
      ownerId: 'owner',
      extension: () => ({
        known: true,
        at: 0,
        value: { name: extensionName, publisher: 'p', type: 't', version: '1', settings: {}, after: [] },
      }),
      leftMs: () => (looks++ < (scene.held ?? Infinity) ? (scene.leftMs ?? 20_000) : 0),
      signal: abort.signal,
    },
    intents,
  )
  return { results: intents.map(({ id }) => results.get(id)!), outside }
}

const changed = (outside: Outside): readonly string[] =>
  outside.calls.filter((call) => /^(set|remove|delete|reimage|claim|merge|put|add|update)/.test(call))

/** What was sent, or why it was left. */
async function send(action: Action, scene: Scene = {}): Promise<string> {
  const { results, outside } = await sendAll([action], scene)
  const [result] = results
  const sent = changed(outside)
  if (result?.kind === 'left') {
    expect(sent).toEqual([])
    return `left: ${result.why}`
  }
  return sent.join(', ')
}

const grow = (by = 2, machinesMax = 10): Action => ({ kind: 'grow', by, machinesMax })
const ref = (n: number) => ({ id: String(n), name: `m${n}`, generation: 1, cause: 'surplus' as const })
const remove = (...machines: readonly (ReturnType<typeof ref> & { readonly force?: true })[]): Action => ({ kind: 'delete', machines })
const unregister: Action = { kind: 'unregister', machine: ref(1), agentId: 101, cause: 'surplus', next: 'delete' }
const standing = (count: number): readonly MachineMemory[] => Array.from({ length: count }, (_each, index) => aMemory(index))

describe('S5: nothing is sent', () => {
  test.each<[string, Scene]>([
    ['without the lease', { held: 0 }],
    ['when the lease is lost during the reads before it', { held: 1 }],
    ['once the service is told to stop', { stopped: true }],
  ])('%s', async (_when, scene) => expect(await send(grow(), scene)).toMatch(/^left: the service was told to stop, or lost its lease/))
})

test('S5: a call is cut off when the lease ends, and after 30 seconds at the latest', async () => {
  const cutOff = async (leftMs: number): Promise<readonly number[]> => {
    const deadlines: number[] = []
    const { signal } = new AbortController()
    const deadline = (ms: number): AbortSignal => {
      deadlines.push(ms)
      return signal
    }
    await sendAll([{ kind: 'drain', machine: ref(1), agentId: 101, cause: 'surplus', next: 'delete' }], { leftMs, deadline })
    return deadlines
  }
  expect([await cutOff(12_000), await cutOff(45_000)]).toEqual([[12_000], [30_000]])
})

describe('growing', () => {
  test('adds to a capacity read anew', async () =>
    expect(await send(grow(2), { answers: { scaleSet: anAzureSet({ capacity: 3 }) }, machines: standing(3) })).toBe('setCapacity 5'))

  test('ends at the maximum, with deleting machines beside the capacity', async () => {
    const scene = { answers: { scaleSet: anAzureSet({ capacity: 2 }) }, machines: [...standing(2), aMemory(8, { stage: 'deleting' })] }
    expect(await send(grow(5, 6), scene)).toBe('setCapacity 5')
    expect(await send(grow(5, 3), scene)).toBe('left: the scale set has 2 machines by now, which the maximum of 3 does not let grow')
  })

  test('asks again with the same capacity', async () =>
    expect(await send({ kind: 'ask-again', owed: 2, machinesMax: 4 }, { answers: { scaleSet: anAzureSet({ capacity: 4 }) } })).toBe(
      'setCapacity 4',
    ))

  test('S3: a capacity that nothing explains is listed before it grows, so that a stranger is not taken for ours', async () => {
    const answers = { scaleSet: anAzureSet({ capacity: 7 }) }
    expect(await send(grow(), { answers, machines: standing(6) })).toContain('left: Azure answered a capacity of 7, above the 6 machines')
    expect(await send(grow(1), { answers, machines: standing(7) })).toBe('setCapacity 8')
    expect(await send(grow(1), { answers, machines: standing(6), pool: { owed: { machines: 1, since: 1 } } })).toBe('setCapacity 8')
    expect(await send(grow(1), { answers, machines: standing(6), pool: { gone: { m9: now } } })).toBe('setCapacity 8')
  })

  describe('kubernetes/autoscaler #3240, #7432, #9452: a throttled or zero capacity read never lowers capacity', () => {
    test('throttled: nothing is written', async () =>
      expect(await send(grow(), { answers: { scaleSet: '429 TooManyRequests' }, machines: standing(5) })).toBe(
        'left: the scale set could not be read (429 TooManyRequests)',
      ))

    test.each([0, 4])('%i for five machines: nothing is written, and the list is read again', async (capacity) => {
      const answers = { scaleSet: anAzureSet({ capacity }) }
      expect(await send(grow(), { answers, machines: standing(5) })).toContain(
        `left: Azure answered a capacity of ${capacity}, below the 5 machines`,
      )
      expect(await send({ kind: 'ask-again', owed: 1, machinesMax: 9 }, { answers, machines: standing(5) })).toMatch(/^left/)
    })

    test('machines asked for and not seen yet count too', async () => {
      const open = anIntent(grow(3), { state: 'accepted', capacity: { from: 2, to: 5 }, seen: ['1'] })
      expect(await send(grow(), { answers: { scaleSet: anAzureSet({ capacity: 3 }) }, machines: standing(2), open: [open] })).toContain(
        'below the 4 machines',
      )
    })

    test('machines that Azure owes count too, when they are asked for again and when more are', async () => {
      const scene = { answers: { scaleSet: anAzureSet({ capacity: 0 }) }, pool: { owed: { machines: 2, since: 1 } } }
      expect(await send({ kind: 'ask-again', owed: 2, machinesMax: 9 }, scene)).toContain('below the 2 machines')
      expect(await send(grow(), scene)).toContain('below the 2 machines')
    })

    test('machines being deleted, or missing from the list, do not', async () => {
      const machines = [aMemory(1, { stage: 'deleting' }), aMemory(2, { missingSince: 5 })]
      expect(await send(grow(), { answers: { scaleSet: anAzureSet({ capacity: 0 }) }, machines })).toBe('setCapacity 2')
    })
  })

  test.each<[string, Answers['scaleSet'], string]>([
    ['gone', undefined, 'left: the scale set does not exist any more'],
    [
      'claimed by another',
      anAzureSet({ tags: { ScaleSetAgentsOwner: 'them/1/2' } }),
      'left: the scale set is not marked as ours any more (them/1)',
    ],
    ['not claimed any more', anAzureSet({ tags: {} }), 'left: the scale set is not marked as ours any more (free)'],
  ])('not on a scale set that is %s', async (_what, scaleSet, expected) =>
    expect(await send(grow(), { answers: { scaleSet } })).toBe(expected),
  )
})

describe('taking an agent out of the pool', () => {
  const agents = (over: object): Scene => ({ answers: { agents: [aPipelinesAgent(1, { enabled: false, ...over })] } })
  test.each<[string, Scene, string]>([
    ['a drained one', agents({}), 'removeAgent 101'],
    ['one that is gone already', {}, 'removeAgent 101'],
    ['an offline one', agents({ enabled: true, online: false }), 'removeAgent 101'],
    ['one with a job by now', agents({ requestId: 8 }), 'left: agent m1 has job request 8 by now'],
    ['one that a person enabled', agents({ enabled: true }), 'left: agent m1 is online and enabled by now'],
    ['when the agents cannot be read', { answers: { agents: '500' } }, 'left: the agents could not be read again'],
  ])('%s', async (_what, scene, expected) => expect(await send(unregister, scene)).toBe(expected))
  test('an orphan in the same way', async () =>
    expect(await send({ kind: 'unregister-orphan', agentId: 101, name: 'm1' }, agents({ requestId: 3 }))).toMatch(
      /^left: agent m1 has job/,
    ))
})

describe('deleting machines', () => {
  const scene = (over: Scene & { listed?: object; memory?: Partial<MachineMemory> } = {}): Scene => ({
    machines: [aMemory(1, over.memory), aMemory(2)],
    ...over,
    answers: { machines: [anAzureMachine(1, over.listed), anAzureMachine(2)], ...over.answers },
  })
  test('by instance id, in one call', async () => expect(await send(remove(ref(1), ref(2)), scene())).toBe('deleteMachines 1 2'))
  test('reimages in one call too', async () =>
    expect(await send({ kind: 'reimage', machines: [ref(1)] }, scene())).toBe('reimageMachines 1'))

  test.each<[string, Parameters<typeof scene>[0]]>([
    ['is another machine by now', { memory: { generation: 2 } }],
    ['is another machine by now', { listed: { createdAt: 'later' } }],
    ['has instance protection', { listed: { protected: true } }],
    ['is not listed any more', { answers: { machines: [anAzureMachine(2)] } }],
    ['has agent 101 by now', { answers: { agents: [aPipelinesAgent(1, { name: 'M1' })] } }],
  ])('without one that %s', async (why, over) => {
    expect(await send(remove(ref(1), ref(2)), scene(over))).toBe('deleteMachines 2')
    expect(await send(remove(ref(1)), scene(over))).toBe(`left: m1 ${why}`)
  })

  test('the agent that we removed does not count when an old list still shows it', async () =>
    expect(await send(remove(ref(1)), scene({ memory: { formerAgentId: 101 }, answers: { agents: [aPipelinesAgent(1)] } }))).toBe(
      'deleteMachines 1',
    ))

  test('a forced delete minds neither agent nor protection, but the machine must be the same', async () => {
    const forced = { ...ref(1), force: true as const }
    expect(await send(remove(forced), scene({ listed: { protected: true }, answers: { agents: [aPipelinesAgent(1)] } }))).toMatch(
      /^(deleteMachines 1|left)/,
    )
    expect(await send(remove(forced), scene({ listed: { createdAt: 'later' } }))).toMatch(/^left/)
  })

  test.each<[string, Partial<Answers>]>([
    ['machines', { machines: '500' }],
    ['agents', { agents: '500' }],
  ])('not when the %s cannot be read again', async (_what, answers) =>
    expect(await send(remove(ref(1)), { machines: [aMemory(1)], answers })).toBe('left: machines or agents could not be read again'),
  )
  test('not on a scale set of another', async () =>
    expect(await send(remove(ref(1)), scene({ answers: { scaleSet: anAzureSet({ tags: {} }) } }))).toMatch(/not marked as ours/))

  test('what is looked at again is read once for a round', async () => {
    const { outside } = await sendAll([unregister, remove(ref(1)), remove(ref(2))], scene())
    expect(outside.calls.filter((call) => call === 'agents' || call === 'machines')).toEqual(['agents', 'machines'])
  })
})

describe('keeping the scale set', () => {
  const set = (tags: Record<string, string>): Scene => ({ answers: { scaleSet: anAzureSet({ tags }) } })
  test.each<[Action, Scene, string]>([
    [{ kind: 'claim' }, set({ team: 'ci' }), 'claimTag ScaleSetAgentsOwner owner/7/1'],
    [{ kind: 'claim' }, set({ ScaleSetAgentsOwner: 'them/1/2' }), 'left: the scale set is marked by them/1/2 by now'],
    [
      { kind: 'claim' },
      {
        ...set({ scalesetagentsowner: 'them/1/2' }),
        record: { takeOverFrom: 'them/1' },
        pool: { claim: { value: 'them/1/2', seenAt: 0 } },
      },
      'claimTag scalesetagentsowner owner/7/1',
    ],
    [
      { kind: 'claim' },
      {
        ...set({ ScaleSetAgentsOwner: 'them/1/3' }),
        record: { takeOverFrom: 'them/1' },
        pool: { claim: { value: 'them/1/2', seenAt: 0 } },
      },
      'left: the scale set is marked by them/1/3 by now',
    ],
    [
      { kind: 'claim' },
      {
        ...set({ ScaleSetAgentsOwner: 'others/1/2' }),
        record: { takeOverFrom: 'them/1' },
        pool: { claim: { value: 'others/1/2', seenAt: 0 } },
      },
      'left: the scale set is marked by others/1/2 by now',
    ],
    [{ kind: 'refresh-claim' }, {}, 'mergeTag ScaleSetAgentsOwner owner/7/5'],
    [{ kind: 'refresh-claim' }, set({}), 'left: the scale set is not marked as ours any more'],
    [{ kind: 'put-extension' }, {}, `putExtension ${extensionName}`],
    [{ kind: 'release', part: 'extension' }, {}, `removeExtension ${extensionName}`],
    [{ kind: 'release', part: 'tag' }, {}, 'removeTag ScaleSetAgentsOwner owner/7/4'],
    [{ kind: 'put-extension' }, { answers: { scaleSet: '500' } }, 'left: the scale set could not be read again'],
    [{ kind: 'put-extension' }, { answers: { scaleSet: undefined } }, 'left: the scale set could not be read again'],
  ])('%j', async (action, scene, expected) => expect(await send(action, scene)).toBe(expected))
})

test.each<[Action, Scene, string]>([
  [{ kind: 'drain', machine: ref(1), agentId: 101, cause: 'surplus', next: 'delete' }, {}, 'setEnabled 101 false'],
  [{ kind: 'restore', machine: ref(1), agentId: 101 }, {}, 'setEnabled 101 true'],
  [{ kind: 'save', machine: ref(1), agentId: 101, cause: 'failed-to-start' }, {}, 'setEnabled 101 false'],
  [{ kind: 'save', machine: ref(1), cause: 'failed-to-start' }, {}, ''],
  [{ kind: 'add-placeholder', capabilities: {} }, {}, 'addPlaceholder scale-set-agents-placeholder-7 3.227.1'],
  [
    { kind: 'update-placeholder', agentId: 9, capabilities: {} },
    { pool: { learned: { capabilities: {}, version: '4.1', at: 0 } } },
    'updatePlaceholder 9 4.1',
  ],
  [{ kind: 'delete-pool' }, {}, 'deletePool 7'],
])('%j', async (action, scene, expected) => expect(await send(action, scene)).toBe(expected))

test('an intent that fails does not stop the next ones', async () => {
  const refused = { kind: 'refused', status: 500, code: 'x', message: '' } as const
  const { results } = await sendAll([{ kind: 'delete-pool' }, { kind: 'refresh-claim' }], {
    answers: { outcomes: { deletePool: refused } },
  })
  expect(results).toMatchObject([
    { kind: 'sent', outcome: refused },
    { kind: 'sent', outcome: { kind: 'done' } },
  ])
})
