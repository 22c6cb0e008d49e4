/** Failures that have the same cause, counted, with what to do about them. */
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
    <Card
      titleProps={{ text: 'Failures by cause', ariaLevel: 2 }}
      headerDescriptionProps={{ text: `In the newest ${entries.length} entries.` }}
    >
      <ul className="hub-list">
        {groups.slice(0, groupsMax).map(({ title, cause, fix, machines, times, lastAtMs }) => (
          <li key={title}>
            <strong>{machines.length === 0 ? counted(times, 'time') : counted(machines.length, 'machine')}</strong>
            {title.startsWith('failed') ? ' ' : ': '}
            {title}{' '}
            <span className="secondary-text">
              last <Time atMs={lastAtMs} />
            </span>
            {cause !== '' && <p className="hub-text">{cause}</p>}
            {fix !== '' && <p className="hub-text secondary-text">{fix}</p>}
          </li>
        ))}
      </ul>
    </Card>
  )
}
