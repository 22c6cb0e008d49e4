/** The pools with what they do now, and pause. */
import { Button } from 'azure-devops-ui/Button'
import { Card } from 'azure-devops-ui/Card'
import { useMemo, type ReactElement } from 'react'
import type { PoolSummary } from '../../backend/api/contract.ts'
import { DataTable, type Column } from '../components/data-table.tsx'
import { PoolState } from '../components/pool-state.tsx'
import { RouteLink } from '../components/route-link.tsx'
import { StageBar, wordsOf } from '../components/stage-bar.tsx'
import { groupsOf } from '../components/stages.ts'
import { Duration } from '../components/time.tsx'
import { mayManage, useHub } from '../context.ts'
import { usePause } from './use-pause.ts'

type Props = { readonly pools: readonly PoolSummary[]; readonly again: () => void }

export function PoolsTable({ pools, again }: Props): ReactElement {
  const columns = useMemo<readonly Column<PoolSummary>[]>(
    () => [
      { id: 'name', name: 'Pool', width: -24, minWidth: 120, cell: (pool) => <Name pool={pool} /> },
      { id: 'machines', name: 'Machines', width: -26, minWidth: 130, cell: (pool) => <Machines pool={pool} /> },
      { id: 'queue', name: 'Jobs', width: 170, cell: (pool) => <Queue pool={pool} /> },
      { id: 'next', name: 'What it does', width: -50, minWidth: 180, cell: (pool) => <Next pool={pool} /> },
      { id: 'pause', name: 'Pause', width: 110, cell: (pool) => <Pause pool={pool} again={again} /> },
    ],
    [again],
  )
  return (
    <Card className="hub-card-table bolt-table-card" contentProps={{ contentPadding: false }}>
      <DataTable label="Pools" columns={columns} rows={pools} />
    </Card>
  )
}

function Name({ pool }: { readonly pool: PoolSummary }): ReactElement {
  return (
    <div className="hub-cell">
      <RouteLink to={{ page: 'pool', poolId: pool.poolId, tab: 'overview' }}>{pool.name}</RouteLink>
      <span className="secondary-text">
        <PoolState pool={pool} />
      </span>
    </div>
  )
}

function Machines({ pool }: { readonly pool: PoolSummary }): ReactElement {
  return (
    <div className="hub-cell hub-grow">
      <StageBar stages={pool.stages} machinesMax={pool.machinesMax} />
      {pool.stages !== undefined && <span className="secondary-text hub-wrap">{wordsOf(groupsOf(pool.stages))}</span>}
    </div>
  )
}

function Queue({ pool }: { readonly pool: PoolSummary }): ReactElement {
  if (pool.waiting === undefined) return <span className="secondary-text">not known</span>
  return (
    <div className="hub-cell">
      <span className="hub-wrap">{`${pool.waiting} waiting, ${pool.running ?? 0} running`}</span>
      {pool.longestWaitMs !== undefined && (
        <span className="secondary-text">
          longest <Duration ms={pool.longestWaitMs} />
        </span>
      )}
    </div>
  )
}

function Next({ pool }: { readonly pool: PoolSummary }): ReactElement {
  return (
    <div className="hub-cell hub-wrap">
      <span>{pool.next}</span>
      {pool.problems
        .filter((problem) => problem !== pool.next)
        .map((problem) => (
          <span key={problem} className="hub-problem">
            {problem}
          </span>
        ))}
    </div>
  )
}

function Pause({ pool, again }: { readonly pool: PoolSummary; readonly again: () => void }): ReactElement {
  const { rights } = useHub()
  const { busy, toggle } = usePause(pool, again)
  if (!mayManage(rights, pool.poolId) || pool.deleting) return <></>
  const verb = pool.paused ? 'Resume' : 'Pause'
  return <Button subtle text={verb} ariaLabel={`${verb} ${pool.name}`} disabled={busy} onClick={toggle} />
}
