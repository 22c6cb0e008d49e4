/** Which project may use the pool, and what happens to machines that are there. */
import { Card } from 'azure-devops-ui/Card'
import { Checkbox } from 'azure-devops-ui/Checkbox'
import { FormItem } from 'azure-devops-ui/FormItem'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { TextField } from 'azure-devops-ui/TextField'
import type { ReactElement } from 'react'
import { counted } from '../components/more-or-less.ts'
import type { WishProps } from './scale-set-card.tsx'

type Props = WishProps & {
  /** Names of the machines that are in the scale set now. */
  readonly present: readonly string[]
}

export function PoolCard({ wishes, change, disabled, present }: Props): ReactElement {
  return (
    <Card titleProps={{ text: '3. Project', ariaLevel: 2 }}>
      <div className="hub-form hub-grow">
        <FormItem label="Project" message="Gets a queue for the pool, so that its pipelines can use it. Empty: none.">
          <TextField ariaLabel="Project" value={wishes.project} disabled={disabled} onChange={(_, project) => change({ project })} />
        </FormItem>
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
