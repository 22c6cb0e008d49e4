/** One request on the wire: time limit, token, size limit, figures and rate headers. It never repeats anything. */
import { createSecureContext } from 'node:tls'
import { Agent, request as send } from 'undici'
import type { Metrics } from '../loop/ports.ts'
import { isRefused, lookupAllowed } from './addresses.ts'
import type { ServiceClock } from './clock.ts'
import { scrub } from './scrub.ts'
import { createRateWatch } from './rate.ts'
import type { HttpHeaders } from './rate.ts'
import { failureOf } from './transport-failure.ts'
import type { Failure } from './transport-failure.ts'
import type { Watch } from './watch.ts'

/** Where the value of the Authorization header comes from. `header` rejects when there is none to be had. */
export type Authorization = {
  header(signal: AbortSignal): Promise<string>
  /** The other side did not accept it: the next call asks for a new one. */
  invalidate(): void
}

export type HttpRequest = {
  /** Names the call in figures and errors, such as `list agents`. */
  readonly operation: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** A path below the base URL, or an absolute URL of the same origin. */
  readonly url: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the transport's own: for a call with somebody else's token. */
  readonly authorization?: Authorization
  readonly signal: AbortSignal
}

export type HttpOptions = {
  readonly api: 'azure-devops' | 'azure'
  readonly baseUrl: string
  readonly authorization: Authorization
  readonly clock: ServiceClock
  readonly metrics: Metrics
  /** Learns what the answers tell of the service itself. Not where the tokens are other people's. */
  readonly watch?: Watch
  /** PEM certificates to trust; Node's own unless given. */
  readonly ca?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** Time for one attempt, 10 s unless given. */
  readonly timeoutMs?: number
}

export type Reply = { readonly kind: 'reply'; readonly status: number; readonly headers: HttpHeaders; readonly text: string }

export type Transport = {
  /** The other side's name and host, for sentences. */
  readonly service: string
  /** One request. Never throws. */
  attempt(request: HttpRequest): Promise<Reply | Failure>
  slowDownMs(): number
  close(): Promise<void>
}

const bodyBytesMax = 32 * 1024 * 1024
const timeoutMsUsual = 10_000
const unanswered = new Set(['unreachable', 'timeout', 'lost'])

export function createTransport(options: HttpOptions): Transport {
  const { api, clock, authorization, metrics, timeoutMs = timeoutMsUsual } = options
  const base = new URL(`${options.baseUrl.replace(/\/+$/, '')}/`)
  const service = `${api === 'azure' ? 'Azure' : 'Azure DevOps'} (${base.host})`
  // Made once: reading some 150 certificates again for every connection takes 50 ms in which nothing else runs.
  const trust = options.ca === undefined ? {} : { secureContext: createSecureContext({ ca: [...options.ca] }) }
  const dispatcher = new Agent({ maxResponseSize: bodyBytesMax, connect: { ...trust, lookup: lookupAllowed } })
  const rate = createRateWatch(clock)

  async function attempt(request: HttpRequest): Promise<Reply | Failure> {
    const startedMs = clock.real.nowMs()
    const reply = await exchange(request)
    metrics.call(api, request.operation, figureOf(reply), clock.real.nowMs() - startedMs)
    tell(options.watch, service, request, reply)
    if (reply.kind === 'failure') return reply
    rate.note(reply.status, reply.headers)
    if (isSignIn(reply)) (request.authorization ?? authorization).invalidate()
    return reply
  }

  async function exchange(request: HttpRequest): Promise<Reply | Failure> {
    const url = new URL(request.url.replace(/^\//, ''), base)
    if (url.origin !== base.origin)
      return notSent('foreign-address', `The address ${url.origin} is not ${base.origin}: no token is sent there.`)
    if (isRefused(url.hostname)) return notSent('foreign-address', `${url.hostname} is an address of the platform: no token is sent there.`)
    const forbidden = request.method === 'GET' ? undefined : options.watch?.forbids()
    if (forbidden !== undefined) return notSent('stopped', forbidden)
    const signal = clock.deadline(timeoutMs, request.signal)
    let header: string
    try {
      header = await (request.authorization ?? authorization).header(signal)
    } catch (error) {
      return notSent('no-token', `There is no token for ${service}: ${scrub(error instanceof Error ? error.message : String(error))}`)
    }
    if (signal.aborted) return notSent('stopped', `The call to ${service} was stopped before it was sent.`)
    return transfer(request, url, header, signal)
  }

  async function transfer(request: HttpRequest, url: URL, header: string, signal: AbortSignal): Promise<Reply | Failure> {
    const json = request.body === undefined ? undefined : JSON.stringify(request.body)
    const headers = {
      ...options.headers,
      ...request.headers,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      authorization: header,
    }
    let head: Omit<Reply, 'kind' | 'text'> | undefined
    try {
      const response = await send(url, { method: request.method, headers, body: json ?? null, dispatcher, signal })
      head = { status: response.statusCode, headers: response.headers }
      return { kind: 'reply', ...head, text: await response.body.text() }
    } catch (error) {
      // The status line of a change already tells that it was accepted; only a read needs the body.
      if (head !== undefined && request.method !== 'GET') return { kind: 'reply', ...head, text: '' }
      return failureOf(error, { service, operation: request.operation, stopped: request.signal.aborted, timeoutMs })
    }
  }

  return { service, attempt, slowDownMs: rate.slowDownMs, close: () => dispatcher.destroy() }
}

function tell(watch: Watch | undefined, service: string, { operation, url }: HttpRequest, reply: Reply | Failure): void {
  const call = { service, operation, url }
  if (reply.kind === 'reply') watch?.note({ ...call, outcome: { ...reply, refused: isSignIn(reply) } })
  else if (reply.code === 'no-token') watch?.note({ ...call, outcome: { noToken: reply.why } })
  else if (unanswered.has(reply.code)) watch?.note({ ...call, outcome: { noAnswer: reply.why } })
}

/** A bad token does not give 401 in every case: a 203, a redirect, or 200 with a page are the same thing. */
export function isSignIn({ status, headers, text }: Reply): boolean {
  if (status === 203 || status === 401 || (status >= 300 && status < 400)) return true
  return status < 300 && (String(headers['content-type'] ?? '').includes('html') || text.trimStart().startsWith('<'))
}

/** The other side, or a gateway in front that gave up on a request which still arrives, may have done it. */
export function mayHaveHappened(status: number): boolean {
  return [408, 500, 502, 503, 504].includes(status)
}

function figureOf(reply: Reply | Failure): 'ok' | 'refused' | 'throttled' | 'unknown' {
  if (reply.kind === 'failure') return reply.sent ? 'unknown' : 'refused'
  if (reply.status === 429) return 'throttled'
  if (mayHaveHappened(reply.status)) return 'unknown'
  return reply.status < 300 && !isSignIn(reply) ? 'ok' : 'refused'
}

function notSent(code: string, why: string): Failure {
  return { kind: 'failure', code, why, sent: false, passing: false }
}
