/** Hours of a pool's life in virtual time: the real loop, journal and gateway over the world. */
import type { WorldEvent } from '../../backend/simulator/facts.ts'
import { minute } from '../support/build.ts'
import { quick, scaleSetId, startService } from '../support/service.ts'
import type { Service } from '../support/service.ts'

// Two of the stories last a day of the world.
jest.setTimeout(60_000)

type Told = Service & { readonly events: WorldEvent[]; readonly story: (from?: number) => readonly string[] }
type Options = NonNullable<Parameters<typeof startService>[0]>

const running: Service[] = []
afterEach(async () => {
  for (const service of running.splice(0)) await service.stop()
})

async function tell(options: Options): Promise<Told> {
  const service = await startService({ world: { latencies: quick }, ...options })
  running.push(service)
  const events: WorldEvent[] = []
  service.world.watch((event) => events.push(event))
  const story = (from = 0): readonly string[] =>
    events
      .filter((event) => event.at >= from * minute)
      .flatMap((event) => {
        const line = lineOf(event)
        return line === undefined ? [] : [`${Math.round(event.at / minute)} min: ${line}`]
      })
  return Object.assign(Object.create(service), { events, story }) as Told
}

/** What a person would tell of it: upkeep of tags and answers on the way are left out. */
function lineOf(event: WorldEvent): string | undefined {
  switch (event.kind) {
    case 'capacity':
      return event.by === 'patch' ? `capacity ${event.from} → ${event.to}` : undefined
    case 'reimage-accepted':
    case 'delete-accepted':
      return `${event.kind.split('-')[0]} ${event.machines.join(' ')}`
    case 'job-started':
    case 'job-finished':
      return `${event.kind} on ${event.machine}`
    case 'agent-online':
    case 'agent-disabled':
      return `${event.name} ${event.kind.split('-')[1]}`
    default:
      return undefined
  }
}

const machines = (service: Service) => service.world.truth.machines(scaleSetId)
const capacity = (service: Service): number | undefined => service.world.truth.scaleSet(scaleSetId)?.capacity
const job = (service: Service, minutes: number, demands: readonly string[] = []): number =>
  service.world.queueJob({ poolId: service.poolId, durationMs: minutes * minute, demands })
const request = (service: Service, id: number) => service.world.truth.requests(service.poolId).find((each) => each.id === id)
const told = async (service: Service): Promise<readonly string[]> =>
  (await service.history.log(service.poolId, { top: 1_000 })).map(({ message }) => message)
const reasons = (service: Service): readonly string[] => service.loop.own(service.poolId)!.decision.reasons.map(({ code }) => code)
const changes = (service: Told, from = 0) =>
  service.events.filter(
    ({ at, kind }) => at >= from && ['capacity', 'agent-disabled', 'reimage-accepted', 'delete-accepted', 'agent-removed'].includes(kind),
  )

test('the worked example: two standby, four at most, tear-down after every use', async () => {
  const service = await tell({ settings: { standby: 2, machinesMax: 4, tearDownAfterUse: true } })
  await service.forMinutes(30)
  job(service, 10)
  await service.forMinutes(90)
  const started = service.events.find((event) => event.kind === 'job-started')
  const [used, other] = started?.kind === 'job-started' && started.machine === '0' ? ['0', '1'] : ['1', '0']
  expect(service.story()).toEqual([
    '0 min: capacity 0 → 2',
    expect.stringMatching(/^2 min: linux00000[01] online$/),
    expect.stringMatching(/^2 min: linux00000[01] online$/),
    `30 min: job-started on ${used}`,
    '30 min: capacity 2 → 3',
    `30 min: linux00000${used} disabled`,
    '32 min: linux000002 online',
    `40 min: job-finished on ${used}`,
    `40 min: reimage ${used}`,
    `42 min: linux00000${used} online`,
    `72 min: linux00000${other} disabled`,
    `72 min: delete ${other}`,
  ])
  expect([capacity(service), machines(service).length, service.problems]).toEqual([2, 2, []])
})

test('S15: a reusable pool with one job after the other does nothing for 24 hours', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 4 } })
  await service.forMinutes(10)
  for (let round = 0; round < 25 * 6; round += 1) {
    job(service, 9)
    await service.forMinutes(10)
  }
  expect(changes(service, 60 * minute)).toEqual([])
  expect(capacity(service)).toBe(2)
})

