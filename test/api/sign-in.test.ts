import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt, SignJWT, UnsecuredJWT } from 'jose'
import { apiOf, asOperator, world } from './fixture.ts'
import {
  accessTokenOf,
  appTokenOf,
  directoryOf,
  extensionId,
  manager,
  nobody,
  previousSecret,
  secret,
  sessionOf,
  sessionsOf,
  signIn,
  signInApi,
  time,
  user,
} from './people.ts'

const s = () => Math.floor(Date.now() / 1000)

describe('a person with both tokens', () => {
  test('gets a session of a minute, with the rights to pools of this service only', async () => {
    const { app } = await signInApi()
    const answer = await signIn(app, manager)
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      session: expect.any(String),
      expiresInMs: 59_000,
      person: { id: manager.id, name: 'Ada Brandt' },
      organization: 'fabrikam',
      pools: { manage: [7], use: [7] },
      mayCreate: true,
    })
    expect((await signIn(app, user)).json()).toMatchObject({ pools: { manage: [], use: [7] }, mayCreate: false })
  })

  test('may come with the secret that was there before', async () => {
    const { app } = await signInApi()
    expect((await signIn(app, manager, { appToken: await appTokenOf(manager, { key: previousSecret }) })).statusCode).toBe(200)
  })

  test('has a session that ends', async () => {
    const { app } = await signInApi()
    const headers = await sessionOf(app, manager)
    const status = async () => (await app.inject({ url: '/api/v1/pools', headers })).statusCode
    expect(await status()).toBe(200)
    time.aheadMs = 61_000
    expect(await status()).toBe(401)
  })

  test('has a session without anything of the tokens', async () => {
    const { app } = await signInApi()
    const { session } = (await signIn(app, manager)).json()
    expect(decodeJwt(session)).toEqual({
      iss: 'scale-set-agents',
      aud: 'https://dev.azure.com/fabrikam',
      sub: manager.id,
      name: 'Ada Brandt',
      manage: [7],
      useOnly: [],
      mayCreate: true,
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
  })

  test('has a name without line ends, turning letters and end', async () => {
    const state = world()
    const directory = directoryOf(state)
    const { app } = await signInApi(state, {
      ...directory,
      person: async () => ({ kind: 'known', value: { id: user.id, name: `Ben\r\n\u202eokoro ${'🦊'.repeat(500)}` } }),
    })
    const { name } = (await signIn(app, user)).json().person
    expect(name).toMatch(/^Ben okoro 🦊+$/u)
    expect([...name]).toHaveLength(100)
  })
})

describe('an app token that is not all right:', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const claims = { nameid: manager.id, iss: 'app.vstoken.visualstudio.com', aud: extensionId, nbf: s(), exp: s() + 600 }
  const forged: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['nothing of a token', () => 'x'],
    ['no signature', () => new UnsecuredJWT(claims).encode()],
    ['a signature cut off', async () => (await appTokenOf(manager)).replace(/[^.]+$/, '')],
    ['RS256', () => new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)],
    ['HS512', () => appTokenOf(manager, { alg: 'HS512', key: secret.repeat(2) })],
    ['the right secret with HS384', () => appTokenOf(manager, { alg: 'HS384' })],
    ['another secret', () => appTokenOf(manager, { key: 'another-secret-of-a-certain-length' })],
    ['an end that is over', () => appTokenOf(manager, { claims: { nbf: s() - 4200, exp: s() - 61 } })],
    ['a begin that is to come', () => appTokenOf(manager, { claims: { nbf: s() + 120, exp: s() + 600 } })],
    ['no end', () => appTokenOf(manager, { claims: { exp: undefined } })],
    ['no begin', () => appTokenOf(manager, { claims: { nbf: undefined } })],
    ['a life of a year', () => appTokenOf(manager, { claims: { exp: s() + 365 * 86_400 } })],
    ['another issuer', () => appTokenOf(manager, { claims: { iss: 'https://example.com' } })],
    ['another extension', () => appTokenOf(manager, { claims: { aud: 'bbbbbbbb-1111-2222-3333-444444444444' } })],
    ['no person', () => appTokenOf(manager, { claims: { nameid: undefined } })],
    ['a person that is no text', () => appTokenOf(manager, { claims: { nameid: 7 } })],
    ['a size beyond reason', () => appTokenOf(manager, { claims: { filler: 'x'.repeat(5000) } })],
  ]

  test.each(forged)('%s', async (_, forge) => {
    const { app, directory } = await signInApi()
    const answer = await signIn(app, manager, { appToken: await forge() })
    expect([answer.statusCode, answer.json()]).toEqual([
      401,
      {
        code: 'appToken',
        message:
          'The app token is not one that this service accepts. Reload the page; if that does not help, compare the id and the secret of the extension in the configuration of the service.',
      },
    ])
    expect(directory.seen).toEqual([])
  })

  test('within a minute of its end it still counts', async () => {
    const { app } = await signInApi()
    expect(
      (await signIn(app, manager, { appToken: await appTokenOf(manager, { claims: { nbf: s() - 60, exp: s() - 30 } }) })).statusCode,
    ).toBe(200)
  })
})

