/** Every machine of the pool with its agent: look, choose, and order. */
import { useState, type ReactElement } from 'react'
import type { MachineView, PoolDetail } from '../../backend/api/contract.ts'
import { Empty, Frame } from '../components/state.tsx'
import { mayManage, useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'
import { AgentsBar } from './agents-bar.tsx'
import { AgentsTable } from './agents-table.tsx'
import { MachinePanel } from './machine-panel.tsx'
import { OrderDialog } from './order-dialog.tsx'
import { OtherAgents } from './other-agents.tsx'
import type { OrderKind } from './orders.ts'
import { shownMachines, type MachineFilter } from './rows.ts'
import type { Order } from '../components/data-table.tsx'

const everyMs = 5_000

export default function Agents({ detail }: { readonly detail: PoolDetail }): ReactElement {
  const { poolId } = detail.pool
  const { service } = useHub()
  const { resource, again } = useResource({
    key: `machines ${poolId}`,
    everyMs,
    read: (signal) => service.machines(poolId, signal),
    isEmpty: ({ machines, others }) => machines.length + others.length === 0,
  })
  return (
    <Frame
      what="the machines"
      resource={resource}
      again={again}
      empty={<Empty title="No machines" text={detail.pool.next} iconName="Server" />}
    >
      {({ machines, others }) => (
        <div className="hub-stack">
          <Machines poolId={poolId} machines={machines} again={again} />
          <OtherAgents poolId={poolId} agents={others} again={again} />
        </div>
      )}
    </Frame>
  )
}

type Props = { readonly poolId: number; readonly machines: readonly MachineView[]; readonly again: () => void }

export function Machines({ poolId, machines, again }: Props): ReactElement {
  const { rights } = useHub()
  const [filter, setFilter] = useState<MachineFilter>({ text: '', group: '' })
  const [order, setOrder] = useState<Order>({ by: 'name', down: false })
  // By id: the same row is another machine after the next look.
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set())
  const [ordered, give] = useState<OrderKind | undefined>()
  const [opened, open] = useState<string | undefined>()
  const shown = shownMachines(machines, filter, order)
  const selected = shown.filter(({ id }) => chosen.has(id))
  const subject = machines.find(({ id }) => id === opened)
  const manages = mayManage(rights, poolId)
  return (
    <div className="hub-stack">
      <AgentsBar
        filter={filter}
        onFilter={setFilter}
        shown={shown.length}
        all={machines.length}
        selected={selected}
        onOrder={manages ? give : undefined}
      />
      {shown.length === 0 && machines.length > 0 ? (
        <Empty title="No such machine" text="No machine fits the filter." iconName="Filter" />
      ) : (
        <AgentsTable
          poolId={poolId}
          machines={shown}
          order={order}
          onOrder={setOrder}
          chosen={chosen}
          onChoose={manages ? choose : undefined}
          onOpen={open}
        />
      )}
      {ordered !== undefined && (
        <OrderDialog
          poolId={poolId}
          kind={ordered}
          machines={selected.filter(ordered.fits)}
          onClose={() => give(undefined)}
          onDone={() => {
            give(undefined)
            choose(new Set())
            again()
          }}
        />
      )}
      {subject !== undefined && <MachinePanel poolId={poolId} machine={subject} onClose={() => open(undefined)} />}
    </div>
  )
}
