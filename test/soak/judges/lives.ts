/** S10, S11: one job and one registration for each life of a machine. */
import type { ScaleSetFacts, WorldEvent } from '../../../backend/simulator/facts.ts'
import type { Entry, Judge, Report, Scene } from '../history.ts'
import type { Ledger } from '../ledger.ts'

/** Good looks at the agents after which the first job of a one-job machine must have been seen and its agent disabled. */
const looksMax = 3

type Life = { firstAssignedAt?: number; jobs: number; looks: number; registrations: number; onceIgnored: boolean }

export function livesJudge(scene: Scene, ledger: Ledger, report: Report): Judge {
  const lives = new Map<string, Life>()
  /** The machine whose job ended last: `once-ignored` strikes it right then. */
  let endedLast: string | undefined
  let mayAct = false
  const life = (machine: string): Life => {
    const known = lives.get(machine)
    if (known !== undefined) return known
    const fresh = { jobs: 0, looks: 0, registrations: 0, onceIgnored: false }
    lives.set(machine, fresh)
    return fresh
  }
  return (entry) => {
    if (entry.kind === 'answered') looked(entry)
    if (entry.kind === 'lease') startLooking()
    if (entry.kind === 'arrived' && entry.call.name === 'set-enabled' && entry.call.target.enabled === true)
      usedStaysDisabled(entry.call.target.agentId, entry.at)
    if (entry.kind === 'world') happened(entry.event)
  }

  function looked({ call, answer }: Extract<Entry, { kind: 'answered' }>): void {
    if (call.name === 'read-scale-set') mayAct = answer.ok && isOurs((answer.value as ScaleSetFacts).tags)
    if (call.name === 'set-enabled' && !answer.ok) startLooking()
    if (call.name !== 'agents' || !answer.ok) return
    if (!mayAct || ledger.bounds().paused) return startLooking()
    for (const each of lives.values()) if (each.jobs > 0) each.looks += 1
  }

  /** What was seen before does not count: the service could not act on it. */
  function startLooking(): void {
    for (const each of lives.values()) each.looks = 0
  }

  function isOurs(tags: ScaleSetFacts['tags']): boolean {
    return Object.values(tags).some((value) => value.startsWith(`${scene.ownerId}/${scene.poolId}/`))
  }

  function happened(event: WorldEvent): void {
    switch (event.kind) {
      case 'machine-listed':
      case 'machine-deleted':
      case 'machine-vanished':
      case 'machine-reimaged':
        if (event.scaleSetId.toLowerCase() === scene.scaleSetId.toLowerCase()) lives.delete(event.machine)
        return
      case 'job-assigned':
        if (event.machine !== undefined) assigned(event.machine, event.at)
        return
      case 'job-finished':
      case 'job-cancelled':
        endedLast = event.machine
        return
      case 'job-started':
        if (event.machine !== undefined) life(event.machine).jobs += 1
        return
      case 'agent-added':
        return registered(event.poolId, event.name, event.at)
      case 'fault':
        if (event.fault === 'once-ignored' && endedLast !== undefined) life(endedLast).onceIgnored = true
        return
      default:
    }
  }

  /** S10: another job is only excused where the agent went on although it was told to stop, before we could know. */
  function assigned(machine: string, at: number): void {
    if (!scene.tearDownAfterUse) return
    const its = life(machine)
    const first = its.firstAssignedAt === undefined
    if (first) its.firstAssignedAt = at
    if (first || its.jobs === 0) return
    if (!its.onceIgnored) report('S10', at, `machine ${machine} was given a second job in one life`)
    else if (its.looks > looksMax)
      report('S10', at, `machine ${machine} was given a second job although its first had been seen ${its.looks} times`)
  }

  function usedStaysDisabled(agentId: number | undefined, at: number): void {
    if (!scene.tearDownAfterUse) return
    const machine = scene.truth.agents(scene.poolId).find((agent) => agent.id === agentId)?.machine?.instanceId
    if (machine !== undefined && life(machine).jobs > 0)
      report('S10', at, `the agent of machine ${machine} was enabled although it had run its one job`)
  }

  /** S11 */
  function registered(poolId: number, name: string, at: number): void {
    const machine = scene.truth.machines(scene.scaleSetId).find((each) => each.computerName === name)?.instanceId
    if (machine === undefined || poolId !== scene.poolId) return
    const its = life(machine)
    its.registrations += 1
    if (its.registrations > 1) report('S11', at, `machine ${machine} registered ${its.registrations} agents in one life`)
  }
}
