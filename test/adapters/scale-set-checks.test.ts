import { byPath, closeServed, id, serve as serveAnswers, set } from './azure-answers.ts'
import { json, never } from './outside.ts'
import type { Answerer, Outside } from './outside.ts'

let outside: Outside
async function serve(answer: Answerer) {
  const served = await serveAnswers(answer)
  outside = served.outside
  return served
}
afterEach(closeServed)

describe('room', () => {
  const usages = { value: [usage('cores', 14, 20), usage('standardDSv3Family', 4, 9), usage('standardFSv2Family', 0, 1)] }
  const size = (name: string, vCPUs: string, family: string) => ({
    resourceType: 'virtualMachines',
    name,
    family,
    locations: ['westeurope'],
    capabilities: [{ name: 'vCPUs', value: vCPUs }],
  })
  const sizes = {
    value: [
      { resourceType: 'disks', name: 'Standard_D2s_v3' },
      size('Standard_F72s_v2', '72', 'standardFSv2Family'),
      size('Standard_D2s_v3', '2', 'standardDSv3Family'),
    ],
  }
  const subnet = { properties: { addressPrefix: '10.0.0.0/28', ipConfigurations: [{ id: 'a' }, { id: 'b' }] } }
  function usage(name: string, currentValue: number, limit: number) {
    return { unit: 'Count', currentValue, limit, name: { value: name, localizedValue: name } }
  }

  test('is counted in machines for the region, the family and the subnet', async () => {
    const { scaleSet } = await serve(
      byPath({ '/usages': json(usages), '/skus': json(sizes), '/subnets/machines': json(subnet), '/agents': json(set) }),
    )
    expect(await scaleSet.rooms('Standard_D2s_v3', never)).toMatchObject({
      known: true,
      value: [
        { kind: 'quota', machines: 3, detail: 'Region westeurope has 6 of 20 cores free; a Standard_D2s_v3 takes 2.' },
        { kind: 'quota', machines: 2, detail: 'Family standardDSv3Family in westeurope has 5 of 9 cores free; a Standard_D2s_v3 takes 2.' },
        { kind: 'subnet', machines: 9, detail: 'Subnet machines has 9 of 11 addresses free.' },
      ],
    })
    await scaleSet.rooms('Standard_D2s_v3', never)
    expect(outside.received.filter((received) => received.url.includes('/skus'))).toHaveLength(1)
  })

  test('of a part that we may not read leaves the others', async () => {
    const { scaleSet } = await serve(
      byPath({
        '/usages': json(usages),
        '/skus': json(sizes),
        '/subnets/machines': json({ error: { code: 'AuthorizationFailed', message: 'No.' } }, 403),
        '/agents': json(set),
      }),
    )
    const rooms = await scaleSet.rooms('Standard_D2s_v3', never)
    expect(rooms.known && rooms.value.map((room) => room.kind)).toEqual(['quota', 'quota'])
  })

  test('is unknown when no part can be read', async () => {
    const { scaleSet } = await serve(byPath({ '/agents': json(set) }))
    expect(await scaleSet.rooms('Standard_D2s_v3', never)).toMatchObject({ known: false })
  })
})

describe('checks', () => {
  test('find the autoscale settings of this scale set on all pages', async () => {
    const { checks } = await serve((received, response, count) => {
      const setting = (name: string, enabled: boolean | undefined, targetResourceUri: string) => ({
        name,
        properties: { enabled, targetResourceUri },
      })
      const first = { value: [setting('a', true, id.toUpperCase()), setting('b', true, `${id}2`)], nextLink: `${outside.url}/next?page=2` }
      return json(received.url.startsWith('/next') ? { value: [setting('c', undefined, id)] } : first)(received, response, count)
    })
    expect(await checks.autoscale(never)).toMatchObject({
      known: true,
      value: [
        { name: 'a', enabled: true },
        { name: 'c', enabled: false },
      ],
    })
  })

  test('read what our identity may do', async () => {
    const { checks } = await serve(json({ value: [{ actions: ['Microsoft.Compute/*'], notActions: [] }] }))
    expect(await checks.permissions(never)).toMatchObject({ known: true, value: [{ actions: ['Microsoft.Compute/*'], notActions: [] }] })
    outside.answer = json({ error: { code: 'AuthorizationFailed', message: 'No.' } }, 403)
    expect(await checks.permissions(never)).toMatchObject({ known: false })
  })
})
