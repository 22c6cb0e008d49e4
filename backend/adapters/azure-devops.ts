/** One Azure DevOps organization or collection behind the {@link Pipelines} port. */
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import type { Reading } from '../core/snapshot.ts'
import type { CallOutcome, Metrics, Pipelines, PipelinesAgent, PipelinesJob } from '../loop/ports.ts'
import type { ServiceClock } from './clock.ts'
import { trustedCertificates } from './credentials.ts'
import type { DevOpsConfig } from './credentials.ts'
import { agentFrom, jobsFrom, morePages, requestsFrom } from './devops-shapes.ts'
import type { JobRequest } from './devops-shapes.ts'
import { createHttp } from './http.ts'
import type { ChangeAnswer, Http } from './http.ts'
import { ShapeError, asCount, asObject, asRows } from './shape.ts'
import type { Authorization } from './transport.ts'
import type { Watch } from './watch.ts'

/** Understood by Azure DevOps Services and by Azure DevOps Server 2020 and later. */
const apiVersion = '6.0-preview.1'

/**
 * From this many rows on the list of requests may have been cut: KEDA's users met a limit of 250 that hides jobs.
 * Then the list is read page by page, without `matchedAgents`.
 */
const rowsThatMayBeCut = 250
const rowsOfPage = 1000
const pagesMax = 20

const agentGone = /^TaskAgentNotFoundException$/

/** HTTP to Azure DevOps as both this port and the pool's administration use it. */
export function createDevOpsHttp(options: {
  readonly config: DevOpsConfig
  readonly authorization: Authorization
  readonly clock: ServiceClock
  readonly metrics: Metrics
  readonly watch?: Watch
}): Http {
  const { config, authorization, clock, metrics, watch } = options
  const ca = trustedCertificates(config.caFile)
  const headers = { accept: `application/json;api-version=${apiVersion}` }
  return createHttp({
    api: 'azure-devops',
    baseUrl: config.url,
    authorization,
    clock,
    metrics,
    headers,
    ...(ca === undefined ? {} : { ca }),
    ...(watch === undefined ? {} : { watch }),
  })
}

export function createPipelines({ http }: { readonly http: Http }): Pipelines {
  const url = (poolId: number, agentId: number) => `${agentsOf(poolId)}/${String(agentId)}`
  return {
    jobs: (poolId, signal) => readJobs(http, poolId, signal),
    agents: (poolId, signal) => readAgents(http, poolId, signal),
    agent: (poolId, agentId, signal) => readAgent(http, url(poolId, agentId), signal),
    async setEnabled(poolId, agentId, enabled, signal) {
      const operation = enabled ? 'enable agent' : 'disable agent'
      return outcomeOf(await http.change({ operation, method: 'PATCH', url: url(poolId, agentId), body: { id: agentId, enabled }, signal }))
    },
    async removeAgent(poolId, agentId, signal) {
      return goneIsDone(await http.change({ operation: 'delete agent', method: 'DELETE', url: url(poolId, agentId), signal }), agentGone)
    },
    async addPlaceholder(poolId, name, version, capabilities, signal) {
      const body = await placeholder(name, version, capabilities)
      return outcomeOf(await http.change({ operation: 'add agent', method: 'POST', url: agentsOf(poolId), body, signal }))
    },
    async updatePlaceholder(poolId, agentId, version, capabilities, signal) {
      const body = { id: agentId, version, systemCapabilities: { ...capabilities, 'Agent.Version': version } }
      return outcomeOf(await http.change({ operation: 'update agent', method: 'PATCH', url: url(poolId, agentId), body, signal }))
    },
    async deletePool(poolId, signal) {
      const answer = await http.change({
        operation: 'delete pool',
        method: 'DELETE',
        url: `_apis/distributedtask/pools/${String(poolId)}`,
        signal,
      })
      return goneIsDone(answer, /^TaskAgentPoolNotFoundException$/)
    },
    parallelJobsFree: (signal) => readParallelJobs(http, signal),
    slowDownMs: http.slowDownMs,
  }
}

/** Not in the public reference; the shape is azure-devops-node-api's ResourceUsage. Anything else is Unknown. */
function readParallelJobs(http: Http, signal: AbortSignal): Promise<Reading<number>> {
  const url = '_apis/distributedtask/resourceusage?parallelismTag=Private&poolIsHosted=false&includeRunningRequests=false'
  return http.read({ operation: 'get parallel jobs', method: 'GET', url, signal }, (json) => {
    const usage = asObject(json, 'usage')
    const limit = asObject(usage['resourceLimit'], 'usage.resourceLimit')
    return Math.max(0, asCount(limit['totalCount'], 'totalCount') - asCount(usage['usedCount'], 'usedCount'))
  })
}