test('constant one-job load with tear-down stays bounded for 24 hours', async () => {
  const service = await tell({ settings: { standby: 2, machinesMax: 4, tearDownAfterUse: true } })
  let most = 0
  for (let round = 0; round < 24 * 4; round += 1) {
    job(service, 14)
    await service.forMinutes(15)
    most = Math.max(most, machines(service).length)
  }
  const grown = service.events.filter((event) => event.kind === 'capacity' && event.by === 'patch')
  expect(most).toBeLessThanOrEqual(4)
  expect(grown.length).toBeLessThanOrEqual(3)
  expect(service.world.truth.requests(service.poolId).filter(({ result }) => result === 'succeeded').length).toBeGreaterThanOrEqual(95)
})

test('zero standby with demands: learns, keeps a placeholder, and the job waits instead of failing', async () => {
  const service = await tell({ settings: { standby: 0, idleDelayMinutes: 10 } })
  await service.forMinutes(60)
  expect(machines(service)).toEqual([])
  expect(service.world.truth.agents(service.poolId)).toMatchObject([
    { name: 'scale-set-agents-placeholder-1', online: false, enabled: true },
  ])
  const id = job(service, 5, ['Agent.OS -equals Linux'])
  await service.forMinutes(10)
  expect(request(service, id)).toMatchObject({ result: 'succeeded' })
  await service.forMinutes(600)
  expect(service.world.truth.agents(service.poolId)).toHaveLength(1)
})

test('a person disables an agent with a job: the job ends, the machine leaves, the pool goes on', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 3 } })
  await service.forMinutes(10)
  const id = job(service, 20)
  await service.forMinutes(5)
  const busy = service.world.truth.agents(service.poolId).find(({ assignedRequestId }) => assignedRequestId === id)!
  service.world.personSetsEnabled(service.poolId, busy.id, false)
  await service.forMinutes(10)
  expect(machines(service)).toHaveLength(2)
  await service.forMinutes(15)
  expect(request(service, id)).toMatchObject({ result: 'succeeded' })
  expect(machines(service).map(({ computerName }) => computerName)).not.toContain(busy.name)
  expect(await told(service)).toContain(`${busy.name} is taken out of the pool and then deleted: a person disabled its agent.`)
})

describe('a pool is deleted', () => {
  const isGone = (service: Service): boolean => service.record.name === ''
  const deletion = async (onCall?: (options: { readonly change: boolean }) => void): Promise<Told> => {
    const armed = { on: false }
    const service = await tell({
      settings: { standby: 2, machinesMax: 4 },
      onCall: (call) => {
        if (armed.on) onCall?.(call)
      },
    })
    await service.forMinutes(10)
    job(service, 8)
    await service.forMinutes(2)
    armed.on = true
    service.set({ deleting: true })
    await service.forMinutes(60)
    return service
  }

  test('it drains, deletes its machines, releases the scale set and goes', async () => {
    const service = await deletion()
    expect([isGone(service), machines(service).length, capacity(service)]).toEqual([true, 0, 0])
    expect(service.world.truth.requests(service.poolId).every(({ result }) => result === 'succeeded')).toBe(true)
    const set = service.world.truth.scaleSet(scaleSetId)!
    expect(set.tags).toEqual({ team: 'ci' })
    expect(JSON.stringify(set.properties)).not.toContain('Pipelines.Agent')
    expect(service.world.devops.pool(service.poolId).ok).toBe(false)
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('also when the process dies before its change number %i', async (crashAt) => {
    let sent = 0
    const service = await deletion(({ change }) => {
      if (change && (sent += 1) === crashAt) throw new Error('the process died')
    })
    expect([isGone(service), machines(service).length]).toEqual([true, 0])
    expect(service.world.truth.scaleSet(scaleSetId)!.tags).toEqual({ team: 'ci' })
    expect(service.world.truth.requests(service.poolId).every(({ result }) => result === 'succeeded')).toBe(true)
  })

  test('a refused deletion of the pool itself is asked for again: nothing is forgotten that is still there', async () => {
    let refused = 0
    const service: Told = await tell({
      settings: { standby: 0, machinesMax: 1 },
      onCall: ({ name }) => {
        if (name === 'delete-pool' && (refused += 1) === 1)
          service.world.setFault('devops-throttled', { rate: 1, untilMs: service.world.now() + 30_000 })
      },
    })
    await service.forMinutes(5)
    service.set({ deleting: true })
    await service.forMinutes(20)
    expect(refused).toBeGreaterThan(1)
    expect([isGone(service), service.world.devops.pool(service.poolId).ok]).toEqual([true, false])
  })

  test('also while jobs keep waiting', async () => {
    const service = await tell({ settings: { standby: 1, machinesMax: 1 } })
    await service.forMinutes(10)
    service.set({ deleting: true })
    for (let round = 0; round < 12 && !isGone(service); round += 1) {
      job(service, 5)
      await service.forMinutes(5)
    }
    expect(isGone(service)).toBe(true)
  })
})

test('a scale set that is deleted stops the pool, and the pool recovers when it is back', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 3 } })
  await service.forMinutes(10)
  const before = service.world.truth.scaleSet(scaleSetId)!
  service.world.azure.deleteScaleSet(scaleSetId)
  await service.forMinutes(20)
  expect(reasons(service)).toEqual(['unknown'])
  const id = job(service, 5)
  await service.forMinutes(10)
  service.world.azure.putScaleSet(scaleSetId, {
    location: before.location,
    skuName: before.skuName,
    capacity: 0,
    tags: {},
    properties: before.properties,
  })
  await service.forMinutes(15)
  expect(request(service, id)).toMatchObject({ result: 'succeeded' })
})

