/** The instance metadata service: its strictness, its documents, its switches. Signatures are checked without the code that makes or verifies them. */
import { X509Certificate } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { createMetadataAuthority } from '../../sandbox/metadata/authority.ts'
import type { AuthorityOptions, MetadataAuthority } from '../../sandbox/metadata/authority.ts'
import { startMetadata } from '../../sandbox/metadata/metadata.ts'
import type { Metadata } from '../../sandbox/metadata/metadata.ts'
import { first, machines, minute, pass, scene, setId } from '../simulator/support.ts'
import type { Loose } from './azure-devops-support.ts'
import { openSignedData } from './signed-data.ts'
import type { Signed } from './signed-data.ts'

const { world } = scene({ capacity: 2, machinesRunAgents: false })
pass(world, 10 * minute)
const machine = first(machines(world))
const nonce = '0123456789abcdef0123456789abcdef'
const open: Metadata[] = []
let authority: MetadataAuthority
let metadata: Metadata

beforeAll(async () => {
  authority = await createMetadataAuthority()
})
beforeEach(async () => {
  metadata = await start()
})
afterEach(() => Promise.all(open.splice(0).map((each) => each.close())))

async function start(own: Partial<Parameters<typeof startMetadata>[0]> = {}): Promise<Metadata> {
  const machineOf = (): { scaleSetId: string; instanceId: string } => ({ scaleSetId: setId, instanceId: '0' })
  const started = await startMetadata({ world, authority, machineOf, ...own })
  open.push(started)
  return started
}

type Reply = { status: number; text: string; bytes: Buffer; json: Loose }

