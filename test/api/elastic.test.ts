import type { Machine, PoolSnapshot } from '../../backend/core/snapshot.ts'
import { aScaleSet } from '../support/build.ts'
import { apiOf, asOperator, idle, known, logEntry, nothingToDo, nowMs, scaleSetId, snapshot, wallMs, world, type World } from './fixture.ts'

const browser = 'application/json;api-version=7.2-preview.1;excludeUrls=true;enumsAsNumbers=true;msDateFormat=true;noArrayWrap=true'
type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS'
async function call(state: World, method: Method, path: string, payload?: object, accept = 'application/json;api-version=7.1-preview.1') {
  const app = await apiOf(state)
  const answer = await app.inject({ method, url: path, headers: { ...asOperator, accept }, ...(payload && { payload }) })
  return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
}
const pools = '/_apis/distributedtask/elasticpools'

function withMachines(...machines: Machine[]): World {
  const state = world()
  state.latest.set(7, { snapshot: snapshot({ machines: known(machines) }), decision: nothingToDo, at: nowMs })
  return state
}

test('clients find the resources by their ids', async () => {
  for (const path of ['/_apis', '/_apis/', '/_apis/distributedtask', '/fabrikam/_apis/distributedTask']) {
    const { body } = await call(world(), 'OPTIONS', path)
    expect(body.value.find((each: { id: string }) => each.id === 'dd3c938f-835b-4971-b99a-db75a47aad43')).toEqual({
      id: 'dd3c938f-835b-4971-b99a-db75a47aad43',
      area: 'distributedtask',
      resourceName: 'elasticpools',
      routeTemplate: '_apis/{area}/{resource}/{poolId}',
      resourceVersion: 1,
      minVersion: '1.0',
      maxVersion: '7.2',
      releasedVersion: '7.1',
    })
  }
})

test('a pool in both dialects', async () => {
  const text = (await call(world(), 'GET', `/fabrikam${pools}`)).body
  expect(text).toMatchObject({
    count: 1,
    value: [
      {
        poolId: 7,
        azureId: scaleSetId,
        maxCapacity: 10,
        desiredIdle: 1,
        recycleAfterEachUse: false,
        maxSavedNodeCount: 1,
        osType: 'linux',
        state: 'online',
        timeToLiveMinutes: 30,
        orchestrationType: 'uniform',
        desiredSize: 1,
      },
    ],
  })
  const numbers = (await call(world(), 'GET', pools, undefined, browser)).body
  expect(numbers).toMatchObject([{ poolId: 7, osType: 1, state: 0, orchestrationType: 0 }])
})

test.each<[string, PoolSnapshot['scaleSet'], Partial<PoolSnapshot>, object]>([
  ['a Windows scale set', known(aScaleSet({ os: 'windows' })), {}, { osType: 'windows', state: 'online', offlineSince: null }],
  [
    'an image that was replaced since the agents learned what they are',
    known(aScaleSet({ os: 'linux' })),
    { capabilities: known({ 'Agent.OS': 'Windows_NT' }) },
    { osType: 'linux' },
  ],
  ['an unread scale set', { known: false, why: '500' }, { capabilities: known({ 'Agent.OS': 'Windows_NT' }) }, { osType: 'windows' }],
  [
    'a scale set that is gone',
    { known: false, why: 'gone' },
    { scaleSetGoneSince: nowMs - 60_000 },
    { state: 'offline', offlineSince: '2026-11-21T07:59:00.000Z' },
  ],
])('a pool of %s', async (_what, scaleSet, over, expected) => {
  const state = world()
  state.latest.set(7, { snapshot: snapshot({ scaleSet, ...over }), decision: nothingToDo, at: nowMs })
  expect((await call(state, 'GET', `${pools}/7`)).body).toMatchObject(expected)
})

test('nodes and logs in both dialects', async () => {
  const state = withMachines(idle('3'))
  state.log = [logEntry(1, { level: 'warning', operation: 'deleteVMs' }), logEntry(2)]
  expect((await call(state, 'GET', `${pools}/7/nodes`)).body.value).toEqual([
    {
      id: 3,
      poolId: 7,
      name: 'linux000003',
      state: 'idle',
      stateChangedOn: '2026-11-21T07:59:00.000Z',
      desiredState: 'none',
      agentId: 103,
      agentState: 'enabled, online',
      computeId: '3',
      computeState: 'healthy',
      requestId: null,
    },
  ])
  expect((await call(state, 'GET', `${pools}/7/nodes`, undefined, browser)).body).toMatchObject([
    { state: 4, agentState: 3, computeState: 1, stateChangedOn: `/Date(${wallMs - 60_000})/` },
  ])
  expect((await call(state, 'GET', `${pools}/7/logs?$top=1`)).body).toMatchObject({ count: 1, value: [{ id: 2, level: 'info' }] })
  expect((await call(state, 'GET', `${pools}/7/logs`, undefined, browser)).body[1]).toEqual({
    id: 1,
    poolId: 7,
    level: 1,
    operation: 4,
    message: 'entry 1',
    timestamp: `/Date(${wallMs})/`,
  })
})

