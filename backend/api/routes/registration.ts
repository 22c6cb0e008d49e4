/**
 * Where machines prove themselves and tell of their boots. Open to anyone: what comes is judged by the registrar. Forms in, lines
 * of `name=value` out, so that a shell script needs nothing else.
 */
import type { FastifyError, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { bootPhases } from '../../core/boot.ts'
import type { Answer } from '../../registration/parts.ts'
import { asProblem, type ApiProblem } from '../problems.ts'
import type { ApiParts, App } from '../parts.ts'

/** An attested document with four certificates is some 14 KB; a report's detail is at most 4 KB before it is encoded. */
const bodyBytesMax = 20 * 1024
const form = 'application/x-www-form-urlencoded'

const asker = {
  poolId: Type.String({ pattern: String.raw`^\d{1,9}$` }),
  machine: Type.String({ pattern: String.raw`^[\w.-]{1,64}$`, description: 'Its computer name.' }),
}
const nonceForm = Type.Object(asker)
const claimForm = Type.Object({
  ...asker,
  nonce: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  key: Type.String({ pattern: '^[0-9a-f]{64}$', description: 'Chance of the machine: the same for all claims and reports of one life.' }),
  document: Type.String({ minLength: 1, description: 'The signature of the attested document, in base64.' }),
  certificates: Type.Optional(Type.String({ description: 'Intermediate certificates: DER in base64, with commas between them.' })),
})
const reportForm = Type.Object({
  ...asker,
  phase: Type.Enum([...bootPhases]),
  result: Type.Enum(['ok', 'failed']),
  durationMs: Type.String({ pattern: String.raw`^\d{1,9}$` }),
  detail: Type.Optional(Type.String()),
})

export function registration(app: App, parts: ApiParts): void {
  const { registrar } = parts
  takeForms(app)
  answerInLines(app, parts)
  const route = <B>(body: B) =>
    ({ config: { right: 'open' }, schema: { body, consumes: [form], produces: ['text/plain'], response: { 200: Type.String() } } }) as const
  app.post('/registration/nonce', route(nonceForm), async ({ body, ip }, reply) =>
    say(reply, await registrar.nonce({ poolId: Number(body.poolId), machine: body.machine }, ip)),
  )
  app.post('/registration/claim', route(claimForm), async ({ body, ip }, reply) => {
    const certificates = (body.certificates ?? '').split(',').filter((each) => each !== '')
    return say(reply, await registrar.claim({ ...body, poolId: Number(body.poolId), certificates }, ip))
  })
  app.post('/registration/report', route(reportForm), async ({ body, ip, headers }, reply) => {
    const [, key = ''] = /^Bearer ([0-9a-f]{64})$/i.exec(headers.authorization ?? '') ?? []
    const { poolId, machine, phase, result, durationMs, detail = '' } = body
    const told = { poolId: Number(poolId), machine, key, phase, result, durationMs: Number(durationMs), detail }
    return say(reply, await registrar.report(told, ip))
  })
}

/** In this scope only; elsewhere bodies are JSON. */
function takeForms(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(form, { parseAs: 'string', bodyLimit: bodyBytesMax }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  )
}

function answerInLines(app: App, { log }: ApiParts): void {
  app.setErrorHandler((error: FastifyError | ApiProblem, request, reply) => {
    const { status, message, retryAfterS } = asProblem(error)
    if (retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS))
    if (status === 500)
      log.error({ route: request.routeOptions.url, error: String(error.stack ?? error) }, 'A request of a machine failed.')
    const sentence: Readonly<Record<number, string>> = {
      413: 'The body is larger than 20 KB. Send less.',
      415: `The body is no form. Send it with the header content-type: ${form}.`,
    }
    return text(reply.code(status), { error: sentence[status] ?? message })
  })
}

function say(reply: FastifyReply, answer: Answer): FastifyReply {
  if (answer.status === 204) return reply.code(204).send()
  if (answer.status === 200) return text(reply, answer.lines)
  if ('retryAfterMs' in answer) reply.header('retry-after', String(Math.ceil(answer.retryAfterMs / 1000)))
  return text(reply.code(answer.status), { error: answer.error })
}

/** A value ends with its line. */
function text(reply: FastifyReply, lines: Readonly<Record<string, string>>): FastifyReply {
  const body = Object.entries(lines).map(([name, value]) => `${name}=${value.replace(/[\r\n]+/g, ' ')}\n`)
  return reply.type('text/plain; charset=utf-8').send(body.join(''))
}
