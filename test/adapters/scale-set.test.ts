import { computeApiVersion } from '../../backend/adapters/compute.ts'
import { parseScaleSetId } from '../../backend/adapters/scale-set-id.ts'
import type { AzureScaleSet } from '../../backend/loop/ports.ts'
import { closeServed, id, serve as serveAnswers, set, subnetId, vm } from './azure-answers.ts'
import { json, never, page, reset } from './outside.ts'
import type { Answerer, Outside } from './outside.ts'

let outside: Outside
async function serve(answer: Answerer) {
  const served = await serveAnswers(answer)
  outside = served.outside
  return served
}
afterEach(closeServed)

async function seen(): Promise<AzureScaleSet> {
  const { scaleSet } = await serve(json(set))
  const reading = await scaleSet.read(never)
  if (!reading.known || reading.value === undefined) throw new Error('The scale set was not read.')
  return reading.value
}

describe('an id', () => {
  test('is taken apart', () => {
    expect(parseScaleSetId(` ${id}/ `)).toEqual({
      subscriptionId: '00000000-0000-0000-0000-000000000001',
      resourceGroup: 'rg',
      name: 'agents',
      id,
    })
  })
  test.each(['', 'agents', id.replace('virtualMachineScaleSets', 'virtualMachines'), `${id}/virtualMachines/0`])(
    '"%s" is refused in one sentence',
    (text) => {
      expect(() => parseScaleSetId(text)).toThrow(/is not the id of a scale set; copy it from the scale set's Properties page/)
    },
  )
})

describe('the scale set', () => {
  test('is read in our words', async () => {
    expect(await seen()).toEqual({
      id,
      location: 'westeurope',
      capacity: 3,
      etag: '"e1"',
      skuName: 'Standard_D2s_v3',
      tags: { owner: 'us' },
      os: 'linux',
      imagePublisher: 'Canonical',
      imageOffer: 'ubuntu',
      imageSku: '24_04',
      orchestration: 'uniform',
      upgradePolicy: 'Manual',
      overprovision: false,
      singlePlacementGroup: false,
      provisioning: 'Succeeded',
      subnetIds: [subnetId],
      adminUsername: 'azureuser',
      hasIdentity: false,
      extensions: [
        { name: 'setup', publisher: 'Microsoft.Azure.Extensions', type: 'CustomScript', settings: { commandToExecute: 'true' }, after: [] },
      ],
    })
    expect(outside.received[0]?.url).toBe(`${id}?api-version=${computeApiVersion}`)
    expect(outside.received[0]?.headers.authorization).toBe('Bearer test')
  })

  test('that Azure does not know is absent', async () => {
    const { scaleSet } = await serve(json({ error: { code: 'ResourceNotFound', message: 'No.' } }, 404))
    expect(await scaleSet.read(never)).toMatchObject({ known: true, value: undefined })
  })

  test.each<[string, Answerer]>([
    ['a 404 of something in between', page(404)],
    ['403', json({ error: { code: 'AuthorizationFailed', message: 'No role.' } }, 403)],
    ['a sign-in page', page(203)],
    ['no capacity', json({ ...set, sku: { name: 'Standard_D2s_v3' } })],
    ['no etag', json({ ...set, etag: undefined })],
    ['cut JSON', (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":')],
    ['a throttled read', json({ error: { code: 'OperationNotAllowed', message: 'Too many.' } }, 429, { 'retry-after': '60' })],
  ])('is unknown for %s', async (_name, answer) => {
    const { scaleSet } = await serve(answer)
    expect(await scaleSet.read(never)).toMatchObject({ known: false, why: expect.any(String) })
    expect(outside.received).toHaveLength(1)
  })
})

describe('machines', () => {
  const pages =
    (second: Answerer): Answerer =>
    (received, response, count) =>
      received.url.includes('skiptoken')
        ? second(received, response, count)
        : json({
            value: [vm('0')],
            nextLink: `${outside.url}${id}/virtualMachines?$expand=instanceView&$skiptoken=2&api-version=${computeApiVersion}`,
          })(received, response, count)

  test('are read over all pages, with power and failures', async () => {
    const failure = { code: 'ProvisioningState/failed/VMExtensionHandlerNonTransientError', message: 'The agent did not start.' }
    const { scaleSet } = await serve(
      pages(
        json({
          value: [
            vm('1', {
              provisioningState: 'Creating',
              instanceView: undefined,
              protectionPolicy: { protectFromScaleIn: true },
              latestModelApplied: false,
            }),
            vm('2', {
              provisioningState: 'Failed',
              instanceView: {
                statuses: [
                  { code: 'ProvisioningState/failed/VMExtensionProvisioningError', message: 'An extension failed.' },
                  { code: 'PowerState/stopping' },
                ],
                extensions: [
                  {
                    name: 'Microsoft.Azure.DevOps.Pipelines.Agent',
                    type: 'Microsoft.VisualStudio.Services.TeamServicesAgentLinux',
                    statuses: [failure],
                  },
                ],
              },
            }),
            vm('3', {
              instanceView: {
                statuses: [{ code: 'PowerState/running' }],
                extensions: [
                  {
                    name: 'setup',
                    type: 'Microsoft.Azure.Extensions.CustomScript',
                    statuses: [{ code: 'ProvisioningState/failed/1', message: 'exit 1' }],
                  },
                ],
              },
            }),
            vm('4', {
              provisioningState: 'Failed',
              instanceView: { statuses: [{ code: 'ProvisioningState/failed/AllocationFailed', message: 'No room.' }] },
            }),
          ],
        }),
      ),
    )
    const reading = await scaleSet.machines(never)
    expect(reading).toMatchObject({
      known: true,
      value: [
        {
          id: '0',
          vmId: 'vm-0',
          name: 'vm000000',
          createdAt: '2026-01-01T00:00:00.000Z',
          provisioning: 'succeeded',
          power: 'running',
          latestModel: true,
          protected: false,
        },
        { id: '1', provisioning: 'creating', latestModel: false, protected: true },
        {
          id: '2',
          provisioning: 'failed',
          power: 'other',
          failure: { code: 'VMExtensionHandlerNonTransientError', message: 'The agent did not start.', ours: true },
        },
        { id: '3', provisioning: 'succeeded', failure: { code: '1', message: 'exit 1', ours: false } },
        { id: '4', failure: { code: 'AllocationFailed', message: 'No room.', ours: false } },
      ],
    })
    expect(reading).not.toHaveProperty('value.0.failure')
    expect(outside.received[0]?.url).toContain('%24expand=instanceView')
  })

  test.each<[string, Answerer]>([
    ['refused', json({ error: { code: 'AuthorizationFailed', message: 'No.' } }, 403)],
    ['lost', reset],
    ['a sign-in page', page(203)],
    ['without rows', json({})],
    ['the first one again', json({ value: [vm('0')] })],
    ['with a machine without id', json({ value: [{ ...vm('1'), instanceId: undefined }] })],
  ])('are unknown when the second page is %s', async (_name, second) => {
    const { scaleSet } = await serve(pages(second))
    expect(await scaleSet.machines(never)).toMatchObject({ known: false })
  })

  test('are not read from a page on another host', async () => {
    const { scaleSet } = await serve(json({ value: [vm('0')], nextLink: 'https://elsewhere.example/page2' }))
    expect(await scaleSet.machines(never)).toMatchObject({ known: false, why: expect.stringContaining('no token is sent there') })
  })
})

describe('changes', () => {
  const accept = json({}, 202, { 'azure-asyncoperation': 'https://x/operations/1', location: 'https://x/results/1', etag: '"e2"' })
  const sent = () =>
    outside.received.map(({ method, url, body, headers }) => ({
      method,
      url,
      body: body === '' ? undefined : (JSON.parse(body) as unknown),
      ifMatch: headers['if-match'],
    }))

  test('capacity is raised by one PATCH that compares the etag, and ends at acceptance', async () => {
    const before = await seen()
    const { scaleSet } = await serve(accept)
    expect(await scaleSet.setCapacity(before, 5, never)).toEqual({ kind: 'done', operation: 'https://x/operations/1', etag: '"e2"' })
    expect(sent()).toEqual([
      {
        method: 'PATCH',
        url: `${id}?api-version=${computeApiVersion}`,
        body: { sku: { name: 'Standard_D2s_v3', capacity: 5 } },
        ifMatch: '"e1"',
      },
    ])
  })

  test('capacity is never lowered', async () => {
    const before = await seen()
    const { scaleSet } = await serve(accept)
    await expect(scaleSet.setCapacity(before, 2, never)).rejects.toThrow('Capacity is only raised: 3 must not become 2.')
    expect(outside.received).toEqual([])
  })

  test('capacity that somebody else changed meanwhile is refused by Azure', async () => {
    const before = await seen()
    const { scaleSet } = await serve(json({ error: { code: 'PreconditionFailed', message: 'The etag differs.' } }, 412))
    expect(await scaleSet.setCapacity(before, 5, never)).toMatchObject({ kind: 'refused', status: 412, code: 'PreconditionFailed' })
    expect(outside.received).toHaveLength(1)
  })

  test.each(['deleteMachines', 'reimageMachines'] as const)('%s sends one POST with the ids, also when Azure fails', async (name) => {
    const { scaleSet } = await serve(json({ error: { code: 'InternalExecutionError', message: 'Oh.' } }, 500))
    expect(await scaleSet[name](['0', '3'], never)).toMatchObject({ kind: 'unknown' })
    expect(sent()).toEqual([
      {
        method: 'POST',
        url: `${id}/${name === 'deleteMachines' ? 'delete' : 'reimage'}?api-version=${computeApiVersion}`,
        body: { instanceIds: ['0', '3'] },
        ifMatch: undefined,
      },
    ])
  })

  test.each([[[]], [['*']], [['1', '']]])('machines %j are never deleted or reimaged', async (ids) => {
    const { scaleSet } = await serve(accept)
    await expect(scaleSet.deleteMachines(ids, never)).rejects.toThrow('one by one')
    await expect(scaleSet.reimageMachines(ids, never)).rejects.toThrow('one by one')
    expect(outside.received).toEqual([])
  })

  test('the claim writes all tags and compares; later tags are merged alone', async () => {
    const before = await seen()
    const { scaleSet } = await serve(accept)
    await scaleSet.claimTag(before, 'claim', 'us/1', never)
    await scaleSet.mergeTag('claim', 'us/2', never)
    await scaleSet.removeTag('claim', 'us/2', never)
    const tagsUrl = `${id}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01`
    expect(sent()).toEqual([
      { method: 'PATCH', url: `${id}?api-version=${computeApiVersion}`, body: { tags: { owner: 'us', claim: 'us/1' } }, ifMatch: '"e1"' },
      { method: 'PATCH', url: tagsUrl, body: { operation: 'Merge', properties: { tags: { claim: 'us/2' } } }, ifMatch: undefined },
      { method: 'PATCH', url: tagsUrl, body: { operation: 'Delete', properties: { tags: { claim: 'us/2' } } }, ifMatch: undefined },
    ])
  })

  test('our extension entry is written alone and taken off alone', async () => {
    const before = await seen()
    const { scaleSet } = await serve(accept)
    await scaleSet.putExtension(
      before,
      { name: 'Agent', publisher: 'P', type: 'T', version: '1.22', settings: { a: 1 }, protectedSettings: { b: 2 }, after: ['setup'] },
      never,
    )
    outside.answer = json({ error: { code: 'ResourceNotFound', message: 'No.' } }, 404)
    expect(await scaleSet.removeExtension(before, 'Agent', never)).toMatchObject({ kind: 'done' })
    expect(sent()).toMatchObject([
      {
        method: 'PUT',
        url: `${id}/extensions/Agent?api-version=${computeApiVersion}`,
        body: {
          properties: {
            publisher: 'P',
            type: 'T',
            typeHandlerVersion: '1.22',
            settings: { a: 1 },
            protectedSettings: { b: 2 },
            provisionAfterExtensions: ['setup'],
          },
        },
      },
      { method: 'DELETE', url: `${id}/extensions/Agent?api-version=${computeApiVersion}` },
    ])
  })
})

describe('an operation', () => {
  test.each<[string, Answerer, object]>([
    ['runs', json({ status: 'InProgress' }), { state: 'running' }],
    ['runs behind a Location', json({}, 202), { state: 'running' }],
    ['succeeded', json({ status: 'Succeeded' }), { state: 'succeeded' }],
    ['succeeded behind a Location', (_request, response) => response.writeHead(204).end(), { state: 'succeeded' }],
    [
      'failed',
      json({ status: 'Failed', error: { code: 'SubnetIsFull', message: 'Subnet full.' } }),
      { state: 'failed', code: 'SubnetIsFull', message: 'Subnet full.' },
    ],
    ['was cancelled', json({ status: 'Canceled' }), { state: 'failed', code: 'Canceled', message: 'The operation ended as Canceled.' }],
    ['is gone', json({ error: { code: 'NotFound', message: 'No.' } }, 404), { state: 'gone' }],
  ])('%s', async (_name, answer, value) => {
    const { scaleSet } = await serve(answer)
    expect(await scaleSet.operation(`${outside.url}/operations/1`, never)).toMatchObject({ known: true, value })
  })

  test('is not asked for on another host, nor taken as gone from a foreign page', async () => {
    const { scaleSet } = await serve(page(404))
    expect(await scaleSet.operation('https://elsewhere.example/operations/1', never)).toMatchObject({ known: false })
    expect(outside.received).toEqual([])
    expect(await scaleSet.operation(`${outside.url}/operations/1`, never)).toMatchObject({ known: false })
  })
})
