import type { AddressInfo } from 'node:net'
import * as devOps from 'azure-devops-node-api'
import { apiOf, operatorKey, scaleSetId, world } from './fixture.ts'

test("Microsoft's own client finds the routes, signs in and reads", async () => {
  const app = await apiOf(world())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const connection = new devOps.WebApi(`http://127.0.0.1:${port}/fabrikam`, devOps.getBasicHandler('', operatorKey))
  const agents = await connection.getTaskAgentApi()
  expect(await agents.getAgentPool(7)).toMatchObject({ id: 7, name: 'linux', poolType: 1 })
  // It carries only the types of elastic pools, so the call is made by its own HTTP layer.
  const { requestUrl } = await agents.vsoClient.getVersioningData(
    '7.1-preview.1',
    'distributedtask',
    'dd3c938f-835b-4971-b99a-db75a47aad43',
    { poolId: 7 },
  )
  const { result } = await agents.rest.get<{ azureId: string }>(requestUrl!)
  expect(result?.azureId).toBe(scaleSetId)
  await app.close()
})
