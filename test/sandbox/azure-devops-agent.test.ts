/** A stand-in agent: what an agent process does on the wire, and nothing more. */
import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { createOrganization } from './azure-devops-support.ts'
import type { Loose, Organization, Reply } from './azure-devops-support.ts'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = publicKey.export({ format: 'jwk' })
const base64 = (text: string | undefined): string => Buffer.from(text ?? '', 'base64url').toString('base64')
const lockToken = '00000000-0000-0000-0000-000000000000'

let organization: Organization
let now: number
let poolId: number
let pool: string
let agent: Loose

beforeEach(async () => {
  now = Date.now()
  organization = await createOrganization({ sessionTimes: { holdMs: 60, silenceMsMax: 60_000 }, realNowMs: () => now })
  const { json } = await organization.send('POST', '_apis/distributedtask/pools', { body: { name: 'linux' } })
  poolId = json.id
  pool = `_apis/distributedtask/pools/${poolId}`
  agent = await register('vm000001')
})
afterEach(() => organization.app.close())

async function register(name: string): Promise<Loose> {
  const authorization = { publicKey: { exponent: base64(jwk.e), modulus: base64(jwk.n) } }
  const body = { name, version: '4.273.0', maxParallelism: 1, provisioningState: 'Provisioned', systemCapabilities: {}, authorization }
  return (await organization.send('POST', `${pool}/agents`, { body })).json
}

async function askToken(who: Loose, change: { key?: typeof privateKey; audience?: string; expires?: string } = {}): Promise<Reply> {
  const { clientId, authorizationUrl } = who.authorization
  const assertion = await new SignJWT({ jti: 'once' })
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(change.audience ?? authorizationUrl)
    .setExpirationTime(change.expires ?? '5 minutes')
    .sign(change.key ?? privateKey)
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: '' }
  return organization.send('POST', new URL(authorizationUrl).pathname.replace('/fabrikam/', ''), { headers, body: form.toString() })
}

async function asAgent(who: Loose): Promise<Organization['send']> {
  const { json } = await askToken(who)
  const headers = { authorization: `Bearer ${json.access_token}` }
  return (method, path, options = {}) => organization.send(method, path, { ...options, headers: { ...headers, ...options.headers } })
}

async function openSession(send: Organization['send'], who: Loose): Promise<Loose> {
  const body = { ownerName: 'vm000001', agent: { id: who.id, name: who.name, version: '4.273.0' }, systemCapabilities: { maven: '3' } }
  return (await send('POST', `${pool}/sessions`, { body })).json
}

describe('tokens of agents', () => {
  test('are given for an assertion signed by the registered key', async () => {
    const { status, json } = await askToken(agent)
    expect(status).toBe(200)
    expect(json).toMatchObject({ access_token: expect.any(String), expires_in: expect.any(Number) })
  })

  test.each([
    ['another key', { key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }],
    ['another audience', { audience: 'http://elsewhere/token' }],
    ['an assertion that ran out', { expires: '1 hour ago' }],
  ])('are refused for %s', async (_, change) => {
    const { status, json } = await askToken(agent, change)
    expect([status, json.error]).toEqual([400, 'invalid_client'])
  })

  test('are refused for an agent that was removed', async () => {
    await organization.send('DELETE', `${pool}/agents/${agent.id}`)
    expect((await askToken(agent)).json.error).toBe('invalid_client')
  })

  test('open nothing but what an agent needs', async () => {
    const send = await asAgent(agent)
    expect((await send('GET', '_apis/connectionData')).status).toBe(200)
    expect((await send('GET', `${pool}/agents`)).status).toBe(403)
    expect((await send('PATCH', `${pool}/agents/${agent.id}`, { body: { enabled: true } })).status).toBe(403)
    expect((await organization.send('POST', `${pool}/sessions`, { body: {} })).status).toBe(403)
  })

  test('end', async () => {
    const send = await asAgent(agent)
    now += 3_000_000
    expect((await send('GET', '_apis/connectionData')).status).toBe(203)
  })
})

