/** Incidents in which a machine was taken away that was still needed, or kept although nothing needed it. */
import type { Answer, BootstrapEnd, WorldEvent } from '../../backend/simulator/facts.ts'
import { quick } from '../support/service.ts'
import {
  agentsOf,
  capacityOf,
  capacityWrites,
  machinesOf,
  minute,
  queue,
  removals,
  replay,
  scaleSetId,
  stateOf,
  stopReplays,
  type Replay,
} from './replay.ts'

jest.setTimeout(60_000)
afterEach(stopReplays)

const slowly = (assign: { readonly p50: number; readonly p95: number }) => ({ latencies: { ...quick, assign } })

test('kubernetes-sigs/karpenter #2916: an empty machine gets a job between the look at it and its removal', async () => {
  const pool = await replay({ settings: { standby: 4, machinesMax: 8, idleDelayMinutes: 2 } })
  // Each agent that is to be disabled or removed gets a job right before that.
  pool.world.setFault('job-assigned-during-removal', { rate: 1, untilMs: pool.time.now() + 20 * minute })
  pool.set({ standby: 0 })
  await pool.forMinutes(30)
  expect(pool.world.faultCounts().get('job-assigned-during-removal')).toBeGreaterThanOrEqual(4)
  expect(pool.killed).toEqual([])
  expect(pool.world.truth.requests(pool.poolId).map(({ result }) => result)).toEqual(expect.not.arrayContaining(['abandoned', 'failed']))
  await pool.forMinutes(30)
  expect(machinesOf(pool)).toEqual([])
})

test('kubernetes-sigs/karpenter #3185: machines that were empty get jobs while reads are throttled and writes are not', async () => {
  const pool = await replay({ settings: { standby: 8, machinesMax: 8, idleDelayMinutes: 2 } })
  pool.set({ standby: 0 })
  await pool.forMinutes(1)
  const from = pool.time.now()
  pool.throttleReads('azure-devops')
  const jobs = queue(pool, 8, 30)
  await pool.forMinutes(15)
  expect([removals(pool, from), stateOf(pool, jobs)]).toEqual([[], { running: 8 }])
  pool.throttleReads(undefined)
  await pool.forMinutes(40)
  expect([pool.killed, stateOf(pool, jobs), machinesOf(pool)]).toEqual([[], { succeeded: 8 }, []])
})

test('taskscaler #20: steady work for four hours removes no machine and makes none', async () => {
  const pool = await replay({ settings: { standby: 2, machinesMax: 12, idleDelayMinutes: 10 } })
  for (let round = 0; round < 6; round += 1) {
    queue(pool, 5, 9)
    await pool.forMinutes(10)
  }
  const from = pool.time.now()
  for (let round = 0; round < 4 * 6; round += 1) {
    queue(pool, 5, 9)
    await pool.forMinutes(10)
  }
  expect([capacityWrites(pool, from), removals(pool, from)]).toEqual([[], []])
})

test('gitlab-runner #30953: no machine goes in the middle of a job, with lists that lag and the standby falling', async () => {
  const pool = await replay({ settings: { standby: 6, machinesMax: 12, idleDelayMinutes: 1 } })
  pool.world.setFault('stale-agents', { rate: 0.7 })
  pool.world.setFault('stale-jobs', { rate: 0.7 })
  const jobs: number[] = []
  for (let round = 0; round < 20; round += 1) {
    pool.set({ standby: round % 4 < 2 ? 6 : 0 })
    jobs.push(...queue(pool, round % 3, 4 + (round % 5) * 9))
    await pool.forMinutes(6)
  }
  await pool.forMinutes(60)
  expect(pool.events.filter(({ kind }) => kind === 'delete-accepted').length).toBeGreaterThan(5)
  expect([pool.killed, stateOf(pool, jobs)]).toEqual([[], { succeeded: jobs.length }])
})

test('actions-runner-controller #4000: a machine that came for a job stays until the job is assigned, however long that takes', async () => {
  const pool = await replay({
    settings: { standby: 0, machinesMax: 8, idleDelayMinutes: 0 },
    world: slowly({ p50: 100_000, p95: 110_000 }),
  })
  await pool.forMinutes(15)
  expect(machinesOf(pool)).toEqual([])
  const from = pool.time.now()
  const jobs = queue(pool, 3, 10)
  await pool.forMinutes(10)
  expect([removals(pool, from), stateOf(pool, jobs), capacityWrites(pool, from)]).toEqual([[], { running: 3 }, ['0 → 3']])
})

test('actions-runner-controller #4603: a job has ended, its agent process has not: the place is free within minutes', async () => {
  const pool = await replay({
    settings: { standby: 1, machinesMax: 1, tearDownAfterUse: true },
    world: { machinesRunAgents: false },
    prepare: (made) => handMade(made),
  })
  const [first] = queue(pool, 1, 60)
  await pool.forMinutes(2)
  pool.world.devops.finish(pool.poolId, first!, 'succeeded')
  // The session of its agent is polled on and on: it shows online, and would never go by itself.
  const [second] = queue(pool, 1, 60)
  await pool.forMinutes(6)
  expect([stateOf(pool, [first!]), stateOf(pool, [second!])]).toEqual([{ succeeded: 1 }, { running: 1 }])
  expect(pool.events.filter(({ kind }) => kind === 'reimage-accepted')).toHaveLength(1)
})

