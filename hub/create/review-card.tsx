/** What is about to be made, once more in words, before it is. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import type { ReactElement } from 'react'
import type { CheckReport } from '../../backend/api/contract.ts'
import type { Problem } from '../../backend/core/settings.ts'
import type { Failure } from '../answer.ts'
import { FindingList } from './findings.tsx'
import { reviewOf } from './review.ts'
import { poolNameOf, scaleSetName, type Wishes } from './wishes.ts'

type Props = {
  readonly wishes: Wishes
  /** Of these wishes; undefined while it is not there. */
  readonly report: CheckReport | undefined
  /** Of the settings. */
  readonly problems: readonly Problem[]
  readonly busy: boolean
  readonly failure: Failure | undefined
  readonly onCreate: () => void
}

export function ReviewCard({ wishes, report, problems, busy, failure, onCreate }: Props): ReactElement {
  const ready = report?.ready === true
  const missing =
    problems[0]?.message ?? (scaleSetName(wishes.scaleSetId) === undefined ? 'Give a scale set first.' : 'The check has to pass first.')
  return (
    <Card titleProps={{ text: '4. Review', ariaLevel: 2 }}>
      <div className="hub-stack hub-grow">
        {report !== undefined && ready && (
          <ul className="hub-list" aria-label="What is made">
            {reviewOf(wishes, report).map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        )}
        {failure !== undefined && <Refused failure={failure} />}
        <div className="hub-row">
          <Button primary text={busy ? 'Creating' : `Create ${poolNameOf(wishes)}`} disabled={busy || !ready} onClick={onCreate} />
          {!ready && <span className="secondary-text">{missing}</span>}
        </div>
      </div>
    </Card>
  )
}

function Refused({ failure }: { readonly failure: Failure }): ReactElement {
  return (
    <>
      <MessageCard severity={MessageCardSeverity.Error} role="alert">
        {[failure.message, ...failure.problems.map(({ message }) => message)].join(' ')}
      </MessageCard>
      {failure.findings.length > 0 && <FindingList findings={failure.findings} />}
    </>
  )
}
