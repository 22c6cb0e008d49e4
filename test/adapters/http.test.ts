import { createHttp } from '../../backend/adapters/http.ts'
import type { HttpRequest } from '../../backend/adapters/transport.ts'
import { asRows } from '../../backend/adapters/shape.ts'
import { createTestAuthorization, createTestClock, createTestMetrics, json, never, page, reset, silence, startServer } from './outside.ts'
import type { Answerer, Outside } from './outside.ts'

let outside: Outside
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(answer: Answerer, options: { readonly timeoutMs?: number; readonly speed?: number } = {}) {
  outside = await startServer(answer)
  const clock = createTestClock(options.speed)
  const authorization = createTestAuthorization()
  const metrics = createTestMetrics()
  const http = createHttp({
    api: 'azure-devops',
    baseUrl: `${outside.url}/org`,
    authorization,
    clock,
    metrics,
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  })
  closing.push(http.close, outside.close)
  return { http, clock, authorization, metrics }
}

const get: HttpRequest = { operation: 'list agents', method: 'GET', url: '_apis/agents', signal: never }
const post: HttpRequest = { operation: 'delete machines', method: 'POST', url: '_apis/delete', body: { ids: ['1'] }, signal: never }
const refusal = { error: { code: 'OperationNotAllowed', message: 'Too many requests.' } }

