/** Machines that are kept for investigation: nothing touches them until somebody does. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useState, type ReactElement } from 'react'
import type { MachineView } from '../../backend/api/contract.ts'
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
  const { resource, again } = useResource({ key: `saved ${poolId}`, everyMs, read: (signal) => service.machines(poolId, signal) })
  const saved = valueOf(resource)?.machines.filter(({ stage }) => stage === 'saved') ?? []
  if (saved.length === 0) return <></>
  return (
    <Card className="hub-card-table" titleProps={{ text: 'Agents saved for investigation' }} contentProps={{ contentPadding: false }}>
      <DataTable label="Saved machines" columns={columnsOf(mayManage(rights, poolId), ask)} rows={saved} />
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

function columnsOf(manages: boolean, ask: (asked: Asked) => void): readonly Column<MachineView>[] {
  return [
    { id: 'name', name: 'Machine', width: 160, cell: ({ name }) => name },
    { id: 'for', name: 'Saved for', width: 110, cell: ({ forMs }) => <Duration ms={forMs} /> },
    { id: 'why', name: 'Why', width: -100, minWidth: 200, cell: ({ why }) => <span className="hub-wrap">{why}</span> },
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
