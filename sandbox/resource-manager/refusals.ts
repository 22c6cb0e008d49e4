/** How Azure Resource Manager says no, and how an answer gets lost. */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Answer, Json } from '../../backend/simulator/facts.ts'

type Refused = Extract<Answer<never>, { readonly ok: false }>

/** Thrown by handlers; the error handler of {@link answerRefusals} puts it on the wire. */
class AzureRefusal extends Error {
  readonly refused: Refused

  constructor(refused: Refused) {
    super('lost' in refused ? 'the answer is lost' : refused.message)
    this.refused = refused
  }
}

/** The value of an answer; throws when the world refused or lost it. */
export function valueOf<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value
  throw new AzureRefusal(answer)
}

/** Refuses with Azure's error body; `retryAfterS` is in seconds of the world. */
export function refuse(
  status: number,
  code: string,
  message: string,
  more: { readonly retryAfterS?: number; readonly details?: Json } = {},
): never {
  throw new AzureRefusal({ ok: false, status, code, message, ...more })
}

/**
 * Makes every refusal in this scope the documented `{ error: { code, message, details } }`. Waiting times of the world
 * become real seconds by `speed`.
 */
export function answerRefusals(app: FastifyInstance, speed: number): void {
  app.setErrorHandler((error: FastifyError | AzureRefusal, request, reply) => {
    if (error instanceof AzureRefusal) return send(error.refused, request, reply, speed)
    if (error.statusCode === undefined || error.statusCode >= 500) throw error
    const code = error.statusCode === 413 ? 'RequestContentTooLarge' : 'InvalidRequestContent'
    return send(
      { ok: false, status: error.statusCode, code, message: `The request content was invalid: ${error.message}.` },
      request,
      reply,
      speed,
    )
  })
}

function send(refused: Refused, request: FastifyRequest, reply: FastifyReply, speed: number): FastifyReply {
  if ('lost' in refused) {
    reply.hijack()
    request.raw.socket.destroy()
    return reply
  }
  if (refused.retryAfterS !== undefined) void reply.header('retry-after', String(Math.max(1, Math.ceil(refused.retryAfterS / speed))))
  if (refused.status === 401) void reply.header('www-authenticate', challenge(request, refused.message))
  void reply.header('x-ms-failure-cause', 'gateway')
  const details = refused.details === undefined ? {} : { details: refused.details }
  return reply.code(refused.status).send({ error: { code: refused.code, message: refused.message, ...details } })
}

function challenge(request: FastifyRequest, description: string): string {
  return `Bearer authorization_uri="https://${request.host}/common", error="invalid_token", error_description="${description.replaceAll('"', "'")}"`
}
