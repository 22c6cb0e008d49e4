import { jobStateChanged } from '../../sandbox/azure-devops/azure-devops.ts'
import { addPoolAndAgent, createOrganization, fabrikam } from './azure-devops-support.ts'
import type { Organization } from './azure-devops-support.ts'

let organization: Organization
let poolId: number
let agentId: number
let requests: string

beforeEach(async () => {
  organization = await createOrganization()
  ;({ poolId, agentId } = await addPoolAndAgent(organization))
  requests = `_apis/distributedtask/pools/${poolId}/jobrequests`
})
afterEach(() => organization.app.close())

const queue = (count: number): readonly number[] =>
  Array.from({ length: count }, () => organization.world.queueJob({ poolId, durationMs: 60_000 }))
const ids = (json: { readonly value: readonly { readonly requestId: number }[] }): readonly number[] =>
  json.value.map(({ requestId }) => requestId)

test('a waiting job has demands and matched agents, but no agent, no assignment and no result', async () => {
  const requestId = organization.world.queueJob({
    poolId,
    durationMs: 60_000,
    jobName: 'Build',
    definition: 'ci',
    demands: ['maven', 'Agent.ComputerName -equals vm000001'],
  })
  const { json } = await organization.send('GET', `${requests}?completedRequestCount=0`)
  const [job] = json.value
  expect(job).toMatchObject({ requestId, jobName: 'Build', planType: 'Build', poolId, scopeId: fabrikam.id, definition: { name: 'ci' } })
  expect(job.demands).toEqual(['maven', 'Agent.ComputerName -equals vm000001'])
  expect(job.queueTime).toBe('2026-01-05T09:00:00.000Z')
  expect(job.matchedAgents).toMatchObject([{ id: agentId, status: 'offline' }])
  for (const field of ['assignTime', 'receiveTime', 'reservedAgent', 'result']) expect(job).not.toHaveProperty(field)
})

test('a job that no agent could take has failed at once', async () => {
  organization.world.queueJob({ poolId, durationMs: 60_000, demands: ['cuda'] })
  expect((await organization.send('GET', `${requests}?completedRequestCount=0`)).json.count).toBe(0)
  expect((await organization.send('GET', `${requests}?completedRequestCount=5`)).json.value).toMatchObject([{ result: 'failed' }])
})

test('unfinished jobs come in queue order before the newest finished ones', async () => {
  const [first, second, third, fourth] = queue(4) as [number, number, number, number]
  organization.world.cancelJob(first)
  organization.world.cancelJob(second)
  expect(ids((await organization.send('GET', `${requests}?completedRequestCount=0`)).json)).toEqual([third, fourth])
  expect(ids((await organization.send('GET', `${requests}?completedRequestCount=1`)).json)).toEqual([third, fourth, second])
  expect(ids((await organization.send('GET', requests)).json)).toEqual([third, fourth, second, first])
})

test('without $top an answer ends at 250 rows', async () => {
  const all = queue(251)
  expect(ids((await organization.send('GET', `${requests}?completedRequestCount=0`)).json)).toEqual(all.slice(0, 250))
})

test('pages of $top drop matched agents and continue by token to the end', async () => {
  const all = queue(5)
  const seen: number[] = []
  let token: string | undefined = ''
  while (token !== undefined) {
    const { json, headers } = await organization.send('GET', `${requests}?$top=2${token}`)
    seen.push(...ids(json))
    for (const job of json.value) expect(job).not.toHaveProperty('matchedAgents')
    const next = headers['x-ms-continuationtoken']
    token = next === undefined ? undefined : `&continuationToken=${String(next)}`
  }
  expect(seen).toEqual([...all].reverse())
})

test('a result and a lock token are checked', async () => {
  const [requestId] = queue(1)
  const lockToken = '00000000-0000-0000-0000-000000000000'
  expect((await organization.send('DELETE', `${requests}/${requestId}`)).status).toBe(400)
  expect((await organization.send('DELETE', `${requests}/${requestId}?lockToken=${lockToken}&result=fine`)).status).toBe(400)
  expect((await organization.send('DELETE', `${requests}/${requestId}?lockToken=${lockToken}&result=canceled`)).status).toBe(204)
  expect((await organization.send('GET', `${requests}/${requestId}`)).json.result).toBe('canceled')
})

test('the job-state-changed event names the job but no pool', () => {
  const [requestId] = queue(1) as [number]
  const answer = organization.world.devops.request(poolId, requestId)
  if (!answer.ok) throw new Error('the request is not there')
  const event = jobStateChanged(answer.value, fabrikam, (time) => new Date(time).toISOString())
  expect(event).toMatchObject({
    eventType: 'ms.vss-pipelines.job-state-changed-event',
    publisherId: 'pipelines',
    resource: { job: { state: 'waiting', result: null, attempt: 1 }, projectId: fabrikam.id },
  })
  expect(JSON.stringify(event)).not.toContain('poolId')
})
