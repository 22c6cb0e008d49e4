/**
 * HTTP to Azure DevOps and Azure: the one table of retries, and answers that are either complete or unknown. A change is
 * sent exactly once; only reads are repeated.
 */
import type { Reading } from '../core/snapshot.ts'
import type { CallOutcome } from '../loop/ports.ts'
import { scrub } from './scrub.ts'
import { retryAfterMs } from './rate.ts'
import type { HttpHeaders } from './rate.ts'
import { createTransport, isSignIn, mayHaveHappened } from './transport.ts'
import type { HttpOptions, HttpRequest, Reply } from './transport.ts'
import type { Failure } from './transport-failure.ts'

type Refused = Extract<CallOutcome, { readonly kind: 'refused' }>
type UnknownOutcome = Extract<CallOutcome, { readonly kind: 'unknown' }>
type Parse<T> = (json: unknown, headers: HttpHeaders) => T

/** A complete answer (2xx), a refusal in the other side's own words, or neither. */
export type Look =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: HttpHeaders; readonly text: string }
  | Refused
  | { readonly kind: 'unknown'; readonly why: string; /** The token was not accepted. */ readonly isSignIn?: true }

/** A change that was made, with what the other side said about it; or {@link CallOutcome}'s other two ends. */
export type ChangeAnswer =
  { readonly kind: 'done'; readonly status: number; readonly headers: HttpHeaders; readonly json: unknown } | Refused | UnknownOutcome

export type Http = {
  /** Known only for 200 with JSON that `parse` accepts. `parse` throws for anything it does not understand. */
  read<T>(request: HttpRequest, parse: Parse<T>): Promise<Reading<T>>
  /** As `read`; `undefined` when the other side answers 404 with an error code that `missing` matches. */
  readIfThere<T>(request: HttpRequest, missing: RegExp, parse: Parse<T>): Promise<Reading<T | undefined>>
  /** A read whose status matters to the caller. */
  look(request: HttpRequest): Promise<Look>
  /** Sends once, whatever happens. */
  change(request: HttpRequest): Promise<ChangeAnswer>
  /** How long the other side asked us to wait, on the service's line; 0 when it did not. */
  slowDownMs(): number
  close(): Promise<void>
}

/** Waits before the second and third attempt of a read that failed. A read that took its whole time is not repeated. */
const retryWaitsMs = [250, 1000] as const
/** A longer Retry-After ends the read: the next pass comes back to it. */
const retryAfterMsMax = 5_000

export function createHttp(options: HttpOptions): Http {
  const { clock } = options
  const transport = createTransport(options)
  const { service } = transport
  const words = { service, speed: clock.speed }

  async function look(request: HttpRequest): Promise<Look> {
    for (const waitMs of [...retryWaitsMs, undefined]) {
      const reply = await transport.attempt(request)
      const pauseMs = retryPause(reply, waitMs)
      if (pauseMs === undefined || request.signal.aborted) return judge(words, request, reply)
      await clock.real.sleep(pauseMs, request.signal)
    }
    throw new Error('The table of retries ends with an attempt that is judged.')
  }

  function reading<T>(request: HttpRequest, seen: Look, parse: Parse<T>): Reading<T> {
    const call = `${service} answered ${request.operation} with`
    if (seen.kind === 'unknown') return { known: false, why: seen.why }
    if (seen.kind === 'refused') return { known: false, why: `${call} HTTP ${String(seen.status)} ${seen.code}: ${seen.message}` }
    if (seen.status !== 200) return { known: false, why: `${call} HTTP ${String(seen.status)} instead of 200.` }
    try {
      return { known: true, value: parse(JSON.parse(seen.text), seen.headers), at: clock.now() }
    } catch (error) {
      return {
        known: false,
        why: `${call} something we do not understand: ${scrub(error instanceof Error ? error.message : String(error))}.`,
      }
    }
  }

  return {
    look,
    read: async (request, parse) => reading(request, await look(request), parse),
    async readIfThere(request, missing, parse) {
      const seen = await look(request)
      if (seen.kind === 'refused' && seen.status === 404 && missing.test(seen.code))
        return { known: true, value: undefined, at: clock.now() }
      return reading(request, seen, parse)
    },
    change: async (request) => outcomeOf(words, request, await transport.attempt(request)),
    slowDownMs: transport.slowDownMs,
    close: transport.close,
  }
}