test("a scale set that another claims is left alone, and taken up again when the other's claim is off", async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 3 } })
  await service.forMinutes(10)
  service.world.azure.mergeTags(scaleSetId, 'Merge', { ScaleSetAgentsOwner: 'another/3/17' })
  await service.forMinutes(3)
  const from = service.time.now()
  job(service, 5)
  job(service, 5)
  await service.forMinutes(30)
  expect(changes(service, from)).toEqual([])
  expect(reasons(service)).toEqual(['not-ours'])
  expect(service.world.truth.scaleSet(scaleSetId)!.tags['ScaleSetAgentsOwner']).toBe('another/3/17')
  service.world.azure.mergeTags(scaleSetId, 'Delete', { ScaleSetAgentsOwner: 'another/3/17' })
  await service.forMinutes(20)
  expect(service.world.truth.scaleSet(scaleSetId)!.tags['ScaleSetAgentsOwner']).toMatch(/^owner\/1\//)
  expect(service.world.truth.requests(service.poolId).every(({ result }) => result === 'succeeded')).toBe(true)
})

test('machines present at claim are left alone until a person orders them away', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 4, paused: true }, capacity: 2 })
  await service.forMinutes(10)
  service.set({ paused: false })
  await service.forMinutes(60)
  expect(machines(service).map(({ instanceId }) => instanceId)).toEqual(['0', '1', '2'])
  for (const machineId of ['0', '1']) service.order({ machineId, order: 'delete', by: 'Ada', force: false })
  await service.forMinutes(15)
  expect(machines(service).map(({ instanceId }) => instanceId)).toEqual(['2'])
})

test('a machine that fails to start is saved, the next ones are deleted, and a person lets it go', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 3, savedMax: 1 } })
  service.world.setFault('agent-never-online', { rate: 1, untilMs: 40 * minute })
  await service.forMinutes(90)
  const saved = service.loop.own(service.poolId)!.snapshot
  const listed = saved.machines.known ? saved.machines.value : []
  expect(listed.map(({ stage }) => stage).toSorted()).toEqual(['idle', 'saved'])
  service.order({ machineId: listed.find(({ stage }) => stage === 'saved')!.id, order: 'delete', by: 'Ada', force: false })
  await service.forMinutes(10)
  expect(machines(service)).toHaveLength(1)
  expect((await told(service)).some((message) => /is deleted: Ada asked for it\.$/.test(message))).toBe(true)
})

test('a quota that is used up is named, and growth goes on when there is more', async () => {
  const service = await tell({ settings: { standby: 0, machinesMax: 10 }, world: { latencies: quick, coreLimit: 4 } })
  await service.forMinutes(20)
  for (let each = 0; each < 5; each += 1) job(service, 30)
  await service.forMinutes(5)
  expect(capacity(service)).toBeLessThanOrEqual(2)
  expect(reasons(service).some((code) => code === 'room' || code === 'backing-off')).toBe(true)
  service.world.setCoreLimit(100)
  await service.forMinutes(40)
  expect(machines(service).length).toBeGreaterThanOrEqual(4)
})

test('machines that vanish are made again, and their agents leave the pool', async () => {
  const service = await tell({ settings: { standby: 4, machinesMax: 6 } })
  await service.forMinutes(10)
  service.world.setFault('vanished-machine', { rate: 10, untilMs: 60 * minute })
  await service.forMinutes(120)
  expect(service.world.faultCounts().get('vanished-machine')).toBeGreaterThan(2)
  expect([capacity(service), machines(service).length]).toEqual([4, 4])
  expect(service.world.truth.agents(service.poolId).filter(({ name }) => !name.includes('placeholder'))).toHaveLength(4)
})

