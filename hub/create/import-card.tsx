/** Takes over a pool that Azure DevOps sizes itself: its settings, what has to be done first, and the way back. */
import { Card } from 'azure-devops-ui/Card'
import { MessageCard, MessageCardSeverity } from 'azure-devops-ui/MessageCard'
import { useMemo, type ReactElement } from 'react'
import type { BuiltInPoolView } from '../../backend/api/contract-look.ts'
import { Choice } from '../components/choice.tsx'
import { Steps } from '../components/steps.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'

type Props = { readonly chosen: BuiltInPoolView | undefined; readonly onChoose: (pool: BuiltInPoolView) => void }

/** Nothing at all in an organization without such pools. */
export function ImportCard({ chosen, onChoose }: Props): ReactElement {
  const { service } = useHub()
  const { resource, again } = useResource({ key: 'built-in pools', read: service.builtInPools, isEmpty: ({ pools }) => pools.length === 0 })
  if (resource.state === 'loading' || resource.state === 'empty') return <></>
  return (
    <Card titleProps={{ text: 'Take over a scale set pool of Azure DevOps' }}>
      {'value' in resource ? (
        <Import pools={resource.value.pools} chosen={chosen} onChoose={onChoose} />
      ) : (
        <MessageCard severity={MessageCardSeverity.Warning} role="alert" buttonProps={[{ text: 'Try again', onClick: again }]}>
          {resource.failure.message}
        </MessageCard>
      )}
    </Card>
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
            <h2 className="hub-subtitle">Before it is created</h2>
            <Steps steps={chosen.takeOver} />
          </section>
          <section aria-label="The way back">
            <h2 className="hub-subtitle">The way back</h2>
            <Steps steps={chosen.wayBack} />
          </section>
        </>
      )}
    </div>
  )
}
