/** What refuses a step often stands for hours: a lock, a missing right, instance protection, another owner. Nothing is hammered, and the reason is true. */
import type { WorldCall } from '../support/world-ports.ts'
import { minute } from '../support/build.ts'
import { quick, scaleSetId, startService } from '../support/service.ts'
import type { Service } from '../support/service.ts'

jest.setTimeout(60_000)

const refusal = (status: number, code: string) => ({ ok: false, status, code, message: 'It stands.' }) as const
const running: Service[] = []
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop()
})

type Watched = { readonly service: Service; readonly callsSince: (minutes: number, ...names: readonly string[]) => number }

async function begin(options: Parameters<typeof startService>[0]): Promise<Watched> {
  const calls: WorldCall[] = []
  const service = await startService({ world: { latencies: quick }, ...options, onCall: (call) => calls.push(call) })
  running.push(service)
  return {
    service,
    callsSince: (minutes, ...names) => calls.filter(({ at, name }) => at >= minutes * minute && names.includes(name)).length,
  }
}

const sentences = async (service: Service): Promise<readonly string[]> =>
  (await service.history.log(service.poolId, { top: 2_000 })).map(({ message }) => message)
const reasons = (service: Service) => service.loop.own(service.poolId)!.decision.reasons
const azureReads = ['read-scale-set', 'list-machines']

/** Two idle agents of which one becomes surplus. */
async function withSurplus(): Promise<Watched> {
  const watched = await begin({ settings: { standby: 2, idleDelayMinutes: 5 } })
  await watched.service.forMinutes(20)
  watched.service.set({ standby: 1 })
  return watched
}

test('a lock on the resource group: the delete is tried at growing intervals, and Azure is read as seldom as ever', async () => {
  const { service, callsSince } = await withSurplus()
  const { deleteInstances } = service.world.azure
  Object.assign(service.world.azure, { deleteInstances: () => refusal(409, 'ScopeLocked') })
  await service.forMinutes(40)
  expect(callsSince(20, 'delete-instances')).toBeGreaterThan(2)
  expect(callsSince(20, 'delete-instances')).toBeLessThanOrEqual(8)
  expect(callsSince(20, ...azureReads) / 40).toBeGreaterThan(1)
  expect(callsSince(20, ...azureReads) / 40).toBeLessThanOrEqual(4)
  expect(reasons(service)).toContainEqual(expect.objectContaining({ code: 'refused', action: 'delete', azureCode: 'ScopeLocked' }))
  expect((await sentences(service)).filter((each) => each.includes('A lock on the resource group'))).toHaveLength(
    callsSince(20, 'delete-instances'),
  )

  Object.assign(service.world.azure, { deleteInstances })
  await service.forMinutes(12)
  expect(service.world.truth.machines(scaleSetId)).toHaveLength(1)
})

test('the right to remove agents is missing: the same, and each agent by itself', async () => {
  const { service, callsSince } = await withSurplus()
  Object.assign(service.world.devops, { deleteAgent: () => refusal(403, 'AccessDeniedException') })
  await service.forMinutes(40)
  expect(callsSince(20, 'remove-agent')).toBeGreaterThan(2)
  expect(callsSince(20, 'remove-agent')).toBeLessThanOrEqual(8)
  expect(callsSince(20, 'agents') / 40).toBeGreaterThan(0.5)
  expect(callsSince(20, 'agents') / 40).toBeLessThanOrEqual(6)
  expect(reasons(service)).toContainEqual(expect.objectContaining({ code: 'refused', action: 'unregister' }))
})

test('instance protection keeps a machine without a call, and another leaves in its place', async () => {
  const { service, callsSince } = await withSurplus()
  const [first, second] = service.world.truth.machines(scaleSetId)
  service.world.azure.setProtection(scaleSetId, first!.instanceId, { fromScaleIn: false, fromScaleSetActions: true })
  await service.forMinutes(20)
  expect(service.world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId)).toEqual([first!.instanceId])
  expect(callsSince(20, 'delete-instances')).toBe(1)
  const said = await sentences(service)
  expect(said.some((each) => each.includes(`${second!.computerName} is deleted`))).toBe(true)
  expect(said.filter((each) => each.startsWith('Not done'))).toEqual([])
})

