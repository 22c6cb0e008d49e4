/** Who may call what: everybody with every credential at every route of the document. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { SignJWT, UnsecuredJWT } from 'jose'
import type { App } from '../../backend/api/parts.ts'
import { rights, type Right } from '../../backend/api/rights.ts'
import { requireRights } from '../../backend/api/app.ts'
import { asOperator, basic, hookSecret, operatorKey, world } from './fixture.ts'
import { appTokenOf, accessTokenOf, manager, sessionKey, sessionOf, sessionsOf, signInApi, time, user } from './people.ts'

type Route = { readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'; readonly path: string; readonly right: Right }
type Operation = { readonly 'x-right': Right }

/** Those of the document, with the organization before `/_apis` too, where clients may have it. */
function routesOf(app: App): readonly Route[] {
  return Object.entries(app.swagger().paths ?? {}).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, Operation>).flatMap(([method, { 'x-right': right }]) =>
      [path, ...(path.startsWith('/_apis') ? [`/fabrikam${path}`] : [])].map((each) => ({
        method: method.toUpperCase() as Route['method'],
        path: each,
        right,
      })),
    ),
  )
}

/** The query is wrong, so that no stream stays open; rights come first. */
const urlOf = (path: string, poolId: number): string =>
  path
    .replace('{poolId}', String(poolId))
    .replace(/\{\w+\}/g, '1')
    .replace(/\/events$/, '$&?after=x')

type Caller = { readonly headers: () => Promise<Record<string, string>>; readonly opens: Partial<Record<Right, 'own' | 'any'>> }
type Verdict = 'let in' | 401 | 403

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const claims = { name: 'Ada', manage: [7, 8], useOnly: [], mayCreate: true }
const session = (alg = 'HS256') =>
  new SignJWT(claims)
    .setProtectedHeader({ alg })
    .setIssuer('scale-set-agents')
    .setAudience('https://dev.azure.com/fabrikam')
    .setSubject(manager.id)
const everything = Object.fromEntries(rights.map((right) => [right, 'any' as const]))

function callersOf(app: App): Readonly<Record<string, Caller>> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const open = { open: 'any' } as const
  const stranger = (headers: () => Promise<string> | string): Caller => ({ headers: async () => bearer(await headers()), opens: open })
  return {
    'no token': { headers: async () => ({}), opens: open },
    'app token only': stranger(() => appTokenOf(manager)),
    'access token only': stranger(() => accessTokenOf(manager)),
    'forged, no signature': stranger(() => new UnsecuredJWT({ ...claims, iss: 'scale-set-agents', exp: 9e9 }).encode()),
    'forged, RS256': stranger(() => session('RS256').setExpirationTime('60s').sign(privateKey)),
    'forged, other secret': stranger(() =>
      session()
        .setExpirationTime('60s')
        .sign(new TextEncoder().encode('x'.repeat(43))),
    ),
    'forged, expired': stranger(() => session().setExpirationTime('-1s').sign(sessionKey)),
    'forged, future': stranger(() => session().setNotBefore('1h').setExpirationTime('2h').sign(sessionKey)),
    'forged, huge': stranger(async () => `${await session().setExpirationTime('60s').sign(sessionKey)}${'A'.repeat(14_000)}`),
    'forged, no end': stranger(() => session().sign(sessionKey)),
    'other organization': stranger(() =>
      sessionsOf('https://dev.azure.com/contoso').issue(manager, { manage: [7, 8], use: [7, 8], mayCreate: true }),
    ),
    'session as a password': { headers: async () => basic((await sessionOf(app, manager)).authorization.slice(7)), opens: open },
    'hook secret': { headers: async () => basic(hookSecret), opens: { ...open, hook: 'any' } },
    'use only': { headers: () => sessionOf(app, user), opens: { ...open, signedIn: 'any', use: 'own' } },
    manage: {
      headers: async () => ({ ...(await sessionOf(app, manager)), 'x-azure-devops-token': accessTokenOf(manager) }),
      opens: { ...open, signedIn: 'any', use: 'own', manage: 'own', create: 'any' },
    },
    operator: { headers: async () => asOperator, opens: everything },
    'operator, as Bearer': { headers: async () => bearer(operatorKey), opens: everything },
  }
}

const signedIn = new Set(['use only', 'manage'])

function verdictOn(name: string, { opens }: Caller, { right }: Route, isOwn: boolean): Verdict {
  const opened = opens[right]
  if (opened === 'any' || (opened === 'own' && isOwn)) return 'let in'
  return signedIn.has(name) && right !== 'hook' && right !== 'local' ? 403 : 401
}

const names = Object.keys(callersOf({} as App))

/** Answers that were as they must be, by route and caller: `npm run trust` asks for their number. */
const judged: { readonly route: string; readonly caller: string }[] = []
afterAll(() => {
  const file = process.env['RIGHTS_FIGURES_FILE']
  const different = (field: 'route' | 'caller') => new Set(judged.map((each) => each[field])).size
  if (file !== undefined)
    writeFileSync(file, JSON.stringify({ routes: different('route'), roles: different('caller'), cases: judged.length }))
})

