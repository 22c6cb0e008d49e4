/** A pool's state as an icon with its word. */
import { Status, Statuses, StatusSize, type IStatusProps } from 'azure-devops-ui/Status'
import type { ReactElement } from 'react'
import type { PoolSummary } from '../../backend/api/contract.ts'

type Shown = { readonly word: string; readonly status: IStatusProps }

export function PoolState({ pool }: { readonly pool: PoolSummary }): ReactElement {
  const { word, status } = stateOf(pool)
  return (
    <span className="hub-row hub-nowrap">
      <Status {...status} size={StatusSize.m} ariaLabel="" />
      {word}
    </span>
  )
}

function stateOf({ state, paused, deleting }: PoolSummary): Shown {
  if (deleting) return { word: 'Being deleted', status: Statuses.Running }
  if (paused) return { word: 'Paused', status: Statuses.Canceled }
  switch (state) {
    case 'online':
      return { word: 'Online', status: Statuses.Success }
    case 'unhealthy':
      return { word: 'Needs attention', status: Statuses.Warning }
    case 'offline':
      return { word: 'Offline', status: Statuses.Failed }
    case 'new':
      return { word: 'New', status: Statuses.Waiting }
  }
}
