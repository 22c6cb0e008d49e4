/** Every change leaves who asked for it; what changes a wish leaves what was there before and after, too. */
import type { Machine } from '../../backend/core/snapshot.ts'
import type { App } from '../../backend/api/parts.ts'
import { basic, idle, known, nothingToDo, nowMs, operatorKey, scaleSetId, snapshot, world } from './fixture.ts'
import { accessTokenOf, manager, sessionOf, signInApi } from './people.ts'

type Operation = { readonly 'x-right': string }

/** A call of each route that changes something, in the order in which all of them work. */
const bodies: Readonly<Record<string, object | undefined>> = {
  'PUT /api/v1/pools/{poolId}/settings': { version: 1, settings: { standby: 3 } },
  'POST /api/v1/pools/{poolId}/pause': undefined,
  'POST /api/v1/pools/{poolId}/resume': undefined,
  'POST /api/v1/pools/{poolId}/try-again': undefined,
  'POST /api/v1/pools/{poolId}/confirm': { what: 'replace' },
  'POST /api/v1/pools/{poolId}/machines/{machine}/orders': { order: 'save' },
  'POST /api/v1/pools/{poolId}/agents/{agentId}/disable': undefined,
  'POST /api/v1/pools/{poolId}/agents/{agentId}/enable': undefined,
  'PATCH /_apis/distributedtask/elasticpools/{poolId}': { desiredIdle: 2 },
  'PATCH /_apis/distributedtask/elasticpools/{poolId}/nodes/{nodeId}': { state: 'saved' },
  'PATCH /_apis/distributedtask/pools/{poolId}': { autoProvision: true },
  'POST /api/v1/check': { scaleSetId },
  'POST /api/v1/pools': { scaleSetId: scaleSetId.replace('linux', 'other'), poolName: 'other' },
  'POST /_apis/distributedtask/elasticpools': { azureId: scaleSetId.replace('linux', 'third') },
  'DELETE /_apis/distributedtask/pools/{poolId}': undefined,
  'DELETE /api/v1/pools/{poolId}': undefined,
}

const changes = (app: App): readonly string[] =>
  Object.entries(app.swagger().paths ?? {}).flatMap(([path, operations]) =>
    Object.entries(operations as Record<string, Operation>)
      .filter(([method, { 'x-right': right }]) => method !== 'get' && ['manage', 'create', 'use', 'signedIn'].includes(right))
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )

async function start() {
  const state = world()
  const logged: { readonly fields: object; readonly message: string }[] = []
  const quiet = () => undefined
  state.logged = { info: (fields, message) => void logged.push({ fields, message }), warn: quiet, error: quiet }
  const machines: readonly Machine[] = [idle('1'), idle('2')]
  state.latest.set(7, { snapshot: snapshot({ machines: known(machines) }), decision: nothingToDo, at: nowMs })
  const api = await signInApi(state)
  const headers = { ...(await sessionOf(api.app, manager)), 'x-azure-devops-token': accessTokenOf(manager) }
  const call = (route: string, payload: object | undefined) => {
    const [method = '', path = ''] = route.split(' ')
    const url = path.replace('{poolId}', '7').replace('{agentId}', '101').replace('{machine}', '1').replace('{nodeId}', '2')
    const query = route === 'POST /_apis/distributedtask/elasticpools' ? '?poolName=third' : ''
    return api.app.inject({ method: method as 'PUT', url: url + query, headers, ...(payload === undefined ? {} : { payload }) })
  }
  return { ...api, logged, call }
}

const by = `Ada Brandt (${manager.id})`

test('every route that changes something names the person in the log that outlives the pool', async () => {
  const { app, logged, call } = await start()
  expect(changes(app).toSorted()).toEqual(Object.keys(bodies).toSorted())
  for (const [route, body] of Object.entries(bodies)) {
    const answer = await call(route, body)
    expect([route, answer.statusCode, answer.statusCode < 300 ? '' : answer.body]).toEqual([route, answer.statusCode, ''])
    expect([route, logged.at(-1)]).toEqual([route, { fields: expect.objectContaining({ by }), message: 'A change was asked for.' }])
  }
  expect(logged).toHaveLength(Object.keys(bodies).length)
})

test('a changed wish is kept with what was there before and after', async () => {
  const { state, call } = await start()
  const wishes: readonly (readonly [route: string, before: object, after: object])[] = [
    ['PUT /api/v1/pools/{poolId}/settings', { standby: 1 }, { standby: 3 }],
    ['POST /api/v1/pools/{poolId}/pause', { paused: false }, { paused: true }],
    ['POST /api/v1/pools/{poolId}/resume', { paused: true }, { paused: false }],
    ['PATCH /_apis/distributedtask/elasticpools/{poolId}', { standby: 3 }, { standby: 2 }],
    ['DELETE /api/v1/pools/{poolId}', { deleting: false }, { deleting: true }],
  ]
  for (const [route, before, after] of wishes) {
    await call(route, bodies[route])
    expect([route, state.changes[0]]).toMatchObject([route, { by, before, after }])
  }
})

test('an order, a switched agent and a confirmation are kept with the person', async () => {
  const { state, call } = await start()
  for (const route of [
    'POST /api/v1/pools/{poolId}/machines/{machine}/orders',
    'POST /api/v1/pools/{poolId}/agents/{agentId}/disable',
    'POST /api/v1/pools/{poolId}/agents/{agentId}/enable',
    'POST /api/v1/pools/{poolId}/try-again',
    'POST /api/v1/pools/{poolId}/confirm',
  ])
    await call(route, bodies[route])
  expect(state.records.get(7)?.orders.map((order) => [order.order, order.machineId, order.by])).toEqual([
    ['save', '1', by],
    ['disable', '1', by],
    ['enable', '1', by],
    ['try-again', '', by],
  ])
  expect(state.told).toEqual([`${by} confirmed replace`])
})

test('nobody with the operator key hides behind the name of nobody', async () => {
  const { app, logged } = await start()
  for (const name of ['anyone', 'service hook'])
    await app.inject({ method: 'POST', url: '/api/v1/pools/7/pause', headers: basic(operatorKey, name) })
  expect(logged.map(({ fields }) => fields)).toEqual([1, 2].map(() => expect.objectContaining({ by: 'operator' })))
})

test('whoever only looks, or is refused, leaves nothing', async () => {
  const { app, logged, call } = await start()
  const headers = await sessionOf(app, manager)
  await app.inject({ url: '/api/v1/pools/7', headers })
  await call('PUT /api/v1/pools/{poolId}/settings', { version: 9, settings: {} })
  await app.inject({ method: 'POST', url: '/api/v1/pools/8/pause', headers })
  expect(logged).toEqual([])
})