test('answers that are lost on the way are looked for, never repeated blindly', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 4, tearDownAfterUse: true } })
  await service.forMinutes(10)
  service.world.setFault('azure-lost-after', { rate: 0.3, untilMs: 120 * minute })
  service.world.setFault('devops-lost-after', { rate: 0.3, untilMs: 120 * minute })
  let most = 0
  for (let round = 0; round < 24; round += 1) {
    job(service, 3)
    await service.forMinutes(5)
    most = Math.max(most, machines(service).length)
  }
  await service.forMinutes(120)
  expect(most).toBeLessThanOrEqual(4)
  expect(service.world.truth.requests(service.poolId).every(({ result }) => result === 'succeeded')).toBe(true)
  expect([capacity(service), machines(service).length]).toEqual([1, 1])
})

test('nothing happens while the pool is paused, and it goes on when resumed', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 3 } })
  await service.forMinutes(10)
  service.set({ paused: true })
  await service.forMinutes(1)
  for (let each = 0; each < 3; each += 1) job(service, 5)
  await service.forMinutes(30)
  expect(changes(service, 11 * minute)).toEqual([])
  expect(reasons(service)).toEqual(['paused'])
  service.set({ paused: false })
  job(service, 5)
  job(service, 5)
  await service.forMinutes(20)
  expect(service.world.truth.requests(service.poolId).every(({ result }) => result === 'succeeded')).toBe(true)
  expect(changes(service, 40 * minute)).not.toEqual([])
})

test('machines that fail to start one after the other pause growth; one at a time is tried until one comes online', async () => {
  const service = await tell({ settings: { standby: 4, machinesMax: 8, savedMax: 1, startMinutesMax: 10 } })
  service.world.setFault('extension-failed', { rate: 1 })
  await service.forMinutes(60)
  const grown = () => service.events.flatMap((event) => (event.kind === 'capacity' && event.by === 'patch' ? [event.to - event.from] : []))
  expect(grown()).toEqual([4, 1, 1, 1])
  const errors = () => service.history.log(service.poolId, { top: 1_000 }).then((log) => log.filter(({ level }) => level === 'error'))
  expect((await errors()).map(({ message }) => message)).toEqual([
    'Growth is paused: 4 machines in a row failed to start in package: hash mismatch. The agent package is not the one that Azure DevOps describes. ' +
      'Look for a cache or a proxy that changes downloads; nothing was run from the package. ' +
      'One machine is tried in 5 min and then at growing intervals, or at once with: scale-set-agents pool try-again linux.',
  ])
  const failed = (await service.history.log(service.poolId, { top: 1_000 })).filter(({ message }) =>
    message.includes('failed to start in package'),
  )
  expect(failed.filter(({ level }) => level === 'warning')).toHaveLength(7)
  expect(failed.find(({ level }) => level === 'warning')).toMatchObject({
    machine: expect.stringMatching(/^linux/) as string,
    raw: expect.stringContaining('[hash-mismatch]') as string,
  })
  expect(reasons(service)).toContain('boot-trouble')
  expect(service.loop.own(service.poolId)!.snapshot.bootTrouble).toMatchObject({ cause: 'hash-mismatch', times: 7 })

  service.world.setFault('extension-failed', undefined)
  service.order({ machineId: '', order: 'try-again', by: 'Ada', force: false })
  await service.forMinutes(5)
  expect(await told(service)).toContain('Ada asks for a machine to be tried now, as far as one is needed.')
  await service.forMinutes(5)
  expect(grown().slice(4)).toEqual([1, 3])
  expect(service.loop.own(service.poolId)!.snapshot.bootTrouble).toBeUndefined()
  expect([reasons(service), service.problems]).toEqual([['enough'], []])
  expect((await errors()).length).toBe(1)
})

test('an agent that is not online in time is silent, or tells how far it came', async () => {
  const service = await tell({ settings: { standby: 1, machinesMax: 2, savedMax: 0, startMinutesMax: 5 } })
  service.world.setFault('agent-never-online', { rate: 1 })
  await service.forMinutes(20)
  expect(await told(service)).toContainEqual(expect.stringMatching(/^linux00000\w failed to start(: silence\.| in configure: unknown\.)/))
})

test('the times of phases are shown once five machines have told them', async () => {
  const service = await tell({ settings: { standby: 5, machinesMax: 5 } })
  await service.forMinutes(20)
  expect(service.loop.own(service.poolId)!.snapshot.boot.phases).toMatchObject({ package: { p50Ms: 3_000, p95Ms: 3_000 } })
})
