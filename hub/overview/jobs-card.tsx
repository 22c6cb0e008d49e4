/** The jobs of the pool's queue: those that wait first, with why and until when. */
import { Card } from 'azure-devops-ui/Card'
import type { ReactElement } from 'react'
import type { JobView } from '../../backend/api/contract.ts'
import { DataTable, type Column } from '../components/data-table.tsx'
import { NativeLink } from '../components/native-link.tsx'
import { counted } from '../components/more-or-less.ts'
import { Empty, Frame } from '../components/state.tsx'
import { Duration } from '../components/time.tsx'
import { useHub } from '../context.ts'
import { useResource } from '../use-resource.ts'

const everyMs = 5_000
/** A long queue repeats itself: the first in line say what there is to say. */
const shownMax = 50

export function JobsCard({ poolId }: { readonly poolId: number }): ReactElement {
  const { service } = useHub()
  const { resource, again } = useResource({
    key: `jobs ${poolId}`,
    everyMs,
    read: (signal) => service.jobs(poolId, signal),
    isEmpty: ({ jobs }) => jobs.length === 0,
  })
  return (
    <Card className="hub-card-table bolt-table-card" titleProps={{ text: 'Jobs', ariaLevel: 2 }} contentProps={{ contentPadding: false }}>
      <Frame
        what="the jobs"
        resource={resource}
        again={again}
        empty={<Empty title="No jobs" text="No job of this pool waits or runs." iconName="CheckMark" />}
      >
        {({ jobs }) => <Jobs jobs={jobs} />}
      </Frame>
    </Card>
  )
}

export function Jobs({ jobs }: { readonly jobs: readonly JobView[] }): ReactElement {
  const inLine = [...jobs.filter(({ state }) => state === 'waiting'), ...jobs.filter(({ state }) => state === 'running')]
  const rest = inLine.length - shownMax
  return (
    <div className="hub-grow">
      <DataTable label="Jobs" columns={columns} rows={inLine.slice(0, shownMax)} />
      {rest > 0 && <p className="hub-foot secondary-text">{`And ${counted(rest, 'more job')}.`}</p>}
    </div>
  )
}

const columns: readonly Column<JobView>[] = [
  { id: 'job', name: 'Job', width: -25, minWidth: 160, cell: (job) => <Job job={job} /> },
  { id: 'since', name: 'Seen for', width: 90, cell: ({ seenForMs }) => <Duration ms={seenForMs} /> },
  { id: 'start', name: 'Starts in about', width: 130, cell: (job) => <Start job={job} /> },
  { id: 'why', name: 'Why', width: -65, minWidth: 260, cell: ({ why }) => <span className="hub-wrap">{why.join(' ')}</span> },
]

function Job({ job }: { readonly job: JobView }): ReactElement {
  const { native } = useHub()
  return (
    <div className="hub-cell hub-wrap">
      {job.build === undefined ? <span>{job.name}</span> : <NativeLink href={native.build(job.build)} text={job.name} />}
      <span className="secondary-text">{[job.pipeline, ...job.demands].join(', ')}</span>
    </div>
  )
}

function Start({ job }: { readonly job: JobView }): ReactElement {
  if (job.state === 'running') return <span className="secondary-text">runs</span>
  return job.estimatedStartMs === undefined ? <span className="secondary-text">not known</span> : <Duration ms={job.estimatedStartMs} />
}
