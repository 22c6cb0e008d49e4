/** Refusals, as Azure DevOps words them on the wire. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answer } from '../../backend/simulator/facts.ts'

/** A refusal with its HTTP status and the exception name that clients read. */
export class Failure extends Error {
  readonly status: number
  readonly typeKey: string
  readonly retryAfterS: number | undefined

  constructor(status: number, typeKey: string, message: string, retryAfterS?: number) {
    super(message)
    this.status = status
    this.typeKey = typeKey
    this.retryAfterS = retryAfterS
  }
}

/** No answer arrives; the connection breaks. Whether the command was applied is not told. */
export class LostAnswer extends Error {}

/** The value of a world's answer. Throws {@link Failure} or {@link LostAnswer} when it has none. */
export function valueOf<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value
  if ('lost' in answer) throw new LostAnswer('The connection broke before the answer.')
  throw new Failure(answer.status, answer.code, answer.message, answer.retryAfterS)
}

/** The end of a command that answers nothing. Throws like {@link valueOf}. */
export function done(answer: Answer<void>): undefined {
  valueOf(answer)
}

export function badRequest(message: string): Failure {
  return new Failure(400, 'ArgumentException', message)
}

export function forbidden(what: string): Failure {
  return new Failure(403, 'AccessDeniedException', `Access denied: this identity may not ${what}.`)
}

export function noRoute(method: string, path: string): Failure {
  return new Failure(404, 'HttpRouteNotFoundException', `There is no ${method} ${path} in this sandbox.`)
}

/** Ends a request whose handler threw. */
export function answerFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof LostAnswer) return breakConnection(request, reply)
  const failure = error instanceof Failure ? error : asFailure(error)
  if (failure.status === 203) return sendSignInPage(reply)
  if (failure.retryAfterS !== undefined) reply.header('retry-after', String(failure.retryAfterS))
  reply
    .code(failure.status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(failure)))
}

/** The page that Azure DevOps answers, with a success status, instead of refusing a bad credential on a GET. */
export function sendSignInPage(reply: FastifyReply): void {
  const page = '<!DOCTYPE html><html lang="en"><head><title>Azure DevOps Services | Sign In</title></head><body>Sign in</body></html>'
  reply.code(203).type('text/html; charset=utf-8').send(page)
}

function breakConnection(request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack()
  request.raw.socket.destroy()
}

/** What fastify itself refuses (a body that does not parse, a method without a route) keeps its status. */
function asFailure(error: unknown): Failure {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  const message = error instanceof Error ? error.message : String(error)
  return new Failure(status, status < 500 ? 'ArgumentException' : 'InternalServerErrorException', message)
}

function errorBody(failure: Failure): unknown {
  return {
    $id: '1',
    innerException: null,
    message: failure.message,
    typeName: `Microsoft.TeamFoundation.DistributedTask.WebApi.${failure.typeKey}, Microsoft.TeamFoundation.DistributedTask.WebApi`,
    typeKey: failure.typeKey,
    errorCode: 0,
    eventId: 3000,
  }
}