test('an agent goes online, takes a job, renews its lock, finishes it and leaves', async () => {
  const send = await asAgent(agent)
  const { sessionId, encryptionKey } = await openSession(send, agent)
  expect(encryptionKey.encrypted).toBe(false)
  const read = async (): Promise<Loose> =>
    (await organization.send('GET', `${pool}/agents/${agent.id}?includeAssignedRequest=true&includeLastCompletedRequest=true`)).json
  expect(await read()).toMatchObject({ status: 'online' })
  const requestId = organization.world.queueJob({ poolId, durationMs: 60_000, demands: ['maven'] })
  organization.pass(60_000)

  const { json: message } = await send('GET', `${pool}/messages?sessionId=${sessionId}`)
  expect(message.messageType).toBe('PipelineAgentJobRequest')
  expect(JSON.parse(message.body)).toMatchObject({ requestId })
  expect(await read()).toMatchObject({ assignedRequest: { requestId } })
  expect((await organization.send('DELETE', `${pool}/agents/${agent.id}`)).json.typeKey).toBe('TaskAgentJobStillRunningException')

  expect((await send('DELETE', `${pool}/messages/${message.messageId}?sessionId=${sessionId}`)).status).toBe(204)
  organization.pass(60_000)
  const request = `${pool}/jobrequests/${requestId}`
  const before = (await send('GET', request)).json
  expect(before.receiveTime).toBe('2026-01-05T09:01:00.000Z')
  const renewed = await send('PATCH', `${request}?lockToken=${lockToken}`, { body: { requestId } })
  expect(Date.parse(renewed.json.lockedUntil)).toBeGreaterThan(Date.parse(before.lockedUntil))

  const end = { requestId, finishTime: '2026-01-05T09:02:00Z', result: 'succeeded' }
  expect((await send('PATCH', `${request}?lockToken=${lockToken}`, { body: end })).json.result).toBe('succeeded')
  expect(await read()).toMatchObject({ status: 'online', lastCompletedRequest: { requestId, result: 'succeeded' } })
  expect((await send('DELETE', `${pool}/sessions/${sessionId}`)).status).toBe(204)
  expect(await read()).toMatchObject({ status: 'offline' })
})

describe('messages', () => {
  test('are waited for and come as soon as the job is assigned', async () => {
    const send = await asAgent(agent)
    const { sessionId } = await openSession(send, agent)
    const poll = send('GET', `${pool}/messages?sessionId=${sessionId}`)
    // Long enough for the poll to be held.
    await new Promise((resolve) => setTimeout(resolve, 20))
    organization.world.queueJob({ poolId, durationMs: 60_000 })
    organization.pass(60_000)
    expect((await poll).json.messageId).toBe(1)
  })

  test('are an empty answer when none comes in time, and after one was seen', async () => {
    const send = await asAgent(agent)
    const { sessionId } = await openSession(send, agent)
    expect(await send('GET', `${pool}/messages?sessionId=${sessionId}`)).toMatchObject({ status: 202, text: '' })
    organization.world.queueJob({ poolId, durationMs: 60_000 })
    organization.pass(60_000)
    expect((await send('GET', `${pool}/messages?sessionId=${sessionId}&lastMessageId=0`)).json.messageId).toBe(1)
    expect((await send('GET', `${pool}/messages?sessionId=${sessionId}&lastMessageId=1`)).status).toBe(202)
  })

  test('of another agent stay closed, and so does its session', async () => {
    const send = await asAgent(agent)
    const { sessionId } = await openSession(send, agent)
    const stranger = await asAgent(await register('vm000002'))
    expect((await stranger('GET', `${pool}/messages?sessionId=${sessionId}`)).status).toBe(403)
    expect((await stranger('DELETE', `${pool}/sessions/${sessionId}`)).status).toBe(403)
    expect((await stranger('POST', `${pool}/sessions`, { body: { ownerName: 'x', agent: { id: agent.id } } })).status).toBe(403)
  })
})

test('an agent has one session at a time', async () => {
  const send = await asAgent(agent)
  await openSession(send, agent)
  expect(await openSession(send, agent)).toMatchObject({ typeKey: 'TaskAgentSessionConflictException' })
})

test('a session that nobody polls ends by itself', async () => {
  await organization.app.close()
  organization = await createOrganization({ sessionTimes: { holdMs: 60, silenceMsMax: 100 } })
  await organization.send('POST', '_apis/distributedtask/pools', { body: { name: 'linux' } })
  agent = await register('vm000001')
  const send = await asAgent(agent)
  const { sessionId } = await openSession(send, agent)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  expect((await organization.send('GET', `${pool}/agents/${agent.id}`)).json.status).toBe('offline')
  expect((await send('GET', `${pool}/messages?sessionId=${sessionId}`)).json.typeKey).toBe('TaskAgentSessionExpiredException')
})
