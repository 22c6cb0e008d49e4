/** Where the service connects to: the configured addresses, and nothing that an answer, a certificate or DNS names. */
import dns from 'node:dns'
import net from 'node:net'
import { createTransport } from '../../backend/adapters/transport.ts'
import { isRefused, lookupAllowed } from '../../backend/adapters/addresses.ts'
import type { PoolCreated } from '../../backend/api/contract.ts'
import { createTestAuthorization, createTestClock, createTestMetrics, never, startServer } from '../adapters/outside.ts'
import { api, createRig, scaleSetId, until } from '../deploy/running.ts'

afterEach(() => jest.restoreAllMocks())

test('a whole service in use connects to Azure DevOps, Azure and Entra as configured, and to nothing else', async () => {
  const rig = await createRig()
  const targets = new Set<string>()
  const real = net.Socket.prototype.connect
  jest.spyOn(net.Socket.prototype, 'connect').mockImplementation(function (this: net.Socket, ...given: unknown[]) {
    const [options] = given.flat() as [{ readonly host?: string; readonly port?: number | string; readonly path?: string }]
    targets.add(options.path ?? `${options.host}:${options.port}`)
    return Reflect.apply(real, this, given) as net.Socket
  })
  const service = await rig.start('data')
  await api<PoolCreated>(service, 'POST', '/pools', { poolName: 'linux', scaleSetId, settings: { standby: 1 } })
  await until(() => (rig.sandbox.world.truth.machines(scaleSetId).length === 1 ? true : undefined))
  await service.stop()
  await rig.close()
  const allowed = [rig.sandbox.url, rig.sandbox.organizationUrl, service.url].map((url) => new URL(url).host)
  expect(targets.size).toBeGreaterThan(0)
  expect([...targets].filter((target) => !allowed.includes(target))).toEqual([])
}, 60_000)

test('a redirect is an answer, not a way: the other place hears nothing', async () => {
  const other = await startServer((_, response) => response.end('{}'))
  const first = await startServer((_, response) => response.writeHead(307, { location: `${other.url}/taken` }).end())
  const transport = transportTo(first.url)
  expect(await transport.attempt(get('_apis/x'))).toMatchObject({ kind: 'reply', status: 307 })
  expect(other.received).toEqual([])
  await Promise.all([transport.close(), first.close(), other.close()])
})

test.each(['169.254.169.254', '168.63.129.16', '0.0.0.0', '[fe80::1]', '[::ffff:169.254.169.254]', '2852039166'])(
  '%s gets no request',
  async (host) => {
    const transport = transportTo(`http://${host}`)
    expect(await transport.attempt(get('metadata/identity'))).toMatchObject({ kind: 'failure', code: 'foreign-address', sent: false })
    await transport.close()
  },
)

test('a name that DNS turns into such an address gets none either, also when it is one of several', async () => {
  for (const found of [['169.254.169.254'], ['127.0.0.1', '168.63.129.16']]) {
    jest.spyOn(dns, 'lookup').mockImplementation(((_name: string, _options: object, done: (error: null, found: object) => void) =>
      done(
        null,
        found.map((address) => ({ address, family: 4 })),
      )) as never)
    const transport = transportTo('http://rebound.example')
    expect(await transport.attempt(get('x'))).toMatchObject({ kind: 'failure', code: 'ERR_ADDRESS_REFUSED', sent: false })
    await transport.close()
  }
})

test('addresses of a private network stay open: private endpoints and Azure DevOps Server live there', async () => {
  for (const address of ['10.0.0.4', '192.168.1.1', '127.0.0.1', '::1', '20.37.158.0', 'not.an.address'])
    expect(isRefused(address)).toBe(false)
  const one = await new Promise((resolve) => lookupAllowed('127.0.0.1', { all: false }, (error, address) => resolve([error, address])))
  expect(one).toEqual([null, '127.0.0.1'])
  const lost = await new Promise<NodeJS.ErrnoException | null>((resolve) => lookupAllowed('no.such.invalid', {}, (error) => resolve(error)))
  expect(['ENOTFOUND', 'EAI_AGAIN']).toContain(lost?.code)
})

const get = (url: string) => ({ operation: 'a read', method: 'GET' as const, url, signal: never })
const transportTo = (baseUrl: string) =>
  createTransport({
    ...{ api: 'azure', baseUrl, authorization: createTestAuthorization() },
    ...{ clock: createTestClock(), metrics: createTestMetrics() },
  } as const)
