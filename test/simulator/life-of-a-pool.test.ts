import { capacity, count, first, liveScene, machines, minute, model, pass, refusal, scene, setId, value } from './support.ts'

describe('growing', () => {
  test('a raised capacity makes machines that appear, boot, run their extensions and register', () => {
    const { world, events } = scene({ customScript: true })
    const { operationId } = value(world.azure.patchScaleSet(setId, { capacity: 2 }))
    expect(machines(world)).toHaveLength(0)
    expect(value(world.azure.operation(operationId!)).state).toBe('InProgress')
    pass(world, 20 * minute)
    expect(value(world.azure.operation(operationId!)).state).toBe('Succeeded')
    expect(machines(world).map((machine) => machine.extensions.map(({ name, state }) => `${name} ${state}`))).toEqual(
      Array(2).fill(['script succeeded', 'Pipelines succeeded']),
    )
    expect(machines(world).map(({ computerName }) => computerName)).toEqual(['agents000000', 'agents000001'])
    expect(
      world.truth
        .agents(1)
        .map(({ name, online }) => `${name} ${online}`)
        .sort(),
    ).toEqual(['agents000000 true', 'agents000001 true'])
    const order = events.map(({ kind }) => kind)
    expect(order.indexOf('machine-listed')).toBeLessThan(order.indexOf('machine-running'))
    expect(order.indexOf('machine-running')).toBeLessThan(order.indexOf('agent-added'))
    expect(order.indexOf('agent-added')).toBeLessThan(order.indexOf('agent-online'))
  })

  test('a machine is Creating until its last extension is done', () => {
    const { world, events } = scene({ capacity: 1 })
    while (count(events, 'machine-running') === 0) world.advance(world.nextAt()!)
    expect(first(machines(world))).toMatchObject({ provisioningState: 'Creating', powerState: 'running', agentProcess: 'configuring' })
    pass(world, 20 * minute)
    expect(first(machines(world))).toMatchObject({ provisioningState: 'Succeeded', agentProcess: 'listening' })
  })

  test('a capacity beyond the quota is refused with the numbers, and nothing changes', () => {
    const { world } = liveScene({ capacity: 3, coreLimit: 8 })
    const answer = refusal(world.azure.patchScaleSet(setId, { capacity: 5 }))
    expect(answer).toMatchObject({ status: 409, code: 'OperationNotAllowed' })
    expect(answer.message).toContain('exceeding approved standardDSv3Family Cores quota')
    expect(answer.message).toContain('Current Limit: 8, Current Usage: 6, Additional Required: 4, (Minimum) New Limit Required: 10')
    expect(capacity(world)).toBe(3)
    world.setCoreLimit(10)
    value(world.azure.patchScaleSet(setId, { capacity: 5 }))
    expect(value(world.azure.usages('sub-1', 'westeurope'))).toContainEqual({
      name: 'standardDSv3Family',
      localizedName: 'standardDSv3Family',
      current: 10,
      limit: 10,
    })
  })

  test('machines that the subnet has no address for are owed, and asked for again by an equal capacity', () => {
    const { world } = scene({ subnetSize: 2 })
    const operationId = value(world.azure.patchScaleSet(setId, { capacity: 3 })).operationId!
    pass(world, 20 * minute)
    expect(value(world.azure.operation(operationId))).toMatchObject({
      state: 'Failed',
      error: { code: 'SubnetIsFull', message: expect.stringContaining('1 IP addresses') },
    })
    expect([machines(world).length, capacity(world)]).toEqual([2, 3])
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, 20 * minute)
    value(world.azure.patchScaleSet(setId, { capacity: capacity(world) }))
    pass(world, 20 * minute)
    expect([machines(world).length, capacity(world)]).toEqual([2, 2])
  })

  test.each([-1, 1.5, 1_001])('the capacity %d is refused', (asked) => {
    expect(refusal(scene().world.azure.patchScaleSet(setId, { capacity: asked }))).toMatchObject({ status: 400, code: 'InvalidParameter' })
  })

  test('a single placement group ends at 100 machines', () => {
    const { world } = scene()
    value(world.azure.patchScaleSet(setId, { properties: { singlePlacementGroup: true } }))
    expect(refusal(world.azure.patchScaleSet(setId, { capacity: 101 })).code).toBe('InvalidParameter')
  })

  test('a lowered capacity lets Azure take any machine, sparing the protected', () => {
    const { world, events } = liveScene({ capacity: 4 })
    value(world.azure.setProtection(setId, '2', { fromScaleIn: true, fromScaleSetActions: false }))
    value(world.azure.patchScaleSet(setId, { capacity: 1 }))
    pass(world, 30 * minute)
    expect(machines(world).map(({ instanceId }) => instanceId)).toEqual(['2'])
    expect(events).toContainEqual(expect.objectContaining({ kind: 'capacity', from: 4, to: 1, by: 'patch' }))
    expect(count(events, 'capacity')).toBe(2)
  })
})

