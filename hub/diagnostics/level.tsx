/** How serious an entry is. */
import { Status, Statuses, StatusSize } from 'azure-devops-ui/Status'
import type { ReactElement } from 'react'
import type { LogView } from '../../backend/api/contract.ts'

const shown = { error: Statuses.Failed, warning: Statuses.Warning, info: Statuses.Information } as const

export function Level({ level }: Pick<LogView, 'level'>): ReactElement {
  return (
    <span className="hub-row hub-nowrap">
      <Status {...shown[level]} size={StatusSize.m} ariaLabel="" />
      {level}
    </span>
  )
}
