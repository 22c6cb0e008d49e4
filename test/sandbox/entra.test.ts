/** Entra's endpoints, with @azure/identity unmodified and by hand; and the certificates that all of it runs on. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClientAssertionCredential } from '@azure/identity'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { serverCertificate } from '../../sandbox/certificates.ts'
import { checkAzureDevOpsAuthorization } from '../../sandbox/entra/azure-devops-authorization.ts'
import { createTokens } from '../../sandbox/entra/tokens.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { call, contributor, credentialOf, pat, reader, start, tenantId, tokenOf } from './sandbox-support.ts'

const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicKeyPem = key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const federated = { issuer: 'https://issuer.example', subject: 'system:serviceaccount:agents:service', publicKeyPem }
const workload = {
  tenantId,
  clientId: '55555555-5555-4555-8555-555555555555',
  certificatePem: publicKeyPem,
  federated,
  role: 'reader',
  devops: true,
} as const

let sandbox: Sandbox
beforeAll(async () => void (sandbox = await start({ apps: [contributor, reader, workload] })))
afterAll(() => sandbox.close())

const arm = 'https://management.azure.com/.default'
const asContributor = {
  grant_type: 'client_credentials',
  client_id: contributor.clientId,
  client_secret: contributor.secret ?? '',
  scope: arm,
}
const ask = (form: Record<string, string>, tenant = tenantId, version = '/v2.0') =>
  call(sandbox, `/${tenant}/oauth2${version}/token`, { form })

describe('a token', () => {
  test('is given to an application with its secret, in real time and verifiable by the published keys', async () => {
    const { token, expiresOnTimestamp } = await credentialOf(sandbox, contributor).getToken(arm)
    const { body } = await call(sandbox, `/${tenantId}/discovery/v2.0/keys`)
    const keys = createLocalJWKSet(body as never)
    const { payload } = await jwtVerify(token, keys, { audience: 'https://management.azure.com', algorithms: ['RS256'] })
    expect(payload).toMatchObject({ appid: contributor.clientId, tid: tenantId })
    expect(expiresOnTimestamp - Date.now()).toBeGreaterThan(3_500_000)
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3599)
  })

  test('comes from the v1 endpoint for a resource, with numbers as strings', async () => {
    const { scope: _scope, ...rest } = asContributor
    const answer = await ask({ ...rest, resource: 'https://management.core.windows.net/' }, tenantId, '')
    expect(answer).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', expires_in: '3599', expires_on: expect.stringMatching(/^\d+$/) },
    })
  })

  test('comes from the AD FS flavour that azure-cli uses', async () => {
    for (const path of ['/adfs/.well-known/openid-configuration', '/adfs/adfs/.well-known/openid-configuration']) {
      const configuration = (await call(sandbox, path)).body
      expect(configuration).toMatchObject({
        issuer: expect.any(String),
        authorization_endpoint: expect.any(String),
        device_authorization_endpoint: expect.any(String),
      })
      const answer = await call(sandbox, String(configuration['token_endpoint']), {
        form: { ...asContributor, scope: `${sandbox.url}/.default` },
      })
      expect(answer).toMatchObject({ status: 200, body: { access_token: expect.any(String) } })
    }
  })

  test.each([
    ['a wrong secret', { client_secret: 'guess' }, 401, 'invalid_client', 7000215],
    ['an unknown application', { client_id: 'nobody' }, 400, 'unauthorized_client', 700016],
    ['an unknown resource', { scope: 'https://vault.example/.default' }, 400, 'invalid_resource', 500011],
    ['a scope for people', { scope: 'https://management.azure.com/user_impersonation' }, 400, 'invalid_scope', 1002012],
    ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
  ])('is refused for %s', async (_what, change, status, error, code) => {
    const answer = await ask({ ...asContributor, ...change })
    expect(answer).toMatchObject({
      status,
      body: { error, error_codes: [code], error_description: expect.stringMatching(new RegExp(`^AADSTS${code}: `)) },
    })
    expect(answer.body['access_token']).toBeUndefined()
  })

  test('is refused by an unknown tenant', async () => {
    expect(await ask(asContributor, '99999999-9999-4999-8999-999999999999')).toMatchObject({ status: 400, body: { error_codes: [90002] } })
  })
})

describe('a client assertion', () => {
  const assert = (claims: Record<string, unknown>, signer = key.privateKey) =>
    new SignJWT({ exp: Date.now() / 1000 + 60, ...claims }).setProtectedHeader({ alg: 'RS256' }).sign(signer)
  const send = async (assertion: Promise<string>) => {
    const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
    return ask({
      grant_type: 'client_credentials',
      client_id: workload.clientId,
      scope: arm,
      client_assertion_type,
      client_assertion: await assertion,
    })
  }
  const own = (): Record<string, unknown> => ({
    iss: workload.clientId,
    sub: workload.clientId,
    aud: `${sandbox.url}/${tenantId}/oauth2/v2.0/token`,
  })
  const foreign = { iss: federated.issuer, sub: federated.subject, aud: 'api://AzureADTokenExchange' }

  test('of the application itself or of a federated issuer replaces the secret', async () => {
    expect((await send(assert(own()))).status).toBe(200)
    expect((await send(assert(foreign))).status).toBe(200)
  })

  test('works through @azure/identity', async () => {
    const credential = new ClientAssertionCredential(tenantId, workload.clientId, () => assert(foreign), {
      authorityHost: sandbox.url,
      disableInstanceDiscovery: true,
      tlsOptions: { ca: sandbox.caPem },
    })
    const { token } = await credential.getToken(arm)
    expect((await call(sandbox, '/subscriptions?api-version=2022-12-01', { token })).status).toBe(200)
  })

  test('is refused with another audience, subject, issuer, end or key', async () => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const refused = await Promise.all([
      send(assert({ ...own(), aud: 'https://elsewhere.example' })),
      send(assert({ ...foreign, aud: `${sandbox.url}/${tenantId}/oauth2/v2.0/token` })),
      send(assert({ ...foreign, sub: 'system:serviceaccount:other' })),
      send(assert({ ...foreign, iss: 'https://other.example' })),
      send(assert({ ...own(), exp: 1 })),
      send(assert(own(), stranger)),
    ])
    expect(refused.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 401])
    expect(refused.map(({ body }) => (body['error_codes'] as number[])[0])).toEqual([700212, 700212, 700213, 700211, 700024, 700027])
  })
})

describe('Azure DevOps lets in', () => {
  const basic = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

  test('a personal access token as the password, whatever the user name', async () => {
    const tokens = await createTokens([], 3599)
    expect(checkAzureDevOpsAuthorization(basic('', pat), [pat], tokens)).toBe('ok')
    expect(checkAzureDevOpsAuthorization(basic('anyone', pat), [pat], tokens)).toBe('ok')
    expect(checkAzureDevOpsAuthorization(basic(pat, ''), [pat], tokens)).toBe('invalid')
    expect(checkAzureDevOpsAuthorization(basic('', 'other'), [pat], tokens)).toBe('invalid')
    expect(checkAzureDevOpsAuthorization(undefined, [pat], tokens)).toBe('missing')
  })

  test('applications of the organization, with a living token for its audience', async () => {
    const apps = [contributor, reader]
    const [tokens, expiring] = [await createTokens(apps, 3599), await createTokens(apps, -1)]
    const devops = '499b84ac-1321-427f-aa17-267ca6975798'
    const bearer = (from: typeof tokens, app: typeof reader, audience: string): string =>
      `Bearer ${from.issue(app, 'issuer', audience).token}`
    expect(checkAzureDevOpsAuthorization(bearer(tokens, contributor, devops), [], tokens)).toBe('ok')
    expect(checkAzureDevOpsAuthorization(bearer(tokens, reader, devops), [], tokens)).toBe('invalid')
    expect(checkAzureDevOpsAuthorization(bearer(tokens, contributor, 'https://management.azure.com'), [], tokens)).toBe('invalid')
    expect(checkAzureDevOpsAuthorization(bearer(expiring, contributor, devops), [], expiring)).toBe('expired')
  })

  test('nobody with a token for Azure Resource Manager', async () => {
    const answer = await call(sandbox, '/contoso/_apis/distributedtask/pools?api-version=7.1', { token: await tokenOf(sandbox) })
    expect(answer.body['value']).toBeUndefined()
    expect((await call(sandbox, '/contoso/_apis/distributedtask/pools?api-version=7.1', { authorization: basic('', pat) })).status).toBe(
      200,
    )
  })
})

describe('the certificates', () => {
  let directory: string
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'certificates-'))))
  afterEach(() => rm(directory, { recursive: true }))

  test('hold for loopback under a CA of their own', async () => {
    const made = await serverCertificate(directory)
    const [server, ca] = [new X509Certificate(made.certificatePem), new X509Certificate(made.caPem)]
    expect(server.checkHost('localhost')).toBe('localhost')
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(server.checkIP('::1')).toBeDefined()
    expect(server.checkHost('example.com')).toBeUndefined()
    expect([ca.ca, server.ca, server.checkIssued(ca), server.verify(ca.publicKey)]).toEqual([true, false, true, true])
  })

  test('stay the same between starts, and only their owner reads the key', async () => {
    const first = await serverCertificate(directory)
    expect((await serverCertificate(directory)).caPem).toBe(first.caPem)
    expect((await stat(join(directory, 'server.pem'))).mode & 0o777).toBe(0o600)
  })

  test('are made anew when they were damaged', async () => {
    const first = await serverCertificate(directory)
    await writeFile(join(directory, 'server.pem'), 'half a fi')
    const second = await serverCertificate(directory)
    expect(second.caPem).not.toBe(first.caPem)
    expect(new X509Certificate(second.certificatePem).verify(new X509Certificate(second.caPem).publicKey)).toBe(true)
  })
})
