/** The agent pool in Azure DevOps, who may use it, and what happens to machines that are there. */
import { Card } from 'azure-devops-ui/Card'
import { Checkbox } from 'azure-devops-ui/Checkbox'
import { FormItem } from 'azure-devops-ui/FormItem'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { TextField } from 'azure-devops-ui/TextField'
import type { ReactElement } from 'react'
import { counted } from '../components/more-or-less.ts'
import type { WishProps } from './scale-set-card.tsx'
import { poolNameOf } from './wishes.ts'

type Props = WishProps & {
  /** Names of the machines that are in the scale set now. */
  readonly present: readonly string[]
}

export function PoolCard({ wishes, change, disabled, present }: Props): ReactElement {
  return (
    <Card titleProps={{ text: '3. Agent pool' }}>
      <div className="hub-form hub-grow">
        <FormItem label="Name" message="Of the agent pool, as pipelines write it. Empty: the name of the scale set.">
          <TextField
            ariaLabel="Name of the agent pool"
            value={wishes.poolName}
            placeholder={poolNameOf(wishes)}
            disabled={disabled}
            onChange={(_, poolName) => change({ poolName })}
          />
        </FormItem>
        <Checkbox
          label="Take the agent pool of that name, if there is one"
          checked={wishes.existingPool}
          disabled={disabled}
          onChange={(_, existingPool) => change({ existingPool })}
        />
        <FormItem label="Project" message="Gets a queue for the pool, so that its pipelines can use it. Empty: none.">
          <TextField ariaLabel="Project" value={wishes.project} disabled={disabled} onChange={(_, project) => change({ project })} />
        </FormItem>
        <Checkbox
          label="Let every pipeline of the project use it, without asking for each"
          checked={wishes.authorizeAllPipelines}
          disabled={disabled || wishes.project.trim() === ''}
          onChange={(_, authorizeAllPipelines) => change({ authorizeAllPipelines })}
        />
        {present.length > 0 && (
          <>
            <MessageCard severity={MessageCardSeverity.Warning}>
              {`${counted(present.length, 'machine')} in the scale set now: ${present.join(', ')}.`}
            </MessageCard>
            <Checkbox
              label="Delete them, and let machines with an agent take their place"
              checked={wishes.replaceMachines}
              disabled={disabled}
              onChange={(_, replaceMachines) => change({ replaceMachines })}
            />
          </>
        )}
      </div>
    </Card>
  )
}