describe('is turned away:', () => {
  test('an access token that Azure DevOps does not take', async () => {
    const { app } = await signInApi()
    for (const accessToken of ['of.another.organization', 'with a space', 'line\r\nend', 'ключ', 'x'.repeat(9000)]) {
      const answer = await signIn(app, manager, { accessToken })
      expect([answer.statusCode, answer.json().code]).toEqual([401, 'accessToken'])
    }
  })

  test('the access token of another person', async () => {
    const { app, directory } = await signInApi()
    const answer = await signIn(app, user, { accessToken: accessTokenOf(manager) })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'otherPerson'])
    expect(directory.seen).toEqual(['person'])
  })

  test('who may use no agent pool', async () => {
    const { app } = await signInApi()
    const answer = await signIn(app, nobody)
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'noAccess'])
  })

  test('everybody while Azure DevOps does not answer', async () => {
    const { app, directory } = await signInApi()
    directory.isDown = true
    const answer = await signIn(app, manager)
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable'])
  })

  test('a body that is too large, or that has something else in it', async () => {
    const { app } = await signInApi()
    const post = (payload: object) => app.inject({ method: 'POST', url: '/api/v1/session', payload })
    expect((await post({ appToken: 'x'.repeat(30_000), accessToken: 'y' })).statusCode).toBe(413)
    expect((await post({ appToken: 'x' })).json().message).toContain('lacks accessToken')
    expect((await post({ appToken: 'x', accessToken: 'y', organization: 'https://evil.example' })).statusCode).toBe(400)
  })

  test('everybody where sign-in is not configured', async () => {
    const app = await apiOf(world())
    expect((await signIn(app, manager)).statusCode).toBe(404)
    expect((await app.inject({ url: '/api/v1/service' })).json()).toMatchObject({ signIn: false })
  })

  test('one person who signs in again and again, and then for a minute', async () => {
    const { app } = await signInApi()
    const statuses: number[] = []
    for (let times = 0; times < 61; times += 1) statuses.push((await signIn(app, user)).statusCode)
    expect(statuses.slice(0, 60)).toEqual(Array(60).fill(200))
    const late = await signIn(app, user)
    expect([late.statusCode, late.json().code]).toEqual([429, 'tooMany'])
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(0)
    expect((await signIn(app, manager)).statusCode).toBe(200)
  })

  test('an address that keeps guessing', async () => {
    const { app } = await signInApi()
    const guess = () => signIn(app, manager, { appToken: 'guess' })
    for (let times = 0; times < 600; times += 1) await guess()
    expect((await guess()).statusCode).toBe(429)
  })
})

