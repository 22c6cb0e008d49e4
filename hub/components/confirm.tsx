/** Asks before something that cannot be taken back, in the words of what will happen. */
import { Dialog } from 'azure-devops-ui/Dialog'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { TextField } from 'azure-devops-ui/TextField'
import { useState, type ReactElement, type ReactNode } from 'react'
import type { Failure } from '../answer.ts'

type Props = {
  readonly title: string
  readonly text: string
  /** On the button. */
  readonly confirm: string
  readonly danger?: boolean
  readonly busy?: boolean
  readonly failure?: Failure | undefined
  /** What the person has to type first. */
  readonly typed?: string
  readonly children?: ReactNode
  readonly onConfirm: () => void
  readonly onCancel: () => void
}

export function ConfirmDialog(props: Props): ReactElement {
  const { title, text, confirm, danger = false, busy = false, failure, typed, children, onConfirm, onCancel } = props
  const [name, setName] = useState('')
  return (
    <Dialog
      titleProps={{ text: title }}
      onDismiss={onCancel}
      footerButtonProps={[
        { text: 'Cancel', onClick: onCancel },
        {
          text: confirm,
          primary: !danger,
          danger,
          disabled: busy || (typed !== undefined && name !== typed),
          onClick: onConfirm,
        },
      ]}
    >
      <div className="hub-stack">
        <p className="hub-text">{text}</p>
        {children}
        {typed !== undefined && <TextField label={`Type ${typed} to confirm`} value={name} onChange={(_, value) => setName(value)} />}
        {failure !== undefined && (
          <MessageCard severity={MessageCardSeverity.Error} role="alert">
            {failure.message}
          </MessageCard>
        )}
      </div>
    </Dialog>
  )
}
