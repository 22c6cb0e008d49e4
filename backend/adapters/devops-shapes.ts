/** Azure DevOps' wire shapes of agents and job requests, read strictly into our words. */
import type { PipelinesAgent, PipelinesJob } from '../loop/ports.ts'
import type { HttpHeaders } from './rate.ts'
import { ShapeError, asCount, asFlag, asList, asObject, asRows, asText, asTexts, optional } from './shape.ts'

/** A request of the pool's queue, finished or not. `assigned` without an agent id: it is not told which agent has it. */
export type JobRequest = PipelinesJob & { readonly finished: boolean; readonly assigned: boolean }

export function requestsFrom(json: unknown): readonly JobRequest[] {
  return asRows(json).map((row, at) => requestFrom(row, `value[${String(at)}]`))
}

/**
 * The unfinished ones. One that was assigned without naming its agent is neither waiting nor placed: the agents' own
 * answer tells who runs it.
 */
export function jobsFrom(requests: readonly JobRequest[]): readonly PipelinesJob[] {
  return requests
    .filter((request) => !request.finished && (!request.assigned || request.agentId !== undefined))
    .map(({ finished: _finished, assigned: _assigned, ...job }) => job)
}

/** The token of the next page, when there is one. */
export function morePages(headers: HttpHeaders): string | undefined {
  const token = headers['x-ms-continuationtoken']
  return typeof token === 'string' && token !== '' ? token : undefined
}

export function agentFrom(json: unknown, path: string): PipelinesAgent {
  const agent = asObject(json, path)
  const version = optional(agent['version'], `${path}.version`, asText)
  const requestId = optional(agent['assignedRequest'], `${path}.assignedRequest`, requestIdFrom)
  const lastRequestId = optional(agent['lastCompletedRequest'], `${path}.lastCompletedRequest`, requestIdFrom)
  const system = optional(agent['systemCapabilities'], `${path}.systemCapabilities`, asTexts)
  const user = optional(agent['userCapabilities'], `${path}.userCapabilities`, asTexts)
  return {
    id: asCount(agent['id'], `${path}.id`),
    name: asText(agent['name'], `${path}.name`),
    online: isOnline(agent['status'], `${path}.status`),
    enabled: asFlag(agent['enabled'], `${path}.enabled`),
    ...(version === undefined ? {} : { version }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(lastRequestId === undefined ? {} : { lastRequestId }),
    ...(system === undefined && user === undefined ? {} : { capabilities: { ...system, ...user } }),
  }
}

function requestFrom(json: unknown, path: string): JobRequest {
  const request = asObject(json, path)
  const requestId = asCount(request['requestId'], `${path}.requestId`)
  const pipeline =
    optional(request['definition'], `${path}.definition`, nameFrom) ?? optional(request['planType'], `${path}.planType`, asText) ?? ''
  const agentId = optional(request['reservedAgent'], `${path}.reservedAgent`, idFrom)
  const matched = optional(request['matchedAgents'], `${path}.matchedAgents`, asList)
  return {
    requestId,
    name: optional(request['jobName'], `${path}.jobName`, asText) ?? `job ${String(requestId)}`,
    pipeline,
    ...buildFrom(request),
    queuedAt: optional(request['queueTime'], `${path}.queueTime`, asText) ?? '',
    demands: (optional(request['demands'], `${path}.demands`, asList) ?? []).map((demand, at) =>
      asText(demand, `${path}.demands[${String(at)}]`),
    ),
    finished: (request['result'] ?? undefined) !== undefined,
    assigned: (request['assignTime'] ?? undefined) !== undefined,
    ...(agentId === undefined ? {} : { agentId }),
    ...(matched === undefined
      ? {}
      : { matchedAgentIds: matched.map((agent, at) => idFrom(agent, `${path}.matchedAgents[${String(at)}]`)) }),
  }
}

/** For a link only: what is not as expected is left out. */
function buildFrom({ planType, scopeId: project, owner }: Readonly<Record<string, unknown>>): Pick<JobRequest, 'build'> {
  const id = typeof owner === 'object' && owner !== null && 'id' in owner ? owner.id : undefined
  return planType === 'Build' && typeof project === 'string' && Number.isSafeInteger(id) ? { build: { project, id: Number(id) } } : {}
}

function isOnline(status: unknown, path: string): boolean {
  if (status === 'online') return true
  if (status === 'offline') return false
  throw new ShapeError(`${path} is ${JSON.stringify(status)}, expected "online" or "offline"`)
}

function requestIdFrom(json: unknown, path: string): number {
  return asCount(asObject(json, path)['requestId'], `${path}.requestId`)
}

function idFrom(json: unknown, path: string): number {
  return asCount(asObject(json, path)['id'], `${path}.id`)
}

function nameFrom(json: unknown, path: string): string | undefined {
  return optional(asObject(json, path)['name'], `${path}.name`, asText)
}
