import { world, scaleSetId, asOperator } from './fixture.ts'
import { accessTokenOf, manager, nobody, sessionOf, sessionsOf, signInApi, user, type Somebody } from './people.ts'

const by = `Ada Brandt (${manager.id})`
const emptyWorld = () => world({ empty: true })

/** Pool 8, which the fixture adds, is on the scale set already. */
async function start(state = emptyWorld()) {
  const api = await signInApi(state)
  state.records.clear()
  const headersOf = async (person: Somebody, token: string | undefined) => ({
    authorization: `Bearer ${await sessionsOf().issue(person, { manage: [], use: [], mayCreate: true })}`,
    ...(token === undefined ? {} : { 'x-azure-devops-token': token }),
  })
  const create = async (person: Somebody, token: string | undefined, payload: object = {}) =>
    api.app.inject({
      method: 'POST',
      url: '/api/v1/pools',
      headers: await headersOf(person, token),
      payload: { scaleSetId, poolName: 'linux', ...payload },
    })
  return { ...api, headersOf, create }
}

test('pool, queue and authorization are made with the rights of the person, and recorded', async () => {
  const { state, create } = await start()
  const answer = await create(manager, accessTokenOf(manager), { project: 'Fabrikam', authorizeAllPipelines: true })
  expect([answer.statusCode, answer.json().agentPool]).toEqual([201, 'made'])
  expect(state.asked).toEqual(['Ada Brandt: add pool linux', 'Ada Brandt: add queue linux', 'Ada Brandt: authorize'])
  expect(state.told).toEqual([`${by} made linux`])
})

test('so are those of elastic pool clients with a session', async () => {
  const { app, state, headersOf } = await start()
  const answer = await app.inject({
    method: 'POST',
    url: '/_apis/distributedtask/elasticpools?poolName=linux',
    headers: await headersOf(manager, accessTokenOf(manager)),
    payload: { azureId: scaleSetId },
  })
  expect(answer.statusCode).toBe(200)
  expect(state.asked).toEqual(['Ada Brandt: add pool linux'])
})

test('the operator makes pools with the rights of the service', async () => {
  const { app, state } = await start()
  await app.inject({ method: 'POST', url: '/api/v1/pools', headers: asOperator, payload: { scaleSetId, poolName: 'linux' } })
  expect(state.asked).toEqual(['the service: add pool linux'])
  expect(state.told).toEqual(['ada made linux'])
})

test.each([
  ['no token', manager, undefined, 403, 'personToken'],
  ['the token of somebody else', user, accessTokenOf(manager), 403, 'otherPerson'],
  ['a token that Azure DevOps does not take', manager, 'some.other.token', 401, 'accessToken'],
] as const)('nothing is made with %s', async (_, person, token, status, code) => {
  const { state, create } = await start()
  const answer = await create(person, token)
  expect([answer.statusCode, answer.json().code]).toEqual([status, code])
  expect([state.asked, [...state.records]]).toEqual([[], []])
})

test('Azure DevOps has the last word on a person without the right to make pools', async () => {
  const { state, create } = await start()
  const answer = await create(nobody, accessTokenOf(nobody))
  expect([answer.statusCode, answer.json().message]).toEqual([
    422,
    'The agent pool linux was not made: no right to make pools (AccessDeniedException).',
  ])
  expect(state.records.size).toBe(0)
})

test('a pool that the person does not manage is not taken, although the service could', async () => {
  const { state, create } = await start()
  state.agentPools.push({ id: 55, name: 'linux', builtIn: false, autoProvision: false, autoUpdate: true })
  const answer = await create(manager, accessTokenOf(manager), { existingPool: true })
  expect([answer.statusCode, answer.json().message]).toEqual([
    422,
    'You may not manage the agent pool linux. Choose another name, or ask an administrator of that pool.',
  ])
  expect(state.records.size).toBe(0)
})

test("nor are the machines of somebody else's pool confirmed by repeating its creation", async () => {
  const { state, create } = await start(world())
  state.agentPools[0] = { ...state.agentPools[0]!, id: 56 }
  state.records.set(56, { ...world().records.get(7)!, poolId: 56 })
  const answer = await create(manager, accessTokenOf(manager), { replaceMachines: true })
  expect(answer.statusCode).toBe(422)
  expect(state.told).toEqual([])
})

test('a pool that a person made and the service may not manage is taken up once it may', async () => {
  const { state, create } = await start()
  state.serviceManages = false
  const refused = await create(manager, accessTokenOf(manager))
  expect([refused.statusCode, refused.json().message]).toEqual([
    422,
    "The service's identity may not manage the agent pool linux. Make it an administrator of the pool in Organization settings, Agent pools, Security, and repeat.",
  ])
  expect(state.records.size).toBe(0)
  state.serviceManages = true
  // Whoever made a pool manages it: 90 is one of hers.
  state.agentPools[0] = { ...state.agentPools[0]!, id: 90 }
  const repeated = await create(manager, accessTokenOf(manager))
  expect([repeated.statusCode, repeated.json().agentPool]).toEqual([201, 'taken'])
})

test('the check of a scale set needs the right to make pools, and no token', async () => {
  const { app, headersOf } = await start()
  const check = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/api/v1/check', headers, payload: { scaleSetId } })).statusCode
  expect(await check(await headersOf(manager, undefined))).toBe(200)
  expect(await check(await sessionOf(app, user))).toBe(403)
})
