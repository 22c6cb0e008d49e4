/** People and other programs beside the service: orders, settings, a stolen tag, a foreign agent. */
import type { PoolRecord } from '../../backend/loop/ports.ts'
import type { Order } from '../../backend/loop/ports-people.ts'
import type { World } from '../../backend/simulator/facts.ts'
import type { Entry } from './history.ts'
import type { PlannedDoing } from './plan.ts'

export type PeopleParts = {
  readonly world: World
  readonly now: () => number
  readonly after: (ms: number, run: () => void) => void
  readonly poolId: number
  readonly scaleSetId: string
  readonly coreLimit: number
  readonly record: () => PoolRecord | undefined
  readonly set: (change: Partial<PoolRecord['settings']>) => void
  readonly order: (order: Omit<Order, 'id'>) => void
  readonly enter: (entry: Entry) => void
  /** Machines that the service shows to people. */
  readonly shown: () => readonly string[]
}

const tagName = 'ScaleSetAgentsOwner'

/** Does one thing, and undoes it after its time where it can be undone. */
export function personDoes(parts: PeopleParts, doing: PlannedDoing): void {
  const { world, scaleSetId } = parts
  const settings = parts.record()?.settings
  if (settings === undefined) return
  const undo = (run: () => void): void => parts.after(doing.forMs, run)
  switch (doing.what) {
    case 'delete':
    case 'reimage':
    case 'save':
    case 'unsave':
    case 'adopt':
    case 'force-delete':
      return giveOrder(parts, doing)
    case 'try-again':
      return parts.order({ machineId: '', order: 'try-again', by: 'ada', force: false })
    case 'change-maximum':
      return parts.set({ machinesMax: Math.max(settings.standby, 1, 1 + (doing.number % (2 * settings.machinesMax))) })
    case 'change-standby':
      return parts.set({ standby: doing.number % (settings.machinesMax + 1) })
    case 'pause':
      parts.set({ paused: true })
      return undo(() => parts.set({ paused: false }))
    case 'steal-tag': {
      const before = world.truth.scaleSet(scaleSetId)?.tags[tagName]
      if (before === undefined) return
      insist(parts, () => world.azure.mergeTags(scaleSetId, 'Merge', { [tagName]: 'another/7/3' }).ok)
      return undo(() =>
        insist(parts, () => world.azure.mergeTags(scaleSetId, doing.number % 2 === 0 ? 'Delete' : 'Merge', { [tagName]: before }).ok),
      )
    }
    case 'overprovision':
      insist(parts, () => world.azure.patchScaleSet(scaleSetId, { properties: { overprovision: true } }).ok)
      return undo(() => insist(parts, () => world.azure.patchScaleSet(scaleSetId, { properties: { overprovision: false } }).ok))
    case 'lower-quota':
      world.setCoreLimit(2 * world.truth.machines(scaleSetId).length)
      return undo(() => world.setCoreLimit(parts.coreLimit))
    case 'lower-parallel-jobs':
      world.setParallelJobs(doing.number % 2)
      return undo(() => world.setParallelJobs(undefined))
    case 'add-foreign-agent':
      return addForeignAgent(parts, doing.number)
    default:
      doing.what satisfies never
  }
}

/** An agent of somebody's own computer, which the service has to leave alone. It is switched off, and can do what others cannot. */
export function addForeignAgent(parts: PeopleParts, number: number): void {
  const { world, poolId, enter, now } = parts
  const name = `desk-${number}`
  insist(parts, () => {
    world.devops.addAgent(poolId, { name, version: '4.268.0', osDescription: 'desk', systemCapabilities: { gpu: '1', git: '1' } })
    const agent = world.truth.agents(poolId).find((each) => each.name === name)
    if (agent !== undefined) enter({ kind: 'planted', agentId: agent.id, at: now() })
    return agent !== undefined
  })
}

function giveOrder(parts: PeopleParts, doing: PlannedDoing): void {
  const machines = parts.shown()
  const machineId = machines[doing.number % Math.max(1, machines.length)]
  if (machineId === undefined) return
  const force = doing.what === 'force-delete'
  const order = doing.what === 'force-delete' ? 'delete' : (doing.what as Order['order'])
  parts.order({ machineId, order, by: 'ada', force })
}

/** A person tries again when a call of theirs meets a fault: at once, and every minute while Azure keeps refusing. */
function insist({ after }: Pick<PeopleParts, 'after'>, attempt: () => boolean): void {
  for (let tries = 0; tries < 50; tries++) if (attempt()) return
  after(60_000, () => insist({ after }, attempt))
}
