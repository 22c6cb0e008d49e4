/** Confirms an order about machines, one call for each, and says which of them were refused. */
import { Checkbox } from 'azure-devops-ui/Checkbox'
import { useState, type ReactElement } from 'react'
import type { Accepted, MachineView } from '../../backend/api/contract.ts'
import type { Answer } from '../answer.ts'
import { ConfirmDialog } from '../components/confirm.tsx'
import { counted } from '../components/more-or-less.ts'
import { useHub } from '../context.ts'
import type { Service } from '../service.ts'
import { useAction } from '../use-action.ts'
import { consequence, type OrderKind } from './orders.ts'

type Props = {
  readonly poolId: number
  readonly kind: OrderKind
  readonly machines: readonly MachineView[]
  readonly onClose: () => void
  readonly onDone: () => void
}

const namedMax = 10

export function OrderDialog({ poolId, kind, machines, onClose, onDone }: Props): ReactElement {
  const { service, say } = useHub()
  const [force, setForce] = useState(false)
  const { busy, failure, run } = useAction()
  const names = machines.map(({ name }) => name)
  const rest = names.length - namedMax
  const hasJobs = machines.some(({ requestId }) => requestId !== undefined)
  return (
    <ConfirmDialog
      title={`${kind.verb}: ${counted(machines.length, 'machine')}`}
      text={consequence(kind, machines, force)}
      confirm={kind.verb}
      danger={kind.danger || force}
      busy={busy}
      failure={failure}
      onCancel={onClose}
      onConfirm={() =>
        run(
          () => orderAll(machines, (machine) => giveOrder(service, poolId, machine, kind.order, force)),
          (message) => {
            say(message)
            onDone()
          },
        )
      }
    >
      <p className="hub-text">{names.slice(0, namedMax).join(', ') + (rest > 0 ? ` and ${rest} more` : '')}</p>
      {kind.forceable && hasJobs && (
        <Checkbox label="Do not wait for running jobs: give them up" checked={force} onChange={(_, value) => setForce(value)} />
      )}
    </ConfirmDialog>
  )
}

function giveOrder(
  service: Service,
  poolId: number,
  { id, agentId = 0 }: MachineView,
  order: OrderKind['order'],
  force: boolean,
): Promise<Answer<Accepted>> {
  return order === 'disable' || order === 'enable'
    ? service.setEnabled(poolId, agentId, order === 'enable')
    : service.order(poolId, id, { order, ...(force ? { force } : {}) })
}

/** One after another: the service takes each by itself, and the first refusal says why. */
async function orderAll(
  machines: readonly MachineView[],
  give: (machine: MachineView) => Promise<Answer<Accepted>>,
): Promise<Answer<string>> {
  let message = ''
  for (const [index, machine] of machines.entries()) {
    const answer = await give(machine)
    if (!answer.ok) return index === 0 ? answer : afterSome(answer.failure, index)
    message = answer.value.message
  }
  return { ok: true, value: machines.length === 1 ? message : `Asked for ${counted(machines.length, 'machine')}. ${message}` }
}

function afterSome(failure: Extract<Answer<string>, { readonly ok: false }>['failure'], done: number): Answer<string> {
  return { ok: false, failure: { ...failure, message: `${counted(done, 'machine')} done, then: ${failure.message}` } }
}
