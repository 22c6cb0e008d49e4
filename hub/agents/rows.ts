/** Which machines are shown, in which order. Pure, so that a thousand of them are cheap to look through. */
import type { MachineView } from '../../backend/api/contract.ts'
import type { Order } from '../components/data-table.tsx'
import { groupOf, stageGroups } from '../components/stages.ts'

export type MachineFilter = {
  /** Part of a name, a stage or a reason, in any case. */
  readonly text: string
  /** A group of stages; '' for all. */
  readonly group: string
}

export function shownMachines(machines: readonly MachineView[], filter: MachineFilter, order: Order): readonly MachineView[] {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (machine: MachineView): boolean => {
    if (filter.group !== '' && groupOf(machine.stage)?.id !== filter.group) return false
    const text = `${machine.name} ${machine.id} ${machine.stage} ${groupOf(machine.stage)?.name ?? ''} ${machine.why}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
  const compare = comparisons[order.by] ?? byName
  const sorted = machines.filter(fits).toSorted((left, right) => compare(left, right) || byName(left, right))
  return order.down ? sorted.reverse() : sorted
}

function byName(left: MachineView, right: MachineView): number {
  return names.compare(left.name, right.name)
}

/** Made once: a comparison by locale is slow to set up. */
const names = new Intl.Collator(undefined, { numeric: true })

const comparisons: Readonly<Record<string, (left: MachineView, right: MachineView) => number>> = {
  name: byName,
  stage: (left, right) => placeOf(left) - placeOf(right),
  for: (left, right) => left.forMs - right.forMs,
  generation: (left, right) => left.generation - right.generation,
}

function placeOf({ stage }: MachineView): number {
  return stageGroups.findIndex(({ stages }) => stages.includes(stage))
}
