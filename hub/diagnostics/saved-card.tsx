/** Machines that are kept for investigation: nothing touches them until somebody does. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useState, type ReactElement } from 'react'
import type { MachineView } from '../../backend/api/contract.ts'
import { MachinePanel } from '../agents/machine-panel.tsx'
import { OrderDialog } from '../agents/order-dialog.tsx'
import { orderKinds, type OrderKind } from '../agents/orders.ts'
import { DataTable, type Column } from '../components/data-table.tsx'
import { Duration } from '../components/time.tsx'
import { mayManage, useHub } from '../context.ts'
import { useResource, valueOf } from '../use-resource.ts'

const everyMs = 10_000
const kinds = orderKinds.filter(({ order }) => order === 'unsave' || order === 'delete')

type Asked = { readonly kind: OrderKind; readonly machine: MachineView }

export function SavedCard({ poolId }: { readonly poolId: number }): ReactElement {
  const { service, rights } = useHub()
  const [asked, ask] = useState<Asked | undefined>()
  const [opened, open] = useState<string | undefined>()
  const { resource, again } = useResource({ key: `saved ${poolId}`, everyMs, read: (signal) => service.machines(poolId, signal) })
  const saved = valueOf(resource)?.machines.filter(({ stage }) => stage === 'saved') ?? []
  const subject = saved.find(({ id }) => id === opened)
  if (saved.length === 0) return <></>
  return (
    <Card
      className="hub-card-table bolt-table-card"
      titleProps={{ text: 'Agents saved for investigation', ariaLevel: 2 }}
      contentProps={{ contentPadding: false }}
    >
      <DataTable label="Saved machines" columns={columnsOf(mayManage(rights, poolId), ask, open)} rows={saved} />
      {subject !== undefined && <MachinePanel poolId={poolId} machine={subject} onClose={() => open(undefined)} />}
      {asked !== undefined && (
        <OrderDialog
          poolId={poolId}
          kind={asked.kind}
          machines={[asked.machine]}
          onClose={() => ask(undefined)}
          onDone={() => {
            ask(undefined)
            again()
          }}
        />
      )}
    </Card>
  )
}

function columnsOf(manages: boolean, ask: (asked: Asked) => void, open: (id: string) => void): readonly Column<MachineView>[] {
  return [
    { id: 'name', name: 'Machine', width: 160, cell: ({ name }) => name },
    { id: 'for', name: 'Saved for', width: 110, cell: ({ forMs }) => <Duration ms={forMs} /> },
    { id: 'why', name: 'Why', width: -100, minWidth: 200, cell: ({ why }) => <span className="hub-wrap">{why}</span> },
    {
      id: 'connect',
      name: 'Connect',
      width: 110,
      cell: ({ id, name }) => (
        <Button subtle className="hub-link-button" text="Connect" ariaLabel={`Connect to ${name}`} onClick={() => open(id)} />
      ),
    },
    ...(manages
      ? kinds.map((kind): Column<MachineView> => ({
          id: kind.order,
          name: kind.verb,
          width: 100,
          cell: (machine) => (
            <Button
              subtle

              text={kind.verb}
              ariaLabel={`${kind.verb} ${machine.name}`}
              onClick={() => ask({ kind, machine })}
            />
          ),
        }))
      : []),
  ]
}
