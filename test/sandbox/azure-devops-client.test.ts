/** Microsoft's own client, unmodified, over HTTP. */
import { getPersonalAccessTokenHandler, WebApi } from 'azure-devops-node-api'
import { TaskAgentPoolType, TaskAgentStatus, TaskResult } from 'azure-devops-node-api/interfaces/TaskAgentInterfaces.js'
import type { ITaskAgentApi } from 'azure-devops-node-api/TaskAgentApi.js'
import { createOrganization, fabrikam } from './azure-devops-support.ts'
import type { Organization } from './azure-devops-support.ts'

let organization: Organization
let client: WebApi
let api: ITaskAgentApi

beforeEach(async () => {
  organization = await createOrganization()
  client = new WebApi(`${organization.address}/fabrikam`, getPersonalAccessTokenHandler('good-pat'), { keepAlive: false })
  api = await client.getTaskAgentApi()
})
afterEach(() => organization.app.close())

const newAgent = { name: 'vm000001', version: '4.273.0', maxParallelism: 1, systemCapabilities: { maven: '3' } }

test('connects and learns who it is', async () => {
  const { authenticatedUser, instanceId } = await client.connect()
  expect(authenticatedUser?.id).toMatch(/^[0-9a-f-]{36}$/)
  expect(instanceId).toMatch(/^[0-9a-f-]{36}$/)
})

test('manages a pool from creation to deletion', async () => {
  const added = await api.addAgentPool({ name: 'linux', autoProvision: false })
  expect(added).toMatchObject({ name: 'linux', isHosted: false, poolType: TaskAgentPoolType.Automation })
  expect(added.createdOn?.toISOString()).toBe('2026-01-05T09:00:00.000Z')
  const poolId = added.id!
  expect(await api.getAgentPools('LINUX')).toMatchObject([{ id: poolId }])
  expect(await api.getAgentPools('windows')).toEqual([])
  expect(await api.updateAgentPool({ name: 'linux 2', autoUpdate: false }, poolId)).toMatchObject({ name: 'linux 2', autoUpdate: false })
  expect(await api.hasPoolPermissions(poolId, 2)).toBe(true)
  await api.deleteAgentPool(poolId)
  // The client reads a 404 as null.
  expect(await api.getAgentPool(poolId)).toBeNull()
})

test('manages an agent from registration to removal', async () => {
  const poolId = (await api.addAgentPool({ name: 'linux' })).id!
  const agent = await api.addAgent(newAgent, poolId)
  const agentId = agent.id!
  expect(agent).toMatchObject({
    name: 'vm000001',
    enabled: true,
    status: TaskAgentStatus.Offline,
    authorization: { clientId: expect.any(String) },
  })
  await expect(api.addAgent(newAgent, poolId)).rejects.toMatchObject({ statusCode: 409, result: { typeKey: 'TaskAgentExistsException' } })

  expect(await api.updateAgent({ id: agentId, enabled: false }, poolId, agentId)).toMatchObject({ enabled: false })
  await api.updateAgentUserCapabilities({ team: 'blue' }, poolId, agentId)
  await api.replaceAgent({ ...newAgent, version: '4.274.0' }, poolId, agentId)
  const read = await api.getAgent(poolId, agentId, true)
  expect(read).toMatchObject({ id: agentId, version: '4.274.0', systemCapabilities: { maven: '3' }, userCapabilities: { team: 'blue' } })
  expect((await api.getAgents(poolId, 'VM000001'))[0]).not.toHaveProperty('systemCapabilities')
  expect(await api.getAgentPool(poolId)).toMatchObject({ size: 1 })

  await api.deleteAgent(poolId, agentId)
  expect(await api.getAgent(poolId, agentId)).toBeNull()
  expect(await api.getAgents(poolId)).toEqual([])
})

test('refuses an id in the body that is not that of the path', async () => {
  const poolId = (await api.addAgentPool({ name: 'linux' })).id!
  const agentId = (await api.addAgent(newAgent, poolId)).id!
  await expect(api.updateAgent({ id: agentId + 1, enabled: false }, poolId, agentId)).rejects.toMatchObject({ statusCode: 400 })
})

test('reads queues, projects, packages and the job requests of the queue', async () => {
  const poolId = (await api.addAgentPool({ name: 'linux' })).id!
  await api.addAgent(newAgent, poolId)
  const queue = await api.addAgentQueue({ name: 'linux', pool: { id: poolId } }, fabrikam.name, true)
  expect(await api.getAgentQueue(queue.id!, fabrikam.name)).toMatchObject({ projectId: fabrikam.id, pool: { id: poolId } })
  expect(await (await client.getCoreApi()).getProjects()).toMatchObject([{ name: fabrikam.name }])
  expect((await api.getPackages('agent', 'linux-x64', 1))[0]).toMatchObject({ platform: 'linux-x64', hashValue: expect.any(String) })
  expect(await api.getAgentPoolMaintenanceDefinitions(poolId)).toEqual([])

  const requestId = organization.world.queueJob({ poolId, durationMs: 60_000, demands: ['maven'] })
  const [request] = await api.getAgentRequestsForAgents(poolId, [], 0)
  expect(request).toMatchObject({ requestId, demands: ['maven'], matchedAgents: [{ name: 'vm000001' }] })
  await api.deleteAgentRequest(poolId, requestId, '00000000-0000-0000-0000-000000000000', TaskResult.Canceled)
  expect(await api.getAgentRequest(poolId, requestId)).toMatchObject({ result: TaskResult.Canceled })
})
