import fc from 'fast-check'
import type { World, WorldEvent } from '../../backend/simulator/facts.ts'
import type { Behaviours, FaultName } from '../../backend/simulator/facts-life.ts'
import { createRandom, hash } from '../../backend/simulator/random.ts'
import { seededTraffic } from '../../backend/simulator/traffic.ts'
import { minute, pass, scene, setId } from './support.ts'

const faults: readonly FaultName[] = [
  'throttled',
  'azure-lost-after',
  'stale-list',
  'stale-agents',
  'allocation-failed',
  'creation-failed',
  'extension-failed',
  'stuck-deleting',
  'vanished-machine',
  'appeared-machine',
  'machine-stops',
  'agent-never-online',
  'agent-flaps',
  'agent-dies',
  'job-assigned-during-removal',
  'once-ignored',
  'job-cancelled',
  'maintenance-job',
  'person-disables-agent',
  'person-deletes-agent',
]

/** Two hours of jobs, faults and a careless caller who grows, drains, deletes and reimages at random. */
function careless(
  seed: number,
  behaviours: Partial<Behaviours> = {},
  judge: (world: World, event: WorldEvent) => void = () => undefined,
): string {
  const { world } = scene({ seed, once: seed % 2 === 0, behaviours })
  const log: string[] = []
  world.watch((event) => {
    log.push(JSON.stringify(event))
    judge(world, event)
  })
  const random = createRandom(seed).fork('caller')
  for (const name of faults) world.setFault(name, { rate: name === 'agent-flaps' ? 10 : 0.2 })
  const traffic = [...seededTraffic(random, { perHour: 60, durationMs: { p50: 2 * minute, p95: 10 * minute }, untilMs: 120 * minute })]
  for (let step = 0; step < 240; step++) {
    pass(world, minute / 2)
    for (; traffic[0] && traffic[0].atMs <= world.now(); traffic.shift()) world.queueJob({ poolId: 1, durationMs: traffic[0].durationMs })
    act(world, random.below(8), String(random.pick(world.truth.machines(setId))?.instanceId), random.pick(world.truth.agents(1))?.id ?? 0)
  }
  return log.join('\n')
}

function act(world: World, which: number, machine: string, agentId: number): void {
  if (which === 0) world.azure.patchScaleSet(setId, { capacity: 4 + (world.now() % 5) })
  if (which === 1) world.azure.deleteInstances(setId, [machine])
  if (which === 2) world.azure.reimage(setId, [machine])
  if (which === 3) world.devops.updateAgent(1, agentId, { enabled: world.now() % 3 > 0 })
  if (which === 4) world.devops.deleteAgent(1, agentId)
  if (which === 5) world.azure.machines(setId)
  if (which === 6) world.devops.agents(1)
}

test('one seed is one run, byte for byte; another seed is another', () => {
  const log = careless(5)
  expect(log.length).toBeGreaterThan(10_000)
  expect(hash(careless(5))).toBe(hash(log))
  expect(hash(careless(6))).not.toBe(hash(log))
})

const behaviours = fc.record({
  capacityFalls: fc.constantFrom('acceptance' as const, 'late' as const, 'completion' as const),
  overlapRefused: fc.boolean(),
  instanceIdsReused: fc.boolean(),
  tagsReplaced: fc.boolean(),
})

test('no job is ever assigned to an agent that is disabled, offline or busy', () => {
  let assigned = 0
  const judge = (world: World, event: WorldEvent): void => {
    if (event.kind !== 'job-assigned') return
    assigned++
    const agent = world.truth.agents(1).find(({ id }) => id === event.agentId)!
    expect(agent).toMatchObject({ online: true, enabled: true, assignedRequestId: event.requestId })
    const others = world.truth.requests(1).filter((request) => request.agentId === agent.id && request.finishedAt === undefined)
    expect(others.map(({ id }) => id)).toEqual([event.requestId])
  }
  fc.assert(
    fc.property(fc.integer({ min: 0 }), behaviours, (seed, chosen) => void careless(seed, chosen, judge)),
    { numRuns: 25, seed: 1 },
  )
  expect(assigned).toBeGreaterThan(200)
})

test('a job runs only on a machine whose process runs it, and capacity never falls below zero', () => {
  const judge = (world: World, event: WorldEvent): void => {
    if (event.kind === 'capacity') expect(event.to).toBeGreaterThanOrEqual(0)
    if (event.kind !== 'job-started') return
    const machine = world.truth.machines(setId).find(({ instanceId }) => instanceId === event.machine)
    expect(machine).toMatchObject({ agentProcess: 'running-job', powerState: 'running' })
  }
  fc.assert(
    fc.property(fc.integer({ min: 0 }), behaviours, (seed, chosen) => void careless(seed, chosen, judge)),
    { numRuns: 25, seed: 2 },
  )
})

test('once nothing is asked any more, every job ends, every operation ends, and capacity and machines agree or machines are owed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10_000 }), behaviours, (seed, chosen) => {
      const kept: World[] = []
      careless(seed, chosen, (world) => void (kept.length === 0 && kept.push(world)))
      const world = kept[0]!
      for (const name of faults) world.setFault(name, undefined)
      pass(world, 6 * 60 * minute)
      expect(world.truth.requests(1).filter((request) => request.agentId !== undefined && request.finishedAt === undefined)).toEqual([])
      expect(
        world.truth
          .machines(setId)
          .filter((machine) => /Creating|Updating|Deleting/.test(machine.provisioningState) && machine.powerState !== 'stopped'),
      ).toEqual([])
      expect(world.truth.scaleSet(setId)!.capacity).toBeGreaterThanOrEqual(world.truth.machines(setId).length)
      expect(world.truth.scaleSet(setId)!.provisioningState).not.toBe('Updating')
    }),
    { numRuns: 25, seed: 3 },
  )
})

test('a list handed out stays what it was', () => {
  const { world } = scene({ capacity: 2 })
  pass(world, 5 * minute)
  const list = world.azure.machines(setId)
  const before = JSON.stringify(list)
  world.azure.deleteInstances(setId, ['0'])
  pass(world, 10 * minute)
  expect(JSON.stringify(list)).toBe(before)
})
