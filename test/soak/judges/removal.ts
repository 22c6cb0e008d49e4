/** S1, S8: which machines may be deleted or reimaged, by the jobs and the health they have in truth. */
import type { MachineFacts, WorldEvent } from '../../../backend/simulator/facts.ts'
import type { Judge, Report, Scene } from '../history.ts'
import type { Ledger } from '../ledger.ts'

const unhealthyCauses: ReadonlySet<string> = new Set([
  'failed-to-start',
  'failed-to-restart',
  'creation-failed',
  'extension-failed',
  'went-offline',
  'stopped',
])
const minuteMs = 60_000
/** Agents lost within this time of each other are lost at once: Azure DevOps notices each with its own delay. */
const togetherMs = minuteMs
const heldMs = 30 * minuteMs
/** From the decision to drain an agent to the answer of the last call of its pass. */
const drainMs = 30_000

type Removed = Extract<WorldEvent, { kind: 'delete-accepted' | 'reimage-accepted' }>
/** Went offline while it was ours to work: nobody had disabled it or decided to, and it had not been given its one job. */
type Loss = { readonly agentId: number; readonly at: number; readonly machine: string; readonly machinesThen: number }

export function removalJudge(scene: Scene, ledger: Ledger, report: Report): Judge {
  const losses = new Map<number, Loss>()
  const enabled = new Map<number, boolean>()
  const drainedAt = new Map<number, number>()
  return (entry) => {
    if (entry.kind === 'world') return happened(entry.event)
    if (entry.kind !== 'committed') return
    for (const { kind, agentId } of entry.intents) if (kind === 'drain' && agentId !== undefined) drainedAt.set(agentId, entry.at)
  }

  function happened(event: WorldEvent): void {
    switch (event.kind) {
      case 'delete-accepted':
      case 'reimage-accepted':
        if (event.scaleSetId.toLowerCase() !== scene.scaleSetId.toLowerCase()) return
        noBusyMachine(event)
        if (event.kind === 'delete-accepted') return withinBudget(event)
        return
      case 'machine-deleted':
      case 'machine-vanished':
      case 'machine-reimaged':
        if (event.scaleSetId === scene.scaleSetId)
          for (const loss of losses.values()) if (loss.machine === event.machine) losses.delete(loss.agentId)
        return
      case 'agent-added':
        enabled.set(event.agentId, true)
        return
      case 'agent-enabled':
      case 'agent-disabled':
        enabled.set(event.agentId, event.kind === 'agent-enabled')
        return
      case 'agent-online':
        losses.delete(event.agentId)
        return
      case 'agent-offline':
        if (enabled.get(event.agentId) !== false && !isBeingDrained(event)) lost(event.agentId, event.at)
        return
      default:
    }
  }

  /** S1 */
  function noBusyMachine(event: Removed): void {
    const agents = new Map(scene.truth.agents(scene.poolId).map((agent) => [agent.id, agent]))
    for (const request of scene.truth.requests(scene.poolId)) {
      if (request.result !== undefined || request.agentId === undefined) continue
      const machine = agents.get(request.agentId)?.machine?.instanceId
      if (machine === undefined || !event.machines.includes(machine) || ledger.isForced(machine)) continue
      report(
        'S1',
        event.at,
        `machine ${machine} was ${event.kind === 'delete-accepted' ? 'deleted' : 'reimaged'} with job request ${request.id}`,
      )
    }
  }

  function isBeingDrained({ agentId, at }: { readonly agentId: number; readonly at: number }): boolean {
    return at - (drainedAt.get(agentId) ?? -Infinity) < drainMs
  }

  function lost(agentId: number, at: number): void {
    const machine = scene.truth.agents(scene.poolId).find((agent) => agent.id === agentId)?.machine?.instanceId
    const machines = scene.truth.machines(scene.scaleSetId)
    const facts = machines.find((each) => each.instanceId === machine)
    if (machine === undefined || facts === undefined || facts.provisioningState === 'Deleting') return
    if (scene.tearDownAfterUse && (facts.jobsStarted > 0 || wasGivenJob(agentId))) return
    losses.set(agentId, { agentId, at, machine, machinesThen: machines.length })
  }

  function wasGivenJob(agentId: number): boolean {
    return scene.truth.requests(scene.poolId).some((request) => request.agentId === agentId)
  }

  /** S8 */
  function withinBudget(event: Removed): void {
    if (ledger.bounds().deleting) return
    const machines = scene.truth.machines(scene.scaleSetId)
    const intent = ledger.current()
    const causeOf = (id: string): string | undefined => intent?.machines.find((each) => each.id === id)?.cause
    const unhealthy = event.machines.filter(
      (id) => !ledger.wasAsked(id) && (unhealthyCauses.has(causeOf(id) ?? '') || lossOf(id) !== undefined),
    )
    const allowed = Math.max(1, Math.floor(Math.max(machines.length, ledger.machinesListed()) / 10))
    const sofar = ledger.countUnhealthy(unhealthy.length)
    if (sofar > allowed)
      report('S8', event.at, `${sofar} unhealthy machines were deleted in one pass; ${allowed} allowed of ${machines.length}`)
    for (const id of unhealthy) notInMassFailure(id, machines, event.at)
  }

  function notInMassFailure(id: string, machines: readonly MachineFacts[], at: number): void {
    const loss = lossOf(id)
    if (loss === undefined || at - loss.at >= heldMs) return
    const together = [...losses.values()].filter((each) => Math.abs(each.at - loss.at) <= togetherMs)
    const total = Math.max(loss.machinesThen, machines.length)
    if (together.length >= 3 && together.length > total * 0.3) {
      report(
        'S8',
        at,
        `machine ${id} was deleted ${Math.round((at - loss.at) / minuteMs)} minutes after ${together.length} of ${total} machines were lost at once`,
      )
    }
  }

  function lossOf(machine: string): Loss | undefined {
    for (const loss of losses.values()) if (loss.machine === machine) return loss
    return undefined
  }
}
