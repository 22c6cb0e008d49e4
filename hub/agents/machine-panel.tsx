/** One machine in full: what it does, why, how to get to it, and how its starts went. */
import { Panel } from 'azure-devops-ui/Panel'
import { ContentSize } from 'azure-devops-ui/Callout'
import type { ReactElement } from 'react'
import type { MachineView } from '../../backend/api/contract.ts'
import { Figures } from '../components/figures.tsx'
import { NativeLink } from '../components/native-link.tsx'
import { Duration } from '../components/time.tsx'
import { groupOf } from '../components/stages.ts'
import { useHub } from '../context.ts'
import { BootTimeline } from './boot-timeline.tsx'
import { Connect } from './connect.tsx'

type Props = { readonly poolId: number; readonly machine: MachineView; readonly onClose: () => void }

export function MachinePanel({ poolId, machine, onClose }: Props): ReactElement {
  const { native } = useHub()
  const { name, id, stage, state, forMs, generation, agentId, requestId, why } = machine
  return (
    <Panel titleProps={{ text: name }} description={groupOf(stage)?.name ?? stage} size={ContentSize.Medium} onDismiss={onClose}>
      <div className="hub-stack hub-grow">
        {why !== '' && <p className="hub-text">{why}</p>}
        <Figures
          figures={[
            { name: 'In this stage for', value: <Duration ms={forMs} /> },
            { name: 'Life', value: generation },
            { name: 'Id in the scale set', value: id },
            ...(agentId === undefined
              ? []
              : [{ name: 'Agent', value: <NativeLink href={native.agent(poolId, agentId)} text={String(agentId)} /> }]),
            ...(requestId === undefined ? [] : [{ name: 'Job request', value: requestId }]),
            { name: 'In Azure DevOps’ words', value: <span className="hub-small">{state}</span> },
          ]}
        />
        <Connect poolId={poolId} machine={id} />
        <h2 className="hub-subtitle">Starts</h2>
        <BootTimeline poolId={poolId} machine={id} />
      </div>
    </Panel>
  )
}
