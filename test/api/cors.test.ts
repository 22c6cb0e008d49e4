import { apiOf, asOperator, world } from './fixture.ts'
import { manager, origin, sessionOf, signInApi } from './people.ts'

const preflight = (from: string, method = 'PUT') => ({
  method: 'OPTIONS' as const,
  url: '/api/v1/pools/7/settings',
  headers: { origin: from, 'access-control-request-method': method, 'access-control-request-headers': 'authorization' },
})

test('a page of a configured origin is told what it may send', async () => {
  const { app } = await signInApi()
  const answer = await app.inject(preflight(origin))
  expect([answer.statusCode, answer.body]).toEqual([204, ''])
  expect(answer.headers).toMatchObject({
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET, POST, PUT, DELETE',
    'access-control-allow-headers': 'authorization, content-type, x-azure-devops-token',
    vary: 'Origin',
    'x-content-type-options': 'nosniff',
  })
  expect(answer.headers).not.toHaveProperty('access-control-allow-credentials')
})

test('it reads answers, refusals too, and the strict headers stay', async () => {
  const { app } = await signInApi()
  for (const [url, headers, status] of [
    ['/api/v1/pools', await sessionOf(app, manager), 200],
    ['/api/v1/pools', {}, 401],
    ['/api/v1/nothing', {}, 404],
    ['/api/v1/pools/8', await sessionOf(app, manager), 403],
  ] as const) {
    const answer = await app.inject({ url, headers: { ...headers, origin } })
    expect(answer.statusCode).toBe(status)
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': origin,
      vary: 'Origin',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    })
  }
})

test.each([
  ['another publisher', 'https://evil.gallerycdn.vsassets.io'],
  ['a longer name', `${origin}.evil.example`],
  ['plain http', origin.replace('https', 'http')],
  ['another port', `${origin}:8443`],
  ['capital letters', origin.toUpperCase()],
  ['no origin to speak of', 'null'],
  ['everybody', '*'],
])('a page of %s is told nothing, and changes nothing', async (_, other) => {
  const { app, state } = await signInApi()
  expect((await app.inject(preflight(other))).headers).not.toHaveProperty('access-control-allow-origin')
  const read = await app.inject({ url: '/api/v1/pools', headers: { ...asOperator, origin: other } })
  expect(read.headers).not.toHaveProperty('access-control-allow-origin')
  const changed = await app.inject({ method: 'POST', url: '/api/v1/pools/7/pause', headers: { ...asOperator, origin: other } })
  expect([changed.statusCode, changed.json().code]).toEqual([403, 'origin'])
  expect(state.changes).toEqual([])
})

test('without sign-in no page calls the service', async () => {
  const app = await apiOf(world())
  expect((await app.inject(preflight(origin))).headers).not.toHaveProperty('access-control-allow-origin')
})

test('the routes for clients of Azure DevOps and for whoever watches have no page to answer', async () => {
  const { app } = await signInApi()
  for (const url of ['/_apis/distributedtask/elasticpools', '/metrics', '/healthz', '/apix/v1/pools'])
    expect((await app.inject({ url, headers: { ...asOperator, origin } })).headers).not.toHaveProperty('access-control-allow-origin')
})
