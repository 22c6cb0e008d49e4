/** What a check found: errors first, each with its effect and a command that puts it right. */
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { Status, Statuses, StatusSize } from 'azure-devops-ui/Status'
import type { ReactElement } from 'react'
import type { CheckReport } from '../../backend/api/contract.ts'
import type { Findings } from '../answer.ts'
import { Copyable } from '../components/copyable.tsx'
import { counted } from '../components/more-or-less.ts'

const order = ['error', 'unknown', 'warning', 'ok'] as const
const statuses = { error: Statuses.Failed, unknown: Statuses.Queued, warning: Statuses.Warning, ok: Statuses.Success } as const

export function Report({ report }: { readonly report: CheckReport }): ReactElement {
  const { ready, findings } = report
  const count = (severity: (typeof order)[number]): number => findings.filter((each) => each.severity === severity).length
  return (
    <div className="hub-stack" aria-live="polite">
      <MessageCard severity={ready ? MessageCardSeverity.Info : MessageCardSeverity.Error}>
        {ready
          ? `The scale set can be used; ${counted(count('warning'), 'warning')}.`
          : `The scale set cannot be used yet: ${counted(count('error'), 'error')}, ${counted(count('unknown'), 'thing')} not known.`}
      </MessageCard>
      <FindingList findings={findings} />
    </div>
  )
}

export function FindingList({ findings }: { readonly findings: Findings }): ReactElement {
  return (
    <ul className="hub-list">
      {findings
        .toSorted((left, right) => order.indexOf(left.severity) - order.indexOf(right.severity))
        .map(({ id, severity, cause, effect, fix }, index) => (
          <li key={`${id} ${index}`} className="hub-finding">
            <Status {...statuses[severity]} size={StatusSize.m} ariaLabel={severity} />
            <div className="hub-grow hub-shrink">
              <p className="hub-text">{cause}</p>
              {effect !== '' && <p className="hub-text secondary-text">{effect}</p>}
              {fix !== '' && <Copyable what="the command that puts it right" text={fix} />}
            </div>
          </li>
        ))}
    </ul>
  )
}
