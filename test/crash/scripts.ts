/** The recorded runs: short lives of one pool that together make the service do everything it can do. */
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { Order } from '../../backend/loop/ports-people.ts'
import type { World, WorldEvent } from '../../backend/simulator/facts.ts'

export const secondMs = 1_000
export const minuteMs = 60_000

/** What a script may do. Person and order come back once the service has answered, however often it dies meanwhile. */
export type Stage = {
  readonly world: World
  readonly poolId: number
  readonly scaleSetId: string
  queue(jobs: number, durationMs: number): void
  set(change: Partial<PoolSettings>): void
  order(order: Omit<Order, 'id' | 'by' | 'machineId'>, machine: (world: World) => string | undefined): void
  /** The service is told to stop, and started again. */
  restart(): void
}

export type Script = {
  readonly name: string
  readonly settings: Partial<PoolSettings>
  readonly machinesAtStart?: number
  /** Of the world's chances; 1 unless given. */
  readonly seed?: number
  readonly at: readonly (readonly [ms: number, (stage: Stage) => void])[]
  /** Done once, when the first such event comes after `from`. */
  readonly when?: readonly { readonly from: number; readonly event: WorldEvent['kind']; readonly run: (stage: Stage) => void }[]
  /** Nothing new happens after this. */
  readonly untilMs: number
}

const idle = ({ world, poolId, scaleSetId }: Pick<Stage, 'world' | 'poolId' | 'scaleSetId'>, nth = 0): string | undefined => {
  const free = world.truth.agents(poolId).filter((agent) => agent.online && agent.enabled && agent.assignedRequestId === undefined)
  const there = new Set(world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId))
  return free.flatMap(({ machine }) => (machine !== undefined && there.has(machine.instanceId) ? [machine.instanceId] : []))[nth]
}

export const scripts: readonly Script[] = [
  {
    name: 'one-job pool',
    settings: { tearDownAfterUse: true, standby: 1, machinesMax: 3, idleDelayMinutes: 1 },
    at: [
      [50 * secondMs, ({ queue }) => queue(2, 20 * secondMs)],
      [90 * secondMs, ({ restart }) => restart()],
      [120 * secondMs, ({ set }) => set({ standby: 0 })],
    ],
    untilMs: 150 * secondMs,
  },
  {
    name: 'reusable pool',
    settings: { standby: 1, machinesMax: 3, idleDelayMinutes: 0 },
    at: [
      [45 * secondMs, ({ queue }) => queue(2, 15 * secondMs)],
      [100 * secondMs, ({ set }) => set({ capabilities: { docker: '1' } })],
      [130 * secondMs, ({ set }) => set({ standby: 0 })],
    ],
    when: [{ from: 45 * secondMs, event: 'agent-disabled', run: ({ set }) => set({ standby: 3 }) }],
    untilMs: 140 * secondMs,
  },
  {
    name: 'mishaps',
    settings: { standby: 1, machinesMax: 3, idleDelayMinutes: 0 },
    at: [
      [minuteMs, ({ queue }) => queue(1, 20 * secondMs)],
      [minuteMs, ({ world }) => world.setFault('extension-failed', { rate: 1, untilMs: 100 * secondMs })],
      [110 * secondMs, ({ world }) => world.setFault('vanished-machine', { rate: 3_600 })],
    ],
    when: [{ from: minuteMs, event: 'machine-vanished', run: ({ world }) => world.setFault('vanished-machine', undefined) }],
    untilMs: 140 * secondMs,
  },
  {
    name: 'orders of people',
    settings: { standby: 1, machinesMax: 4, idleDelayMinutes: 0, startMinutesMax: 1, savedMax: 0 },
    machinesAtStart: 1,
    at: [
      [70 * secondMs, (stage) => stage.order({ order: 'adopt', force: false }, (world) => oldestIn(world, stage))],
      [90 * secondMs, (stage) => stage.order({ order: 'save', force: false }, () => idle(stage))],
      [135 * secondMs, (stage) => stage.order({ order: 'unsave', force: false }, () => disabled(stage))],
      [180 * secondMs, (stage) => stage.order({ order: 'reimage', force: false }, () => idle(stage))],
    ],
    untilMs: 185 * secondMs,
  },
  {
    name: 'machine that Azure owes',
    seed: 3,
    settings: { standby: 1, machinesMax: 3 },
    at: [
      [45 * secondMs, ({ queue }) => queue(1, 25 * secondMs)],
      [90 * secondMs, ({ world }) => world.setFault('vanished-machine', { rate: 3_600 })],
      [240 * secondMs, ({ set }) => set({ idleDelayMinutes: 0 })],
    ],
    when: [{ from: minuteMs, event: 'machine-vanished', run: ({ world }) => world.setFault('vanished-machine', undefined) }],
    untilMs: 240 * secondMs,
  },
  {
    name: 'pool that is deleted',
    settings: { standby: 1, machinesMax: 2, idleDelayMinutes: 1 },
    at: [
      [45 * secondMs, ({ queue }) => queue(1, 20 * secondMs)],
      [55 * secondMs, ({ set }) => set({ deleting: true })],
    ],
    untilMs: 70 * secondMs,
  },
]

function disabled({ world, poolId }: Stage): string | undefined {
  return world.truth.agents(poolId).find((agent) => agent.online && !agent.enabled)?.machine?.instanceId
}

function oldestIn(world: World, { scaleSetId }: Stage): string | undefined {
  return world.truth.machines(scaleSetId)[0]?.instanceId
}
