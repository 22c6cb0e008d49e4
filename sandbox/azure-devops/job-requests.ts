/** The queue of a pool: its job requests. Source: azure-facts.md 2, "jobrequests", and 3, "Job". */
import type { AgentFacts, RequestFacts, World } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { taskResult } from './enums.ts'
import { badRequest, forbidden, valueOf } from './failures.ts'
import { jobIds, jobRequestOnWire } from './job-request-shape.ts'
import { integer } from './routes.ts'
import type { AddRoute, Call } from './routes.ts'
import { listOf, readEnum } from './wire.ts'
import type { Wire } from './wire.ts'

const requests = '/_apis/distributedtask/pools/:poolId/jobrequests'
/** Rows of an answer without `$top`. Assumed from KEDA's notes. */
const rowsMax = 250
/** Finished requests in an answer that does not say how many it wants. Assumed. */
const completedByDefault = 25

type JobRequestParts = { readonly world: World; readonly clock: SandboxClock; readonly projectId: string }
type Result = NonNullable<RequestFacts['result']>

export function addJobRequestRoutes(add: AddRoute, parts: JobRequestParts): void {
  const { devops } = parts.world
  const read = (call: Call): RequestFacts => valueOf(devops.request(call.id('poolId'), call.id('requestId')))
  const shape = (call: Call, request: RequestFacts): Wire =>
    jobRequestOnWire(request, agentsOf(call, parts.world), { ...parts, base: call.base })

  add('GET', requests, 'admin', (call) => (call.query('$top') === undefined ? listRequests(call, parts) : pageOfRequests(call, parts)))
  add('GET', `${requests}/:requestId`, 'admin-or-agent', (call) => shape(call, readFor(call, read)))
  add('PATCH', `${requests}/:requestId`, 'agent', (call) => {
    checkLockToken(call)
    const request = readFor(call, read)
    const result = resultOf(call.body['result'])
    return shape(
      call,
      valueOf(result === undefined ? devops.renew(request.poolId, request.id) : devops.finish(request.poolId, request.id, result)),
    )
  })
  add('DELETE', `${requests}/:requestId`, 'admin-or-agent', (call) => {
    checkLockToken(call)
    const request = readFor(call, read)
    valueOf(devops.finish(request.poolId, request.id, resultOf(call.query('result')) ?? 'canceled'))
    return undefined
  })
}

/** Unfinished requests in queue order, then finished ones, the newest first. */
function listRequests(call: Call, parts: JobRequestParts): Wire {
  const completed = integer(call.query('completedRequestCount') ?? String(completedByDefault), 'completedRequestCount')
  const agentIds = (call.query('agentIds') ?? call.query('agentId'))?.split(',').map(Number)
  const jobId = call.query('jobId')?.toLowerCase()
  const all = valueOf(parts.world.devops.requests(call.id('poolId'), completed))
  const rows = all
    .filter((request) => agentIds === undefined || (request.agentId !== undefined && agentIds.includes(request.agentId)))
    .filter((request) => jobId === undefined || jobIds(request).jobId === jobId)
    .toSorted(unfinishedFirst)
    .slice(0, rowsMax)
  const agents = agentsOf(call, parts.world)
  return listOf(rows.map((request) => jobRequestOnWire(request, agents, { ...parts, base: call.base })))
}

/** One page, the newest first. It goes without matchedAgents, as in the real service (kedacore/keda #4387). */
function pageOfRequests(call: Call, parts: JobRequestParts): Wire {
  const top = integer(call.query('$top') ?? '', '$top')
  const token = call.query('continuationToken')
  const before = token === undefined ? Infinity : integer(token, 'continuationToken')
  const all = valueOf(parts.world.devops.requests(call.id('poolId'), Number.MAX_SAFE_INTEGER))
  const left = all.filter((request) => request.id <= before).toSorted((a, b) => b.id - a.id)
  const next = left[top]
  if (next !== undefined && top > 0) call.setHeader('x-ms-continuationtoken', String(next.id))
  const agents = agentsOf(call, parts.world)
  return listOf(
    left
      .slice(0, top)
      .map((request) => ({ ...jobRequestOnWire(request, agents, { ...parts, base: call.base }), matchedAgents: undefined })),
  )
}

function agentsOf(call: Call, world: World): ReadonlyMap<number, AgentFacts> {
  return new Map(valueOf(world.devops.agents(call.id('poolId'))).map((agent) => [agent.id, agent]))
}

function unfinishedFirst(a: RequestFacts, b: RequestFacts): number {
  const isDone = (request: RequestFacts): number => (request.result === undefined ? 0 : 1)
  return isDone(a) - isDone(b) || (isDone(a) === 0 ? a.id - b.id : b.id - a.id)
}

/** The request of the path. An agent may only see its own. */
function readFor(call: Call, read: (call: Call) => RequestFacts): RequestFacts {
  const request = read(call)
  if (call.caller?.kind === 'agent' && call.caller.agentId !== request.agentId)
    throw forbidden(`use request ${request.id} of another agent`)
  return request
}

function checkLockToken(call: Call): void {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(call.query('lockToken') ?? ''))
    throw badRequest('The parameter lockToken must be a GUID.')
}

function resultOf(value: unknown): Result | undefined {
  if (value === undefined || value === null) return undefined
  const name = readEnum(taskResult, value)
  if (name === undefined) throw badRequest(`The result "${String(value)}" is not known.`)
  if (name === 'succeededWithIssues') return 'succeeded'
  return name === 'skipped' ? 'canceled' : name
}
