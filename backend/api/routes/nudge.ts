/** Wakes passes: for the job-state-changed service hook. What it says is not believed; the passes look for themselves. */
import { Type } from 'typebox'
import { accepted } from '../contract.ts'
import type { ApiParts, App } from '../parts.ts'

const query = Type.Object({ poolId: Type.Optional(Type.Integer({ minimum: 0, description: 'Only this pool.' })) })

export function nudge(app: App, parts: ApiParts): void {
  // Whatever the body is, it is not looked at; in this scope only.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined))
  app.post('/nudge', { config: { right: 'hook' }, schema: { querystring: query, response: { 202: accepted } } }, async (request, reply) => {
    parts.loop.nudge(request.query.poolId)
    return reply.code(202).send({ message: 'The pools look again now.' })
  })
}
