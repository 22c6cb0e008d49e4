/** What happened to others, again: the real loop, journal and gateway over a world in which the same thing happens. */
import type { WorldEvent } from '../../backend/simulator/facts.ts'
import { minute } from '../support/build.ts'
import { quick, scaleSetId, startService, type Service } from '../support/service.ts'
import type { WorldCall } from '../support/world-ports.ts'

export type Replay = Service & {
  readonly events: readonly WorldEvent[]
  /** Machines that were deleted or reimaged with a job on them. */
  readonly killed: readonly string[]
  /** Throws in the next call, as a process that dies there; the loop starts anew from its journal. */
  restart(): void
  /** From now on every read of this side is refused as throttled, and no change is. */
  throttleReads(side: WorldCall['api'] | undefined): void
}

type Options = Omit<NonNullable<Parameters<typeof startService>[0]>, 'onCall'> & {
  /** Called before anything happens. */
  readonly prepare?: (replay: Replay) => void
}

const running: Replay[] = []

/** Stops what the tests started; each test file calls it after each test. */
export async function stopReplays(): Promise<void> {
  for (const replay of running.splice(0)) await replay.stop()
}

/** Starts the service and lets its pool learn what its agents can do, so that jobs may be queued. */
export async function replay(options: Options): Promise<Replay> {
  const trouble = { dies: false, throttled: undefined as WorldCall['api'] | undefined }
  const service: Service = await startService({
    ...options,
    world: { latencies: quick, ...options.world },
    onCall(call) {
      if (trouble.dies) {
        trouble.dies = false
        throw new Error('the process died')
      }
      if (call.api === 'azure') service.world.setFault('throttled', struck(call))
      else service.world.setFault('devops-throttled', struck(call))
    },
  })
  const struck = ({ api, change }: WorldCall) => (trouble.throttled === api && !change ? { rate: 1 } : undefined)
  const events: WorldEvent[] = []
  const killed: string[] = []
  service.world.watch((event) => {
    events.push(event)
    if (event.kind === 'delete-accepted' || event.kind === 'reimage-accepted')
      killed.push(...event.machines.filter((machine) => hasJob(service, machine)))
  })
  const made: Replay = Object.assign(Object.create(service) as Service, {
    events,
    killed,
    restart: () => void (trouble.dies = true),
    throttleReads: (side: WorldCall['api'] | undefined) => void (trouble.throttled = side),
  })
  running.push(made)
  options.prepare?.(made)
  await made.forMinutes(5)
  return made
}

function hasJob({ world, poolId }: Service, machine: string): boolean {
  const agents = world.truth.agents(poolId).filter((agent) => agent.machine?.instanceId === machine)
  return world.truth.requests(poolId).some(({ result, agentId }) => result === undefined && agents.some(({ id }) => id === agentId))
}

export const capacityOf = ({ world }: Pick<Service, 'world'>): number | undefined => world.truth.scaleSet(scaleSetId)?.capacity
export const machinesOf = ({ world }: Pick<Service, 'world'>) => world.truth.machines(scaleSetId)
export const agentsOf = ({ world, poolId }: Service) => world.truth.agents(poolId).filter(({ name }) => !name.includes('placeholder'))

/** Queues jobs of so many minutes; their request ids. */
export function queue(service: Service, jobs: number, minutes: number): readonly number[] {
  return Array.from({ length: jobs }, () => service.world.queueJob({ poolId: service.poolId, durationMs: minutes * minute }))
}

/** How many of the jobs stand how: `waiting`, `running`, or their result. */
export function stateOf({ world, poolId }: Service, jobs: readonly number[]): Readonly<Record<string, number>> {
  const requests = world.truth.requests(poolId).filter(({ id }) => jobs.includes(id))
  return tally(requests.map(({ result, receivedAt }) => result ?? (receivedAt === undefined ? 'waiting' : 'running')))
}

export function tally(words: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...new Set(words)].map((word) => [word, words.filter((each) => each === word).length]))
}

/** Writes of the capacity since `from` (world time, ms), as `4 → 6`. */
export function capacityWrites({ events }: Replay, from = 0): readonly string[] {
  return events.flatMap((event) =>
    event.kind === 'capacity' && event.by === 'patch' && event.at >= from ? [`${event.from} → ${event.to}`] : [],
  )
}

/** What took a machine or an agent out of service since `from`. */
export function removals({ events }: Replay, from = 0): readonly string[] {
  const kinds = ['agent-disabled', 'agent-removed', 'delete-accepted', 'reimage-accepted', 'machine-deleted']
  return events.filter(({ kind, at }) => at >= from && kinds.includes(kind)).map(({ kind }) => kind)
}

export { minute, scaleSetId }
