/**
 * The sandbox over plain HTTP as well, for a browser: it does not know our certificate authority, and a warning would be the
 * first thing that a newcomer sees. On loopback nobody listens in between.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

export type PlainHttp = { readonly url: string; close(): Promise<void> }

/** Listens on a free port of loopback. `app` has to be ready. */
export async function listenPlain(app: FastifyInstance): Promise<PlainHttp> {
  let own = ''
  const server = createServer((request, reply) => {
    // No certificate proves the name here, so a page elsewhere could point a name of its own at this computer.
    if (request.headers.host === own) return app.routing(request, reply)
    reply.writeHead(421).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  own = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${own}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
