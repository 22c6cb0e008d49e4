/** The unmodified Azure SDK over HTTPS against the sandbox's scale sets and machines. */
import type { RestError } from '@azure/core-rest-pipeline'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { call, clientOf, scaleSetId, start, tokenOf, until, withScaleSet } from './sandbox-support.ts'

let sandbox: Sandbox
beforeEach(async () => void (sandbox = await start()))
afterEach(() => sandbox.close())

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of pages) items.push(item)
  return items
}

async function refusalOf(promise: Promise<unknown>): Promise<RestError> {
  return promise.then(
    () => Promise.reject(new Error('The call was not refused.')),
    (error: RestError) => error,
  )
}

describe('a scale set', () => {
  test('is listed and read with its capacity, model and etag', async () => {
    await withScaleSet(sandbox, 2)
    const scaleSets = clientOf(sandbox).virtualMachineScaleSets
    const [listed] = await all(scaleSets.list('agents'))
    expect(await all(scaleSets.listAll())).toHaveLength(1)
    const read = await scaleSets.get('AGENTS', 'Linux')
    expect(read).toMatchObject({
      id: listed?.id,
      name: 'linux',
      location: 'westeurope',
      sku: { name: 'Standard_D2s_v5', capacity: 2 },
      overprovision: false,
    })
    expect(read.upgradePolicy).toEqual({ mode: 'Manual' })
    expect(read.timeCreated).toBeInstanceOf(Date)
    expect(read.etag).toMatch(/^".+"$/)
  })

  test('grows by a PATCH with the present etag, and the operation ends with the new state', async () => {
    await withScaleSet(sandbox, 1)
    const scaleSets = clientOf(sandbox).virtualMachineScaleSets
    const { etag } = await scaleSets.get('agents', 'linux')
    const grown = await scaleSets.update(
      'agents',
      'linux',
      { sku: { name: 'Standard_D2s_v5', capacity: 3 } },
      { ifMatch: etag ?? '', updateIntervalInMs: 10 },
    )
    expect(grown).toMatchObject({ sku: { capacity: 3 }, provisioningState: 'Succeeded' })
    expect(grown.etag).not.toBe(etag)
    expect(sandbox.world.truth.machines(scaleSetId)).toHaveLength(3)
  })

  test('refuses a PATCH with an old etag and stays as it is', async () => {
    await withScaleSet(sandbox, 1)
    const scaleSets = clientOf(sandbox).virtualMachineScaleSets
    const { etag } = await scaleSets.get('agents', 'linux')
    sandbox.world.azure.mergeTags(scaleSetId, 'Merge', { somebody: 'else' })
    const refusal = await refusalOf(scaleSets.update('agents', 'linux', { sku: { capacity: 9 } }, { ifMatch: etag ?? '' }))
    expect(refusal).toMatchObject({ statusCode: 412, code: 'PreconditionFailed' })
    expect(sandbox.world.truth.scaleSet(scaleSetId)?.capacity).toBe(1)
  })

  test('fails its operation with the code of what went wrong on the machines', async () => {
    await withScaleSet(sandbox, 0)
    sandbox.world.setFault('allocation-failed', { rate: 1 })
    const failed = await refusalOf(
      clientOf(sandbox)
        .virtualMachineScaleSets.update('agents', 'linux', { sku: { capacity: 2 } }, { updateIntervalInMs: 10 })
        .then(),
    )
    expect(failed.message).toContain('AllocationFailed')
  })

  test('is refused when it does not exist, the group does not, or the subscription is another', async () => {
    const token = await tokenOf(sandbox)
    const at = async (path: string): Promise<unknown> => (await call(sandbox, `${path}?api-version=2024-11-01`, { token })).body.error?.code
    expect(await at(scaleSetId)).toBe('ResourceNotFound')
    expect(await at(scaleSetId.replace('/agents/', '/other/'))).toBe('ResourceGroupNotFound')
    expect(await at(scaleSetId.replace('/22222222', '/99999999'))).toBe('SubscriptionNotFound')
  })

  test('is created by PUT, refused when it is there already and only a new one is asked for, and deleted with its machines', async () => {
    const scaleSets = clientOf(sandbox).virtualMachineScaleSets
    const model = { location: 'westeurope', sku: { name: 'Standard_D2s_v5', capacity: 1 }, upgradePolicy: { mode: 'Manual' as const } }
    const created = await scaleSets.createOrUpdate('agents', 'made', model, { ifNoneMatch: '*', updateIntervalInMs: 10 })
    expect(created).toMatchObject({ name: 'made', provisioningState: 'Succeeded', upgradePolicy: { mode: 'Manual' } })
    expect(await refusalOf(scaleSets.createOrUpdate('agents', 'made', model, { ifNoneMatch: '*' }).then())).toMatchObject({
      statusCode: 412,
    })
    await scaleSets.delete('agents', 'made', { updateIntervalInMs: 10 })
    const token = await tokenOf(sandbox)
    await until(() => sandbox.world.truth.scaleSet(created.id ?? '') === undefined)
    expect((await call(sandbox, `${created.id}?api-version=2024-11-01`, { token })).status).toBe(404)
  })

  test('keeps what a PUT leaves out, as the Azure CLI expects when it scales', async () => {
    await withScaleSet(sandbox, 1)
    sandbox.world.azure.mergeTags(scaleSetId, 'Merge', { owner: 'us' })
    const size = { location: 'westeurope', sku: { name: 'Standard_D2s_v5', capacity: 2 } }
    const scaled = await clientOf(sandbox).virtualMachineScaleSets.createOrUpdate('agents', 'linux', size, { updateIntervalInMs: 10 })
    expect(scaled).toMatchObject({
      sku: { capacity: 2 },
      tags: { owner: 'us' },
      overprovision: false,
      virtualMachineProfile: { osProfile: { computerNamePrefix: 'linux' } },
    })
  })

  test('takes protected settings and passwords, and never gives them back', async () => {
    await withScaleSet(sandbox, 1)
    const client = clientOf(sandbox)
    const secrets = { protectedSettings: { enableScriptParameters: 'https://x 1 t0ken' }, settings: { isPipelinesAgent: true } }
    const entry = { publisher: 'Microsoft.VisualStudio.Services', type: 'TeamServicesAgentLinux', typeHandlerVersion: '1.22', ...secrets }
    await client.virtualMachineScaleSetExtensions.createOrUpdate('agents', 'linux', 'Agent', entry, { updateIntervalInMs: 10 })
    const token = await tokenOf(sandbox)
    const osProfile = { adminPassword: 'pa55word', customData: 'Zm9v' }
    await call(sandbox, `${scaleSetId}?api-version=2024-11-01`, {
      method: 'PATCH',
      token,
      json: { properties: { virtualMachineProfile: { osProfile } } },
    })
    for (const path of ['', '/extensions', '/extensions/agent', '/virtualMachines']) {
      const answer = await call(sandbox, `${scaleSetId}${path}?api-version=2024-11-01`, { token })
      expect(answer.status).toBe(200)
      expect(JSON.stringify(answer.body)).not.toMatch(/t0ken|pa55word|Zm9v|protectedSettings/)
    }
    expect(JSON.stringify(sandbox.world.truth.scaleSet(scaleSetId)?.properties)).toContain('t0ken')
    await client.virtualMachineScaleSetExtensions.delete('agents', 'linux', 'AGENT', { updateIntervalInMs: 10 })
    expect(await all(client.virtualMachineScaleSetExtensions.list('agents', 'linux'))).toEqual([])
  })
})

