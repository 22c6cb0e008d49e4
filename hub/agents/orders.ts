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
  const what = machines.length === 1 ? effects[order].one : `${counted(machines.length, 'machine')} ${effects[order].many}`
  const busy = machines.filter(({ requestId }) => requestId !== undefined).length
  if (busy === 0 || !(forceable || order === 'disable')) return what
  const run = machines.length === 1 ? 'It runs a job' : busy === 1 ? '1 of them runs a job' : `${busy} of them run jobs`
  const [job, end] = busy === 1 ? ['that job', 'ends'] : ['those jobs', 'end']
  if (order === 'disable') return `${what} ${run}: ${job} ${end} first.`
  return force
    ? `${what} ${run}: ${job} ${busy === 1 ? 'is lost and fails' : 'are lost and fail'} at once.`
    : `${what} ${run}: ${job} ${end} first, and no other is taken meanwhile.`
}

type Effect = { readonly one: string; readonly many: string }

const effects: Readonly<Record<OrderKind['order'], Effect>> = {
  disable: {
    one: 'The agent takes no more jobs; then its machine leaves the pool.',
    many: 'get no more jobs; then they leave the pool.',
  },
  enable: { one: 'The agent takes jobs again.', many: 'get jobs again.' },
  save: {
    one: 'The machine is kept for investigation: nothing touches it until somebody lets it go or deletes it. It counts against the maximum.',
    many: 'are kept for investigation: nothing touches them until somebody lets them go or deletes them. They count against the maximum.',
  },
  unsave: {
    one: 'The machine is let go: the pool treats it like any other again, and may delete it.',
    many: 'are let go: the pool treats them like any other again, and may delete them.',
  },
  reimage: {
    one: 'The machine is set back to the image, and starts again as a new agent.',
    many: 'are set back to the image, and start again as new agents.',
  },
  adopt: {
    one: 'The machine is taken into the pool: it is reimaged, and is one of the pool’s own from then on.',
    many: 'are taken into the pool: they are reimaged, and are the pool’s own from then on.',
  },
  delete: {
    one: 'The machine is deleted, with everything on its disks. The pool makes a new one where jobs or standby need it.',
    many: 'are deleted, with everything on their disks. The pool makes new ones where jobs or standby need them.',
  },
}
