/** Machines by state, waiting jobs and their waits over the last hours: a picture, and the same as a table. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useState, type ReactElement } from 'react'
import type { PassView } from '../../backend/api/contract.ts'
import { DataTable, type Column } from '../components/data-table.tsx'
import { Empty, Frame } from '../components/state.tsx'
import { Duration, Time } from '../components/time.tsx'
import { HistoryPicture } from './history-picture.tsx'
import { usePasses } from './use-passes.ts'

const rowsMax = 100

export default function HistoryCard({ poolId }: { readonly poolId: number }): ReactElement {
  const { resource, again } = usePasses(poolId)
  const [asTable, setAsTable] = useState(false)
  return (
    <Card
      titleProps={{ text: 'Last hours', ariaLevel: 2 }}
      headerCommandBarItems={[
        { id: 'as', text: asTable ? 'Show as a picture' : 'Show as a table', subtle: true, onActivate: () => setAsTable(!asTable) },
      ]}
    >
      <Frame
        what="the passes"
        resource={resource}
        again={again}
        empty={<Empty title="Nothing yet" text="The picture begins with the first pass of the pool." iconName="History" />}
      >
        {(passes) => (asTable ? <PassTable passes={passes} /> : <HistoryPicture passes={passes} />)}
      </Frame>
    </Card>
  )
}

function PassTable({ passes }: { readonly passes: readonly PassView[] }): ReactElement {
  const [shown, setShown] = useState(rowsMax)
  return (
    <div className="hub-grow">
      <DataTable label="Passes of the last hours" columns={columns} rows={passes.slice(0, shown)} />
      {shown < passes.length && <Button subtle text="Show older passes" onClick={() => setShown(shown + rowsMax)} />}
    </div>
  )
}

const columns: readonly Column<PassView>[] = [
  { id: 'at', name: 'From', width: 150, cell: ({ atMs }) => <Time atMs={atMs} /> },
  { id: 'waiting', name: 'Waiting', width: 80, cell: ({ counts }) => counts.waiting },
  {
    id: 'wait',
    name: 'Longest wait',
    width: 110,
    cell: ({ longestWaitMs }) => longestWaitMs !== undefined && <Duration ms={longestWaitMs} />,
  },
  { id: 'busy', name: 'Busy', width: 70, cell: ({ counts }) => counts.busy },
  { id: 'idle', name: 'Idle', width: 70, cell: ({ counts }) => counts.idle },
  { id: 'starting', name: 'Starting', width: 80, cell: ({ counts }) => counts.starting },
  { id: 'leaving', name: 'Leaving', width: 80, cell: ({ counts }) => counts.leaving },
  { id: 'failed', name: 'Failed', width: 70, cell: ({ counts }) => counts.failed },
  { id: 'total', name: 'All', width: 60, cell: ({ counts }) => counts.total },
  { id: 'wanted', name: 'Wanted', width: 80, cell: ({ decision }) => decision.wanted },
]