const withRequests = 'includeAssignedRequest=true&includeLastCompletedRequest=true'

function readAgents(http: Http, poolId: number, signal: AbortSignal): Promise<Reading<readonly PipelinesAgent[]>> {
  return http.read({ operation: 'list agents', method: 'GET', url: `${agentsOf(poolId)}?${withRequests}`, signal }, (json, headers) => {
    if (morePages(headers) !== undefined) throw new ShapeError('the list of agents has more pages than one')
    return asRows(json).map((row, at) => agentFrom(row, `value[${String(at)}]`))
  })
}

function readAgent(http: Http, url: string, signal: AbortSignal): Promise<Reading<PipelinesAgent | undefined>> {
  const request = { operation: 'get agent', method: 'GET', url: `${url}?includeCapabilities=true&${withRequests}`, signal } as const
  return http.readIfThere(request, agentGone, (json) => (json === null ? undefined : agentFrom(json, 'agent')))
}

/** The outcome of a change whose answer has no value for the loop. */
function outcomeOf(answer: ChangeAnswer): CallOutcome {
  return answer.kind === 'done' ? { kind: 'done' } : answer
}

/**
 * What was to be removed is not there. Only the named error says so: a 404 for the pool around it, or from a gateway,
 * may hide an agent that runs a job.
 */
function goneIsDone(answer: ChangeAnswer, gone: RegExp): CallOutcome {
  if (answer.kind === 'refused' && answer.status === 404 && gone.test(answer.code)) return { kind: 'done', detail: 'It was gone already.' }
  return outcomeOf(answer)
}

/** Unfinished requests. `completedRequestCount=0` leaves out the finished ones and keeps `matchedAgents`. */
async function readJobs(http: Http, poolId: number, signal: AbortSignal): Promise<Reading<readonly PipelinesJob[]>> {
  const url = `${requestsOf(poolId)}?completedRequestCount=0`
  const first = await http.read({ operation: 'list jobs', method: 'GET', url, signal }, (json, headers) => ({
    requests: requestsFrom(json),
    cut: morePages(headers) !== undefined,
  }))
  if (!first.known) return first
  const { requests, cut } = first.value
  if (!cut && requests.length < rowsThatMayBeCut) return { ...first, value: jobsFrom(requests) }
  return readPages(http, poolId, signal, requests)
}

/**
 * The whole list, newest first. It ends at the last page, or at a page on which everything has finished: older requests
 * finished before. `matchedAgents` of the first answer are kept.
 */
async function readPages(
  http: Http,
  poolId: number,
  signal: AbortSignal,
  first: readonly JobRequest[],
): Promise<Reading<readonly PipelinesJob[]>> {
  const requests = new Map(first.map((request) => [request.requestId, request]))
  let token: string | undefined
  for (let page = 0; page < pagesMax; page++) {
    const url = `${requestsOf(poolId)}?$top=${String(rowsOfPage)}${token === undefined ? '' : `&continuationToken=${encodeURIComponent(token)}`}`
    const reading = await http.read({ operation: 'list jobs', method: 'GET', url, signal }, (json, headers) => ({
      rows: requestsFrom(json),
      next: morePages(headers),
    }))
    if (!reading.known) return reading
    const { rows, next } = reading.value
    for (const row of rows) requests.set(row.requestId, { ...requests.get(row.requestId), ...row })
    if (next === undefined || rows.every((row) => row.finished)) return { ...reading, value: jobsFrom([...requests.values()]) }
    token = next
  }
  return {
    known: false,
    why: `Pool ${String(poolId)} lists more than ${String(pagesMax * rowsOfPage)} requests with unfinished ones among them: its queue cannot be read completely.`,
  }
}

/**
 * An agent without a process. Its key is made well-formed and thrown away, so that nobody can ever sign in as it.
 */
async function placeholder(name: string, version: string, capabilities: Readonly<Record<string, string>>): Promise<unknown> {
  const { publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' })
  const base64 = (text: string) => Buffer.from(text, 'base64url').toString('base64')
  return {
    name,
    version,
    maxParallelism: 1,
    enabled: true,
    osDescription: 'Scale Set Agents placeholder: keeps jobs waiting while the pool is empty',
    systemCapabilities: { ...capabilities, 'Agent.Name': name, 'Agent.Version': version },
    authorization: { publicKey: { exponent: base64(e), modulus: base64(n) } },
  }
}

function agentsOf(poolId: number): string {
  return `_apis/distributedtask/pools/${String(poolId)}/agents`
}

function requestsOf(poolId: number): string {
  return `_apis/distributedtask/pools/${String(poolId)}/jobrequests`
}
