import { createPipelines } from '../../backend/adapters/azure-devops.ts'
import { createDevOpsAdmin } from '../../backend/adapters/devops-admin.ts'
import { createHttp } from '../../backend/adapters/http.ts'
import { createTestAuthorization, createTestClock, createTestMetrics, json, never, page, startServer } from './outside.ts'
import type { Answerer, Outside } from './outside.ts'

let outside: Outside
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(answer: Answerer) {
  outside = await startServer(answer)
  const http = createHttp({
    api: 'azure-devops',
    baseUrl: outside.url,
    authorization: createTestAuthorization(),
    clock: createTestClock(),
    metrics: createTestMetrics(),
  })
  closing.push(http.close, outside.close)
  return { pipelines: createPipelines({ http }), admin: createDevOpsAdmin({ http }) }
}
const list = (value: readonly unknown[], headers: Record<string, string> = {}) => json({ count: value.length, value }, 200, headers)

const agent = { id: 3, name: 'vm000001', version: '4.248.0', enabled: true, status: 'online' }
const request = {
  requestId: 7,
  jobName: 'Build',
  queueTime: '2026-01-01T00:00:00Z',
  planType: 'Build',
  definition: { id: 1, name: 'ci' },
  demands: ['maven', 'Agent.Version -gtVersion 2.182.1'],
}

describe('jobs', () => {
  test('are the unfinished requests, with who could take them and who has them', async () => {
    const { pipelines } = await serve(
      list([
        { ...request, matchedAgents: [{ id: 3 }, { id: 4 }] },
        { ...request, requestId: 8, assignTime: '2026-01-01T00:00:05Z', reservedAgent: { id: 3, name: 'vm000001' } },
        { ...request, requestId: 9, result: 'succeeded', reservedAgent: { id: 3 } },
        { requestId: 10, planType: 'PoolMaintenance', reservedAgent: { id: 4 } },
      ]),
    )
    const job = { requestId: 7, name: 'Build', pipeline: 'ci', queuedAt: request.queueTime, demands: request.demands }
    expect(await pipelines.jobs(5, never)).toMatchObject({
      known: true,
      value: [
        { ...job, matchedAgentIds: [3, 4] },
        { ...job, requestId: 8, agentId: 3 },
        { requestId: 10, name: 'job 10', pipeline: 'PoolMaintenance', demands: [], agentId: 4, queuedAt: '' },
      ],
    })
    expect(outside.received[0]?.url).toBe('/_apis/distributedtask/pools/5/jobrequests?completedRequestCount=0')
  })

  test('assigned without a named agent are not waiting', async () => {
    const { pipelines } = await serve(list([{ ...request, assignTime: '2026-01-01T00:00:05Z' }]))
    expect(await pipelines.jobs(5, never)).toMatchObject({ known: true, value: [] })
  })

  test('beyond the 250 of a list that may be cut are found page by page', async () => {
    const rows = (from: number, more: object = {}) =>
      Array.from({ length: 250 }, (_, at) => ({ ...request, requestId: from - at, ...more }))
    const { pipelines } = await serve((received, response, count) => {
      const url = new URL(received.url, 'http://x')
      if (url.searchParams.has('completedRequestCount')) return list(rows(500, { matchedAgents: [{ id: 3 }] }))(received, response, count)
      if (!url.searchParams.has('continuationToken')) return list(rows(500), { 'x-ms-continuationtoken': 'p 2' })(received, response, count)
      if (url.searchParams.get('continuationToken') === 'p 2')
        return list(rows(250), { 'x-ms-continuationtoken': 'p3' })(received, response, count)
      return list([{ ...request, requestId: 1_000, result: 'failed' }], { 'x-ms-continuationtoken': 'p4' })(received, response, count)
    })
    const jobs = await pipelines.jobs(5, never)
    if (!jobs.known) throw new Error(jobs.why)
    expect(jobs.value).toHaveLength(500)
    expect(jobs.value.find((job) => job.requestId === 400)?.matchedAgentIds).toEqual([3])
    expect(jobs.value.find((job) => job.requestId === 100)).toBeDefined()
    expect(outside.received).toHaveLength(4)
  })

  test('are unknown when one page is lost', async () => {
    const rows = Array.from({ length: 250 }, (_, at) => ({ ...request, requestId: at }))
    const { pipelines } = await serve((received, response, count) =>
      (received.url.includes('top') ? page(203) : list(rows))(received, response, count),
    )
    expect(await pipelines.jobs(5, never)).toMatchObject({ known: false, why: expect.stringContaining('sign-in page') })
  })

  test.each([
    ['without an id', { ...request, requestId: undefined }, 'value[0].requestId is missing'],
    ['with demands that are no texts', { ...request, demands: [{ name: 'maven' }] }, 'value[0].demands[0] is an object'],
    ['with an agent without id', { ...request, reservedAgent: {} }, 'value[0].reservedAgent.id is missing'],
  ])('%s make the list unknown', async (_name, row, why) => {
    const { pipelines } = await serve(list([row]))
    expect(await pipelines.jobs(5, never)).toMatchObject({ known: false, why: expect.stringContaining(why) })
  })
})

