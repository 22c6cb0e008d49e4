/** Failures of machines that have the same cause, counted. */
import { Card } from 'azure-devops-ui/Card'
import type { ReactElement } from 'react'
import type { LogView } from '../../backend/api/contract.ts'
import { counted } from '../components/more-or-less.ts'
import { Time } from '../components/time.tsx'
import { failureGroups } from './entries.ts'

const groupsMax = 5

export function FailuresCard({ entries }: { readonly entries: readonly LogView[] }): ReactElement {
  const groups = failureGroups(entries)
  if (groups.length === 0) return <></>
  return (
    <Card titleProps={{ text: 'Failures by cause' }} headerDescriptionProps={{ text: `In the newest ${entries.length} entries.` }}>
      <ul className="hub-list">
        {groups.slice(0, groupsMax).map(({ sentence, machines, lastAtMs }) => (
          <li key={sentence}>
            <strong>{counted(machines.length, 'machine')}</strong>: {sentence}{' '}
            <span className="secondary-text">
              last <Time atMs={lastAtMs} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
