/** Pools of Azure DevOps' own scale set feature: made, listed, marked on their scale set, and gone with the agent pool. */
import { fillTemplate } from '../../sandbox/scale-set-template.ts'
import { createOrganization, type Organization } from './azure-devops-support.ts'

const azureId = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/nightly'
const path = '_apis/distributedtask/elasticpools'
const wish = {
  ...{ serviceEndpointId: 'e', serviceEndpointScope: 'p', azureId, osType: 'linux', maxCapacity: 8, desiredIdle: 2 },
  ...{ recycleAfterEachUse: true, maxSavedNodeCount: 1, timeToLiveMinutes: 15, agentInteractiveUI: false },
}
let organization: Organization
beforeEach(async () => {
  organization = await createOrganization()
  organization.world.azure.putScaleSet(azureId, fillTemplate({ name: 'nightly' }, 'westeurope', '/subnet'))
})
afterEach(() => organization.app.close())

const make = (body: object = wish, name = 'nightly') => organization.send('POST', `${path}?poolName=${name}`, { body })
const list = async (): Promise<readonly unknown[]> => (await organization.send('GET', path)).json.value
const tags = () => Object.keys(organization.world.truth.scaleSet(azureId)?.tags ?? {})

test('one is made with its agent pool, and its scale set is marked with both tags', async () => {
  const { status, json } = await make()
  expect([status, json.agentPool.name, json.elasticPool]).toEqual([200, 'nightly', expect.objectContaining({ ...wish, state: 'online' })])
  expect(await list()).toEqual([json.elasticPool])
  expect((await organization.send('GET', `${path}/${json.elasticPool.poolId}`)).json).toEqual(json.elasticPool)
  expect(tags()).toEqual(['__AzureDevOpsElasticPool', '__AzureDevOpsElasticPoolTimeStamp'])
})

test('a scale set that one uses is refused to another, in the words of Azure DevOps', async () => {
  await make()
  const { status, json } = await make(wish, 'other')
  expect([status, json.message]).toEqual([400, 'This virtual machine scale set is already in use by pool nightly.'])
})

test('deleting the agent pool ends it, and takes the tags off', async () => {
  const { json } = await make()
  await organization.send('DELETE', `_apis/distributedtask/pools/${json.agentPool.id}`)
  expect([await list(), tags()]).toEqual([[], []])
  expect((await organization.send('GET', `${path}/${json.agentPool.id}`)).status).toBe(404)
})

test.each([
  ['no name', '', wish],
  ['no scale set', 'nightly', { ...wish, azureId: undefined }],
  ['a number that is none', 'nightly', { ...wish, maxCapacity: 'many' }],
  ['no operating system', 'nightly', { ...wish, osType: 'plan9' }],
])('refuses %s, and makes nothing', async (_, name, body) => {
  expect((await make(body, name)).status).toBe(400)
  expect([await list(), organization.world.devops.pools()]).toEqual([[], expect.objectContaining({ value: [] })])
})