describe('agents', () => {
  test('come with the request they run, without capabilities', async () => {
    const { pipelines } = await serve(
      list([
        agent,
        { ...agent, id: 4, enabled: false, status: 'offline', assignedRequest: { requestId: 8 }, lastCompletedRequest: { requestId: 6 } },
      ]),
    )
    expect(await pipelines.agents(5, never)).toMatchObject({
      known: true,
      value: [
        { id: 3, name: 'vm000001', version: '4.248.0', enabled: true, online: true },
        { id: 4, enabled: false, online: false, requestId: 8, lastRequestId: 6 },
      ],
    })
    expect(outside.received[0]?.url).toBe(
      '/_apis/distributedtask/pools/5/agents?includeAssignedRequest=true&includeLastCompletedRequest=true',
    )
  })

  test.each([
    ['an unheard-of status', { ...agent, status: 'resting' }],
    ['no word on enabled', { ...agent, enabled: undefined }],
    ['an assigned request without id', { ...agent, assignedRequest: {} }],
  ])('with %s are unknown', async (_name, row) => {
    const { pipelines } = await serve(list([row]))
    expect(await pipelines.agents(5, never)).toMatchObject({ known: false })
  })

  test('on more than one page are unknown', async () => {
    const { pipelines } = await serve(list([agent], { 'x-ms-continuationtoken': 'next' }))
    expect(await pipelines.agents(5, never)).toMatchObject({ known: false, why: expect.stringContaining('more pages') })
  })

  test('one by one come with their capabilities, or as gone', async () => {
    const { pipelines } = await serve(
      json({ ...agent, systemCapabilities: { 'Agent.OS': 'Linux', maven: '3' }, userCapabilities: { maven: '4' } }),
    )
    expect(await pipelines.agent(5, 3, never)).toMatchObject({
      known: true,
      value: { id: 3, capabilities: { 'Agent.OS': 'Linux', maven: '4' } },
    })
    outside.answer = json({ typeKey: 'TaskAgentNotFoundException', message: 'No agent.' }, 404)
    expect(await pipelines.agent(5, 3, never)).toMatchObject({ known: true, value: undefined })
  })
})

