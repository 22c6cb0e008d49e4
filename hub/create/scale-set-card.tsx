/** Which scale set, and whether it can be used. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { FormItem } from 'azure-devops-ui/FormItem'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { Spinner, SpinnerOrientation, SpinnerSize } from 'azure-devops-ui/Spinner'
import { TextField } from 'azure-devops-ui/TextField'
import type { ReactElement } from 'react'
import { Report } from './findings.tsx'
import { Pick } from './pick.tsx'
import type { Checked } from './use-check.ts'
import { scaleSetName, type Wishes } from './wishes.ts'

export type WishProps = {
  readonly wishes: Wishes
  readonly change: (part: Partial<Wishes>) => void
  readonly disabled: boolean
}

const example = '/subscriptions/…/resourceGroups/…/providers/Microsoft.Compute/virtualMachineScaleSets/…'

export function ScaleSetCard({ wishes, change, disabled, checked }: WishProps & { readonly checked: Checked }): ReactElement {
  const wrong = wishes.scaleSetId.trim() !== '' && scaleSetName(wishes.scaleSetId) === undefined
  return (
    <Card titleProps={{ text: '1. Scale set' }}>
      <div className="hub-stack hub-grow">
        <Pick scaleSetId={wishes.scaleSetId} onPick={(scaleSetId) => change({ scaleSetId })} />
        <FormItem
          label="Resource id"
          error={wrong}
          message={wrong ? `This is no id of a scale set; it reads ${example}` : 'As az vmss show --query id prints it.'}
        >
          <TextField
            ariaLabel="Resource id of the scale set"
            ariaInvalid={wrong}
            placeholder={example}
            value={wishes.scaleSetId}
            disabled={disabled}
            onChange={(_, scaleSetId) => change({ scaleSetId })}
          />
        </FormItem>
        <CheckResult checked={checked} />
      </div>
    </Card>
  )
}

function CheckResult({ checked: { busy, before, again } }: { readonly checked: Checked }): ReactElement {
  // What was found stays while it is asked again: a page that jumps at each letter cannot be read.
  const checking = busy && <Spinner size={SpinnerSize.small} label="Checking the scale set" orientation={SpinnerOrientation.row} />
  if (before === undefined) return <div className="hub-row">{checking}</div>
  if (!before.ok) {
    return (
      <MessageCard severity={MessageCardSeverity.Error} role="alert" buttonProps={[{ text: 'Check again', onClick: again }]}>
        {before.failure.message}
      </MessageCard>
    )
  }
  return (
    <>
      <Report report={before.value} />
      <div className="hub-row">
        <Button text="Check again" iconProps={{ iconName: 'Refresh' }} disabled={busy} onClick={again} />
        {checking}
      </div>
    </>
  )
}