describe('tags', () => {
  const tagsPath = `${scaleSetId}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01`

  test('are merged and deleted one by one, and every write changes the etag', async () => {
    await withScaleSet(sandbox, 0)
    const token = await tokenOf(sandbox)
    const etag = sandbox.world.truth.scaleSet(scaleSetId)?.etag
    const send = (operation: string, tags: Record<string, string>) =>
      call(sandbox, tagsPath, { method: 'PATCH', token, json: { operation, properties: { tags } } })
    await send('Merge', { owner: 'us', team: 'web' })
    expect((await send('Merge', { owner: 'them' })).body).toMatchObject({ properties: { tags: { owner: 'them', team: 'web' } } })
    await send('Delete', { team: 'web' })
    expect((await call(sandbox, tagsPath, { token })).body['properties']).toEqual({ tags: { owner: 'them' } })
    expect(sandbox.world.truth.scaleSet(scaleSetId)?.etag).not.toBe(etag)
  })

  test('are refused with an operation that Azure does not have', async () => {
    await withScaleSet(sandbox, 0)
    const answer = await call(sandbox, tagsPath, {
      method: 'PATCH',
      token: await tokenOf(sandbox),
      json: { operation: 'Add', properties: { tags: {} } },
    })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'InvalidRequestContent' } } })
  })
})

