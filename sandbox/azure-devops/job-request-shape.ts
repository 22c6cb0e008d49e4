/** A job request on the wire. Source: azure-facts.md 2, "jobrequests" (undocumented; shape from both SDKs and KEDA). */
import type { AgentFacts, RequestFacts } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { agentReference } from './agent-shape.ts'
import { taskResult } from './enums.ts'
import { guidOf } from './guid.ts'
import { dateOf, enumOf } from './wire.ts'
import type { Wire, WireObject } from './wire.ts'

/** Azure Pipelines' own service identity, the owner of every build's jobs. */
const buildService = '00025394-6065-48ca-87d9-7f5672854ef7'

export type ShapeParts = { readonly base: string; readonly clock: SandboxClock; readonly projectId: string }

/** `agents` are those of the pool, for the agents that the request names. */
export function jobRequestOnWire(request: RequestFacts, agents: ReadonlyMap<number, AgentFacts>, parts: ShapeParts): WireObject {
  const { base, clock, projectId } = parts
  const at = (time: number | undefined): Wire => (time === undefined ? undefined : dateOf(clock.toIso(time)))
  const refer = (agent: AgentFacts | undefined): Wire => (agent === undefined ? undefined : agentReference(agent, base))
  return {
    requestId: request.id,
    queueTime: at(request.queuedAt),
    assignTime: at(request.assignedAt),
    receiveTime: at(request.receivedAt),
    lockedUntil: at(request.lockedUntil),
    finishTime: at(request.finishedAt),
    result: request.result === undefined ? undefined : enumOf(taskResult, request.result),
    serviceOwner: buildService,
    hostId: guidOf('organization'),
    scopeId: projectId,
    planType: request.planType,
    ...jobIds(request),
    jobName: request.jobName,
    demands: request.demands,
    reservedAgent: request.agentId === undefined ? undefined : refer(agents.get(request.agentId)),
    matchedAgents: request.matchedAgentIds.flatMap((id) => refer(agents.get(id)) ?? []),
    definition: owner(request.definition.id, request.definition.name, `${base}/_build?definitionId=${request.definition.id}`),
    owner: owner(request.id, `job ${request.id}`, `${base}/_build/results?buildId=${request.id}`),
    data: { ParallelismTag: 'Private', IsScheduledKey: 'False' },
    poolId: request.poolId,
    orchestrationId: `${jobIds(request).planId}.build.job`,
    priority: 0,
  }
}

/** The guids of a request's plan and job. */
export function jobIds(request: RequestFacts): { readonly planId: string; readonly jobId: string } {
  return { planId: guidOf(`plan/${request.poolId}/${request.id}`), jobId: guidOf(`job/${request.poolId}/${request.id}`) }
}

function owner(id: number, name: string, href: string): WireObject {
  return { id, name, _links: { web: { href } } }
}
