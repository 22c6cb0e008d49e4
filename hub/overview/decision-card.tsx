/** What was decided last, each with its reason, and what is on its way. */
import { Card } from 'azure-devops-ui/Card'
import { Icon } from 'azure-devops-ui/Icon'
import type { ReactElement } from 'react'
import type { PoolDetail } from '../../backend/api/contract.ts'
import { LongList } from '../components/long-list.tsx'
import { Duration } from '../components/time.tsx'

export function DecisionCard({ detail }: { readonly detail: PoolDetail }): ReactElement {
  const { decision, openActions, pool } = detail
  // Not twice, when what comes next is one of the reasons.
  const isToldBelow = [...(decision?.steps ?? []), ...(decision?.reasons ?? [])].some(({ sentence }) => sentence === pool.next)
  return (
    <Card titleProps={{ text: 'Decision', ariaLevel: 2 }} {...(isToldBelow ? {} : { headerDescriptionProps: { text: pool.next } })}>
      <div className="hub-columns hub-grow">
        <section aria-label="Reasons">
          <h3 className="hub-subtitle">Why</h3>
          {decision === undefined ? <p className="hub-text">The first pass has not ended yet.</p> : <Reasons decision={decision} />}
        </section>
        <section aria-label="On their way">
          <h3 className="hub-subtitle">On its way</h3>
          {openActions.length === 0 ? (
            <p className="hub-text secondary-text">Nothing that was asked for is open.</p>
          ) : (
            <LongList
              items={openActions.map(({ id, sentence, state, forMs }) => (
                <li key={id}>
                  {sentence}{' '}
                  <span className="secondary-text">
                    {state}, for <Duration ms={forMs} />
                  </span>
                </li>
              ))}
            />
          )}
        </section>
      </div>
    </Card>
  )
}

type Decision = NonNullable<PoolDetail['decision']>

function Reasons({ decision }: { readonly decision: Decision }): ReactElement {
  const done = decision.steps.map(({ sentence }) => ({ sentence, isStep: true }))
  const noted = decision.reasons.map(({ sentence }) => ({ sentence, isStep: false }))
  if (done.length + noted.length === 0) return <p className="hub-text">Nothing to do.</p>
  return (
    <LongList
      items={[...done, ...noted].map(({ sentence, isStep }, index) => (
        <li key={`${index} ${sentence}`} className="hub-finding">
          <Icon iconName={isStep ? 'Forward' : 'Info'} ariaLabel={isStep ? 'Does' : 'Because'} />
          <span>{sentence}</span>
        </li>
      ))}
    />
  )
}