test('azure-pipelines-agent #5177: an agent is disabled right after its start, and the pool goes on', async () => {
  const pool = await replay({ settings: { standby: 0, machinesMax: 4 } })
  const long = queue(pool, 2, 60)
  await pool.forMinutes(5)
  let disabled: string | undefined
  pool.world.watch((event: WorldEvent) => {
    if (event.kind !== 'agent-online' || disabled !== undefined) return
    disabled = event.name
    pool.world.personSetsEnabled(event.poolId, event.agentId, false)
  })
  const queued = queue(pool, 4, 10)
  await pool.forMinutes(30)
  expect(disabled).toBeDefined()
  expect([stateOf(pool, long), stateOf(pool, queued)]).toEqual([{ running: 2 }, { succeeded: 4 }])
  expect(agentsOf(pool).map(({ name }) => name)).not.toContain(disabled)
  expect(agentsOf(pool).every(({ enabled, online }) => enabled && online)).toBe(true)
})

test('azure-pipelines-agent #3829: a scale set that was made again has our extension within two minutes and runs jobs within ten', async () => {
  const pool = await replay({ settings: { standby: 1, machinesMax: 3 } })
  const before = pool.world.truth.scaleSet(scaleSetId)!
  pool.world.azure.deleteScaleSet(scaleSetId)
  await pool.forMinutes(20)
  const { location, skuName, properties } = before
  const profile = properties['virtualMachineProfile'] as object
  const plain = { ...properties, virtualMachineProfile: { ...profile, extensionProfile: { extensions: [] } } }
  const from = pool.time.now()
  pool.world.azure.putScaleSet(scaleSetId, { location, skuName, capacity: 0, tags: {}, properties: plain })
  await pool.forMinutes(2)
  expect(pool.events.some(({ kind, at }) => kind === 'extension' && at > from)).toBe(true)
  const jobs = queue(pool, 2, 3)
  await pool.forMinutes(8)
  expect(stateOf(pool, jobs)).toEqual({ succeeded: 2 })
})

test('azure-pipelines-agent #5023: agents go offline for ten minutes with a job each; none is destroyed and every job ends well', async () => {
  const pool = await replay({ settings: { standby: 1, machinesMax: 10 } })
  const jobs = queue(pool, 8, 110)
  await pool.forMinutes(10)
  // One or two at a time, so that it does not count as a mass failure.
  pool.world.setFault('agent-flaps', { rate: 10, sizeMs: 10 * minute, untilMs: pool.time.now() + 60 * minute })
  await pool.forMinutes(75)
  expect(pool.world.faultCounts().get('agent-flaps')).toBeGreaterThan(2)
  expect(pool.loop.own(pool.poolId)?.decision.reasons.map(({ code }) => code)).not.toContain('mass-failure')
  await pool.forMinutes(60)
  expect([pool.killed, stateOf(pool, jobs)]).toEqual([[], { succeeded: 8 }])
})

test('azure-pipelines-agent #2332: a one-job agent that would take a second job does not get one', async () => {
  const pool = await replay({ settings: { standby: 3, machinesMax: 3, tearDownAfterUse: true } })
  pool.world.setFault('once-ignored', { rate: 1 })
  const jobs = queue(pool, 6, 10)
  let most = 0
  for (let minutes = 0; minutes < 60; minutes += 1) {
    await pool.forMinutes(1)
    most = Math.max(most, ...machinesOf(pool).map(({ jobsStarted }) => jobsStarted))
  }
  expect(pool.world.faultCounts().get('once-ignored')).toBe(6)
  expect([most, stateOf(pool, jobs), capacityOf(pool)]).toEqual([1, { succeeded: 6 }, 3])
})

test('taskcluster #6898: Azure calls a machine failed whose agent is online: its job and its machine stay', async () => {
  const pool = await replay({
    settings: { standby: 1, machinesMax: 2 },
    world: { machinesRunAgents: false },
    prepare: (made) => handMade(made, { ok: false, message: 'OS provisioning for VM failed.' }),
  })
  const jobs = queue(pool, 1, 90)
  await pool.forMinutes(60)
  expect(machinesOf(pool)[0]).toMatchObject({ provisioningState: 'Failed' })
  expect([removals(pool), stateOf(pool, jobs)]).toEqual([[], { running: 1 }])
})

/** Agents whose processes the test holds: each registers when its bootstrap runs, and stays online for ever. */
function handMade({ world, poolId, time }: Replay, end: BootstrapEnd = { ok: true }): void {
  const sessions = new Set<string>()
  const start = (machine: string, life: number): void => {
    const name = machinesOf({ world }).find(({ instanceId }) => instanceId === machine)!.computerName
    const added = { name, version: '4.268.0', osDescription: 'Linux', systemCapabilities: { 'Agent.OS': 'Linux' } }
    const agent = valueOf(world.devops.addAgent(poolId, added))
    sessions.add(valueOf(world.devops.openSession(poolId, agent.id)).sessionId)
    world.endBootstrap(scaleSetId, machine, end, life)
  }
  const poll = (): void => {
    world.advance(time.now())
    for (const id of sessions) {
      const message = world.devops.nextMessage(id)
      if (!message.ok) sessions.delete(id)
      else if (message.value !== undefined) world.devops.receive(id, message.value.id)
    }
    for (const { id, result, agentId } of world.truth.requests(poolId))
      if (result === undefined && agentId !== undefined) world.devops.renew(poolId, id)
    time.after(10_000, poll)
  }
  world.watch((event) => {
    if (event.kind === 'machine-bootstrap') time.after(20_000, () => start(event.machine, event.life))
  })
  poll()
}

function valueOf<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value
  throw new Error(`The world refused: ${JSON.stringify(answer)}`)
}
