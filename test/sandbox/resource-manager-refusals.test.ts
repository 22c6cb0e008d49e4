/** What the sandbox refuses as Azure Resource Manager does: tokens, roles, versions, limits, lost answers. */
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { call, clientOf, contributor, reader, scaleSetId, start, subscriptionId, tokenOf, withScaleSet } from './sandbox-support.ts'

let sandbox: Sandbox
beforeEach(async () => {
  sandbox = await start()
  await withScaleSet(sandbox, 1)
})
afterEach(() => sandbox.close())

const versioned = `${scaleSetId}?api-version=2024-11-01`

describe('a token', () => {
  test('is asked for with a challenge', async () => {
    const answer = await call(sandbox, versioned)
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'AuthenticationFailed' } } })
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer authorization_uri="https:/)
  })

  test('is refused with a changed claim, because the signature no longer holds', async () => {
    const [header, claims = '', signature] = (await tokenOf(sandbox, reader)).split('.')
    const changed = { ...JSON.parse(Buffer.from(claims, 'base64url').toString()), appid: contributor.clientId }
    const token = [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
    expect(await call(sandbox, versioned, { token })).toMatchObject({
      status: 401,
      body: { error: { code: 'InvalidAuthenticationToken' } },
    })
  })

  test('is refused when it was signed by the key of another tenant', async () => {
    const other = await start()
    const token = await tokenOf(other)
    await other.close()
    expect(await call(sandbox, versioned, { token })).toMatchObject({
      status: 401,
      body: { error: { code: 'InvalidAuthenticationToken' } },
    })
  })

  test('is refused after its end', async () => {
    const expiring = await start({ tokenLifetimeS: 0 })
    const form = {
      grant_type: 'client_credentials',
      client_id: contributor.clientId,
      client_secret: contributor.secret ?? '',
      scope: 'https://management.azure.com/.default',
    }
    const issued = await call(expiring, `/${contributor.tenantId}/oauth2/v2.0/token`, { form })
    const answer = await call(expiring, versioned, { token: String(issued.body['access_token']) })
    await expiring.close()
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'ExpiredAuthenticationToken' } } })
  })

  test('is refused when it was issued for Azure DevOps', async () => {
    const form = {
      grant_type: 'client_credentials',
      client_id: contributor.clientId,
      client_secret: contributor.secret ?? '',
      scope: '499b84ac-1321-427f-aa17-267ca6975798/.default',
    }
    const issued = await call(sandbox, `/${contributor.tenantId}/oauth2/v2.0/token`, { form })
    const answer = await call(sandbox, versioned, { token: String(issued.body['access_token']) })
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'InvalidAuthenticationTokenAudience' } } })
  })
})

describe('a role', () => {
  test('of a reader reads and does not write', async () => {
    const scaleSets = clientOf(sandbox, reader).virtualMachineScaleSets
    expect((await scaleSets.get('agents', 'linux')).name).toBe('linux')
    await expect(scaleSets.update('agents', 'linux', { sku: { capacity: 5 } }).then()).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationFailed',
    })
    expect(sandbox.world.truth.scaleSet(scaleSetId)?.capacity).toBe(1)
  })

  test('that is missing is named with client, action and scope', async () => {
    const answer = await call(sandbox, `${scaleSetId}/delete?api-version=2024-11-01`, {
      method: 'POST',
      token: await tokenOf(sandbox, reader),
      json: { instanceIds: ['0'] },
    })
    expect(answer.status).toBe(403)
    expect(answer.body.error?.message).toContain(`'${reader.clientId}'`)
    expect(answer.body.error?.message).toContain("action 'Microsoft.Compute/virtualMachineScaleSets/delete/action'")
    expect(answer.body.error?.message).toContain(`scope '${scaleSetId}'`)
  })

  test('shows in the permissions of the scale set', async () => {
    const at = async (token: string) =>
      (await call(sandbox, `${scaleSetId}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`, { token })).body['value']
    expect(await at(await tokenOf(sandbox))).toMatchObject([{ actions: ['*'] }])
    expect(await at(await tokenOf(sandbox, reader))).toMatchObject([{ actions: ['*/read'], notActions: [] }])
  })
})

