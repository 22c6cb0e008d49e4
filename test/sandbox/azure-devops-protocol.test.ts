import { tstuCosts } from '../../sandbox/azure-devops/rate-limit.ts'
import { addPoolAndAgent, createOrganization, fabrikam } from './azure-devops-support.ts'
import type { Organization } from './azure-devops-support.ts'

const pools = '_apis/distributedtask/pools'
const browser = 'application/json;api-version=7.2-preview.1;excludeUrls=true;enumsAsNumbers=true;msDateFormat=true;noArrayWrap=true'

let organization: Organization
beforeEach(async () => {
  organization = await createOrganization()
})
afterEach(() => organization.app.close())

describe('a caller without a good token', () => {
  test.each(['', `Basic ${Buffer.from(':wrong').toString('base64')}`, `Basic ${Buffer.from(':expired-pat').toString('base64')}`])(
    'reads a sign-in page with a success status: "%s"',
    async (authorization) => {
      const reply = await organization.send('GET', pools, { headers: { authorization } })
      expect(reply.status).toBe(203)
      expect(reply.headers['content-type']).toMatch(/^text\/html/)
      expect(reply.text).toContain('Sign In')
    },
  )

  test('is refused with 401 when it changes something, and nothing changes', async () => {
    const reply = await organization.send('POST', pools, { headers: { authorization: 'Bearer nobody' }, body: { name: 'linux' } })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toContain('Bearer')
    expect(organization.world.devops.pools()).toEqual({ ok: true, value: [] })
  })

  test('is refused with 401 when it asks not to be redirected', async () => {
    const headers = { authorization: 'Bearer nobody', 'x-tfs-fedauthredirect': 'Suppress' }
    expect((await organization.send('GET', pools, { headers })).status).toBe(401)
  })

  test('is sent to the sign-in page when it is a browser', async () => {
    const reply = await organization.send('GET', pools, { headers: { authorization: '', accept: 'text/html,application/xhtml+xml' } })
    expect(reply.status).toBe(302)
    expect(reply.headers['location']).toContain('/fabrikam/_signin')
  })
})

describe('dialects', () => {
  test('by default wrap arrays, name enums and write ISO dates', async () => {
    const { poolId } = await addPoolAndAgent(organization)
    const { json, headers } = await organization.send('GET', `${pools}/${poolId}/agents`)
    expect(json.count).toBe(1)
    expect(json.value[0]).toMatchObject({ name: 'vm000001', status: 'offline', enabled: true, createdOn: '2026-01-05T09:00:00.000Z' })
    expect(json.value[0]._links.self.href).toContain('/agents/')
    expect(headers['content-type']).toContain('api-version=7.1')
  })

  test('of the browser client are bare arrays, numbers, ms dates and no links', async () => {
    const { poolId } = await addPoolAndAgent(organization)
    const { json } = await organization.send('GET', `${pools}/${poolId}/agents`, { headers: { accept: browser } })
    expect(json).toHaveLength(1)
    expect(json[0].status).toBe(1)
    expect(json[0].createdOn).toBe(`/Date(${Date.parse('2026-01-05T09:00:00.000Z')})/`)
    expect(json[0]).not.toHaveProperty('_links')
  })

  test('take each option on its own', async () => {
    await addPoolAndAgent(organization)
    const { json } = await organization.send('GET', pools, { headers: { accept: 'application/json;enumsAsNumbers=true' } })
    expect(json.value[0]).toMatchObject({ poolType: 1, options: 0, createdOn: '2026-01-05T09:00:00.000Z' })
  })
})

