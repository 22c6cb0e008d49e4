/** The checks of a connection, as they came out. */
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { Spinner, SpinnerSize } from 'azure-devops-ui/Spinner'
import { Status, Statuses, StatusSize } from 'azure-devops-ui/Status'
import type { ReactElement } from 'react'
import type { Check } from './checks.ts'

type Props = { readonly checks: readonly Check[]; readonly busy: boolean; readonly failure: string | undefined }

export function CheckList({ checks, busy, failure = '' }: Props): ReactElement {
  return (
    <div aria-live="polite" className="hub-stack">
      {busy && checks.length === 0 && <Spinner size={SpinnerSize.small} label="Asking the service" />}
      {checks.length > 0 && (
        <ul className="hub-list">
          {checks.map((check) => (
            <li key={check.name} className="hub-finding">
              <Status {...(check.result === 'ok' ? Statuses.Success : Statuses.Failed)} size={StatusSize.m} ariaLabel={check.result} />
              <div>
                <strong>{check.name}</strong>
                <p className="hub-text">{check.text}</p>
                {check.fix !== undefined && <p className="hub-text secondary-text">{check.fix}</p>}
              </div>
            </li>
          ))}
        </ul>
      )}
      {failure !== '' && (
        <MessageCard severity={MessageCardSeverity.Error} role="alert">
          {failure}
        </MessageCard>
      )}
    </div>
  )
}
