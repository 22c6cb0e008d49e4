/** What the pool does now, and why. */
import { Card } from 'azure-devops-ui/Card'
import { lazy, Suspense, type ReactElement } from 'react'
import type { PoolDetail } from '../../backend/api/contract.ts'
import { StageBar } from '../components/stage-bar.tsx'
import { Loading } from '../components/state.tsx'
import { DecisionCard } from './decision-card.tsx'
import { JobsCard } from './jobs-card.tsx'
import { NowCard } from './now-card.tsx'
import { Problems } from './problems.tsx'

/** The drawing code comes when a picture is shown. */
const HistoryCard = lazy(() => import(/* webpackChunkName: "charts" */ './history-card.tsx'))

type Props = { readonly detail: PoolDetail; readonly again: () => void }

export function Overview({ detail, again }: Props): ReactElement {
  const { pool } = detail
  return (
    <div className="hub-stack">
      <Problems detail={detail} again={again} />
      <div className="hub-columns">
        <NowCard detail={detail} />
        <Card titleProps={{ text: 'Machines', ariaLevel: 2 }}>
          <StageBar stages={pool.stages} machinesMax={pool.machinesMax} legend />
        </Card>
      </div>
      <DecisionCard detail={detail} />
      <Suspense fallback={<Loading what="the picture" />}>
        <HistoryCard poolId={pool.poolId} />
      </Suspense>
      <JobsCard poolId={pool.poolId} />
    </div>
  )
}
