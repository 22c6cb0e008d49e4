/** The people of the sandbox sign in: real tokens, and Azure DevOps' answers over HTTPS through the adapter. */
import { createClock } from '../../backend/adapters/clock.ts'
import { createIdentity, type PeoplesDevOps } from '../../backend/adapters/identity.ts'
import { people } from '../../sandbox/people.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { createTestMetrics } from '../adapters/outside.ts'
import { call, pat, start } from '../sandbox/sandbox-support.ts'
import { scaleSetId, world } from './fixture.ts'
import { sessionsOf, signIn, signInApi, type Somebody } from './people.ts'

const pools = '/contoso/_apis/distributedtask/pools?api-version=7.1'
const administrator = { authorization: `Basic ${Buffer.from(`:${pat}`).toString('base64')}` }

let sandbox: Sandbox
let identity: PeoplesDevOps
let poolId: number
beforeAll(async () => {
  sandbox = await start()
  const { organizationUrl: url, caFile } = sandbox
  identity = createIdentity({ config: { url, caFile }, clock: createClock({ startAt: 0 }), metrics: createTestMetrics() })
  poolId = Number((await call(sandbox, pools, { ...administrator, json: { name: 'linux' } })).body['id'])
})
afterAll(() => identity.close())

const named = (name: string): Somebody => {
  const { id, displayName } = people.find(({ displayName }) => displayName.startsWith(name))!
  return { id, name: displayName, manage: [], use: [] }
}
const [ada, ben, olga] = [named('Ada'), named('Ben'), named('Olga')]

async function tokenOf({ id }: Somebody, kind: 'access-token' | 'app-token'): Promise<string> {
  return String((await call(sandbox, `/_sandbox/people/${id}/${kind}`, { method: 'POST' })).body['token'])
}
const tokensOf = async (person: Somebody) => ({
  appToken: await tokenOf(person, 'app-token'),
  accessToken: await tokenOf(person, 'access-token'),
})

/** The API of a service with this secret, which runs the pool. */
async function service(secrets?: readonly string[]) {
  const state = world({ empty: true })
  const file = await import('node:fs/promises').then(({ readFile }) => readFile(sandbox.extension.file, 'utf8'))
  const { secret } = JSON.parse(file) as { secret: string }
  const api = await signInApi(state, identity, { id: sandbox.extension.id, secrets: [...(secrets ?? [secret])] })
  state.records.clear()
  return { ...api, secret, runs: () => state.records.set(poolId, { ...world().records.get(7)!, poolId }) }
}

test.each([
  ['manage', ada, { manage: true, use: true, mayCreate: true }],
  ['use', ben, { manage: false, use: true, mayCreate: false }],
] as const)('a person with the right to %s gets it', async (_, person, { manage, use, mayCreate }) => {
  const { app, runs } = await service()
  runs()
  const answer = await signIn(app, person, await tokensOf(person))
  expect(answer.json()).toMatchObject({
    person: { id: person.id, name: person.name },
    pools: { manage: manage ? [poolId] : [], use: use ? [poolId] : [] },
    mayCreate,
  })
})

test('a person without a right, or with the token of another, gets nothing', async () => {
  const { app } = await service()
  expect((await signIn(app, olga, await tokensOf(olga))).json().code).toBe('noAccess')
  const mixed = { appToken: await tokenOf(ben, 'app-token'), accessToken: await tokenOf(ada, 'access-token') }
  expect((await signIn(app, ben, mixed)).json().code).toBe('otherPerson')
})

test('a token that Azure DevOps answers with its sign-in page is told as such', async () => {
  const { app } = await service()
  const accessToken = `${await tokenOf(ada, 'access-token')}x`
  const answer = await signIn(app, ada, { appToken: await tokenOf(ada, 'app-token'), accessToken })
  expect([answer.statusCode, answer.json().code]).toEqual([401, 'accessToken'])
})

test('while the secret changes, tokens of both count', async () => {
  const before = await tokensOf(ada)
  const { secret: old } = await service()
  await sandbox.extension.rotateSecret()
  const { secret: present } = await service()
  const { app } = await service([present, old])
  expect((await signIn(app, ada, before)).statusCode).toBe(200)
  expect((await signIn(app, ada, await tokensOf(ada))).statusCode).toBe(200)
  const { app: later } = await service()
  expect((await signIn(later, ada, before)).json().code).toBe('appToken')
})

test('a pool is made with the rights of the person, so a person without them makes none', async () => {
  const { app, state } = await service()
  const create = async (person: Somebody, poolName: string) =>
    app.inject({
      method: 'POST',
      url: '/api/v1/pools',
      headers: {
        authorization: `Bearer ${await sessionsOf().issue(person, { manage: [], use: [], mayCreate: true })}`,
        'x-azure-devops-token': await tokenOf(person, 'access-token'),
      },
      payload: { scaleSetId, poolName },
    })
  const refused = await create(ben, 'of-ben')
  expect([refused.statusCode, refused.json().message]).toEqual([422, expect.stringContaining('The agent pool of-ben was not made')])
  expect((await create(ada, 'of-ada')).statusCode).toBe(201)
  const { body } = await call(sandbox, pools, administrator)
  expect((body['value'] as { name: string }[]).map(({ name }) => name)).toEqual(['linux', 'of-ada'])
  expect(state.asked).toEqual([])
  expect(state.told).toEqual([`Ada Brandt (${ada.id}) made of-ada`])
})

test('an Azure DevOps that does not answer is no refusal', async () => {
  const down = createIdentity({
    config: { url: 'https://127.0.0.1:1/contoso' },
    clock: createClock({ startAt: 0 }),
    metrics: createTestMetrics(),
  })
  const { secret } = await service()
  const { app } = await signInApi(world(), down, { id: sandbox.extension.id, secrets: [secret] })
  const answer = await signIn(app, ada, await tokensOf(ada))
  expect([answer.statusCode, answer.json().code]).toEqual([503, 'unavailable'])
  await down.close()
})
