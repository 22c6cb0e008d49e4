/** The machines as rows; only those that are seen are drawn. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { Checkbox } from 'azure-devops-ui/Checkbox'
import { useMemo, type ReactElement } from 'react'
import type { MachineView } from '../../backend/api/contract.ts'
import { Clamped } from '../components/clamped.tsx'
import { DataTable, type Column, type Order } from '../components/data-table.tsx'
import { NativeLink } from '../components/native-link.tsx'
import { groupOf } from '../components/stages.ts'
import { Duration } from '../components/time.tsx'
import { useHub } from '../context.ts'

type Props = {
  readonly poolId: number
  readonly machines: readonly MachineView[]
  readonly order: Order
  readonly onOrder: (order: Order) => void
  readonly chosen: ReadonlySet<string>
  readonly onChoose: ((chosen: ReadonlySet<string>) => void) | undefined
  readonly onOpen: (id: string) => void
}

const rowHeight = 46

export function AgentsTable({ poolId, machines, order, onOrder, chosen, onChoose, onOpen }: Props): ReactElement {
  const columns = useMemo<readonly Column<MachineView>[]>(
    () => [
      ...(onChoose === undefined ? [] : [choice(chosen, onChoose)]),
      {
        id: 'name',
        name: 'Machine',
        width: 130,
        sorted: true,
        cell: (machine) => <Name machine={machine} onOpen={onOpen} />,
      },
      { id: 'stage', name: 'Stage', width: 140, sorted: true, cell: (machine) => <Stage machine={machine} /> },
      { id: 'agent', name: 'Agent', width: 120, cell: (machine) => <Agent poolId={poolId} machine={machine} /> },
      { id: 'for', name: 'For', width: 80, sorted: true, cell: ({ forMs }) => <Duration ms={forMs} /> },
      { id: 'generation', name: 'Life', width: 65, sorted: true, cell: ({ generation }) => generation },
      { id: 'why', name: 'Why', width: -100, minWidth: 200, cell: ({ why }) => <Clamped text={why} /> },
    ],
    [poolId, chosen, onChoose, onOpen],
  )
  const all = machines.length > 0 && machines.every(({ id }) => chosen.has(id))
  return (
    <Card className="hub-card-table bolt-table-card" contentProps={{ contentPadding: false }}>
      <div className="hub-grow">
        {onChoose !== undefined && (
          <div className="hub-foot">
            <Checkbox
              label="Choose all that are shown"
              checked={all}
              onChange={() => onChoose(all ? new Set() : new Set(machines.map(({ id }) => id)))}
            />
          </div>
        )}
        <DataTable label="Machines" columns={columns} rows={machines} rowHeight={rowHeight} order={order} onOrder={onOrder} />
      </div>
    </Card>
  )
}

function choice(chosen: ReadonlySet<string>, onChoose: NonNullable<Props['onChoose']>): Column<MachineView> {
  return {
    id: 'choice',
    name: 'Choose',
    width: 84,
    cell: ({ id, name }) => (
      <Checkbox
        ariaLabel={`Choose ${name}`}
        checked={chosen.has(id)}
        onChange={() => {
          const next = new Set(chosen)
          if (!next.delete(id)) next.add(id)
          onChoose(next)
        }}
      />
    ),
  }
}

function Name({ machine, onOpen }: { readonly machine: MachineView; readonly onOpen: (id: string) => void }): ReactElement {
  return <Button subtle className="hub-link-button" text={machine.name} onClick={() => onOpen(machine.id)} />
}

/** As Azure DevOps has it, with a link to its page there. */
function Agent({ poolId, machine: { name, agentId, facts } }: { readonly poolId: number; readonly machine: MachineView }): ReactElement {
  const { native } = useHub()
  const agent = 'agent' in facts ? facts.agent : undefined
  if (agentId === undefined) return <span className="secondary-text">none</span>
  const state = agent === undefined ? `agent ${agentId}` : `${agent.online ? 'online' : 'offline'}${agent.enabled ? '' : ', disabled'}`
  return <NativeLink href={native.agent(poolId, agentId)} text={state} ariaLabel={`Agent ${name} in Azure DevOps: ${state}`} />
}

function Stage({ machine }: { readonly machine: MachineView }): ReactElement {
  const group = groupOf(machine.stage)
  return (
    <span className="hub-nowrap">
      <span className={`hub-swatch hub-stage-${group?.id ?? 'others'}`} aria-hidden="true" />
      {group?.name ?? machine.stage}
    </span>
  )
}