describe('a read', () => {
  test('is known for 200 with JSON', async () => {
    const { http, metrics } = await serve(json({ count: 1, value: [{ id: 1 }] }))
    expect(await http.read(get, asRows)).toMatchObject({ known: true, value: [{ id: 1 }] })
    expect(outside.received[0]).toMatchObject({ url: '/org/_apis/agents', headers: { authorization: 'Bearer test' } })
    expect(metrics.calls).toEqual(['azure-devops list agents ok'])
  })

  test('a 203 sign-in page never looks like an empty pool', async () => {
    const { http, authorization } = await serve(page(203))
    const reading = await http.read(get, asRows)
    expect(reading).toEqual({
      known: false,
      why: expect.stringMatching(/^Azure DevOps .* answered with its sign-in page: the token is missing, expired or lacks access/),
    })
    expect(authorization.invalidated).toBe(1)
    expect(outside.received).toHaveLength(1)
  })

  test.each([
    ['a redirect to the sign-in page', page(302, { location: '/_signin' })],
    ['a page with status 200', page(200)],
    ['401', page(401)],
    ['203 with JSON', json({ count: 0, value: [] }, 203)],
  ])('is unknown for %s, and the token is asked for anew', async (_name, answer) => {
    const { http, authorization } = await serve(answer)
    expect(await http.read(get, asRows)).toMatchObject({ known: false, why: expect.stringContaining('sign-in page') })
    expect(authorization.invalidated).toBe(1)
    expect(outside.received).toHaveLength(1)
  })

  test.each<[string, Answerer]>([
    [
      'cut JSON',
      (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"count":2,"value":[{"id":1}'),
    ],
    ['fewer rows than counted', json({ count: 2, value: [{ id: 1 }] })],
    ['no rows at all', json({})],
    ['an empty body', (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end()],
    ['204', (_request, response) => response.writeHead(204).end()],
    ['202', json({ count: 0, value: [] }, 202)],
    ['403', json({ typeKey: 'AccessDeniedException', message: 'No.' }, 403)],
    ['404', json({ typeKey: 'TaskAgentPoolNotFoundException', message: 'No pool 7.' }, 404)],
  ])('is unknown for %s, without another try', async (_name, answer) => {
    const { http } = await serve(answer)
    expect(await http.read(get, asRows)).toMatchObject({ known: false })
    expect(outside.received).toHaveLength(1)
  })

  test('is absent only for 404 with the error that says so', async () => {
    const { http } = await serve(json({ typeKey: 'TaskAgentNotFoundException', message: 'No agent 3.' }, 404))
    expect(await http.readIfThere(get, /^TaskAgentNotFoundException$/, asRows)).toMatchObject({ known: true, value: undefined })
    outside.answer = json({ typeKey: 'TaskAgentPoolNotFoundException', message: 'No pool 7.' }, 404)
    expect(await http.readIfThere(get, /^TaskAgentNotFoundException$/, asRows)).toMatchObject({ known: false })
    outside.answer = page(404)
    expect(await http.readIfThere(get, /^TaskAgentNotFoundException$/, asRows)).toMatchObject({ known: false })
  })

  test('is tried again after 5xx and after a lost connection, twice at most', async () => {
    const { http, clock } = await serve((request, response, count) => {
      if (count === 1) return json({}, 503)(request, response, count)
      if (count === 2) return reset(request, response, count)
      return json({ count: 0, value: [] })(request, response, count)
    })
    expect(await http.read(get, asRows)).toMatchObject({ known: true, value: [] })
    expect(clock.pauses).toEqual([250, 1000])
    outside.answer = json({}, 500)
    expect(await http.read(get, asRows)).toMatchObject({ known: false, why: expect.stringMatching(/list agents with HTTP 500/) })
    expect(outside.received).toHaveLength(6)
  })

  test('waits as long as a short Retry-After says', async () => {
    const { http, clock } = await serve((request, response, count) =>
      (count === 1 ? json(refusal, 429, { 'retry-after': '3' }) : json({ count: 0, value: [] }))(request, response, count),
    )
    expect(await http.read(get, asRows)).toMatchObject({ known: true })
    expect(clock.pauses).toEqual([3000])
  })

  test('leaves a long Retry-After to the next pass and names host and status', async () => {
    const { http, clock, metrics } = await serve(json(refusal, 429, { 'retry-after': '120' }))
    expect(await http.read(get, asRows)).toEqual({
      known: false,
      why: expect.stringMatching(/127\.0\.0\.1:\d+\) answered list agents with HTTP 429: OperationNotAllowed, Too many requests\./),
    })
    expect(clock.pauses).toEqual([])
    expect(http.slowDownMs()).toBeGreaterThan(119_000)
    expect(metrics.calls).toEqual(['azure-devops list agents throttled'])
  })

  test('tries a 429 without Retry-After again', async () => {
    const { http, clock } = await serve(json(refusal, 429))
    expect(await http.read(get, asRows)).toMatchObject({ known: false })
    expect(clock.pauses).toEqual([250, 1000])
  })

  test('ends at its time limit', async () => {
    const { http } = await serve(silence, { timeoutMs: 50 })
    expect(await http.read(get, asRows)).toEqual({
      known: false,
      why: expect.stringMatching(/^No answer to list agents .* within 50 ms\.$/),
    })
    expect(outside.received).toHaveLength(1)
  })

  test('ends when it is stopped', async () => {
    const stop = new AbortController()
    const { http } = await serve(() => stop.abort())
    expect(await http.read({ ...get, signal: stop.signal }, asRows)).toMatchObject({
      known: false,
      why: expect.stringContaining('stopped'),
    })
  })

  test('that nobody answers is unknown and says where', async () => {
    const { http } = await serve(silence)
    await outside.close()
    expect(await http.read(get, asRows)).toMatchObject({
      known: false,
      why: expect.stringMatching(/127\.0\.0\.1:\d+\) cannot be reached \(ECONNREFUSED\)/),
    })
  })

  test('never carries the token to another host', async () => {
    const { http } = await serve(json({}))
    expect(await http.read({ ...get, url: 'https://elsewhere.example/x' }, asRows)).toMatchObject({
      known: false,
      why: expect.stringContaining('no token is sent there'),
    })
    expect(outside.received).toEqual([])
  })

  test('does not leave without a token, and does not tell what the token source had', async () => {
    const { http, authorization } = await serve(json({}))
    authorization.header = () => Promise.reject(new Error('invalid_client: client_secret=hunter2hunter2 is wrong'))
    expect(await http.read(get, asRows)).toMatchObject({ known: false, why: expect.stringContaining('client_secret=[secret] is wrong') })
    expect(outside.received).toEqual([])
  })
})

describe('a change', () => {
  test('is done with what the other side says of it', async () => {
    const { http } = await serve(json({ ok: true }, 202, { location: '/operations/1' }))
    expect(await http.change(post)).toMatchObject({ kind: 'done', status: 202, json: { ok: true }, headers: { location: '/operations/1' } })
    expect(outside.received[0]).toMatchObject({ method: 'POST', body: '{"ids":["1"]}' })
  })

  test.each([500, 502, 503, 504, 408])('with HTTP %d may have happened, and is sent once', async (status) => {
    const { http, clock } = await serve(json(refusal, status, { 'x-ms-correlation-request-id': 'c-1' }))
    expect(await http.change(post)).toMatchObject({ kind: 'unknown', correlationId: 'c-1' })
    expect(outside.received).toHaveLength(1)
    expect(clock.pauses).toEqual([])
  })

  test('whose connection is lost may have happened, and is sent once', async () => {
    const { http, metrics } = await serve(reset)
    expect(await http.change(post)).toMatchObject({ kind: 'unknown' })
    expect(outside.received).toHaveLength(1)
    expect(metrics.calls).toEqual(['azure-devops delete machines unknown'])
  })

  test('without an answer in time may have happened, and is sent once', async () => {
    const { http } = await serve(silence, { timeoutMs: 50 })
    expect(await http.change(post)).toMatchObject({ kind: 'unknown', why: expect.stringContaining('within 50 ms') })
    expect(outside.received).toHaveLength(1)
  })

  test('was accepted when the status line says so, although the rest is lost', async () => {
    const { http } = await serve((_request, response) => {
      response.writeHead(202, { 'content-type': 'application/json', 'content-length': '100', location: '/operations/1' }).write('{')
      setTimeout(() => response.destroy(), 20)
    })
    expect(await http.change(post)).toMatchObject({ kind: 'done', headers: { location: '/operations/1' } })
  })

  test('is refused in the words of either API', async () => {
    const { http } = await serve(
      json({ error: { code: 'PreconditionFailed', message: 'The etag differs.' } }, 412, { 'x-ms-correlation-request-id': 'c-2' }),
    )
    expect(await http.change(post)).toEqual({
      kind: 'refused',
      status: 412,
      code: 'PreconditionFailed',
      message: 'The etag differs.',
      correlationId: 'c-2',
    })
    outside.answer = json({ $id: '1', typeKey: 'TaskAgentJobStillRunningException', message: 'Agent 3 runs a job.' }, 400, {
      activityid: 'a-1',
    })
    expect(await http.change(post)).toEqual({
      kind: 'refused',
      status: 400,
      code: 'TaskAgentJobStillRunningException',
      message: 'Agent 3 runs a job.',
      correlationId: 'a-1',
    })
    outside.answer = page(403)
    expect(await http.change(post)).toMatchObject({ kind: 'refused', status: 403, code: 'http-403' })
  })

  test('that is throttled tells how long to wait, on the service’s own line', async () => {
    const { http } = await serve(json(refusal, 429, { 'retry-after': '7' }), { speed: 10 })
    expect(await http.change(post)).toMatchObject({ kind: 'refused', status: 429, retryAfterMs: 70_000 })
    expect(outside.received).toHaveLength(1)
  })

  test.each([
    ['203', page(203)],
    ['a redirect', page(302, { location: '/_signin' })],
    ['a page', page(200)],
    ['401', json({}, 401)],
  ])('answered by %s was refused for its token', async (_name, answer) => {
    const { http, authorization } = await serve(answer)
    expect(await http.change(post)).toMatchObject({ kind: 'refused', code: 'sign-in' })
    expect(authorization.invalidated).toBe(1)
    expect(outside.received).toHaveLength(1)
  })

  test('that nobody receives was refused as unreachable', async () => {
    const { http } = await serve(silence)
    await outside.close()
    expect(await http.change(post)).toMatchObject({ kind: 'refused', status: 0, code: 'unreachable' })
  })

  test('that was stopped beforehand is not sent', async () => {
    const { http } = await serve(json({}))
    expect(await http.change({ ...post, signal: AbortSignal.abort() })).toMatchObject({ kind: 'refused', code: 'stopped' })
    expect(outside.received).toEqual([])
  })
})

describe('rate headers', () => {
  test('slow down on a good answer too, and wear off', async () => {
    const { http, clock } = await serve(json({ count: 0, value: [] }, 200, { 'retry-after': '10' }), { speed: 2 })
    expect(http.slowDownMs()).toBe(0)
    await http.read(get, asRows)
    expect(http.slowDownMs()).toBeGreaterThan(19_000)
    clock.pass(6_000)
    expect(http.slowDownMs()).toBeLessThan(8_001)
    clock.pass(6_000)
    expect(http.slowDownMs()).toBe(0)
  })

  test('count the reset on the other side’s clock only', async () => {
    const { http } = await serve(
      json({ count: 0, value: [] }, 200, {
        date: 'Mon, 01 Jan 2001 00:00:00 GMT',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '978307240',
      }),
    )
    await http.read(get, asRows)
    expect(http.slowDownMs()).toBeGreaterThan(39_000)
    expect(http.slowDownMs()).toBeLessThanOrEqual(40_000)
  })
})
