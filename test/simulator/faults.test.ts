import type { Answer } from '../../backend/simulator/facts.ts'
import type { FaultName } from '../../backend/simulator/facts-life.ts'
import { capacity, count, first, liveScene, machines, minute, pass, refusal, scene, setId, value } from './support.ts'

const always = { rate: 1 }
const hourly = { rate: 30 }

function isLost(answer: Answer<unknown>): boolean {
  return !answer.ok && 'lost' in answer
}

describe("Azure's answers", () => {
  test.each([
    ['throttled', 429, 'OperationNotAllowed'],
    ['throttled-without-retry-after', 429, 'OperationNotAllowed'],
    ['token-expired', 401, 'ExpiredAuthenticationToken'],
    ['role-removed', 403, 'AuthorizationFailed'],
    ['scale-set-gone', 404, 'ResourceNotFound'],
  ] as const)('%s: %d %s, and nothing is applied', (name, status, code) => {
    const { world } = scene({ faults: { [name]: always } })
    const answer = refusal(world.azure.patchScaleSet(setId, { capacity: 1 }))
    expect(answer).toMatchObject({ status, code })
    expect(answer.retryAfterS !== undefined).toBe(name === 'throttled')
    expect(capacity(world)).toBe(0)
    expect(world.faultCounts().get(name)).toBe(1)
  })

  test('azure-5xx is a server error', () => {
    expect(refusal(scene({ faults: { 'azure-5xx': always } }).world.azure.scaleSet(setId)).status).toBeGreaterThanOrEqual(500)
  })

  test('a lost call is not applied when lost before, and applied when lost after', () => {
    const before = scene({ faults: { 'azure-lost-before': always } }).world
    expect([isLost(before.azure.patchScaleSet(setId, { capacity: 1 })), capacity(before)]).toEqual([true, 0])
    const after = scene({ faults: { 'azure-lost-after': always } }).world
    expect([isLost(after.azure.patchScaleSet(setId, { capacity: 1 })), capacity(after)]).toEqual([true, 1])
  })

  test.each([0, 1])('overlapping-operation refuses what would change the set while an operation runs, at its rate: %d', (rate) => {
    const { world } = scene({ capacity: 1, faults: { 'overlapping-operation': { rate } } })
    const answers = [2, 3].map((wanted) => world.azure.patchScaleSet(setId, { capacity: wanted }))
    expect(answers.filter((answer) => !answer.ok && 'code' in answer && answer.code === 'OperationNotAllowed')).toHaveLength(rate * 2)
    expect(world.faultCounts().get('overlapping-operation') ?? 0).toBe(rate * 2)
  })

  test('a stale list is one older moment, whole, and no older than its size', () => {
    const { world } = liveScene({
      capacity: 2,
      faults: { 'stale-list': { rate: 1, sizeMs: minute } },
      latencies: { delete: { p50: 5_000, p95: 5_000 } },
    })
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, 10_000)
    expect(machines(world)).toHaveLength(1)
    expect(value(world.azure.machines(setId)).map(({ instanceId }) => instanceId)).toEqual(['0', '1'])
    pass(world, 2 * minute)
    expect(value(world.azure.machines(setId))).toHaveLength(1)
    expect(world.faultCounts().get('stale-list')).toBe(1)
  })

  test('a partial list misses a third', () => {
    const { world } = liveScene({ capacity: 6 })
    world.setFault('partial-list', always)
    expect(value(world.azure.machines(setId))).toHaveLength(4)
    expect(machines(world)).toHaveLength(6)
  })

  test('capacity is read as zero, or as it was, while the truth is otherwise', () => {
    const { world } = liveScene({ capacity: 2 })
    const { etag } = value(world.azure.scaleSet(setId))
    world.setFault('capacity-read-zero', always)
    expect(value(world.azure.scaleSet(setId))).toMatchObject({ capacity: 0, etag })
    world.setFault('capacity-read-zero', undefined)
    world.setFault('stale-capacity', always)
    value(world.azure.deleteInstances(setId, ['0']))
    expect(value(world.azure.scaleSet(setId))).toMatchObject({ capacity: 2, etag })
    expect(capacity(world)).toBe(1)
  })

  test('an operation is gone although it runs', () => {
    const { world } = scene({ faults: { 'operation-gone': always } })
    const id = value(world.azure.patchScaleSet(setId, { capacity: 1 })).operationId!
    expect(refusal(world.azure.operation(id)).status).toBe(404)
  })
})

