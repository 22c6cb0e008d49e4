/** The command line's way to a running service: its API over HTTP, with failures in words. */
import type { ApiError } from '../api/contract.ts'
import { codeOf, exitCodes, Failure, type ExitCode } from './exit.ts'
import { readServerEvents, type ServerEvent } from './server-events.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>
export type ServiceAddress = { readonly url: string; readonly operatorKey: string | undefined }

export type Client = {
  readonly url: string
  /** The answer, or undefined when the service says that there is no such thing. */
  find<T>(path: string): Promise<T | undefined>
  /** @throws Failure with the service's own sentence. */
  get<T>(path: string): Promise<T>
  send<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>
  /** Server-sent events until `signal` aborts or the service ends the stream. */
  events(path: string, signal: AbortSignal): AsyncIterable<ServerEvent>
}

/** Paths are below `/api/v1`. `timeout` gives the signal that ends one call. */
export function createClient(service: ServiceAddress, fetch: Fetch, timeout: () => AbortSignal): Client {
  const headers = {
    accept: 'application/json',
    ...(service.operatorKey === undefined ? {} : { authorization: `Basic ${Buffer.from(`:${service.operatorKey}`).toString('base64')}` }),
  }

  async function call(method: string, path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const init = { method, signal, headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' } }
    try {
      return await fetch(`${service.url}/api/v1${path}`, body === undefined ? init : { ...init, body: JSON.stringify(body) })
    } catch (error) {
      throw unreachable(service.url, error)
    }
  }

  async function answer<T>(response: Response): Promise<T> {
    if (!response.ok) throw await refusal(response, service)
    return (await response.json().catch((error: unknown) => {
      throw notOurs(service.url, error)
    })) as T
  }

  return {
    url: service.url,
    async find<T>(path: string) {
      const response = await call('GET', path, timeout())
      return response.status === 404 ? undefined : answer<T>(response)
    },
    get: async <T>(path: string) => answer<T>(await call('GET', path, timeout())),
    send: async <T>(method: string, path: string, body?: unknown) => answer<T>(await call(method, path, timeout(), body)),
    async *events(path, signal) {
      const response = await call('GET', path, signal)
      if (!response.ok) throw await refusal(response, service)
      if (response.body !== null) yield* readServerEvents(response.body, signal)
    },
  }
}

const exitCodeOfStatus: Readonly<Record<number, ExitCode>> = {
  401: exitCodes.notAllowed,
  403: exitCodes.notAllowed,
  503: exitCodes.unreachable,
  504: exitCodes.unreachable,
}

async function refusal(response: Response, service: ServiceAddress): Promise<Failure> {
  if (response.status === 401) return new Failure(exitCodes.notAllowed, unauthorised(service))
  const error: unknown = await response.json().catch(() => undefined)
  if (!isApiError(error)) return notOurs(service.url, `status ${response.status}`)
  const problems = (error.problems ?? []).filter((problem) => !error.message.includes(problem.message))
  const bad = (error.findings ?? []).filter((finding) => finding.severity !== 'ok')
  const details = [...problems.map((problem) => `  ${problem.field}: ${problem.message}`), ...bad.map(findingLine)]
  return new Failure(exitCodeOfStatus[response.status] ?? exitCodes.no, [error.message, ...details].join('\n'))
}

function findingLine(finding: NonNullable<ApiError['findings']>[number]): string {
  return `  ${finding.severity}: ${finding.cause}${finding.fix === '' ? '' : ` Fix: ${finding.fix}`}`
}

function unauthorised(service: ServiceAddress): string {
  const key = service.operatorKey === undefined ? 'without an operator key' : 'with this operator key'
  return `The service at ${service.url} lets nobody in ${key}. Set SCALE_SET_AGENTS_OPERATOR_KEY, or name the service's data directory with --data.`
}

function unreachable(url: string, error: unknown): Failure {
  if (typeof error === 'object' && error !== null && 'name' in error && (error.name === 'AbortError' || error.name === 'TimeoutError')) {
    return new Failure(
      exitCodes.unreachable,
      `The service at ${url} did not answer in time. Look at its log, or name another with --url.`,
      error,
    )
  }
  const cause = causeOf(error)
  if (cause === 'bad port')
    return new Failure(
      exitCodes.unreachable,
      `Port ${new URL(url).port} is reserved for another protocol, and HTTP clients refuse to call it, so ${url} cannot be used. Choose another with --port, or name the service with --url.`,
      error,
    )
  return new Failure(
    exitCodes.unreachable,
    `No service answers at ${url} (${cause}). Start one with scale-set-agents serve, or name another with --url.`,
    error,
  )
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name was not resolved',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  UND_ERR_SOCKET: 'the connection was closed',
}

/** Why fetch failed: it wraps the cause in an error of its own that says nothing. */
function causeOf(error: unknown): string {
  const code = codeOf(error)
  if (code !== undefined) return causes[code] ?? code
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return inner instanceof Error ? inner.message : String(inner)
}

function notOurs(url: string, cause: unknown): Failure {
  return new Failure(
    exitCodes.unreachable,
    `What answers at ${url} is not Scale Set Agents (${cause instanceof Error ? cause.message : String(cause)}). Name the service with --url.`,
  )
}

function isApiError(value: unknown): value is ApiError {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string'
}
