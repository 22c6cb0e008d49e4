/** Agents of the pool that run on no machine of the scale set: the service counts them and leaves them alone. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useMemo, type ReactElement } from 'react'
import type { OtherAgentView } from '../../backend/api/contract-look.ts'
import { DataTable, type Column } from '../components/data-table.tsx'
import { NativeLink } from '../components/native-link.tsx'
import { mayManage, useHub } from '../context.ts'
import { useAction } from '../use-action.ts'

type Props = { readonly poolId: number; readonly agents: readonly OtherAgentView[]; readonly again: () => void }

export function OtherAgents({ poolId, agents, again }: Props): ReactElement {
  const { rights, native } = useHub()
  const manages = mayManage(rights, poolId)
  const columns = useMemo<readonly Column<OtherAgentView>[]>(
    () => [
      {
        id: 'name',
        name: 'Agent',
        width: -50,
        minWidth: 140,
        cell: ({ id, name }) => <NativeLink href={native.agent(poolId, id)} text={name} />,
      },
      { id: 'state', name: 'State', width: -50, minWidth: 140, cell: stateOf },
      { id: 'version', name: 'Version', width: 110, cell: ({ version }) => version },
      ...(manages
        ? [
            {
              id: 'switch',
              name: 'Enabled',
              width: 110,
              cell: (agent: OtherAgentView) => <Switch poolId={poolId} agent={agent} again={again} />,
            },
          ]
        : []),
    ],
    [poolId, manages, native, again],
  )
  if (agents.length === 0) return <></>
  return (
    <Card
      className="hub-card-table bolt-table-card"
      titleProps={{ text: 'Agents that are not ours', ariaLevel: 2 }}
      headerDescriptionProps={{ text: 'They take jobs of this pool and count as agents; nothing but their switch is touched here.' }}
      contentProps={{ contentPadding: false }}
    >
      <DataTable label="Agents that are not ours" columns={columns} rows={agents} />
    </Card>
  )
}

function stateOf({ online, enabled, busy }: OtherAgentView): string {
  if (!online) return enabled ? 'offline' : 'offline, disabled'
  return `${busy ? 'runs a job' : 'idle'}${enabled ? '' : ', disabled'}`
}

type SwitchProps = Pick<Props, 'poolId' | 'again'> & { readonly agent: OtherAgentView }

function Switch({ poolId, agent: { id, name, enabled }, again }: SwitchProps): ReactElement {
  const { service, say } = useHub()
  const { busy, run } = useAction()
  const verb = enabled ? 'Disable' : 'Enable'
  const turn = (): void =>
    run(
      async () => ({ ok: true, value: await service.setEnabled(poolId, id, !enabled) }),
      (answer) => {
        if (!answer.ok) return say(answer.failure.message, 'error')
        say(answer.value.message)
        again()
      },
    )
  return <Button subtle text={verb} ariaLabel={`${verb} ${name}`} disabled={busy} onClick={turn} />
}