type Words = { readonly service: string; readonly speed: number }

/** How long to wait before the next attempt of a read; `undefined` when there is none. */
function retryPause(reply: Reply | Failure, waitMs: number | undefined): number | undefined {
  if (waitMs === undefined) return undefined
  if (reply.kind === 'failure') return reply.passing ? waitMs : undefined
  if (reply.status !== 429 && reply.status < 500) return undefined
  const askedMs = retryAfterMs(reply.headers) ?? waitMs
  return askedMs <= retryAfterMsMax ? Math.max(askedMs, waitMs) : undefined
}

function judge(words: Words, request: HttpRequest, reply: Reply | Failure): Look {
  if (reply.kind === 'failure') return { kind: 'unknown', why: reply.why }
  if (isSignIn(reply)) return { kind: 'unknown', why: signIn(words, reply).message, isSignIn: true }
  if (reply.status >= 500 || reply.status === 429) return { kind: 'unknown', why: described(words, request, reply) }
  if (reply.status >= 300) return refusal(words, request, reply)
  return { kind: 'answer', status: reply.status, headers: reply.headers, text: reply.text }
}

function outcomeOf(words: Words, request: HttpRequest, reply: Reply | Failure): ChangeAnswer {
  if (reply.kind === 'failure') return reply.sent ? { kind: 'unknown', why: reply.why } : refused(0, reply.code, reply.why)
  if (isSignIn(reply)) return signIn(words, reply)
  if (reply.status < 300) return { kind: 'done', status: reply.status, headers: reply.headers, json: parsed(reply.text) }
  if (mayHaveHappened(reply.status)) return { kind: 'unknown', why: described(words, request, reply), ...correlationOf(reply.headers) }
  return refusal(words, request, reply)
}

function signIn({ service }: Words, { status }: Reply): Refused {
  return refused(
    status,
    'sign-in',
    `${service} answered with its sign-in page: the token is missing, expired or lacks access (HTTP ${String(status)}).`,
  )
}

/** `retryAfterMs` is turned from real time into the service's own. */
function refusal(words: Words, request: HttpRequest, reply: Reply): Refused {
  const error = errorOf(reply.text)
  const waitMs = retryAfterMs(reply.headers)
  return {
    ...refused(reply.status, error?.code ?? `http-${String(reply.status)}`, scrub(error?.message ?? described(words, request, reply))),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs * words.speed }),
    ...correlationOf(reply.headers),
  }
}

function described({ service }: Words, request: HttpRequest, reply: Reply): string {
  const error = errorOf(reply.text)
  return `${service} answered ${request.operation} with HTTP ${String(reply.status)}${error === undefined ? '' : `: ${error.code}, ${scrub(error.message)}`}`
}

/** The two shapes of errors: Azure's `{error: {code, message}}` and Azure DevOps' `{typeKey, message}`. */
function errorOf(text: string): { readonly code: string; readonly message: string } | undefined {
  const json = parsed(text)
  if (typeof json !== 'object' || json === null) return undefined
  const outer = json as Readonly<Record<string, unknown>>
  const error =
    typeof outer['error'] === 'object' && outer['error'] !== null ? (outer['error'] as Readonly<Record<string, unknown>>) : outer
  const code = error['code'] ?? error['typeKey']
  return typeof code === 'string' && typeof error['message'] === 'string' ? { code, message: error['message'] } : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function correlationOf(headers: HttpHeaders): { readonly correlationId?: string } {
  const id = headers['x-ms-correlation-request-id'] ?? headers['activityid']
  return typeof id === 'string' ? { correlationId: id } : {}
}

function refused(status: number, code: string, message: string): Refused {
  return { kind: 'refused', status, code, message }
}