describe("Azure's machines", () => {
  test.each([
    ['subnet-full', 'SubnetIsFull'],
    ['allocation-failed', 'AllocationFailed'],
  ] as const)('%s: the operation fails, the capacity stays raised, the machine is absent', (name, code) => {
    const { world } = scene({ faults: { [name]: always } })
    const id = value(world.azure.patchScaleSet(setId, { capacity: 1 })).operationId!
    pass(world, minute)
    expect(value(world.azure.operation(id))).toMatchObject({ state: 'Failed', error: { code } })
    expect([capacity(world), machines(world).length]).toEqual([1, 0])
    world.setFault(name, undefined)
    value(world.azure.patchScaleSet(setId, { capacity: 1 }))
    pass(world, 20 * minute)
    expect(machines(world)).toHaveLength(1)
  })

  test.each([
    ['creation-failed', 'OSProvisioningTimedOut', []],
    ['custom-script-failed', 'VMExtensionProvisioningError', ['script failed']],
    ['extension-failed', 'VMExtensionProvisioningError', ['script succeeded', 'Pipelines failed']],
  ] as const)('%s: the machine is Failed, the extensions show how far it came', (name, code, extensions) => {
    const { world, events } = liveScene({ capacity: 1, customScript: true, faults: { [name]: always } })
    expect(first(machines(world))).toMatchObject({ provisioningState: 'Failed', failure: { code } })
    expect(first(machines(world)).extensions.map((extension) => `${extension.name} ${extension.state}`)).toEqual(extensions)
    expect(count(events, 'machine-failed')).toBe(1)
    expect(value(world.azure.scaleSet(setId)).provisioningState).toBe('Failed')
  })

  test('a stuck creation stays Creating, can be deleted, and does not hold its operation for ever', () => {
    const { world } = liveScene({ capacity: 1, faults: { 'stuck-creating': always } })
    pass(world, 20 * minute)
    expect(first(machines(world)).provisioningState).toBe('Creating')
    expect(value(world.azure.scaleSet(setId)).provisioningState).toBe('Failed')
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, 20 * minute)
    expect(machines(world)).toHaveLength(0)
  })

  test.each([
    ['slow-delete', 15, 30],
    ['stuck-deleting', 60, 140],
  ] as const)('%s: still Deleting after %d minutes, gone after %d', (name, still, gone) => {
    const { world } = liveScene({ capacity: 1, faults: { [name]: always } })
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, still * minute)
    expect(first(machines(world)).provisioningState).toBe('Deleting')
    pass(world, (gone - still) * minute)
    expect(machines(world)).toHaveLength(0)
  })

  test('a failed reimage leaves the machine Failed', () => {
    const { world } = liveScene({ capacity: 1, faults: { 'reimage-failed': always } })
    value(world.azure.reimage(setId, ['0']))
    pass(world, 20 * minute)
    expect(first(machines(world))).toMatchObject({ provisioningState: 'Failed', reimages: 0 })
  })

  test('a quota that is used up elsewhere refuses growth', () => {
    expect(refusal(scene({ faults: { quota: always } }).world.azure.patchScaleSet(setId, { capacity: 1 })).message).toContain(
      'Additional Required: 2',
    )
  })

  test('an agent never comes online although its machine is well: registered or not', () => {
    const { world } = liveScene({ capacity: 10, faults: { 'agent-never-online': always } })
    expect(machines(world).every((machine) => machine.provisioningState === 'Succeeded')).toBe(true)
    const agents = world.truth.agents(1)
    expect(agents.length).toBeGreaterThan(0)
    expect(agents.length).toBeLessThan(10)
    expect(agents.some(({ online }) => online)).toBe(false)
  })
})

describe("Azure DevOps' answers", () => {
  test.each([
    ['sign-in-page', 203, 'SignInPage'],
    ['devops-throttled', 429, 'TF400733'],
    ['devops-5xx', 503, 'ServiceUnavailableException'],
  ] as const)('%s: %d %s', (name, status, code) => {
    expect(refusal(scene({ faults: { [name]: always } }).world.devops.agents(1))).toMatchObject({ status, code })
  })

  test('a lost call is not applied when lost before, and applied when lost after', () => {
    const disabled = (name: FaultName): unknown[] => {
      const { world } = liveScene({ capacity: 1 })
      world.setFault(name, always)
      return [isLost(world.devops.updateAgent(1, 1, { enabled: false })), first(world.truth.agents(1)).enabled]
    }
    expect(disabled('devops-lost-before')).toEqual([true, true])
    expect(disabled('devops-lost-after')).toEqual([true, false])
  })

  test('agents and jobs are shown as they were', () => {
    const { world } = liveScene({ capacity: 1 })
    world.setFault('stale-agents', always)
    world.setFault('stale-jobs', always)
    world.queueJob({ poolId: 1, durationMs: 5 * minute })
    pass(world, 0.5 * minute)
    expect(first(world.truth.agents(1)).assignedRequestId).toBe(1)
    expect(first(value(world.devops.agents(1))).assignedRequestId).toBeUndefined()
    expect(value(world.devops.requests(1)).filter((request) => request.receivedAt !== undefined)).toHaveLength(0)
  })
})