describe('jobs', () => {
  test('are taken first in, first out, run for their time and leave the agent idle', () => {
    const { world, events } = liveScene({ capacity: 1 })
    const jobs = [5, 1, 2].map((minutes) => world.queueJob({ poolId: 1, durationMs: minutes * minute }))
    pass(world, 30 * minute)
    expect(events.flatMap((event) => (event.kind === 'job-started' ? [event.requestId] : []))).toEqual(jobs)
    const requests = world.truth.requests(1)
    expect(requests.map(({ result }) => result)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    expect(requests.map((request) => request.finishedAt! - request.receivedAt!)).toEqual([5 * minute, minute, 2 * minute])
    expect(first(machines(world))).toMatchObject({ agentProcess: 'listening', jobsStarted: 3 })
    expect(first(world.truth.agents(1))).toMatchObject({ lastCompletedRequestId: jobs[2] })
    expect(first(world.truth.agents(1)).assignedRequestId).toBeUndefined()
  })

  test('are renewed while they run', () => {
    const { world } = liveScene({ capacity: 1 })
    const id = world.queueJob({ poolId: 1, durationMs: 60 * minute })
    pass(world, 30 * minute)
    const left = value(world.devops.request(1, id)).lockedUntil! - world.now()
    expect(left).toBeGreaterThan(8 * minute)
    expect(left).toBeLessThanOrEqual(10 * minute)
  })

  test('fail at once when the pool has no agent, or none that satisfies the demands', () => {
    const empty = scene().world
    empty.queueJob({ poolId: 1, durationMs: minute })
    expect(first(empty.truth.requests(1))).toMatchObject({ result: 'failed', matchedAgentIds: [] })
    const { world } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: minute, demands: ['unheard-of'] })
    expect(first(world.truth.requests(1))).toMatchObject({ result: 'failed' })
  })

  test('wait when a registered agent that is offline satisfies their demands', () => {
    const { world } = scene()
    const placeholder = value(
      world.devops.addAgent(1, { name: 'placeholder', version: '4.268.0', osDescription: '-', systemCapabilities: { maven: '3' } }),
    )
    world.queueJob({ poolId: 1, durationMs: minute, demands: ['maven'] })
    pass(world, 10 * minute)
    const request = first(value(world.devops.requests(1)))
    expect(request.matchedAgentIds).toEqual([placeholder.id])
    expect(request.assignedAt).toBeUndefined()
    world.cancelJob(request.id)
    expect(first(world.truth.requests(1)).result).toBe('canceled')
  })

  test.each([
    ['MAVEN', true],
    ['maven -equals 3.9.9', true],
    ['maven -equals 4', false],
    ['node -gtVersion 20.2', true],
    ['node -gtVersion 20.19.0', true],
    ['node -gtVersion 22', false],
    ['Agent.Version -gtVersion 2.182.1', true],
    ['Agent.Version -gtVersion 99.0', false],
  ])('the demand %s is satisfied: %s', (demand, satisfied) => {
    const { world } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: minute, demands: [demand] })
    pass(world, 10 * minute)
    expect(first(world.truth.requests(1)).result).toBe(satisfied ? 'succeeded' : 'failed')
  })

  test('a disabled agent ends its job and gets no other', () => {
    const { world } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: 10 * minute })
    pass(world, minute)
    const agent = first(world.truth.agents(1))
    value(world.devops.updateAgent(1, agent.id, { enabled: false }))
    value(world.devops.addAgent(1, { name: 'placeholder', version: '4', osDescription: '-', systemCapabilities: {} }))
    const second = world.queueJob({ poolId: 1, durationMs: minute })
    pass(world, 60 * minute)
    expect(first(world.truth.requests(1)).result).toBe('succeeded')
    expect(value(world.devops.request(1, second)).assignedAt).toBeUndefined()
    world.personSetsEnabled(1, agent.id, true)
    pass(world, 10 * minute)
    expect(value(world.devops.request(1, second)).result).toBe('succeeded')
  })

  test('an agent with a job cannot be unregistered; without one it can, and its process ends', () => {
    const { world } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: 10 * minute })
    pass(world, minute)
    const { id } = first(world.truth.agents(1))
    expect(refusal(world.devops.deleteAgent(1, id))).toMatchObject({ status: 400, code: 'TaskAgentJobStillRunningException' })
    pass(world, 20 * minute)
    value(world.devops.deleteAgent(1, id))
    expect(world.truth.agents(1)).toHaveLength(0)
    expect(first(machines(world)).agentProcess).toBe('ended')
  })

  test('a one-job agent goes offline after its job, stays registered and runs no other', () => {
    const { world, events } = liveScene({ capacity: 1, once: true })
    world.queueJob({ poolId: 1, durationMs: minute })
    world.queueJob({ poolId: 1, durationMs: minute })
    pass(world, 60 * minute)
    expect(count(events, 'job-started')).toBe(1)
    expect(first(world.truth.agents(1))).toMatchObject({ online: false, enabled: true })
    expect(first(machines(world))).toMatchObject({ agentProcess: 'ended', jobsStarted: 1 })
  })
})

