import { createHash } from 'node:crypto'
import path from 'node:path'
import { loadAgentScripts } from '../../backend/api/agent-scripts.ts'
import { apiOf, asOperator, basic, hookSecret, operatorKey, world } from './fixture.ts'

const openPaths = ['/healthz', '/readyz', '/metrics', '/openapi.json', `/scripts/1/${'a'.repeat(64)}/pool-7/enableagent.sh`]

test('everything but the open routes asks for the operator key', async () => {
  const app = await apiOf(world())
  for (const url of openPaths) expect((await app.inject({ url })).statusCode).toBe(200)
  for (const url of ['/api/v1/pools', '/_apis/distributedtask/elasticpools', '/api/v1/events']) {
    const answer = await app.inject({ url })
    expect(answer.statusCode).toBe(401)
    expect(answer.json().message).toBe('No key was sent. Send the operator key as the Basic password (any user name) or as a Bearer token.')
  }
})

test.each([
  ['Basic password with any user', basic(operatorKey, 'whoever'), 200],
  ['Basic password without a user', basic(operatorKey, ''), 200],
  ['Bearer token', { authorization: `Bearer ${operatorKey}` }, 200],
  ['the hook secret', basic(hookSecret), 401],
  ['a wrong key', basic('guess'), 401],
  ['an empty key', basic(''), 401],
  ['something else', { authorization: 'Digest x' }, 401],
])('%s', async (_, headers, status) => {
  const app = await apiOf(world())
  expect((await app.inject({ url: '/api/v1/pools', headers })).statusCode).toBe(status)
})

test('a route without a declared right stops the start', async () => {
  const app = await apiOf(world())
  const routes = Object.values(app.swagger().paths ?? {})
  expect(routes.length).toBeGreaterThan(20)
  const { requireRights } = await import('../../backend/api/app.ts')
  const { fastify } = await import('fastify')
  const bare = fastify()
  requireRights(bare as never)
  expect(() => bare.get('/forgotten', () => 'open to the world')).toThrow('GET /forgotten does not declare its right')
})

test('the nudge takes the hook secret in its header or as password, and any body', async () => {
  const state = world()
  const app = await apiOf(state)
  const nudge = (headers: Record<string, string>, payload = 'not json') =>
    app.inject({ method: 'POST', url: '/api/v1/nudge', headers: { 'content-type': 'text/odd', ...headers }, payload })
  expect((await nudge({})).statusCode).toBe(401)
  expect((await nudge({ 'x-scale-set-agents-secret': 'guess' })).statusCode).toBe(401)
  expect(state.nudges).toEqual([])
  expect((await nudge({ 'x-scale-set-agents-secret': hookSecret })).statusCode).toBe(202)
  expect((await nudge(basic(hookSecret))).statusCode).toBe(202)
  expect((await app.inject({ method: 'POST', url: '/api/v1/nudge?poolId=7', headers: basic(hookSecret) })).statusCode).toBe(202)
  expect(state.nudges).toEqual([undefined, undefined, 7])
})

test('a body that is not JSON is refused as such', async () => {
  const app = await apiOf(world())
  for (const url of ['/api/v1/pools', '/_apis/distributedtask/elasticpools?poolName=p']) {
    const headers = { ...asOperator, 'content-type': 'text/plain' }
    const answer = await app.inject({ method: 'POST', url, headers, payload: '{}' })
    expect([answer.statusCode, answer.json().message]).toEqual([
      415,
      'The body is not JSON. Send it with the header content-type: application/json.',
    ])
  }
})

test('answers carry the security headers', async () => {
  const app = await apiOf(world())
  const { headers } = await app.inject({ url: '/api/v1/pools', headers: asOperator })
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY', 'cache-control': 'no-store' })
})

test('everything that is served, refusals and what is not there included, forbids a page to do anything with it', async () => {
  const app = await apiOf(world())
  const calls = Object.entries(app.swagger().paths ?? {}).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({ method: method.toUpperCase() as 'GET', url: path.replace(/\{\w+\}/g, '7') })),
  )
  expect(calls.length).toBeGreaterThan(40)
  const policy = "default-src 'none'; frame-ancestors 'none'"
  for (const headers of [{}, asOperator]) {
    for (const { method, url } of [
      ...calls,
      { method: 'GET' as const, url: '/nowhere' },
      { method: 'GET' as const, url: '/api/v1/pools/%' },
    ]) {
      // A wrong query ends a stream before it begins.
      const answer = await app.inject({ method, url: url.replace(/\/events$/, '$&?after=x'), headers })
      expect([method, url, answer.headers['content-security-policy']]).toEqual([method, url, policy])
    }
  }
})

test('readyz names each reason', async () => {
  const state = world()
  const app = await apiOf(state)
  state.lease = 'Another replica (b) holds the lease.'
  state.lastPassAt = 0
  const answer = await app.inject({ url: '/readyz' })
  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toEqual({
    ready: false,
    states: ['standby', 'late'],
    reasons: ['Another replica (b) holds the lease.', 'The last pass of pool 7 was 1000 s ago.'],
  })
})

test('only scripts of the manifest are served, under their own hash', async () => {
  const app = await apiOf(world())
  for (const url of [
    `/scripts/2/${'a'.repeat(64)}/pool-7/enableagent.sh`,
    `/scripts/1/${'b'.repeat(64)}/pool-7/enableagent.sh`,
    `/scripts/1/${'a'.repeat(64)}/pool-7/..%2fmanifest.json`,
  ]) {
    expect((await app.inject({ url })).statusCode).toBe(404)
  }
})

test('the manifest describes the scripts that are shipped', async () => {
  const scripts = await loadAgentScripts(path.join(process.cwd(), 'agent-scripts'))
  expect(scripts.files.map((file) => file.name)).toContain('enableagent.sh')
  for (const file of scripts.files) expect(createHash('sha256').update(file.body).digest('hex')).toBe(file.sha256)
})