test.each(names)('%s', async (name) => {
  const state = world()
  state.isLocal = false
  const { app } = await signInApi(state)
  const caller = callersOf(app)[name]!
  const headers = await caller.headers()
  const [expected, got]: Record<string, Verdict>[] = [{}, {}]
  const refusals = new Set<string>()
  const asked: string[] = []
  for (const route of routesOf(app)) {
    for (const poolId of route.path.includes('{poolId}') ? [7, 8] : [7]) {
      const { method } = route
      const url = urlOf(route.path, poolId)
      const answer = await app.inject({ method, url, headers, ...(['GET', 'DELETE', 'OPTIONS'].includes(method) ? {} : { payload: {} }) })
      expected![`${method} ${url}`] = verdictOn(name, caller, route, poolId === 7)
      got![`${method} ${url}`] =
        [401, 403].includes(answer.statusCode) && !isSessionOrRegistration(url) ? (answer.statusCode as 401) : 'let in'
      asked.push(`${method} ${route.path}`)
      if (answer.statusCode === 401 && (route.right === 'use' || route.right === 'manage')) refusals.add(answer.json().message)
    }
  }
  expect(got).toEqual(expected)
  judged.push(...asked.map((route) => ({ route, caller: name })))
  // Nothing tells one refused session from another.
  expect(refusals.size).toBeLessThanOrEqual(1)
})

/** They are open, and judge what is in their body themselves. */
const isSessionOrRegistration = (url: string): boolean => /\/api\/v1\/(session|registration)/.test(url)

test('the document names the right of every route, and each right is somewhere', async () => {
  const { app } = await signInApi()
  const routes = routesOf(app)
  expect(routes.length).toBeGreaterThan(40)
  expect(new Set(routes.map(({ right }) => right))).toEqual(new Set(rights))
  expect(routes.filter(({ method, right }) => method !== 'GET' && (right === 'use' || right === 'signedIn'))).toEqual([])
})

test('what does not look at who asks is on this list, and what makes something too', async () => {
  const { app } = await signInApi()
  const routes = routesOf(app).filter(({ path }) => !path.startsWith('/fabrikam'))
  const having = (...wanted: readonly Right[]) =>
    routes.flatMap(({ method, path, right }) => (wanted.includes(right) ? `${method} ${path}` : [])).toSorted()
  expect(having('open')).toEqual([
    'GET /_apis/resourceAreas',
    'GET /api/v1/service',
    'GET /healthz',
    'GET /readyz',
    'GET /scripts/{version}/{sha256}/{mark}/{file}',
    'OPTIONS /_apis',
    'OPTIONS /_apis/{area}',
    'POST /api/v1/registration/claim',
    'POST /api/v1/registration/nonce',
    'POST /api/v1/registration/report',
    'POST /api/v1/session',
  ])
  expect(having('local', 'hook')).toEqual(['GET /metrics', 'POST /api/v1/nudge'])
  expect(having('signedIn')).toEqual(['GET /_apis/distributedtask/elasticpools', 'GET /api/v1/events', 'GET /api/v1/pools'])
  expect(having('create')).toEqual([
    'GET /api/v1/built-in-pools',
    'GET /api/v1/scale-sets',
    'POST /_apis/distributedtask/elasticpools',
    'POST /api/v1/check',
    'POST /api/v1/pools',
  ])
})

test('no spelling of a path leads round the right', async () => {
  const { app } = await signInApi()
  const headers = await sessionOf(app, manager)
  const status = async (url: string, method: 'GET' | 'HEAD' = 'GET') => (await app.inject({ method, url, headers })).statusCode
  for (const poolId of ['7', '%37', '007']) expect(await status(`/api/v1/pools/${poolId}`)).toBe(200)
  for (const poolId of ['8', '%38', '008', '8.0', '0x8', '7.0', '0x7', '7e0', '%207', '7%00', '-7', '99999999999', '7,8', '7%2F..%2F8'])
    expect([400, 403, 404]).toContain(await status(`/API/v1/pools/${poolId}/`))
  expect(await status('/api/v1/pools/8', 'HEAD')).toBe(403)
  expect(await status('/api/v1/pools/7', 'HEAD')).toBe(200)
})

test('a route of a pool without a right to the pool stops the start, and so does such a right without a pool', async () => {
  const { fastify } = await import('fastify')
  const bare = fastify()
  requireRights(bare as never)
  const add = (path: string, right: Right) => () => bare.get(path, { config: { right } }, () => 'x')
  expect(add('/pools/:poolId/machines', 'signedIn')).toThrow('GET /pools/:poolId/machines has the right signedIn')
  expect(add('/pools', 'use')).toThrow('GET /pools has the right use')
  expect(add('/pools/:poolId', 'use')).not.toThrow()
})

test('what watches the service needs no key on the same computer, and learns no names from elsewhere', async () => {
  const state = world()
  state.lease = 'Another replica (b) holds the lease.'
  const { app } = await signInApi(state)
  expect((await app.inject({ url: '/metrics' })).statusCode).toBe(200)
  expect((await app.inject({ url: '/readyz' })).json().reasons).toContain(state.lease)
  const elsewhere = await signInApi({ ...state, isLocal: false })
  expect((await elsewhere.app.inject({ url: '/metrics' })).statusCode).toBe(401)
  const ready = await elsewhere.app.inject({ url: '/readyz' })
  expect([ready.statusCode, ready.json().reasons]).toEqual([
    503,
    ['The reasons are in the log of the service, and in GET /api/v1/pools for whoever may use a pool.'],
  ])
})

test('the right of a session is the one of its minute, not of the one before', async () => {
  const { app } = await signInApi()
  const headers = await sessionOf(app, manager)
  time.aheadMs = 59_000
  expect((await app.inject({ url: '/api/v1/pools/7', headers })).statusCode).toBe(200)
  time.aheadMs = 60_000
  expect((await app.inject({ url: '/api/v1/pools/7', headers })).statusCode).toBe(401)
})
