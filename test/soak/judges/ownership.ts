/** S3, S12: only what is ours is touched, and what a person saved, disabled or paused stays as it is. */
import type { Answer, ScaleSetFacts } from '../../../backend/simulator/facts.ts'
import type { Call, Judge, Report, Scene } from '../history.ts'
import type { Ledger } from '../ledger.ts'

const claimTag = 'scalesetagentsowner'

export function ownershipJudge(scene: Scene, ledger: Ledger, report: Report): Judge {
  /** What each process last read of the tag: ours, nobody's or another's. */
  const claims = new Map<string, 'ours' | 'free' | 'other'>()
  const planted = new Set<number>()
  const disabledByPerson = new Set<number>()
  const own = scene.scaleSetId.toLowerCase()
  return (entry) => {
    switch (entry.kind) {
      case 'planted':
        planted.add(entry.agentId)
        return
      case 'answered':
        if (entry.call.name === 'read-scale-set') readClaim(entry.call, entry.answer as Answer<ScaleSetFacts>)
        return
      case 'begun':
        if (entry.call.change) changeBegins(entry.call, entry.at)
        return
      case 'arrived':
        if (entry.call.change) changeArrives(entry.call, entry.at)
        return
      case 'world':
        return happened(entry.event)
      default:
    }
  }

  function happened(event: Extract<Parameters<Judge>[0], { kind: 'world' }>['event']): void {
    if ('scaleSetId' in event && event.scaleSetId.toLowerCase() !== own && ledger.current() !== undefined) {
      report('S3', event.at, `a call of ours did "${event.kind}" to ${event.scaleSetId}`)
    }
    if (event.kind === 'agent-disabled' && event.by === 'person') disabledByPerson.add(event.agentId)
    if (event.kind === 'agent-enabled' && event.by === 'person') disabledByPerson.delete(event.agentId)
    if (event.kind === 'tags' && ledger.current() !== undefined) userTagsStay(event.at)
  }

  function userTagsStay(at: number): void {
    const tags = scene.truth.scaleSet(scene.scaleSetId)?.tags
    if (tags !== undefined && tags['team'] !== 'ci') report('S3', at, "a person's tag was lost")
  }

  function readClaim(call: Call, answer: Answer<ScaleSetFacts>): void {
    if (!answer.ok) return
    const value = Object.entries(answer.value.tags).find(([name]) => name.toLowerCase() === claimTag)?.[1]
    const mine = value?.startsWith(`${scene.ownerId}/${scene.poolId}/`) === true
    claims.set(call.process, value === undefined ? 'free' : mine ? 'ours' : 'other')
  }

  function changeBegins(call: Call, at: number): void {
    const claim = claims.get(call.process)
    const { paused, deleting } = ledger.boundsOfPass(call.process)
    if (!mayChange(call.name, claim, deleting)) report('S3', at, `${call.name} while the scale set was ${claim ?? 'unread'}`)
    // A paused pool keeps its claim, so that it never looks given up.
    if (paused && call.name !== 'merge-tag') report('S12', at, `${call.name} while the pool was paused`)
  }

  function changeArrives(call: Call, at: number): void {
    for (const id of call.target.machines ?? []) if (ledger.exists(id)) touches(call.name, id, at)
    const { agentId, enabled } = call.target
    if (agentId === undefined) return
    if (planted.has(agentId)) report('S3', at, `${call.name} on the foreign agent ${agentId}`)
    if (enabled === true) enables(agentId, at)
  }

  function touches(name: string, id: string, at: number): void {
    if (!ledger.mayBeOurs(id)) report('S3', at, `${name} on machine ${id}, which is not ours`)
    if (ledger.isSaved(id) && !ledger.bounds().deleting) report('S12', at, `${name} on machine ${id}, which is saved`)
  }

  function enables(agentId: number, at: number): void {
    if (disabledByPerson.has(agentId)) report('S12', at, `agent ${agentId} was enabled, which a person had disabled`)
    const machine = ledger.machineOfAgent(agentId)
    if (machine !== undefined && ledger.isSaved(machine)) report('S12', at, `the agent of machine ${machine} was enabled, which is saved`)
  }
}

/** Without our claim: it is taken, or the pool ends in Azure DevOps alone. */
function mayChange(name: string, claim: 'ours' | 'free' | 'other' | undefined, deleting: boolean): boolean {
  if (claim === 'ours' || (claim === 'free' && name === 'claim')) return true
  const ends = claim === 'free' ? ['delete-pool', 'remove-agent'] : ['delete-pool', 'remove-agent', 'set-enabled']
  return claim !== undefined && deleting && ends.includes(name)
}
