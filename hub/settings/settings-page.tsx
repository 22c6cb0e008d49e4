/** The pool's settings: read, change, look back, and delete the pool. */
import type { ReactElement } from 'react'
import type { PoolDetail } from '../../backend/api/contract.ts'
import { Frame } from '../components/state.tsx'
import { mayManage, useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'
import { DeleteCard } from './delete-card.tsx'
import { HistoryCard } from './history-card.tsx'
import { SettingsForm } from './settings-form.tsx'

/** Somebody else may save meanwhile. */
const everyMs = 10_000

export default function SettingsPage({ detail }: { readonly detail: PoolDetail }): ReactElement {
  const { service, rights } = useHub()
  const { poolId } = detail.pool
  const { resource, again } = useResource({ key: `settings ${poolId}`, everyMs, read: (signal) => service.settings(poolId, signal) })
  const manages = mayManage(rights, poolId)
  return (
    <Frame what="the settings" resource={resource} again={again} keepsForm>
      {(present) => (
        <div className="hub-stack">
          <SettingsForm present={present} whyReadOnly={whyReadOnly(manages, detail.pool.deleting)} onSaved={again} />
          <HistoryCard poolId={poolId} version={present.version} />
          {manages && !detail.pool.deleting && <DeleteCard pool={detail.pool} />}
        </div>
      )}
    </Frame>
  )
}

function whyReadOnly(manages: boolean, deleting: boolean): string | undefined {
  if (deleting) return 'The pool is being deleted: its settings are not changed any more.'
  return manages ? undefined : 'You may look at these settings. To change them, ask an administrator of the agent pool.'
}
