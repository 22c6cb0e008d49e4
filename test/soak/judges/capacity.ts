/** S2, S7: the capacity is only raised, and never above the maximum, counting everything that exists or is still to come. */
import type { Judge, Report, Scene } from '../history.ts'
import type { Ledger } from '../ledger.ts'

export function capacityJudge(scene: Scene, ledger: Ledger, report: Report): Judge {
  return (entry) => {
    if (entry.kind !== 'world' || entry.event.kind !== 'capacity' || entry.event.by !== 'patch') return
    const { event } = entry
    if (event.scaleSetId.toLowerCase() !== scene.scaleSetId.toLowerCase()) return
    if (event.to < event.from) return report('S7', event.at, `the capacity was lowered from ${event.from} to ${event.to}`)
    const total = scene.truth.machines(scene.scaleSetId).length + ledger.owed()
    const { machinesMax } = ledger.boundsOfPass()
    if (total > machinesMax)
      report('S2', event.at, `growth from ${event.from} to ${event.to} makes ${total} machines; the maximum is ${machinesMax}`)
  }
}