describe('changes', () => {
  test('name the agent and what becomes of it', async () => {
    const { pipelines } = await serve(json(agent))
    expect(await pipelines.setEnabled(5, 3, false, never)).toEqual({ kind: 'done' })
    expect(outside.received[0]).toMatchObject({
      method: 'PATCH',
      url: '/_apis/distributedtask/pools/5/agents/3',
      body: '{"id":3,"enabled":false}',
    })
  })

  test('an agent that was gone counts as removed, one in a pool that we may not see does not', async () => {
    const { pipelines } = await serve((_request, response) => response.writeHead(204).end())
    expect(await pipelines.removeAgent(5, 3, never)).toEqual({ kind: 'done' })
    outside.answer = json({ typeKey: 'TaskAgentNotFoundException', message: 'No agent.' }, 404)
    expect(await pipelines.removeAgent(5, 3, never)).toMatchObject({ kind: 'done' })
    outside.answer = json({ typeKey: 'TaskAgentPoolNotFoundException', message: 'No pool.' }, 404)
    expect(await pipelines.removeAgent(5, 3, never)).toMatchObject({ kind: 'refused' })
    outside.answer = page(404)
    expect(await pipelines.removeAgent(5, 3, never)).toMatchObject({ kind: 'refused' })
    outside.answer = json({ typeKey: 'TaskAgentJobStillRunningException', message: 'It runs a job.' }, 400)
    expect(await pipelines.removeAgent(5, 3, never)).toMatchObject({ kind: 'refused', code: 'TaskAgentJobStillRunningException' })
  })

  test('a placeholder is a whole agent with a key of its own', async () => {
    const { pipelines } = await serve(json(agent))
    expect(await pipelines.addPlaceholder(5, 'placeholder', '4.248.0', { maven: '3' }, never)).toEqual({ kind: 'done' })
    const sent = JSON.parse(outside.received[0]?.body ?? '') as { authorization: { publicKey: { exponent: string; modulus: string } } }
    expect(sent).toMatchObject({
      name: 'placeholder',
      version: '4.248.0',
      enabled: true,
      maxParallelism: 1,
      systemCapabilities: { maven: '3', 'Agent.Version': '4.248.0' },
    })
    expect(sent.authorization.publicKey.exponent).toBe('AQAB')
    expect(Buffer.from(sent.authorization.publicKey.modulus, 'base64')).toHaveLength(256)
    await pipelines.updatePlaceholder(5, 3, '4.250.0', { maven: '4' }, never)
    expect(JSON.parse(outside.received[1]?.body ?? '')).toEqual({
      id: 3,
      version: '4.250.0',
      systemCapabilities: { maven: '4', 'Agent.Version': '4.250.0' },
    })
  })
})

describe('the administration of pools', () => {
  test('finds a pool by its whole name and knows a built-in scale set pool', async () => {
    const { admin } = await serve(
      list([
        { id: 1, name: 'Linux builds' },
        { id: 2, name: 'linux', options: 'elasticPool, singleUseAgents' },
      ]),
    )
    expect(await admin.findPool('Linux', never)).toMatchObject({ known: true, value: { id: 2, name: 'linux', builtIn: true } })
    expect(await admin.findPool('Li', never)).toMatchObject({ known: true, value: undefined })
    expect(await admin.canManage('linux builds', never)).toMatchObject({ known: true, value: true })
    expect(outside.received.at(-1)?.url).toContain('poolName=linux%20builds&actionFilter=manage')
  })

  test('makes pools and queues, and tells what was made', async () => {
    const { admin } = await serve(json({ id: 12, name: 'linux', options: 'none' }))
    expect(await admin.addPool('linux', never)).toMatchObject({ kind: 'done', value: { id: 12, name: 'linux', builtIn: false } })
    expect(await admin.addQueue('My project', 12, 'linux', never)).toMatchObject({ kind: 'done', value: { id: 12, name: 'linux' } })
    expect(outside.received[1]?.url).toBe('/My%20project/_apis/distributedtask/queues')
    outside.answer = json({ typeKey: 'AccessDeniedException', message: 'No.' }, 403)
    expect(await admin.addPool('linux', never)).toMatchObject({ kind: 'refused', code: 'AccessDeniedException' })
    outside.answer = json({})
    expect(await admin.addPool('linux', never)).toMatchObject({ kind: 'unknown' })
  })
})
