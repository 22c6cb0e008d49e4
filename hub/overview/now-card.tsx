/** The pool in numbers, as its newest pass saw it. */
import { Card } from 'azure-devops-ui/Card'
import type { ReactElement } from 'react'
import { Status, Statuses, StatusSize } from 'azure-devops-ui/Status'
import type { StandbyView } from '../../backend/api/contract-look.ts'
import type { PoolDetail, PoolSummary } from '../../backend/api/contract.ts'
import { Figures, type Figure } from '../components/figures.tsx'
import { Duration } from '../components/time.tsx'

export function NowCard({ detail }: { readonly detail: PoolDetail }): ReactElement {
  const { pool, standby } = detail
  return (
    <Card titleProps={{ text: 'Now', ariaLevel: 2 }}>
      <div className="hub-stack hub-grow">
        <Figures figures={[...queue(pool), ...machines(pool), ...measured(detail)]} />
        {standby !== undefined && <Standby standby={standby} />}
        {pool.lastPassAgoMs !== undefined && (
          <p className="hub-text secondary-text">
            Last looked <Duration ms={pool.lastPassAgoMs} /> ago.
          </p>
        )}
      </div>
    </Card>
  )
}

function Standby({ standby: { kept, sentence } }: { readonly standby: StandbyView }): ReactElement {
  return (
    <p className="hub-text hub-finding">
      <Status {...(kept ? Statuses.Success : Statuses.Waiting)} size={StatusSize.s} ariaLabel="" />
      {sentence}
    </p>
  )
}

function queue({ waiting, running, longestWaitMs }: PoolSummary): readonly Figure[] {
  return [
    { name: 'Jobs waiting', value: waiting ?? 'not known' },
    { name: 'Jobs running', value: running ?? 'not known' },
    ...duration('Longest wait now', longestWaitMs),
  ]
}

function machines({ wanted, machinesMax }: PoolSummary): readonly Figure[] {
  return [...(wanted === undefined ? [] : [{ name: 'Machines wanted', value: `${wanted} of ${machinesMax}` }])]
}

function measured({ waits, boot, lostToOnceRace }: PoolDetail): readonly Figure[] {
  return [
    ...duration('Half of the jobs waited at most', waits?.p50Ms),
    ...duration('95 % waited at most', waits?.p95Ms),
    ...duration('A machine starts in about', boot?.p50Ms),
    ...(lostToOnceRace > 0 ? [{ name: 'Assignments lost as a one-job agent ended', value: lostToOnceRace }] : []),
  ]
}

function duration(name: string, ms: number | undefined): readonly Figure[] {
  return ms === undefined ? [] : [{ name, value: <Duration ms={ms} /> }]
}
