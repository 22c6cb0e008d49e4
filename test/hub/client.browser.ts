import { createClient, type ClientParts } from '../../hub/client.ts'
import type { HubClock } from '../../hub/clock.ts'

type Reply = { readonly status: number; readonly body?: unknown }
type Seen = { readonly path: string; readonly headers: Record<string, string>; readonly body: unknown }

const address = 'https://agents.example'

const tokens = { appToken: async () => 'app', accessToken: async () => 'access' }

/** A service that answers from a list: sign-ins from their own. */
function serviceOf(replies: readonly Reply[], sessions: readonly Reply[] = [], host = tokens) {
  const seen: Seen[] = []
  const clock = { nowMs: 0, due: [] as (() => void)[] }
  const waiting = [...replies]
  const signIns = [...sessions]
  const fetch: NonNullable<ClientParts['fetch']> = async (url, init) => {
    const path = String(url).slice(address.length)
    const headers = init?.headers as Record<string, string>
    seen.push({ path, headers, body: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined })
    const isSession = path === '/api/v1/session'
    const reply = isSession ? (signIns.shift() ?? session(seen.length)) : waiting.shift()
    if (reply === undefined) return new Promise((_, reject) => init?.signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    return new Response(reply.body === undefined ? null : JSON.stringify(reply.body), { status: reply.status })
  }
  const hubClock: HubClock = {
    now: () => clock.nowMs,
    after(_, call) {
      clock.due.push(call)
      return () => undefined
    },
  }
  return { seen, clock, client: createClient({ address, tokens: host, clock: hubClock, fetch }) }
}

function session(number: number): Reply {
  const pools = { manage: [1], use: [1, 2] }
  const body = {
    session: `s${number}`,
    expiresInMs: 60_000,
    person: { id: 'u', name: 'Ada' },
    organization: 'contoso',
    pools,
    mayCreate: true,
  }
  return { status: 200, body }
}

const paths = (seen: readonly Seen[]): readonly string[] => seen.map(({ path }) => path)

describe('a call', () => {
  test('signs in with both tokens first, and sends the session along', async () => {
    const { client, seen } = serviceOf([{ status: 200, body: { pools: [] } }])
    expect(await client.call({ path: '/api/v1/pools' })).toEqual({ ok: true, value: { pools: [] } })
    expect(seen[0]).toMatchObject({ path: '/api/v1/session', body: { appToken: 'app', accessToken: 'access' } })
    expect(seen[1]?.headers).toMatchObject({ authorization: 'Bearer s1' })
    expect(seen[1]?.headers).not.toHaveProperty('x-azure-devops-token')
  })

  test('shares one sign-in with the calls beside it', async () => {
    const { client, seen } = serviceOf([
      { status: 200, body: 1 },
      { status: 200, body: 2 },
    ])
    await Promise.all([client.call({ path: '/a' }), client.call({ path: '/b' })])
    expect(paths(seen)).toEqual(['/api/v1/session', '/a', '/b'])
  })

  test('renews a session that is about to end', async () => {
    const ok = { status: 200, body: 1 }
    const { client, clock, seen } = serviceOf([ok, ok, ok])
    await client.call({ path: '/a' })
    clock.nowMs = 54_000
    await client.call({ path: '/b' })
    clock.nowMs = 56_000
    await client.call({ path: '/c' })
    expect(paths(seen)).toEqual(['/api/v1/session', '/a', '/b', '/api/v1/session', '/c'])
  })

  test('signs in once more when the service does not know the session, and then gives up', async () => {
    const unknown = { status: 401, body: { code: 'unauthorized', message: 'The session has ended.' } }
    const { client, seen } = serviceOf([unknown, { status: 200, body: 'there' }, unknown, unknown])
    expect(await client.call({ path: '/a' })).toEqual({ ok: true, value: 'there' })
    expect(await client.call({ path: '/b' })).toMatchObject({ failure: { kind: 'session', message: 'The session has ended.' } })
    expect(paths(seen)).toEqual(['/api/v1/session', '/a', '/api/v1/session', '/a', '/b', '/api/v1/session', '/b'])
  })

  test('sends the access token only with what is made with the rights of the person', async () => {
    const { client, seen } = serviceOf([{ status: 201, body: {} }])
    await client.call({ method: 'POST', path: '/api/v1/pools', body: {}, asPerson: true })
    expect(seen[1]?.headers).toMatchObject({ 'x-azure-devops-token': 'access' })
  })
})

describe('a failure is told in the words of the service:', () => {
  test.each([
    [400, 'refused'],
    [403, 'forbidden'],
    [404, 'notFound'],
    [409, 'conflict'],
    [503, 'unavailable'],
  ])('%i is %s', async (status, kind) => {
    const problems = [{ field: 'standby', message: 'standby is -1.' }]
    const { client } = serviceOf([{ status, body: { code: 'some', message: 'What it is, and what to do.', problems } }])
    expect(await client.call({ path: '/a' })).toEqual({
      ok: false,
      failure: { kind, code: 'some', message: 'What it is, and what to do.', problems, findings: [] },
    })
  })

  test('a host that gives no token any more, at the sign-in or later, is the answer of the call', async () => {
    let given = 1
    const accessToken = async (): Promise<string> => {
      given -= 1
      if (given >= 0) return 'access'
      throw new Error('The session has ended.')
    }
    const { client, seen } = serviceOf([], [], { ...tokens, accessToken })
    const failure = {
      kind: 'session',
      message: expect.stringContaining('no token: The session has ended. Sign in to Azure DevOps in another tab'),
    }
    expect(await client.call({ method: 'POST', path: '/api/v1/pools', body: {}, asPerson: true })).toMatchObject({ failure })
    expect(paths(seen)).toEqual(['/api/v1/session'])
    client.renew()
    expect(await client.call({ path: '/a' })).toMatchObject({ failure })
  })

  test('a sign-in that is refused is the answer of the call', async () => {
    const { client, seen } = serviceOf([], [{ status: 403, body: { code: 'noAccess', message: 'Ada may use no pool.' } }])
    expect(await client.call({ path: '/a' })).toMatchObject({ failure: { kind: 'forbidden', code: 'noAccess' } })
    expect(paths(seen)).toEqual(['/api/v1/session'])
  })
})

describe('what is no answer of the service', () => {
  test('is named as something else that answers there', async () => {
    const { client } = serviceOf([{ status: 200 }])
    expect(await client.open('/api/v1/service')).toMatchObject({ failure: { kind: 'strange', message: expect.stringContaining(address) } })
  })

  test('ends after its time', async () => {
    const { client, clock } = serviceOf([])
    const pending = client.open('/api/v1/service')
    clock.due.forEach((call) => call())
    expect(await pending).toMatchObject({ failure: { kind: 'unreachable', message: expect.stringContaining(address) } })
  })

  test('is nothing to tell when the page was left', async () => {
    const { client } = serviceOf([])
    const left = new AbortController()
    const pending = client.open('/api/v1/service', left.signal)
    left.abort()
    expect(await pending).toMatchObject({ failure: { kind: 'aborted' } })
  })
})