describe('agents and people', () => {
  test('a job assigned during removal runs although the agent is disabled, and refuses its removal', () => {
    const { world } = liveScene({ capacity: 1 })
    world.setFault('job-assigned-during-removal', always)
    expect(refusal(world.devops.deleteAgent(1, 1)).code).toBe('TaskAgentJobStillRunningException')
    pass(world, 10 * minute)
    expect(value(world.devops.updateAgent(1, 1, { enabled: false }))).toMatchObject({ enabled: false, assignedRequestId: 2 })
    pass(world, 10 * minute)
    expect(world.truth.requests(1).map(({ planType, result }) => `${planType} ${result}`)).toEqual(
      Array(2).fill('PoolMaintenance succeeded'),
    )
    value(world.devops.deleteAgent(1, 1))
  })

  test('an ignored --once lets a second job start, or loses it for a while; never a third', () => {
    const second = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const { world } = liveScene({
        seed,
        capacity: 1,
        once: true,
        faults: { 'once-ignored': always },
        latencies: { assign: { p50: 10, p95: 10 }, receive: { p50: 10, p95: 10 } },
      })
      for (let i = 0; i < 3; i++) world.queueJob({ poolId: 1, durationMs: minute })
      pass(world, 20 * minute)
      expect(world.faultCounts().get('once-ignored')).toBe(1)
      expect(first(world.truth.agents(1)).online).toBe(false)
      return first(machines(world)).jobsStarted
    })
    expect(new Set(second)).toEqual(new Set([1, 2]))
  })

  test('a flapping agent shows offline while its job goes on, and comes back', () => {
    const { world, events } = liveScene({ capacity: 1 })
    world.setFault('agent-flaps', { rate: 30, untilMs: world.now() + 60 * minute })
    world.queueJob({ poolId: 1, durationMs: 30 * minute })
    pass(world, 3 * 60 * minute)
    expect(count(events, 'agent-offline')).toBeGreaterThan(1)
    expect(first(world.truth.agents(1)).online).toBe(true)
    expect(first(world.truth.requests(1))).toMatchObject({ result: 'succeeded' })
  })

  test('a dead agent shows offline and its job is abandoned', () => {
    const { world } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: 60 * minute })
    pass(world, minute)
    world.setFault('agent-dies', hourly)
    pass(world, 59 * minute)
    expect(first(machines(world))).toMatchObject({ agentProcess: 'ended', powerState: 'running' })
    expect(first(world.truth.agents(1)).online).toBe(false)
    expect(first(world.truth.requests(1)).result).toBe('abandoned')
  })

  test.each([
    ['vanished-machine', 'machine-vanished'],
    ['appeared-machine', 'machine-listed'],
    ['machine-stops', 'agent-offline'],
    ['person-disables-agent', 'agent-disabled'],
    ['person-deletes-agent', 'agent-removed'],
    ['job-cancelled', 'job-cancelled'],
    ['maintenance-job', 'job-started'],
  ] as const)('%s comes by itself at its rate, until it ends', (name, kind) => {
    const { world, events } = liveScene({ capacity: 20 })
    world.queueJob({ poolId: 1, durationMs: 100 * 60 * minute })
    const before = count(events, kind)
    world.setFault(name, { rate: 6, untilMs: world.now() + 60 * minute })
    pass(world, 60 * minute)
    const strikes = world.faultCounts().get(name) ?? 0
    expect(strikes).toBeGreaterThan(0)
    expect(strikes).toBeLessThan(16)
    pass(world, 10 * minute)
    expect(count(events, kind) - before).toBeGreaterThan(0)
    expect(world.faultCounts().get(name)).toBe(strikes)
    expect(events.filter((event) => event.kind === 'fault')).toHaveLength(strikes)
  })
})

describe('switches', () => {
  test('end at their time, and are off when removed', () => {
    const { world } = scene()
    world.setFault('azure-5xx', { rate: 1, untilMs: world.now() + minute })
    expect(world.azure.scaleSet(setId).ok).toBe(false)
    pass(world, minute)
    expect(world.azure.scaleSet(setId).ok).toBe(true)
    world.setFault('devops-5xx', always)
    world.setFault('devops-5xx', undefined)
    expect(world.devops.agents(1).ok).toBe(true)
    expect([...world.faults().keys()]).toEqual(['azure-5xx'])
  })

  test('one fault does not move what another draws', () => {
    const outcomes = (also: boolean): boolean[] => {
      const { world } = scene()
      world.setFault('azure-5xx', { rate: 0.5 })
      if (also) world.setFault('devops-5xx', { rate: 0.5 })
      return Array.from({ length: 30 }, () => {
        world.devops.pools()
        return world.azure.scaleSets('sub-1').ok
      })
    }
    expect(outcomes(true)).toEqual(outcomes(false))
    expect(new Set(outcomes(false)).size).toBe(2)
  })
})
