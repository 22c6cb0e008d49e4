/** Answers that are not what was asked for: one sentence each, in the shape of the side of the API that was called. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Refusal } from '../loop/pool-parts.ts'
import type { ApiError } from './contract.ts'

const statusOf: Readonly<Record<Refusal['code'], number>> = {
  badRequest: 400,
  notFound: 404,
  conflict: 409,
  refused: 422,
  unavailable: 503,
}

/** Thrown by routes; becomes the answer. */
export class ApiProblem extends Error {
  readonly status: number
  readonly body: ApiError
  /** What is missing, when it is a pool: clients of Azure DevOps tell that apart. */
  readonly isPoolMissing: boolean
  readonly retryAfterS: number | undefined
  constructor(status: number, body: ApiError, { isPoolMissing = false, retryAfterS }: Beside = {}) {
    super(body.message)
    this.status = status
    this.body = body
    this.isPoolMissing = isPoolMissing
    this.retryAfterS = retryAfterS
  }
}
type Beside = { readonly isPoolMissing?: boolean; readonly retryAfterS?: number }

export function problemOf(refusal: Refusal): ApiProblem {
  const { code, message, problems, findings } = refusal
  // Of all that a person asks of pools, only the pool itself can be missing.
  return new ApiProblem(
    statusOf[code],
    { code, message, ...(problems && { problems }), ...(findings && { findings }) },
    { isPoolMissing: code === 'notFound' },
  )
}

export function notFound(message: string): ApiProblem {
  return new ApiProblem(404, { code: 'notFound', message })
}

export function badRequest(message: string): ApiProblem {
  return new ApiProblem(400, { code: 'badRequest', message })
}

export function unavailable(message: string): ApiProblem {
  return new ApiProblem(503, { code: 'unavailable', message })
}

export function noPool(poolId: number): ApiProblem {
  return new ApiProblem(
    404,
    {
      code: 'notFound',
      message: `This service runs no pool ${poolId}: it was deleted, or was never one of its pools. The list of pools has those it runs.`,
    },
    { isPoolMissing: true },
  )
}

/** What fastify and the routes throw, as an answer. Only a fault of ours is a 500, and it says nothing of its insides. */
export function asProblem(error: FastifyError | ApiProblem): ApiProblem {
  if (error instanceof ApiProblem) return error
  if (error.name === 'StoreError') return unavailable('The database of the service cannot be used now: GET /readyz says why.')
  const status = error.statusCode ?? 500
  if (status < 400 || status >= 500)
    return new ApiProblem(500, { code: 'internal', message: 'The service failed on this request; its log has the cause.' })
  const words: Readonly<Record<number, string>> = {
    413: 'The body is larger than this call takes: 256 KB, or 24 KB for a sign-in. Send less.',
    415: 'The body is not JSON. Send it with the header content-type: application/json.',
  }
  const codes: Readonly<Record<number, string>> = { 400: 'badRequest', 413: 'tooLarge', 415: 'unsupported' }
  const message =
    error.code === 'FST_ERR_VALIDATION' ? error.message : (words[status] ?? `The request was not understood: ${error.message}.`)
  return new ApiProblem(status, { code: codes[status] ?? 'badRequest', message })
}

export function send(request: FastifyRequest, reply: FastifyReply, problem: ApiProblem): FastifyReply {
  if (problem.retryAfterS !== undefined) reply.header('retry-after', String(problem.retryAfterS))
  return reply
    .code(problem.status)
    .type('application/json; charset=utf-8')
    .send(isDevOps(request) ? devOpsError(problem) : problem.body)
}

function isDevOps(request: FastifyRequest): boolean {
  return /^(?:\/[^/?]+)?\/_apis(?:[/?]|$)/i.test(request.url)
}

/** Azure DevOps' error shape; clients look at `typeKey` and `message`. */
function devOpsError(problem: ApiProblem) {
  const typeKey = typeKeyOf(problem)
  const typeName = `Microsoft.TeamFoundation.DistributedTask.WebApi.${typeKey}, Microsoft.TeamFoundation.DistributedTask.WebApi`
  return { $id: '1', innerException: null, message: problem.body.message, typeName, typeKey, errorCode: 0, eventId: 3000 }
}

function typeKeyOf({ status, isPoolMissing }: ApiProblem): string {
  if (status === 401) return 'UnauthorizedRequestException'
  if (status === 403) return 'AccessDeniedException'
  if (status === 404) return isPoolMissing ? 'TaskAgentPoolNotFoundException' : 'VssResourceNotFoundException'
  if (status === 409) return 'TaskAgentPoolExistsException'
  return status >= 500 ? 'VssServiceException' : 'VssPropertyValidationException'
}
