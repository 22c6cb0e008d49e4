/** What a person may have done with machines and their agents, and what it does to a job that runs. */
import type { MachineOrder, MachineView } from '../../backend/api/contract.ts'
import { counted } from '../components/more-or-less.ts'

export type OrderKind = {
  /** `disable` and `enable` are about the agent of the machine. */
  readonly order: MachineOrder['order'] | 'disable' | 'enable'
  readonly verb: string
  readonly iconName: string
  readonly danger: boolean
  /** The job can be given up, so that nothing is waited for. */
  readonly forceable: boolean
  readonly fits: (machine: MachineView) => boolean
}

export const orderKinds: readonly OrderKind[] = [
  { order: 'disable', verb: 'Disable', iconName: 'Blocked', danger: false, forceable: false, fits: hasAgent(true) },
  { order: 'enable', verb: 'Enable', iconName: 'CheckMark', danger: false, forceable: false, fits: hasAgent(false) },
  { order: 'save', verb: 'Save for investigation', iconName: 'Save', danger: false, forceable: false, fits: isOurs },
  { order: 'unsave', verb: 'Let go', iconName: 'Undo', danger: false, forceable: false, fits: ({ stage }) => stage === 'saved' },
  { order: 'reimage', verb: 'Reimage', iconName: 'Refresh', danger: false, forceable: true, fits: isOurs },
  { order: 'adopt', verb: 'Adopt', iconName: 'Add', danger: false, forceable: false, fits: ({ stage }) => stage === 'foreign' },
  { order: 'delete', verb: 'Delete', iconName: 'Delete', danger: true, forceable: true, fits: ({ stage }) => stage !== 'deleting' },
]

function isOurs({ stage }: MachineView): boolean {
  return stage !== 'foreign' && stage !== 'saved' && stage !== 'deleting'
}

/** A machine that the pool itself lets go has a disabled agent, too: that is not a person's to enable. */
function hasAgent(enabled: boolean): (machine: MachineView) => boolean {
  return ({ facts, stage }) => stage !== 'draining' && 'agent' in facts && facts.agent?.enabled === enabled
}

/** What will happen, in the words of a confirmation. */
export function consequence({ order, forceable }: OrderKind, machines: readonly MachineView[], force: boolean): string {
  const what = effects[order](counted(machines.length, 'machine'))
  const busy = machines.filter(({ requestId }) => requestId !== undefined).length
  if (busy === 0 || !(forceable || order === 'disable')) return what
  const run = busy === 1 ? '1 of them runs a job' : `${busy} of them run jobs`
  if (order === 'disable') return `${what} ${run}: ${busy === 1 ? 'that job ends' : 'those jobs end'} first.`
  return force
    ? `${what} ${run}. ${busy === 1 ? 'That job is' : 'Those jobs are'} lost and fail${busy === 1 ? 's' : ''} at once.`
    : `${what} ${run}: their agents take no other job, and nothing is removed before the present one has ended.`
}

const effects: Readonly<Record<OrderKind['order'], (machines: string) => string>> = {
  disable: (machines) => `The agents of ${machines} take no more jobs; then the machines leave the pool.`,
  enable: (machines) => `The agents of ${machines} take jobs again.`,
  save: (machines) =>
    `${machines} kept for investigation: nothing touches a saved machine until somebody lets it go or deletes it. It counts against the maximum.`,
  unsave: (machines) => `${machines} let go: the pool treats them like any other again, and may delete them.`,
  reimage: (machines) => `${machines} set back to the image, and started again as new agents.`,
  adopt: (machines) => `${machines} taken into the pool: it reimages them and treats them like its own from then on.`,
  delete: (machines) => `${machines} deleted, with everything on their disks. The pool makes new ones where jobs or standby need them.`,
}
