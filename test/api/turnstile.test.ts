/** How often somebody who is not known may come. */
import type { App } from '../../backend/api/parts.ts'
import { ApiProblem } from '../../backend/api/problems.ts'
import { createTurnstile, networkOf } from '../../backend/api/turnstile.ts'
import { apiOf, asOperator, hookSecret, world } from './fixture.ts'
import { sessionsOf } from './people.ts'

/** Time that moves only when told to; whoever waits is let go by hand. */
function stillTime() {
  const held: { readonly ms: number; readonly end: () => void }[] = []
  const time = {
    at: 0,
    held,
    nowMs: () => time.at,
    sleep: (ms: number) => new Promise<void>((end) => void held.push({ ms, end })),
  }
  return time
}

const outcome = (promise: Promise<void>) =>
  promise.then(
    () => 'let in',
    (error: Error) => error.message,
  )
const lateMs = 500

test('two hundred come in within two seconds; the next waits, is refused and told when, and others come as before', async () => {
  const time = stillTime()
  const admit = createTurnstile(time)
  for (let times = 0; times < 200; times++) await admit('10.0.0.1')
  time.at = 500
  const next = outcome(admit('10.0.0.1'))
  expect(time.held.map(({ ms }) => ms)).toEqual([lateMs])
  await admit('10.0.0.2')
  time.held[0]!.end()
  expect(await next).toBe('There are too many requests from your address. Try again in 2 s.')
  time.at = 2_000
  await admit('10.0.0.1')
})

test('a probe waits, too, and is never refused; it has a limit of its own', async () => {
  const time = stillTime()
  const admit = createTurnstile(time)
  for (let times = 0; times < 200; times++) await admit('10.0.0.1')
  for (let times = 0; times < 200; times++) await admit('10.0.0.1', true)
  expect(time.held).toEqual([])
  const probe = outcome(admit('10.0.0.1', true))
  time.held[0]!.end()
  expect(await probe).toBe('let in')
})

test('so many wait at once, and those beyond are refused without waiting', async () => {
  const time = stillTime()
  const admit = createTurnstile(time)
  for (let times = 0; times < 200; times++) await admit('10.0.0.1')
  const waiting = Array.from({ length: 1_000 }, () => outcome(admit('10.0.0.1')))
  expect(await outcome(admit('10.0.0.1'))).toMatch(/^There are too many/)
  expect(time.held).toHaveLength(1_000)
  time.held.forEach(({ end }) => end())
  await Promise.all(waiting)
  void admit('10.0.0.1').catch(() => undefined)
  expect(time.held).toHaveLength(1_001)
})

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['2001:db8::3:4:5:6', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::', 'fe80:0:0:0'],
])('%s counts as %s', (address, network) => expect(networkOf(address)).toBe(network))

