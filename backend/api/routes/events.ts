/** The stream of changes: each pass, and each new row of Diagnostics. */
import { Type } from 'typebox'
import type { ApiParts, App } from '../parts.ts'
import { unavailable } from '../problems.ts'
import { createStream } from '../stream.ts'

const query = Type.Object({
  poolId: Type.Optional(Type.Integer({ minimum: 0, description: 'Only this pool.' })),
  after: Type.Optional(Type.Integer({ minimum: 0, description: 'Log entries after this id, like Last-Event-ID.' })),
})

export function events(app: App, parts: ApiParts): void {
  const stream = createStream(parts)
  app.addHook('preClose', async () => stream.close())
  app.get(
    '/events',
    {
      config: { right: 'signedIn' },
      schema: { querystring: query, response: { 200: Type.String({ description: 'text/event-stream; see StreamEvent in contract.ts.' }) } },
    },
    async (request, reply) => {
      if (stream.isFull())
        throw unavailable('The service already streams to as many clients as it may. Close one, or poll GET /api/v1/pools.')
      const last = request.headers['last-event-id']
      const after = typeof last === 'string' && /^\d{1,15}$/.test(last) ? Number(last) : request.query.after
      reply.hijack()
      reply.raw.writeHead(200, {
        ...reply.getHeaders(),
        'content-type': 'text/event-stream; charset=utf-8',
        'x-accel-buffering': 'no',
      } as Record<string, string>)
      const { poolId } = request.query
      const { mayUse, endsInMs } = request.asker
      await stream.add(reply.raw, {
        wants: (each) => mayUse(each) && (poolId ?? each) === each,
        // Rights are proven once a minute, also for a stream: its reader signs in again and goes on where it was.
        ...(endsInMs === undefined ? {} : { until: parts.clock.deadline(endsInMs) }),
        ...(after === undefined ? {} : { after }),
      })
    },
  )
}
