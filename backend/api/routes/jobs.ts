/** The jobs of a pool's queue, and why one of them waits. */
import { Type } from 'typebox'
import { whyJob } from '../../core/why.ts'
import { jobList, whyView } from '../contract.ts'
import { latestOf, poolParams, recordOf } from '../lookup.ts'
import type { ApiParts, App } from '../parts.ts'
import { notFound, unavailable } from '../problems.ts'
import { jobView } from '../views.ts'

const jobParams = Type.Object({ ...poolParams.properties, requestId: Type.Integer({ minimum: 0 }) })

export function jobs(app: App, parts: ApiParts): void {
  app.get(
    '/pools/:poolId/jobs',
    { config: { right: 'use' }, schema: { params: poolParams, response: { 200: jobList } } },
    async ({ params }) => {
      const record = await recordOf(parts, params.poolId)
      const latest = await latestOf(parts, record)
      const now = parts.clock.now()
      const { jobs: queue } = latest.snapshot
      if (!queue.known) throw unavailable(`The jobs of pool ${record.name} could not be read: ${queue.why}`)
      return { jobs: queue.value.map((job) => jobView(latest, job, now)), ageMs: now - queue.at }
    },
  )
  app.get(
    '/pools/:poolId/jobs/:requestId/why',
    { config: { right: 'use' }, schema: { params: jobParams, response: { 200: whyView } } },
    async ({ params }) => {
      const { poolId, requestId } = params
      const record = await recordOf(parts, poolId)
      const { snapshot, decision } = await latestOf(parts, record)
      const now = parts.clock.now()
      if (!snapshot.jobs.known) throw unavailable(`The jobs of pool ${record.name} could not be read: ${snapshot.jobs.why}`)
      const why = whyJob(snapshot, decision, requestId, now)
      if (why === undefined)
        throw notFound(
          `Job request ${requestId} is not waiting or running in pool ${record.name}: it has finished, was cancelled, or belongs to another pool. GET /api/v1/pools/${poolId}/jobs lists the unfinished ones.`,
        )
      const start = why.estimatedStartAt === undefined ? {} : { estimatedStartMs: Math.max(0, why.estimatedStartAt - now) }
      return { poolId, subject: String(requestId), sentences: why.sentences, ...start, from: 'latest' as const }
    },
  )
}