describe('api-version', () => {
  const version = (asked: string): Record<string, string> => ({ accept: `application/json; api-version=${asked}` })

  test('may be missing on a GET but not on a change', async () => {
    expect((await organization.send('GET', pools, { headers: { accept: '*/*' } })).status).toBe(200)
    const change = await organization.send('POST', pools, { headers: { accept: '*/*' }, body: { name: 'linux' } })
    expect(change.status).toBe(400)
    expect(change.json.typeKey).toBe('VssVersionNotSpecifiedException')
    expect(
      (await organization.send('POST', `${pools}?api-version=7.1`, { headers: { accept: '*/*' }, body: { name: 'linux' } })).status,
    ).toBe(200)
  })

  test.each([
    ['9.9', 'VssVersionOutOfRangeException'],
    ['7.2', 'VssInvalidPreviewVersionException'],
    ['latest', 'ArgumentException'],
  ])('%s is refused', async (asked, typeKey) => {
    const { status, json } = await organization.send('GET', pools, { headers: version(asked) })
    expect([status, json.typeKey]).toEqual([400, typeKey])
  })

  test('of a preview is served', async () => {
    expect((await organization.send('GET', pools, { headers: version('7.2-preview.1') })).status).toBe(200)
  })
})

describe('errors', () => {
  test('have the usual shape and can be traced', async () => {
    const { status, json, headers } = await organization.send('GET', `${pools}/77`)
    expect(status).toBe(404)
    expect(json).toMatchObject({ $id: '1', innerException: null, typeKey: 'TaskAgentPoolNotFoundException', errorCode: 0, eventId: 3000 })
    expect(headers['activityid']).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers['x-vss-e2eid']).toBe(headers['activityid'])
  })

  test('tell a body that is not JSON, an id that is no number and a route that does not exist', async () => {
    const broken = await organization.send('POST', pools, { headers: { 'content-type': 'application/json' }, body: '{' })
    expect(broken.status).toBe(400)
    expect((await organization.send('GET', `${pools}/abc`)).status).toBe(400)
    expect((await organization.send('GET', '_apis/nothing')).json.typeKey).toBe('HttpRouteNotFoundException')
  })
})

describe('faults of the world', () => {
  test('sign-in-page: a good token reads a 203 page, never an empty list', async () => {
    organization.world.setFault('sign-in-page', { rate: 1 })
    const reply = await organization.send('GET', pools)
    expect(reply.status).toBe(203)
    expect(reply.headers['content-type']).toMatch(/^text\/html/)
  })

  test('devops-throttled: 429 says when to come back', async () => {
    organization.world.setFault('devops-throttled', { rate: 1 })
    const reply = await organization.send('GET', pools)
    expect(reply.status).toBe(429)
    expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(5)
  })

  test.each(['devops-lost-before', 'devops-lost-after'] as const)('%s: the connection breaks without an answer', async (fault) => {
    organization.world.setFault(fault, { rate: 1 })
    const post = organization.send('POST', pools, { body: { name: 'linux' } })
    await expect(post).rejects.toThrow('fetch failed')
    organization.world.setFault(fault, undefined)
    const left = (await organization.send('GET', pools)).json.count
    expect(left).toBe(fault === 'devops-lost-after' ? 1 : 0)
  })
})

describe('browsers of another origin', () => {
  const origin = 'https://fabrikam.example'

  test('may ask beforehand, without a token', async () => {
    const headers = {
      origin,
      authorization: '',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'authorization',
    }
    const reply = await organization.send('OPTIONS', `${pools}/1/agents/2`, { headers })
    expect(reply.status).toBe(200)
    expect(reply.headers['access-control-allow-methods']).toContain('PATCH')
    for (const name of ['authorization', 'content-type', 'x-tfs-fedauthredirect', 'x-vss-reauthenticationaction']) {
      expect(reply.headers['access-control-allow-headers']).toContain(name)
    }
  })

  test('may read answers and the continuation token', async () => {
    const { headers } = await organization.send('GET', pools, { headers: { origin } })
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-expose-headers']).toContain('x-ms-continuationtoken')
  })
})

