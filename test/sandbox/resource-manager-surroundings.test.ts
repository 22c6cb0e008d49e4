/** What stands around a scale set: quota, autoscale settings, subnet, subscriptions and groups; and the control API. */
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { call, clientOf, scaleSetId, start, subscriptionId, tokenOf, until, withScaleSet } from './sandbox-support.ts'

let sandbox: Sandbox
let token: string
beforeEach(async () => {
  sandbox = await start({ coreLimit: 20, subnetSize: 27 })
  token = await tokenOf(sandbox)
})
afterEach(() => sandbox.close())

const group = `/subscriptions/${subscriptionId}/resourceGroups/agents`

test('the quota shows the cores that machines use, and a growth beyond it is refused', async () => {
  await withScaleSet(sandbox, 3)
  const client = clientOf(sandbox)
  const usages = []
  for await (const usage of client.usage.list('westeurope')) usages.push(usage)
  expect(usages).toContainEqual(
    expect.objectContaining({ name: { value: 'cores', localizedValue: expect.any(String) }, currentValue: 6, limit: 20 }),
  )
  await expect(client.virtualMachineScaleSets.update('agents', 'linux', { sku: { capacity: 11 } }).then()).rejects.toMatchObject({
    statusCode: 409,
    code: 'OperationNotAllowed',
  })
})

test('a subnet shows its addresses and who uses them', async () => {
  await withScaleSet(sandbox, 3)
  const answer = await call(
    sandbox,
    `${group}/providers/Microsoft.Network/virtualNetworks/network/subnets/machines?api-version=2024-05-01`,
    { token },
  )
  const { addressPrefix, ipConfigurations } = answer.body['properties'] as { addressPrefix: string; ipConfigurations: unknown[] }
  expect(addressPrefix).toBe('10.0.0.0/27')
  expect(ipConfigurations).toHaveLength(3)
})

test('autoscale settings name their scale set, in both versions of the API', async () => {
  sandbox.world.addAutoscale({ name: 'nightly', resourceGroup: 'agents', enabled: true, targetResourceId: scaleSetId })
  for (const version of ['2015-04-01', '2022-10-01']) {
    const answer = await call(sandbox, `${group}/providers/Microsoft.Insights/autoscaleSettings?api-version=${version}`, { token })
    expect(answer.body).toMatchObject({ value: [{ name: 'nightly', properties: { enabled: true, targetResourceUri: scaleSetId } }] })
  }
})

test('subscriptions, groups and providers are listed', async () => {
  expect((await call(sandbox, '/subscriptions?api-version=2016-06-01', { token })).body).toMatchObject({
    value: [{ subscriptionId, state: 'Enabled' }],
  })
  await call(sandbox, `/subscriptions/${subscriptionId}/resourcegroups/More?api-version=2021-04-01`, {
    method: 'PUT',
    token,
    json: { location: 'westeurope' },
  })
  const groups = (await call(sandbox, `/subscriptions/${subscriptionId}/resourcegroups?api-version=2021-04-01`, { token })).body['value']
  expect(groups).toMatchObject([{ name: 'agents' }, { name: 'More' }])
  const provider = await call(sandbox, `/subscriptions/${subscriptionId}/providers/microsoft.compute?api-version=2021-04-01`, { token })
  expect(provider.body).toMatchObject({ namespace: 'Microsoft.Compute', registrationState: 'Registered' })
})

describe('the control API', () => {
  test('switches faults on and off, and names them when one is misspelt', async () => {
    expect((await call(sandbox, '/_sandbox/faults', { json: { name: 'throttled', rate: 0.5 } })).status).toBe(204)
    expect((await call(sandbox, '/_sandbox/state')).body).toMatchObject({ faults: { throttled: { rate: 0.5 } } })
    expect((await call(sandbox, '/_sandbox/faults/throttled', { method: 'DELETE' })).status).toBe(204)
    expect((await call(sandbox, '/_sandbox/state')).body).toMatchObject({ faults: {} })
    expect((await call(sandbox, '/_sandbox/faults/throttled', { method: 'DELETE', namesType: true })).status).toBe(204)
    expect((await call(sandbox, '/_sandbox/faults', { json: { name: 'overlapping-operation', rate: 1 } })).status).toBe(204)
    expect((await call(sandbox, '/_sandbox/faults/overlapping-operation', { method: 'DELETE' })).status).toBe(204)
    const misspelt = await call(sandbox, '/_sandbox/faults', { json: { name: 'throtled', rate: 1 } })
    expect(misspelt).toMatchObject({ status: 400, body: { message: expect.stringContaining('throttled, ') } })
    expect((await call(sandbox, '/_sandbox/faults', { json: { name: 'throttled', rate: 2 } })).status).toBe(400)
  })

  test('queues jobs, tells the truth of them, and lets a person disable an agent', async () => {
    const pool = sandbox.world.devops.addPool('Linux', false)
    if (!pool.ok) throw new Error('The pool was not added.')
    const poolId = pool.value.id
    const agent = sandbox.world.devops.addAgent(poolId, { name: 'one', version: '4.0.0', osDescription: 'Linux', systemCapabilities: {} })
    if (!agent.ok) throw new Error('The agent was not added.')
    expect(await call(sandbox, '/_sandbox/jobs', { json: { poolId, durationMs: 60_000, jobName: 'build' } })).toMatchObject({
      status: 201,
      body: { requestId: expect.any(Number) },
    })
    expect((await call(sandbox, '/_sandbox/state')).body).toMatchObject({
      pools: [{ id: poolId, waiting: 1, running: 0, agents: 1, online: 0 }],
    })
    expect(await call(sandbox, '/_sandbox/jobs', { json: { poolId: 99, durationMs: 1 } })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('99') },
    })
    const person = { poolId, agentId: agent.value.id }
    expect((await call(sandbox, '/_sandbox/people/disable', { json: person })).status).toBe(204)
    expect(sandbox.world.truth.agents(poolId)[0]?.enabled).toBe(false)
    expect((await call(sandbox, '/_sandbox/people/enable', { json: person })).status).toBe(204)
    expect(sandbox.world.truth.agents(poolId)[0]?.enabled).toBe(true)
  })

  test('tells events from a number on', async () => {
    await withScaleSet(sandbox, 2)
    const first = await call(sandbox, '/_sandbox/events')
    expect(first.body['entries']).toContainEqual(expect.objectContaining({ kind: 'machine-listed' }))
    await call(sandbox, `${scaleSetId}/delete?api-version=2024-11-01`, { method: 'POST', token, json: { instanceIds: ['0'] } })
    await until(() => sandbox.world.truth.machines(scaleSetId).length === 1)
    const kinds = ((await call(sandbox, `/_sandbox/events?after=${first.body['next']}`)).body['entries'] as { kind: string }[]).map(
      ({ kind }) => kind,
    )
    expect(kinds).toContain('machine-deleted')
    expect(kinds).not.toContain('machine-listed')
  })
})