describe('an api-version', () => {
  test.each([
    ['missing', scaleSetId, 'MissingApiVersionParameter'],
    ['unknown to Compute', `${scaleSetId}?api-version=2019-01-01`, 'NoRegisteredProviderFound'],
    ['unknown to Azure Resource Manager', '/subscriptions?api-version=soon', 'InvalidApiVersionParameter'],
  ])('that is %s is refused', async (_what, path, code) => {
    expect(await call(sandbox, path, { token: await tokenOf(sandbox) })).toMatchObject({ status: 400, body: { error: { code } } })
  })

  test('decides the shape: old ones have no etag and no If-Match', async () => {
    const token = await tokenOf(sandbox)
    const old = await call(sandbox, `${scaleSetId}?api-version=2020-06-01`, { token })
    expect(old.body['etag']).toBeUndefined()
    expect(old.headers['etag']).toBeUndefined()
    const now = await call(sandbox, versioned, { token })
    expect(now.body['etag']).toBe(now.headers['etag'])
  })
})

describe('limits', () => {
  test('tell what is left, and refuse with a waiting time when a scale set is read too often', async () => {
    await sandbox.close()
    // So slow that no new calls are allowed while the test runs.
    sandbox = await start({ speed: 0.01 })
    const token = await tokenOf(sandbox)
    await call(sandbox, '/_sandbox/scalesets', { json: { name: 'linux' } })
    const answers = []
    for (let reads = 0; reads < 37; reads++) answers.push(await call(sandbox, versioned, { token }))
    expect(answers[0]?.headers['x-ms-ratelimit-remaining-resource']).toBe('Microsoft.Compute/GetVMScaleSetSubscriptionMaximum;2399')
    expect(answers[0]?.headers['x-ms-ratelimit-remaining-subscription-reads']).toBe('249')
    expect(answers.slice(0, 36).every(({ status }) => status === 200)).toBe(true)
    expect(answers[36]).toMatchObject({
      status: 429,
      body: { error: { code: 'OperationNotAllowed', details: [{ code: 'TooManyRequests' }] } },
    })
    expect(Number(answers[36]?.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  })

  test('make the SDK fail with 429 when the world throttles', async () => {
    sandbox.world.setFault('throttled', { rate: 1 })
    await expect(clientOf(sandbox).virtualMachineScaleSets.get('agents', 'linux')).rejects.toMatchObject({
      statusCode: 429,
      code: 'OperationNotAllowed',
    })
  })
})

describe('an answer', () => {
  test('that is lost ends the connection, whether or not the change was made', async () => {
    const token = await tokenOf(sandbox)
    sandbox.world.setFault('azure-lost-after', { rate: 1 })
    await expect(call(sandbox, versioned, { method: 'PATCH', token, json: { sku: { capacity: 4 } } })).rejects.toMatchObject({
      code: 'ECONNRESET',
    })
    expect(sandbox.world.truth.scaleSet(scaleSetId)?.capacity).toBe(4)
    const log = await call(sandbox, '/_sandbox/requests')
    expect(log.body['counts']).toContainEqual(
      expect.objectContaining({ api: 'resource-manager', operation: expect.stringMatching(/^PATCH .*virtualMachineScaleSets/), status: 0 }),
    )
  })

  test('carries the ids by which a call is traced', async () => {
    const answer = await call(sandbox, versioned, { token: await tokenOf(sandbox) })
    expect(answer.headers['x-ms-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer.headers['x-ms-correlation-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  test('to a path that names nothing is an error in the same shape', async () => {
    const token = await tokenOf(sandbox)
    expect(await call(sandbox, `/subscriptions/${subscriptionId}/nothing?api-version=2022-12-01`, { token })).toMatchObject({
      status: 404,
      body: { error: { code: 'InvalidResourceType' } },
    })
    expect(await call(sandbox, versioned, { method: 'PATCH', token, json: { sku: { capacity: -1 } } })).toMatchObject({
      status: 400,
      body: { error: { code: 'InvalidParameter' } },
    })
  })
})