describe('every door', () => {
  type Call = {
    readonly url: string
    readonly method?: 'GET' | 'POST' | 'OPTIONS'
    readonly headers?: Readonly<Record<string, string>>
    readonly payload?: string | object
  }
  const origin = 'https://hub.example'
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const doors: readonly (readonly [what: string, call: Call])[] = [
    ['the document', { url: '/openapi.json' }],
    ['the scripts', { url: `/scripts/1/${'a'.repeat(64)}/x/enableagent.sh` }],
    ['the service', { url: '/api/v1/service' }],
    ['the sign-in', { url: '/api/v1/session', method: 'POST', payload: { appToken: 'x', accessToken: 'y' } }],
    ['a nonce', { url: '/api/v1/registration/nonce', method: 'POST', payload: 'poolId=7&machine=m', headers: form }],
    ['a claim', { url: '/api/v1/registration/claim', method: 'POST', payload: 'x=y', headers: form }],
    ['a report', { url: '/api/v1/registration/report', method: 'POST', payload: 'x=y', headers: form }],
    ['the nudge without its secret', { url: '/api/v1/nudge', method: 'POST' }],
    ['the figures', { url: '/metrics' }],
    ['the resources', { url: '/_apis', method: 'OPTIONS' }],
    ['the resources of an area', { url: '/_apis/distributedtask', method: 'OPTIONS' }],
    ['the areas', { url: '/fabrikam/_apis/resourceAreas' }],
    ['a pool without a key', { url: '/api/v1/pools/7' }],
    ['a pool with a wrong key', { url: '/api/v1/pools/7', headers: { authorization: 'Bearer wrong' } }],
    ['what is not there', { url: '/wp-login.php' }],
    ['an address that does not parse', { url: '/%' }],
    ['a question of a browser', { url: '/api/v1/pools', method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } }],
  ]
  const remoteAddress = '10.1.0.1'
  const refused = async () => Promise.reject(new ApiProblem(401, { code: 'appToken', message: 'Nobody is let in here.' }))
  let app: App

  beforeAll(async () => {
    const state = world()
    state.signIn = { hubOrigins: [origin], sessions: sessionsOf(), signIn: refused, organizationOf: refused }
    app = await apiOf(state)
  })

  test('that the document names as open, is among them', () => {
    const paths = Object.entries(app.swagger().paths ?? {}).flatMap(([path, operations]) =>
      Object.entries(operations as Record<string, { readonly 'x-right': string }>)
        .filter(([, { 'x-right': right }]) => ['open', 'local', 'hook'].includes(right))
        .map(([method]) => `${method.toUpperCase()} ${path}`),
    )
    const matches = paths.map((path) => {
      const [method = '', url = ''] = path.split(' ')
      const pattern = new RegExp(`^(/\\w+)?${url.replace(/\{\w+\}/g, '[^/]+').replace(/\/$/, '/?')}$`, 'i')
      const isProbe = url === '/healthz' || url === '/readyz'
      return [path, isProbe || doors.some(([, call]) => (call.method ?? 'GET') === method && pattern.test(call.url))]
    })
    expect(matches.filter(([, isThere]) => isThere !== true)).toEqual([])
    expect(matches.length).toBeGreaterThan(10)
  })

  test('counts whoever comes, and answers 429 with Retry-After and a sentence to whoever comes too often, and to nobody else', async () => {
    const seen: number[] = []
    for (let times = 0; times < 200; times++) {
      const [, call] = doors[times % doors.length]!
      seen.push((await app.inject({ ...call, remoteAddress })).statusCode)
    }
    expect(seen.includes(429)).toBe(false)
    // Had one of them not counted, the first would be let in still.
    for (const [at, [what, call]] of doors.entries()) {
      const answer = await app.inject({ ...call, remoteAddress })
      expect([what, answer.statusCode, answer.headers['retry-after']]).toEqual([what, 429, '2'])
      expect(answer.body).toContain('There are too many requests from your address. Try again in 2 s.')
      expect(answer.headers['x-content-type-options']).toBe('nosniff')
      const other = await app.inject({ ...call, remoteAddress: '10.2.0.1' })
      expect([what, other.statusCode]).toEqual([what, seen[at]])
    }
  })

  test('for whoever watches stays open, and whoever is known is not counted', async () => {
    const known: readonly Call[] = [
      { url: '/healthz' },
      { url: '/readyz' },
      { url: '/api/v1/pools', headers: asOperator },
      { url: '/api/v1/nudge', method: 'POST', headers: { 'x-scale-set-agents-secret': hookSecret } },
    ]
    for (const call of known) {
      const statuses = new Set<number>()
      for (let times = 0; times < 300; times++) statuses.add((await app.inject({ ...call, remoteAddress })).statusCode)
      expect([call.url, [...statuses].every((status) => status < 300)]).toEqual([call.url, true])
    }
    expect((await app.inject({ url: '/wp-login.php', remoteAddress })).statusCode).toBe(429)
  })
})

test('a request has to have arrived within half a minute', async () => {
  expect((await apiOf(world())).server.requestTimeout).toBe(30_000)
})