describe('leaving', () => {
  test('a deleted machine takes its running job along: abandoned when the lock runs out', () => {
    const { world, events } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: 60 * minute })
    pass(world, 5 * minute)
    value(world.azure.deleteInstances(setId, ['0']))
    const deletedAt = world.now()
    expect(first(machines(world))).toMatchObject({ provisioningState: 'Deleting', agentProcess: 'none' })
    pass(world, 30 * minute)
    expect(machines(world)).toHaveLength(0)
    const abandoned = events.find((event) => event.kind === 'job-abandoned')!
    expect(abandoned.at - deletedAt).toBeGreaterThan(8 * minute)
    expect(abandoned.at - deletedAt).toBeLessThanOrEqual(10 * minute)
    expect(first(world.truth.agents(1))).toMatchObject({ online: false })
  })

  test('Azure DevOps shows a dead agent online for one to two minutes', () => {
    const { world } = liveScene({ capacity: 1 })
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, 0.9 * minute)
    expect(first(world.truth.agents(1)).online).toBe(true)
    pass(world, 1.2 * minute)
    expect(first(world.truth.agents(1)).online).toBe(false)
  })

  test('a reimaged machine starts afresh under its name and keeps its agent id', () => {
    const { world, events } = liveScene({ capacity: 1, once: true })
    world.queueJob({ poolId: 1, durationMs: minute })
    pass(world, 10 * minute)
    const before = first(world.truth.agents(1))
    value(world.azure.patchScaleSet(setId, { properties: { virtualMachineProfile: { priority: 'Regular' } } }))
    value(world.azure.reimage(setId, ['0']))
    expect(first(machines(world)).provisioningState).toBe('Updating')
    pass(world, 20 * minute)
    expect(count(events, 'machine-reimaged')).toBe(1)
    expect(first(machines(world))).toMatchObject({
      provisioningState: 'Succeeded',
      reimages: 1,
      jobsStarted: 0,
      agentProcess: 'listening',
      modelVersion: 2,
    })
    expect(first(world.truth.agents(1))).toMatchObject({ id: before.id, online: true })
  })

  test('ids that do not exist are refused by name, ids already leaving by code', () => {
    const { world } = liveScene({ capacity: 1 })
    expect(refusal(world.azure.deleteInstances(setId, ['0', '7']))).toMatchObject({
      status: 400,
      code: 'InvalidParameter',
      message: expect.stringContaining('7'),
    })
    value(world.azure.deleteInstances(setId, ['0']))
    expect(refusal(world.azure.deleteInstances(setId, ['0'])).code).toBe('InstanceIdsListInstanceIdNotActiveVM')
    expect(refusal(world.azure.reimage(setId, ['0'])).code).toBe('InstanceIdsListInstanceIdNotActiveVM')
  })

  test('a deleted scale set takes its machines along and is gone', () => {
    const { world } = liveScene({ capacity: 2 })
    value(world.azure.deleteScaleSet(setId))
    expect(refusal(world.azure.patchScaleSet(setId, { capacity: 3 })).code).toBe('Conflict')
    pass(world, 20 * minute)
    expect(refusal(world.azure.scaleSet(setId))).toMatchObject({ status: 404, code: 'ResourceNotFound' })
    expect(world.truth.machineMs(setId)).toBeGreaterThan(2 * 19 * minute)
  })

  test('a deleted pool cancels its jobs and removes its agents', () => {
    const { world, events } = liveScene({ capacity: 1 })
    world.queueJob({ poolId: 1, durationMs: minute })
    world.queueJob({ poolId: 1, durationMs: minute })
    value(world.devops.deletePool(1))
    pass(world, 10 * minute)
    expect(count(events, 'job-cancelled')).toBe(2)
    expect(refusal(world.devops.agents(1)).status).toBe(404)
    expect(first(machines(world)).agentProcess).toBe('ended')
  })
})

