/** Takes over a pool that Azure DevOps sizes itself: its settings, what has to be done first, and the way back. */
import { Card } from 'azure-devops-ui/Card'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { useMemo, type ReactElement } from 'react'
import type { BuiltInPoolList, BuiltInPoolView } from '../../backend/api/contract-look.ts'
import { Choice } from '../components/choice.tsx'
import { Foldable } from '../components/foldable.tsx'
import { Steps } from '../components/steps.tsx'
import type { Watched } from '../use-resource.ts'

type Props = { readonly chosen: BuiltInPoolView | undefined; readonly onChoose: (pool: BuiltInPoolView) => void }
type CardProps = Props & { readonly found: Watched<BuiltInPoolList> }

const title = 'Take over a scale set pool of Azure DevOps'

/** Nothing at all in an organization without such pools. */
export function ImportCard({ found: { resource, again }, chosen, onChoose }: CardProps): ReactElement {
  if (resource.state === 'loading' || resource.state === 'empty') return <></>
  if (!('value' in resource)) {
    return (
      <Card titleProps={{ text: title, ariaLevel: 2 }}>
        <MessageCard severity={MessageCardSeverity.Warning} role="alert" buttonProps={[{ text: 'Try again', onClick: again }]}>
          {resource.failure.message}
        </MessageCard>
      </Card>
    )
  }
  return (
    <Foldable title={title}>
      <Import pools={resource.value.pools} chosen={chosen} onChoose={onChoose} />
    </Foldable>
  )
}

export function Import({ pools, chosen, onChoose }: Props & { readonly pools: readonly BuiltInPoolView[] }): ReactElement {
  const items = useMemo(() => pools.map(({ poolId, name }) => ({ id: String(poolId), text: name })), [pools])
  return (
    <div className="hub-form hub-grow">
      <p className="hub-text secondary-text">
        Its scale set, its name and its settings are filled in below. Nothing is changed by choosing it.
      </p>
      <Choice
        label="Pool to take over"
        items={items}
        chosen={String(chosen?.poolId ?? '')}
        onChoose={(id) => {
          const pool = pools.find(({ poolId }) => String(poolId) === id)
          if (pool !== undefined) onChoose(pool)
        }}
      />
      {chosen !== undefined && (
        <>
          <section aria-label="Before it is created">
            <h3 className="hub-subtitle">Before it is created</h3>
            <Steps steps={chosen.takeOver} />
          </section>
          <section aria-label="The way back">
            <h3 className="hub-subtitle">The way back</h3>
            <Steps steps={chosen.wayBack} />
          </section>
        </>
      )}
    </div>
  )
}
