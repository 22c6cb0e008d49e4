/** Every route of the document under nonsense: never a 5xx, never a word of our inside. And what a flood at the open doors reaches. */
import fc from 'fast-check'
import type { App } from '../../backend/api/parts.ts'
import { apiOf, asOperator, hookSecret, operatorKey, pool, world } from '../api/fixture.ts'

type Schema = { readonly properties?: Readonly<Record<string, unknown>> }
type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: Schema }>> }
}
type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'
  readonly path: string
  readonly query: readonly string[]
  readonly fields: readonly string[]
  readonly hasBody: boolean
}

/** Without the stream, which does not end. */
function routesOf(app: App): readonly Route[] {
  return Object.entries(app.swagger().paths ?? {})
    .filter(([path]) => path !== '/api/v1/events')
    .flatMap(([path, operations]) =>
      Object.entries(operations as Record<string, Operation>).map(([method, { parameters = [], requestBody }]) => {
        const schema = Object.values(requestBody?.content ?? {})[0]?.schema
        return {
          method: method.toUpperCase() as Route['method'],
          ...{ path, query: parameters.filter((each) => each.in === 'query').map(({ name }) => name) },
          ...{ fields: Object.keys(schema?.properties ?? {}), hasBody: requestBody !== undefined },
        }
      }),
    )
}

const nasty = fc.constantFrom(
  ...[
    '',
    '0',
    '-1',
    '7',
    '1e309',
    '99999999999999999999',
    'null',
    '../../etc/passwd',
    '%2e%2e%2f',
    "' or 1=1 --",
    '"; drop table meta; --',
  ],
  ...[
    '<script>alert(1)</script>',
    '${7*7}',
    '{{7*7}}',
    '\u0000',
    '\ud800',
    '\r\nset-cookie: a=b',
    '__proto__',
    'constructor',
    'A'.repeat(300),
    '🦊',
  ],
)
const value = fc.oneof(
  nasty,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    { __proto__: { admin: true } },
    [],
    {},
    null,
    true,
    -0.5,
    2 ** 53,
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  ),
)
const contentTypes = fc.constantFrom(
  'application/json',
  'application/json',
  'application/json',
  'application/x-www-form-urlencoded',
  'text/plain',
  'nonsense',
  '',
)

/** Field names of the schema, mostly, so that the checks behind it are reached. */
const requestTo = (route: Route) =>
  fc.record({
    path: fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant('7') }, { weight: 2, arbitrary: nasty }), { minLength: 6, maxLength: 6 }),
    query: fc.dictionary(fc.oneof(fc.constantFrom('x', ...route.query), nasty), nasty, { maxKeys: 3 }),
    body: fc.oneof(
      {
        weight: 5,
        arbitrary: fc.dictionary(fc.constantFrom('x', ...route.fields), value, { maxKeys: 6 }).map((body) => JSON.stringify(body)),
      },
      { weight: 1, arbitrary: value.map((body) => JSON.stringify(body)) },
      { weight: 1, arbitrary: fc.constantFrom('{', '[[[[', '{"a":', '\u0000', `${'['.repeat(5000)}`, '{"__proto__":{"x":1}}') },
    ),
    contentType: contentTypes,
    header: fc.constantFrom(
      {},
      { accept: 'text/html' },
      { accept: 'application/json;api-version=99.9;enumsAsInts=true' },
      { 'last-event-id': 'x' },
      { origin: 'https://evil.example' },
    ),
  })

const leaks = /node_modules|\n +at |backend\/|\.ts:\d|SQLITE|select .* from|ECONN|TypeError|is not a function|Cannot read/i

test('0 answers of 5xx and 0 leaks on every route', async () => {
  const state = world()
  state.agentPools.push(pool(8, 'other'))
  const logged: unknown[] = []
  state.logged = { info: () => undefined, warn: (...words) => void logged.push(words), error: (...words) => void logged.push(words) }
  const app = await apiOf(state)
  const routes = routesOf(app)
  const seen = { requests: 0, statuses: new Map<number, number>() }
  expect(routes.length).toBeGreaterThan(40)
  for (const route of routes) {
    await fc.assert(
      fc.asyncProperty(requestTo(route), async ({ path, query, body, contentType, header }) => {
        const parts = [...path]
        const url = route.path.replace(/\{\w+\}/g, () => encodeURIComponent((parts.shift() ?? '7').replace(/[\ud800-\udfff]/g, '?')))
        const answer = await app.inject({
          ...{ method: route.method, url, query: query as Record<string, string> },
          headers: { ...asOperator, ...header, ...(route.hasBody && { 'content-type': contentType }) },
          ...(route.hasBody && { payload: body }),
        })
        seen.requests += 1
        seen.statuses.set(answer.statusCode, (seen.statuses.get(answer.statusCode) ?? 0) + 1)
        expect([`${route.method} ${url}`, answer.statusCode < 500]).toEqual([`${route.method} ${url}`, true])
        expect(answer.body).not.toMatch(leaks)
        for (const secret of [operatorKey, hookSecret]) expect(answer.body + JSON.stringify(answer.headers)).not.toContain(secret)
        expect(answer.headers['set-cookie']).toBeUndefined()
        // Routes change the pool: the next request finds it again.
        if (!state.records.has(7)) state.records.set(7, world().records.get(7)!)
      }),
      { numRuns: 60 },
    )
  }
  expect(logged).toEqual([])
  expect(({} as { readonly polluted?: unknown }).polluted).toBeUndefined()
  expect(seen.requests).toBeGreaterThan(2_000)
  // The checks behind the schemas were reached, too.
  expect(seen.statuses.get(200)).toBeGreaterThan(100)
}, 120_000)

test('no route takes a body that is larger than what it needs', async () => {
  const app = await apiOf(world())
  for (const { method, path, hasBody } of routesOf(app).filter((route) => !['GET', 'OPTIONS'].includes(route.method))) {
    const isForm = path.includes('/registration/')
    const answer = await app.inject({
      ...{ method, url: path.replace(/\{\w+\}/g, '7'), payload: `{"x":"${'y'.repeat(300 * 1024)}"}` },
      headers: { ...asOperator, 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' },
    })
    expect([method, path, answer.statusCode]).toEqual([method, path, hasBody || answer.statusCode === 413 ? 413 : answer.statusCode])
    if (hasBody) expect(answer.statusCode).toBe(413)
  }
  // Open doors are narrower still.
  for (const [url, bytes] of [
    ['/api/v1/session', 24],
    ['/api/v1/registration/claim', 20],
  ] as const) {
    const type = url.includes('registration') ? 'application/x-www-form-urlencoded' : 'application/json'
    const answer = await app.inject({ method: 'POST', url, payload: 'a'.repeat((bytes + 1) * 1024), headers: { 'content-type': type } })
    expect([url, answer.statusCode]).toEqual([url, 413])
  }
})

test('a flood at the doors that are open to everyone asks the store once, and lets nobody through', async () => {
  const state = world()
  let asked = 0
  const has = state.records.keys.bind(state.records)
  state.records.keys = () => {
    asked += 1
    return has()
  }
  const app = await apiOf(state)
  const open = ['/healthz', '/readyz', '/openapi.json', '/api/v1/service', `/scripts/1/${'b'.repeat(64)}/x/y`, '/_apis/resourceAreas']
  for (let round = 0; round < 300; round++) for (const url of open) await app.inject({ url })
  for (let round = 0; round < 200; round++)
    expect((await app.inject({ url: '/api/v1/pools', remoteAddress: '10.0.0.1' })).statusCode).toBe(401)
  expect(asked).toBe(1)
})
