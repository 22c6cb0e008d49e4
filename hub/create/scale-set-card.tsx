/** Which scale set, and whether it can be used. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { Spinner, SpinnerOrientation, SpinnerSize } from 'azure-devops-ui/Spinner'
import type { ReactElement } from 'react'
import { Report } from './findings.tsx'
import { Pick } from './pick.tsx'
import type { Checked } from './use-check.ts'
import type { Wishes } from './wishes.ts'

export type WishProps = {
  readonly wishes: Wishes
  readonly change: (part: Partial<Wishes>) => void
  readonly disabled: boolean
}
type Props = WishProps & {
  readonly checked: Checked
  /** Scale sets, in small letters, that are not to be proposed; undefined while that is not known. */
  readonly taken: readonly string[] | undefined
  /** What the page proposes: nobody has typed it. */
  readonly propose: (part: Partial<Wishes>) => void
}

export function ScaleSetCard({ wishes: { scaleSetId }, change, propose, taken, disabled, checked }: Props): ReactElement {
  return (
    <Card titleProps={{ text: '1. Scale set', ariaLevel: 2 }}>
      <div className="hub-stack hub-grow">
        <Pick
          scaleSetId={scaleSetId}
          taken={taken}
          disabled={disabled}
          onPick={(picked) => change({ scaleSetId: picked })}
          onDefault={(free) => propose({ scaleSetId: free })}
        />
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
