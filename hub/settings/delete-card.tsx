/** Deletes the pool, with everything that goes with it named. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useState, type ReactElement } from 'react'
import type { PoolSummary } from '../../backend/api/contract.ts'
import { ConfirmDialog } from '../components/confirm.tsx'
import { useHub } from '../context.ts'
import { useAction } from '../use-action.ts'

const effect =
  'Its agents take no more jobs and end those that run; then its machines are deleted, and then the agent pool in Azure DevOps with its queues and permissions. The scale set stays, empty. Pipelines that name the pool fail from then on.'

export function DeleteCard({ pool }: { readonly pool: PoolSummary }): ReactElement {
  const { service, say, go } = useHub()
  const [asked, ask] = useState(false)
  const { busy, failure, run } = useAction()
  return (
    <Card titleProps={{ text: 'Delete the pool', ariaLevel: 2 }}>
      <div className="hub-stack hub-grow">
        <p className="hub-text">{effect}</p>
        <div>
          <Button danger text="Delete the pool" onClick={() => ask(true)} />
        </div>
      </div>
      {asked && (
        <ConfirmDialog
          title={`Delete ${pool.name}?`}
          text={effect}
          typed={pool.name}
          confirm="Delete"
          danger
          busy={busy}
          failure={failure}
          onCancel={() => ask(false)}
          onConfirm={() =>
            run(
              () => service.remove(pool.poolId),
              ({ message }) => {
                say(message)
                go({ page: 'pools' })
              },
            )
          }
        />
      )}
    </Card>
  )
}