test('a session with the rights to a thousand pools still fits into a header', async () => {
  const pools = Array.from({ length: 1000 }, (_, at) => 10_000 + at)
  const session = await sessionsOf().issue(manager, { manage: pools.slice(0, 500), use: pools, mayCreate: true })
  expect(session.length).toBeLessThan(12_000)
  expect((await sessionsOf().read(session))?.rights.use).toEqual(pools)
})

test('only eight people are asked about at a time, and the others wait', async () => {
  const state = world()
  const directory = directoryOf(state)
  let inside = 0
  let insideMax = 0
  const { app } = await signInApi(state, {
    ...directory,
    async person(token, signal) {
      insideMax = Math.max(insideMax, (inside += 1))
      await new Promise((resolve) => setImmediate(resolve))
      inside -= 1
      return directory.person(token, signal)
    },
  })
  const answers = await Promise.all(Array.from({ length: 40 }, () => signIn(app, manager)))
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(40).fill(200))
  expect(insideMax).toBe(8)
})

test('the page learns before a sign-in whose service that is', async () => {
  const { app } = await signInApi()
  expect((await app.inject({ url: '/api/v1/service' })).json()).toEqual({
    product: 'scale-set-agents',
    version: '0.1.0',
    organization: 'fabrikam',
    signIn: true,
  })
})

test('lists hold the pools of the person only, and everything for the operator', async () => {
  const { app } = await signInApi()
  const ids = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/api/v1/pools', headers })).json().pools.map((each: { poolId: number }) => each.poolId)
  expect(await ids(await sessionOf(app, user))).toEqual([7])
  expect(await ids(asOperator)).toEqual([7, 8])
  const elastic = await app.inject({ url: '/_apis/distributedtask/elasticpools', headers: await sessionOf(app, user) })
  expect(elastic.json().value.map((each: { poolId: number }) => each.poolId)).toEqual([7])
})

test('a pool that came after the session is named as the reason to sign in again', async () => {
  const { app, state } = await signInApi()
  const headers = await sessionOf(app, manager)
  state.records.set(90, { ...state.records.get(7)!, poolId: 90 })
  const answer = await app.inject({ url: '/api/v1/pools/90', headers })
  expect([answer.statusCode, answer.json()]).toEqual([
    403,
    {
      code: 'forbidden',
      message:
        'You may not use pool 90. If it was made, or the role User given to you, within the last minute, sign in again; otherwise ask an administrator of that agent pool.',
    },
  ])
  expect((await app.inject({ url: '/api/v1/pools/90', headers: await sessionOf(app, manager) })).statusCode).toBe(200)
})

test('what is recorded names the person and the id, also in the log that outlives the pool', async () => {
  const logged: object[] = []
  const state = world()
  state.logged = { info: (fields) => void logged.push(fields), warn: () => undefined, error: () => undefined }
  const { app } = await signInApi(state)
  const headers = await sessionOf(app, manager)
  await app.inject({ method: 'PUT', url: '/api/v1/pools/7/settings', headers, payload: { version: 1, settings: { standby: 3 } } })
  await app.inject({ method: 'POST', url: '/api/v1/pools/7/confirm', headers, payload: { what: 'replace' } })
  const by = `Ada Brandt (${manager.id})`
  const history = await app.inject({ url: '/api/v1/pools/7/settings/history', headers })
  expect(history.json().changes).toMatchObject([{ by, before: { standby: 1 }, settings: { standby: 3 } }])
  expect(state.told).toEqual([`${by} confirmed replace`])
  await app.inject({ method: 'DELETE', url: '/api/v1/pools/7', headers })
  await app.inject({ method: 'DELETE', url: '/api/v1/pools/8', headers })
  await app.inject({ url: '/api/v1/pools', headers })
  expect(logged).toEqual([
    { by, call: 'PUT /api/v1/pools/:poolId/settings', poolId: 7 },
    { by, call: 'POST /api/v1/pools/:poolId/confirm', poolId: 7 },
    { by, call: 'DELETE /api/v1/pools/:poolId', poolId: 7 },
  ])
})
