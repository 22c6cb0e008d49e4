/** What is listed before a pool is made: scale sets in Azure, pools that Azure DevOps sizes, and the network of a scale set. */
import { readBuiltInPools } from '../../backend/adapters/built-in-pools.ts'
import { createHttp } from '../../backend/adapters/http.ts'
import { listScaleSets } from '../../backend/adapters/scale-set-list.ts'
import { byPath, closeServed, id, serve, set } from './azure-answers.ts'
import { createTestAuthorization, createTestClock, createTestMetrics, json, never, startServer, type Answerer } from './outside.ts'

afterEach(closeServed)

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function httpTo(answer: Answerer, api: 'azure' | 'azure-devops') {
  const outside = await startServer(answer)
  const parts = { authorization: createTestAuthorization(), clock: createTestClock(), metrics: createTestMetrics() }
  const http = createHttp({ api, baseUrl: outside.url, ...parts })
  closing.push(http.close, outside.close)
  return { http, outside }
}

describe('the network of a scale set', () => {
  const withAddress = (properties: object) => {
    const ipConfigurations = [{ name: 'ip', properties }]
    const networkProfile = { networkInterfaceConfigurations: [{ name: 'nic', properties: { ipConfigurations } }] }
    return { ...set, properties: { ...set.properties, virtualMachineProfile: { networkProfile } } }
  }
  test.each<[string, unknown, object]>([
    ['nothing but private addresses', set, { publicAddress: false, natPool: false }],
    ['public addresses', withAddress({ publicIPAddressConfiguration: { name: 'p' } }), { publicAddress: true, natPool: false }],
    ['ports of a balancer', withAddress({ loadBalancerInboundNatPools: [{ id: 'x' }] }), { publicAddress: false, natPool: true }],
    ['no network of its own', { ...set, properties: {} }, { publicAddress: false, natPool: false }],
  ])('has %s', async (_, answer, value) => {
    const { checks } = await serve(json(answer))
    expect(await checks.reach(never)).toMatchObject({ known: true, value })
  })

  test('of a scale set that is gone is none, and one that cannot be read is unknown', async () => {
    const { checks, outside } = await serve(json({ error: { code: 'ResourceNotFound', message: 'gone' } }, 404))
    expect(await checks.reach(never)).toMatchObject({ known: true, value: undefined })
    outside.answer = json({ error: { code: 'AuthorizationFailed', message: 'No.' } }, 403)
    expect(await checks.reach(never)).toMatchObject({ known: false })
  })
})

describe('scale sets', () => {
  const subscriptions = { value: [{ subscriptionId: 'one' }, { subscriptionId: 'two' }] }
  test('are those of every subscription that the identity sees', async () => {
    const second = { ...set, id: id.replace(/agents$/, 'builds'), sku: undefined }
    const { http } = await httpTo(
      (received, ...rest) =>
        json(received.url.startsWith('/subscriptions?') ? subscriptions : { value: [received.url.includes('/one/') ? set : second] })(
          received,
          ...rest,
        ),
      'azure',
    )
    expect(await listScaleSets(http, never)).toMatchObject({
      known: true,
      value: [
        { id, name: 'agents', resourceGroup: 'rg', location: 'westeurope', size: 'Standard_D2s_v3', capacity: 3 },
        { name: 'builds', size: '', capacity: 0 },
      ],
    })
  })

  test('are unknown when one subscription cannot be read: a part would look like all', async () => {
    const { http } = await httpTo(byPath({ '/subscriptions': json(subscriptions) }), 'azure')
    expect(await listScaleSets(http, never)).toMatchObject({ known: false })
  })
})

describe('pools that Azure DevOps sizes', () => {
  const elastic = {
    poolId: 10,
    serviceEndpointId: 'e',
    serviceEndpointScope: 'p',
    azureId: id,
    maxCapacity: 8,
    desiredIdle: 2,
    recycleAfterEachUse: true,
    maxSavedNodeCount: 1,
    osType: 'windows',
    state: 'online',
    offlineSince: null,
    agentInteractiveUI: false,
    timeToLiveMinutes: 15,
  }
  const rows = (value: readonly unknown[]): Answerer => json({ count: value.length, value })

  test('have the names of the agent pools, and those that may not be managed are left out', async () => {
    const { http, outside } = await httpTo(
      byPath({
        '/pools': rows([
          { id: 10, name: 'old' },
          { id: 1, name: 'Default' },
        ]),
        '/elasticpools': rows([elastic, { ...elastic, poolId: 11 }]),
      }),
      'azure-devops',
    )
    expect(await readBuiltInPools(http, never)).toMatchObject({
      known: true,
      value: [
        {
          poolId: 10,
          name: 'old',
          scaleSetId: id,
          os: 'windows',
          settings: {
            maxCapacity: 8,
            desiredIdle: 2,
            recycleAfterEachUse: true,
            maxSavedNodeCount: 1,
            agentInteractiveUI: false,
            timeToLiveMinutes: 15,
          },
        },
      ],
    })
    expect(outside.received[0]?.url).toContain('actionFilter=manage')
  })

  test.each<[string, Answerer]>([
    ['a refusal', json({ typeKey: 'AccessDeniedException', message: 'no' }, 403)],
    ['a row without its scale set', rows([{ ...elastic, azureId: undefined }])],
  ])('are unknown after %s', async (_, answer) => {
    const { http } = await httpTo(byPath({ '/pools': rows([{ id: 10, name: 'old' }]), '/elasticpools': answer }), 'azure-devops')
    expect(await readBuiltInPools(http, never)).toMatchObject({ known: false })
  })
})
