/** Tokens of the organization's people, below the sandbox's own API: what a sign-in would give a page. */
import type { FastifyInstance } from 'fastify'
import { acceptEmptyBodies } from '../empty-bodies.ts'
import { people } from '../people.ts'
import type { Person } from '../people.ts'
import type { Extension } from './extension.ts'

/** Adds the routes to `app`, which is a scope of its own. Other origins cannot read the answers: they carry no CORS headers. */
export function registerIdentity(app: FastifyInstance, extension: Extension, accessToken: (person: Person) => string): void {
  const issuers = new Map([
    ['access-token', accessToken],
    ['app-token', extension.appToken],
  ])
  acceptEmptyBodies(app)
  app.get('/_sandbox/people', () => ({ people }))
  app.post<{ Params: { id: string; kind: string } }>('/_sandbox/people/:id/:kind', ({ params: { id, kind } }, reply) => {
    const person = people.find((each) => each.id === id)
    const issue = issuers.get(kind)
    if (person !== undefined && issue !== undefined) return reply.header('cache-control', 'no-store').send({ token: issue(person) })
    return reply.code(404).send({ message: `There is no ${kind} for ${id}: ask for access-token or app-token of one of /_sandbox/people.` })
  })
  app.post('/_sandbox/extension/rotate-secret', async (_request, reply) => {
    await extension.rotateSecret()
    return reply.code(204).send()
  })
}