describe('bills, tags, models, powers', () => {
  test('machines are billed from being listed to being gone', () => {
    const { world, events } = liveScene({ capacity: 1 })
    value(world.azure.deleteInstances(setId, ['0']))
    pass(world, 30 * minute)
    const at = (kind: string): number => events.find((event) => event.kind === kind)!.at
    expect(world.truth.machineMs(setId)).toBe(at('machine-deleted') - at('machine-listed'))
  })

  test('single tags are merged and deleted without touching the others', () => {
    const { world } = scene()
    value(world.azure.mergeTags(setId, 'Merge', { a: '1', b: '2' }))
    expect(value(world.azure.mergeTags(setId, 'Delete', { a: '' }))).toEqual({ b: '2' })
  })

  test('an extension added to the model reaches a present machine by an update', () => {
    const { world } = liveScene({ capacity: 1 })
    value(world.azure.patchScaleSet(setId, { properties: model({ customScript: true }) }))
    expect(first(machines(world))).toMatchObject({ modelVersion: 1 })
    value(world.azure.instanceAction(setId, ['0'], 'update'))
    pass(world, 10 * minute)
    expect(first(machines(world)).modelVersion).toBe(2)
    expect(first(machines(world)).extensions.map(({ name }) => name)).toEqual(['Pipelines', 'script'])
  })

  test('an agent does not come back by itself after a restart, and a deallocated machine holds no cores', () => {
    const { world } = liveScene({ capacity: 1 })
    value(world.azure.instanceAction(setId, ['0'], 'restart'))
    pass(world, 10 * minute)
    expect(first(world.truth.agents(1)).online).toBe(false)
    value(world.azure.instanceAction(setId, ['0'], 'deallocate'))
    expect(first(value(world.azure.usages('sub-1', 'westeurope'))).current).toBe(0)
  })

  test('autoscale settings are listed by resource group', () => {
    const { world } = scene()
    const setting = { name: 'auto', resourceGroup: 'rg', enabled: true, targetResourceId: setId }
    world.addAutoscale(setting)
    expect(value(world.azure.autoscaleSettings('sub-1', 'RG'))).toEqual([setting])
    expect(value(world.azure.autoscaleSettings('sub-1', 'other'))).toEqual([])
  })
})