test('nodes are chosen by state, as text or number', async () => {
  const state = withMachines(idle('3'), { stage: 'creating', id: '4', name: 'linux000004', generation: 1, since: nowMs })
  for (const wanted of ['creatingCompute', 'CreatingCompute', '2']) {
    expect((await call(state, 'GET', `${pools}/7/nodes?$state=${wanted}`)).body.value.map((node: { id: number }) => node.id)).toEqual([4])
  }
  expect((await call(state, 'GET', `${pools}/7/nodes?$state=asleep`)).status).toBe(400)
})

test.each([
  ['pendingDelete', 'delete'],
  ['saved', 'save'],
  ['pendingReimage', 'reimage'],
  [8, 'delete'],
])('a node put to %s is an order to %s', async (sent, order) => {
  const state = withMachines(idle('3'))
  expect((await call(state, 'PATCH', `${pools}/7/nodes/3`, { state: sent })).status).toBe(200)
  expect(state.records.get(7)?.orders).toMatchObject([{ machineId: '3', order, by: 'ada', force: false }])
})

test('a node cannot be put to another state', async () => {
  expect((await call(withMachines(idle('3')), 'PATCH', `${pools}/7/nodes/3`, { state: 'idle' })).status).toBe(400)
})

test('what a Terraform run does: create, rename, read, change, delete', async () => {
  const state = world({ empty: true })
  const body = {
    serviceEndpointId: 'e',
    serviceEndpointScope: 's',
    azureId: scaleSetId,
    maxCapacity: 5,
    desiredIdle: 2,
    recycleAfterEachUse: true,
    agentInteractiveUI: false,
    timeToLiveMinutes: 20,
    maxSavedNodeCount: 0,
    osType: 'linux',
  }
  const created = await call(
    state,
    'POST',
    `${pools}?poolName=tf&authorizeAllPipelines=true&autoProvisionProjectPools=true&projectId=web`,
    body,
  )
  expect(created.body).toMatchObject({
    agentPool: { id: 40, name: 'tf', autoProvision: true },
    agentQueue: { id: 5, name: 'tf' },
    elasticPool: { poolId: 40, maxCapacity: 5, state: 'new' },
  })
  expect(state.authorized).toEqual([5])
  const agentPool = '/_apis/distributedtask/pools/40'
  expect((await call(state, 'PATCH', agentPool, { id: 40, name: 'tf2', autoUpdate: false })).body).toMatchObject({
    name: 'tf2',
    autoUpdate: false,
    autoProvision: true,
  })
  expect((await call(state, 'GET', agentPool)).body).toMatchObject({ name: 'tf2', poolType: 'automation' })
  expect((await call(state, 'PATCH', `${pools}/40`, { desiredIdle: 3 })).body).toMatchObject({
    desiredIdle: 3,
    maxCapacity: 5,
    timeToLiveMinutes: 20,
  })
  expect((await call(state, 'DELETE', agentPool)).status).toBe(204)
  expect(state.records.get(40)?.settings.deleting).toBe(true)
})

test('errors have the shape that clients of Azure DevOps read', async () => {
  const { status, body } = await call(world(), 'GET', `${pools}/8`)
  expect(status).toBe(404)
  expect(body).toMatchObject({
    $id: '1',
    innerException: null,
    typeKey: 'TaskAgentPoolNotFoundException',
    errorCode: 0,
    eventId: 3000,
    message: expect.stringContaining('runs no pool 8'),
  })
})

test('only a missing pool is told as one', async () => {
  const key = async (path: string) => (await call(withMachines(idle('3')), 'PATCH', path, { state: 'saved' })).body.typeKey
  expect(await key(`${pools}/8/nodes/3`)).toBe('TaskAgentPoolNotFoundException')
  expect(await key(`${pools}/7/nodes/9`)).toBe('VssResourceNotFoundException')
  expect(await key('/_apis/distributedtask/nothing')).toBe('VssResourceNotFoundException')
})

test('every problem of the settings is told, in the names that the client sent', async () => {
  const changed = await call(world(), 'PATCH', `${pools}/7`, { desiredIdle: 19, maxSavedNodeCount: -1, agentInteractiveUI: true })
  expect([changed.status, changed.body.message]).toEqual([
    400,
    'maxSavedNodeCount is -1; give a whole number from 0 to 100. ' +
      'desiredIdle is 19, above the maximum of 10 machines; lower it or raise maxCapacity. ' +
      'Interactive tests need a Windows Server image; this scale set has another. Switch it off or change the image.',
  ])
  const created = await call(world({ empty: true }), 'POST', `${pools}?poolName=p`, {
    azureId: scaleSetId,
    maxCapacity: 2,
    desiredIdle: 5,
    timeToLiveMinutes: -3,
  })
  expect([created.status, created.body.message]).toEqual([
    400,
    'timeToLiveMinutes is -3; give a whole number from 0 to 10080. ' +
      'desiredIdle is 5, above the maximum of 2 machines; lower it or raise maxCapacity.',
  ])
})

test('a pool does not move to another scale set', async () => {
  const { status, body } = await call(world(), 'PATCH', `${pools}/7`, { azureId: scaleSetId.replace('linux', 'other') })
  expect([status, body.message]).toEqual([400, expect.stringContaining('cannot be changed')])
})
