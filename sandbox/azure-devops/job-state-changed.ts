/** The service hook event "job state changed". Source: azure-facts.md 2, "Service hook". */
import type { RequestFacts, WorldTime } from '../../backend/simulator/facts.ts'
import { guidOf } from './guid.ts'
import { jobIds } from './job-request-shape.ts'
import type { Project } from './projects.ts'

/** What Azure DevOps posts to a subscriber when the job of `request` has come to its present state. It names no pool. */
export function jobStateChanged(request: RequestFacts, project: Project, toIso: (time: WorldTime) => string): object {
  const state = stateOf(request)
  const at = (time: WorldTime | undefined): string | null => (time === undefined ? null : toIso(time))
  const text = `Job ${request.jobName} of ${request.definition.name} is ${state}.`
  const run = {
    id: request.id,
    name: String(request.id),
    state: state === 'completed' ? 'completed' : 'inProgress',
    pipeline: request.definition,
  }
  const job = {
    id: jobIds(request).jobId,
    name: request.jobName,
    state,
    result: request.result ?? null,
    startTime: at(request.receivedAt),
    finishTime: at(request.finishedAt),
    attempt: 1,
    _links: {},
  }
  return {
    subscriptionId: guidOf('subscription/job-state-changed'),
    notificationId: request.id,
    id: guidOf(`event/${request.poolId}/${request.id}/${state}`),
    eventType: 'ms.vss-pipelines.job-state-changed-event',
    publisherId: 'pipelines',
    message: { text },
    detailedMessage: { text },
    resource: { job, stage: { name: '__default' }, run, pipeline: request.definition, projectId: project.id, repositories: [] },
    resourceVersion: '5.1-preview.1',
    resourceContainers: {
      collection: { id: guidOf('organization') },
      account: { id: guidOf('organization') },
      project: { id: project.id },
    },
    createdDate: toIso(request.finishedAt ?? request.receivedAt ?? request.queuedAt),
  }
}

function stateOf(request: RequestFacts): 'waiting' | 'inProgress' | 'completed' {
  if (request.result !== undefined) return 'completed'
  return request.receivedAt === undefined ? 'waiting' : 'inProgress'
}