test('a busy pool that tears down renews its claim in time', async () => {
  const { service } = await begin({ settings: { standby: 2, machinesMax: 12, tearDownAfterUse: true } })
  const renewed: number[] = []
  let tag = ''
  for (let each = 0; each < 60; each += 1) {
    for (let job = 0; job < 6; job += 1) service.world.queueJob({ poolId: service.poolId, durationMs: 20_000 })
    await service.forMinutes(1)
    const now = Object.values(service.world.truth.scaleSet(scaleSetId)!.tags).join()
    if (now !== tag) renewed.push(each)
    tag = now
  }
  const gaps = renewed.slice(1).map((at, index) => at - renewed[index]!)
  expect(gaps.length).toBeGreaterThan(8)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(7)
})

test('a paused pool renews its claim, and does nothing else', async () => {
  const { service, callsSince } = await begin({ settings: { standby: 1 } })
  await service.forMinutes(10)
  service.set({ paused: true })
  await service.forMinutes(30)
  expect(callsSince(11, 'merge-tag')).toBeGreaterThan(7)
  expect(callsSince(11, 'set-capacity', 'delete-instances', 'reimage', 'set-enabled', 'remove-agent')).toBe(0)
})

test('a deleted pool whose scale set another service took ends without it', async () => {
  const { service, callsSince } = await begin({ settings: { standby: 2 } })
  await service.forMinutes(10)
  const tags = service.world.truth.scaleSet(scaleSetId)!.tags
  service.world.azure.mergeTags(scaleSetId, 'Merge', Object.fromEntries(Object.keys(tags).map((name) => [name, 'another/5/1'])))
  service.set({ deleting: true })
  await service.forMinutes(15)
  expect(service.world.devops.pool(service.poolId).ok).toBe(false)
  expect(service.world.truth.machines(scaleSetId)).toHaveLength(2)
  expect(callsSince(10, 'delete-instances', 'reimage', 'remove-tag')).toBe(0)
  expect(service.loop.own(service.poolId)).toBeUndefined()
})

test('a late machine whose removal waits does not keep a job waiting', async () => {
  const { service } = await begin({ settings: { standby: 1, savedMax: 0, machinesMax: 6 } })
  service.world.setFault('agent-never-online', { rate: 1 })
  await service.forMinutes(2)
  Object.assign(service.world.azure, { deleteInstances: () => refusal(409, 'ScopeLocked') })
  await service.forMinutes(6)
  service.world.setFault('agent-never-online', undefined)
  await service.forMinutes(10)
  expect(service.world.truth.machines(scaleSetId).length).toBeGreaterThanOrEqual(2)
})

test.each([1, 2, 8])('growth does not wait for a delete that is stuck while Azure owes a machine, seed %i', async (seed) => {
  const { service, callsSince } = await begin({
    seed,
    settings: { standby: 0, idleDelayMinutes: 60, machinesMax: 10 },
    world: { latencies: quick, behaviours: { capacityFalls: 'completion' } },
  })
  await service.forMinutes(5)
  for (let job = 0; job < 4; job += 1) service.world.queueJob({ poolId: service.poolId, durationMs: minute })
  await service.forMinutes(10)
  const [first] = service.world.truth.machines(scaleSetId)
  service.world.setFault('stuck-deleting', { rate: 1 })
  service.order({ machineId: first!.instanceId, order: 'delete', by: 'Ada', force: false })
  await service.forMinutes(2)
  service.world.setFault('vanished-machine', { rate: 90 })
  await service.forMinutes(1)
  service.world.setFault('vanished-machine', undefined)
  await service.forMinutes(6)
  const before = callsSince(0, 'set-capacity')
  for (let job = 0; job < 8; job += 1) service.world.queueJob({ poolId: service.poolId, durationMs: 10 * minute })
  await service.forMinutes(3)
  expect(callsSince(0, 'set-capacity')).toBeGreaterThan(before)
})