describe('machines', () => {
  test('are listed over several pages with their instance views', async () => {
    await sandbox.close()
    sandbox = await start({ pageSize: 2 })
    await withScaleSet(sandbox, 5)
    const machines = await all(clientOf(sandbox).virtualMachineScaleSetVMs.list('agents', 'linux', { expand: 'instanceView' }))
    expect(machines.map(({ instanceId }) => instanceId)).toEqual(
      sandbox.world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId),
    )
    expect(machines[0]).toMatchObject({
      provisioningState: 'Succeeded',
      latestModelApplied: true,
      osProfile: { computerName: expect.stringMatching(/^linux[0-9A-Z]{6}$/) },
    })
    expect(machines[0]?.instanceView?.statuses?.map(({ code }) => code)).toEqual(['ProvisioningState/succeeded', 'PowerState/running'])
    expect(machines[0]?.instanceView?.vmAgent?.statuses?.[0]).toMatchObject({ displayStatus: 'Ready' })
    expect(machines[0]?.timeCreated).toBeInstanceOf(Date)
  })

  test('come without an instance view unless it is asked for', async () => {
    await withScaleSet(sandbox, 1)
    const [machine] = await all(clientOf(sandbox).virtualMachineScaleSetVMs.list('agents', 'linux'))
    expect(machine?.instanceView).toBeUndefined()
  })

  test('tell why they failed', async () => {
    await withScaleSet(sandbox, 0)
    sandbox.world.setFault('creation-failed', { rate: 1 })
    sandbox.world.azure.patchScaleSet(scaleSetId, { capacity: 1 })
    await until(() => sandbox.world.truth.machines(scaleSetId)[0]?.provisioningState === 'Failed')
    const [machine] = await all(clientOf(sandbox).virtualMachineScaleSetVMs.list('agents', 'linux', { expand: 'instanceView' }))
    const failure = sandbox.world.truth.machines(scaleSetId)[0]?.failure
    expect(machine?.provisioningState).toBe('Failed')
    expect(machine?.instanceView?.statuses?.[0]).toMatchObject({
      code: `ProvisioningState/failed/${failure?.code}`,
      level: 'Error',
      message: failure?.message,
    })
  })

  test('are deleted by id, and the others stay', async () => {
    await withScaleSet(sandbox, 3)
    const ids = sandbox.world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId)
    await clientOf(sandbox).virtualMachineScaleSets.deleteInstances(
      'agents',
      'linux',
      { instanceIds: ids.slice(0, 2) },
      { updateIntervalInMs: 10 },
    )
    expect(sandbox.world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId)).toEqual(ids.slice(2))
    expect(sandbox.world.truth.scaleSet(scaleSetId)?.capacity).toBe(1)
  })

  test('are not deleted by a call that names none', async () => {
    await withScaleSet(sandbox, 2)
    const answer = await call(sandbox, `${scaleSetId}/delete?api-version=2024-11-01`, {
      method: 'POST',
      token: await tokenOf(sandbox),
      json: {},
    })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'InvalidParameter' } } })
    expect(sandbox.world.truth.machines(scaleSetId)).toHaveLength(2)
  })

  test('are reimaged by id, one or several', async () => {
    await withScaleSet(sandbox, 3)
    const client = clientOf(sandbox)
    const [first = '', second = ''] = sandbox.world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId)
    await client.virtualMachineScaleSets.reimage('agents', 'linux', {
      vmScaleSetReimageInput: { instanceIds: [first, second] },
      updateIntervalInMs: 10,
    })
    await client.virtualMachineScaleSetVMs.reimage('agents', 'linux', first, { updateIntervalInMs: 10 })
    expect(sandbox.world.truth.machines(scaleSetId).map(({ reimages }) => reimages)).toEqual([2, 1, 0])
  })

  test('carry a protection that a client sets', async () => {
    await withScaleSet(sandbox, 1)
    const client = clientOf(sandbox)
    const [id = ''] = sandbox.world.truth.machines(scaleSetId).map(({ instanceId }) => instanceId)
    const protectionPolicy = { protectFromScaleIn: true, protectFromScaleSetActions: false }
    await client.virtualMachineScaleSetVMs.update(
      'agents',
      'linux',
      id,
      { location: 'westeurope', protectionPolicy },
      { updateIntervalInMs: 10 },
    )
    expect((await client.virtualMachineScaleSetVMs.get('agents', 'linux', id)).protectionPolicy).toEqual(protectionPolicy)
  })

  test('are started and stopped', async () => {
    await withScaleSet(sandbox, 1)
    const client = clientOf(sandbox)
    await client.virtualMachineScaleSets.powerOff('agents', 'linux', { updateIntervalInMs: 10 })
    expect(sandbox.world.truth.machines(scaleSetId)[0]?.powerState).toBe('stopped')
    const { instanceId = '' } = sandbox.world.truth.machines(scaleSetId)[0] ?? {}
    const view = await client.virtualMachineScaleSetVMs.getInstanceView('agents', 'linux', instanceId)
    expect(view.statuses?.map(({ code }) => code)).toContain('PowerState/stopped')
    expect(view.vmAgent).toBeUndefined()
  })
})

describe('a long-running operation', () => {
  test('is followed by its operation address and its location, which change when it ends', async () => {
    await sandbox.close()
    const quick = { p50: 1_000, p95: 1_500 }
    const latencies = { list: quick, create: quick, enable: quick, reimage: { p50: 60_000, p95: 61_000 } }
    sandbox = await start({ retryAfterS: 1, latencies })
    await withScaleSet(sandbox, 1)
    const token = await tokenOf(sandbox)
    const accepted = await call(sandbox, `${scaleSetId}/reimage?api-version=2024-11-01`, { method: 'POST', token })
    expect(accepted.status).toBe(202)
    expect(accepted.headers['retry-after']).toBe('1')
    const [operation, location] = [String(accepted.headers['azure-asyncoperation']), String(accepted.headers['location'])]
    expect((await call(sandbox, operation, { token })).body).toMatchObject({ status: 'InProgress', startTime: expect.any(String) })
    expect((await call(sandbox, location, { token })).status).toBe(202)
    await until(() => sandbox.world.truth.machines(scaleSetId)[0]?.provisioningState === 'Succeeded')
    expect((await call(sandbox, operation, { token })).body).toMatchObject({ status: 'Succeeded', endTime: expect.any(String) })
    expect((await call(sandbox, location, { token })).status).toBe(200)
  })
})