describe('the rate limit', () => {
  async function limited(): Promise<{ readonly limited: Organization; readonly later: (ms: number) => void }> {
    let now = 1_000_000
    const rateLimit = { tstu: 10 * tstuCosts.read, delayMsMax: 10 }
    await organization.app.close()
    organization = await createOrganization({ rateLimit, realNowMs: () => now })
    return { limited: organization, later: (ms) => void (now += ms) }
  }

  test('is silent at first, warns when it is close and refuses when it is over', async () => {
    const { limited: small } = await limited()
    const replies = []
    for (let i = 0; i < 11; i++) replies.push(await small.send('GET', pools))
    expect(replies.map(({ status }) => status)).toEqual([...Array<number>(10).fill(200), 429])
    expect(replies[0]?.headers).not.toHaveProperty('x-ratelimit-limit')
    expect(replies[8]?.headers).toMatchObject({ 'retry-after': '1', 'x-ratelimit-limit': '0.5', 'x-ratelimit-remaining': '0' })
    expect(replies[10]?.headers).toMatchObject({ 'retry-after': '300', 'x-ratelimit-reset': '1300' })
    expect(replies[10]?.json.message).toContain('TF400733')
  })

  test('frees what is older than five minutes', async () => {
    const { limited: small, later } = await limited()
    for (let i = 0; i < 10; i++) await small.send('GET', pools)
    later(299_000)
    expect((await small.send('GET', pools)).status).toBe(429)
    later(1_001)
    expect((await small.send('GET', pools)).status).toBe(200)
  })
})

describe('projects and queues', () => {
  const queues = `${encodeURIComponent(fabrikam.name)}/_apis/distributedtask/queues`

  test('a pool is opened to the pipelines of a project', async () => {
    const { poolId } = await addPoolAndAgent(organization)
    const queue = await organization.send('POST', queues, { body: { name: 'linux', pool: { id: poolId } } })
    expect(queue.json).toMatchObject({ name: 'linux', projectId: fabrikam.id, pool: { id: poolId, name: 'linux' } })
    const permissions = `${fabrikam.id}/_apis/pipelines/pipelinepermissions/queue/${queue.json.id}`
    expect((await organization.send('GET', permissions)).json).not.toHaveProperty('allPipelines')
    await organization.send('PATCH', permissions, { body: { allPipelines: { authorized: true } } })
    expect((await organization.send('GET', permissions)).json.allPipelines).toEqual({ authorized: true })
    expect((await organization.send('GET', `${queues}?queueName=LINUX`)).json.count).toBe(1)
    expect((await organization.send('GET', `${queues}?queueName=windows`)).json.count).toBe(0)
  })

  test('an automatically provisioned pool has a queue in every project', async () => {
    await organization.send('POST', pools, { body: { name: 'everywhere', autoProvision: true } })
    expect((await organization.send('GET', queues)).json.value).toMatchObject([{ name: 'everywhere' }])
  })

  test('an unknown project is told from an empty one', async () => {
    expect((await organization.send('GET', 'nowhere/_apis/distributedtask/queues')).status).toBe(404)
    expect((await organization.send('GET', '_apis/projects')).json.value).toMatchObject([{ name: fabrikam.name, state: 'wellFormed' }])
  })
})

test('every announced route of the task agent area is served', async () => {
  const { poolId, agentId } = await addPoolAndAgent(organization)
  const { json } = await organization.send('OPTIONS', '_apis/DistributedTask')
  const ids = { poolId: String(poolId), agentId: String(agentId), project: fabrikam.id, definitionId: '', jobId: '' }
  const values: Record<string, string> = {
    area: 'distributedtask',
    packageType: 'agent',
    platform: 'linux-x64',
    version: '4.273.0',
    ...ids,
  }
  const unserved = []
  for (const { routeTemplate, resourceName } of json.value) {
    const path = String(routeTemplate)
      .replace(/\{(\w+)\}/g, (_, name: string) => (name === 'resource' ? resourceName : (values[name] ?? '1')))
      .replace(/\/$/, '')
    const methods = await Promise.all(['GET', 'PUT', 'POST', 'DELETE'].map((method) => organization.send(method, path)))
    if (methods.every((reply) => reply.json?.typeKey === 'HttpRouteNotFoundException')) unserved.push(path)
  }
  expect(json.count).toBeGreaterThan(10)
  expect(unserved).toEqual([])
})