/** With node:http, because fetch does not let a Host header through. */
function get(path: string, headers: Record<string, string> = { metadata: 'true' }, method = 'GET', localAddress?: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false as const, ...(localAddress === undefined ? {} : { localAddress }) }
    const sent = httpRequest(new URL(path, metadata.url), options, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString('utf8')
        const isJson = answer.headers['content-type']?.includes('json') === true
        resolve({ status: answer.statusCode ?? 0, text, bytes, json: isJson ? JSON.parse(text) : undefined })
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

const documentPath = (query = `&nonce=${nonce}`): string => `/metadata/attested/document?api-version=2025-04-07${query}`
const instancePath = (path = '', query = ''): string => `/metadata/instance${path}?api-version=2021-02-01${query}`

async function signedBy(own: MetadataAuthority): Promise<Signed & { der: Buffer; json: Loose }> {
  metadata = await start({ authority: own })
  const { json } = await get(documentPath())
  expect(json.encoding).toBe('pkcs7')
  const der = Buffer.from(json.signature, 'base64')
  const signed = openSignedData(der)
  return { ...signed, der, json: JSON.parse(signed.content.toString('utf8')) }
}

describe('a call', () => {
  test('needs the header Metadata: true, and no proxy on its way', async () => {
    expect((await get(instancePath(), {})).status).toBe(400)
    expect((await get(instancePath(), { metadata: 'false' })).status).toBe(400)
    expect((await get(instancePath(), { metadata: 'true', 'x-forwarded-for': '10.0.0.9' })).status).toBe(400)
    expect((await get(instancePath(), { Metadata: 'True' })).status).toBe(200)
  })

  test.each([
    ['/metadata/instance', 400],
    ['/metadata/instance?api-version=2999-01-01', 400],
    ['/metadata/attested/document?api-version=2018-02-01', 400],
    ['/metadata/elsewhere?api-version=2021-02-01', 404],
    [instancePath('/compute/elsewhere'), 404],
    [instancePath('/compute/vmId'), 400],
    [instancePath('', '&format=xml'), 400],
    [documentPath('&nonce='), 400],
    [documentPath(`&nonce=${'0'.repeat(65)}`), 400],
  ])('of %s is answered %d', async (path, status) => {
    expect((await get(path)).status).toBe(status)
  })

  test('without a known version is told the newest ones', async () => {
    expect((await get('/metadata/instance')).json['newest-versions'][0]).toBe('2025-04-07')
  })

  test('that changes something is not supported', async () => {
    expect((await get(instancePath(), { metadata: 'true' }, 'POST')).status).toBe(405)
  })

  test('from an address that is no machine’s finds nothing', async () => {
    metadata = await start({ machineOf: () => undefined })
    expect((await get(instancePath())).status).toBe(404)
  })
})

test('machines are told apart by their address', async () => {
  const machineOf = (address: string): { scaleSetId: string; instanceId: string } => ({
    scaleSetId: setId,
    instanceId: address === '127.0.0.3' ? '1' : '0',
  })
  metadata = await start({ machineOf })
  const name = async (from: string): Promise<string> =>
    (await get(instancePath('/compute/name', '&format=text'), { metadata: 'true' }, 'GET', from)).text
  expect([await name('127.0.0.2'), await name('127.0.0.3')]).toEqual(['agents_0', 'agents_1'])
})

test('a machine is described as a tree of which any part can be asked for', async () => {
  const { json } = await get(instancePath())
  expect(json.compute).toMatchObject({
    vmId: machine.vmId,
    name: 'agents_0',
    vmScaleSetName: 'agents',
    resourceId: `${setId}/virtualMachines/0`,
    resourceGroupName: 'rg',
    subscriptionId: 'sub-1',
    osProfile: { computerName: machine.computerName },
  })
  expect(json.network.interface[0].ipv4.ipAddress[0].privateIpAddress).toBe('127.0.0.1')
  expect((await get(instancePath('/compute/vmId', '&format=text'))).text).toBe(machine.vmId)
  expect((await get(instancePath('/network/interface/0/ipv4/ipAddress/0/privateIpAddress', '&format=text'))).text).toBe('127.0.0.1')
  expect((await get(instancePath('', '&format=text'))).text).toBe('compute/\nnetwork/')
})

test('no event is scheduled and no identity is there', async () => {
  expect((await get('/metadata/scheduledevents?api-version=2020-07-01')).json.Events).toEqual([])
  const token = await get('/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/')
  expect([token.status, token.json.error]).toEqual([400, 'invalid_request'])
})

describe('an attested document', () => {
  test('names the nonce, the machine and its subscription, and is valid for some hours from now', async () => {
    const { json: content } = await signedBy(authority)
    expect(content).toMatchObject({ nonce, vmId: machine.vmId, subscriptionId: 'sub-1', plan: {}, sku: '', licenseType: '' })
    const [created, expires] = [content.timeStamp.createdOn, content.timeStamp.expiresOn]
    expect(created).toMatch(/^\d\d\/\d\d\/\d\d \d\d:\d\d:\d\d -0000$/)
    expect(Math.abs(Date.parse(created) - Date.now())).toBeLessThan(5_000)
    expect(Date.parse(expires) - Date.parse(created)).toBe(6 * 3_600_000)
    expect(JSON.stringify(content)).not.toContain(machine.computerName)
  })

  test.each<[string, AuthorityOptions]>([
    ['as usual', {}],
    ['over the content itself', { signsAttributes: false }],
    ['with its intermediate', { embedsIntermediate: true }],
  ])('is signed %s by a leaf below the root', async (_, options) => {
    const own = await createMetadataAuthority(options)
    const { isGenuine, certificates } = await signedBy(own)
    expect(isGenuine).toBe(true)
    const [leaf, embedded] = certificates
    expect(leaf!.checkHost('metadata.azure.com')).toBe('metadata.azure.com')
    expect(embedded !== undefined).toBe(options.embedsIntermediate === true)
    const intermediate = new X509Certificate(own.intermediate)
    expect(leaf!.checkIssued(intermediate) && leaf!.verify(intermediate.publicKey)).toBe(true)
    const root = new X509Certificate(own.rootPem)
    expect(intermediate.checkIssued(root) && intermediate.verify(root.publicKey)).toBe(true)
    expect([leaf!.ca, intermediate.ca, root.ca]).toEqual([false, true, true])
  })

  test.each([true, false])('does not bear another content, with attributes signed: %s', async (signsAttributes) => {
    const { der, json } = await signedBy(await createMetadataAuthority({ signsAttributes }))
    const changed = Buffer.from(JSON.stringify({ ...json, vmId: 'another' }))
    expect(openSignedData(der, changed).isGenuine).toBe(false)
  })

  test('says where its intermediate is, and it is there', async () => {
    const { certificates } = await signedBy(authority)
    const address = new URL(/URI:(\S+)/.exec(certificates[0]!.infoAccess!)![1]!)
    expect(address.host).toBe('www.microsoft.com')
    expect(address.pathname).toMatch(/^\/pkiops\/certs\//)
    const { status, bytes } = await get(address.pathname, { host: address.host })
    expect([status, bytes.equals(authority.intermediate)]).toEqual([200, true])
    expect((await get('/pkiops/certs/other.crt', { host: address.host })).status).toBe(404)
  })

  test('has the present time for a nonce that was left out', async () => {
    const { json } = await get(documentPath(''))
    expect(Buffer.from(json.signature, 'base64').toString('latin1')).toMatch(/"nonce":"\d{10}"/)
  })
})

describe('switches', () => {
  const nonceOf = async (asked: string): Promise<string | undefined> =>
    /"nonce":"(\w*)"/.exec(Buffer.from((await get(documentPath(`&nonce=${asked}`))).json.signature, 'base64').toString('latin1'))?.[1]

  test('answer the next calls with a status', async () => {
    metadata.failNext(2, 410)
    const statuses = [await get(instancePath()), await get(instancePath()), await get(instancePath())].map(({ status }) => status)
    expect(statuses).toEqual([410, 410, 200])
  })

  test('give out a cached document with an older nonce', async () => {
    metadata.repeatNonces(1)
    expect(await nonceOf('a1')).toBe('0000000000')
    expect(await nonceOf('a2')).toBe('a2')
    metadata.repeatNonces(1)
    expect([await nonceOf('a3'), await nonceOf('a3')]).toEqual(['a2', 'a3'])
  })

  test('change what is signed', async () => {
    metadata.alterDocuments((content) => ({ ...content, subscriptionId: 'another' }))
    expect(Buffer.from((await get(documentPath())).json.signature, 'base64').toString('latin1')).toContain('"subscriptionId":"another"')
  })

  test('take the service down for a while', async () => {
    metadata.goDown(60_000)
    await expect(get(instancePath())).rejects.toThrow()
    metadata.goDown(0)
    expect((await get(instancePath())).status).toBe(200)
  })
})
