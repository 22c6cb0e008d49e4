/** Calls to the service: the only file of the hub that uses fetch. Signs in by itself, and again when a session ends. */
import type { ApiError } from '../backend/api/contract.ts'
import type { SessionView } from '../backend/api/contract-sign-in.ts'
import { failed, kindOf, thrownText, type Answer } from './answer.ts'
import { withDeadline, type HubClock } from './clock.ts'
import { readEvents, type ServerEvent } from './server-events.ts'

export type Tokens = { appToken(): Promise<string>; accessToken(): Promise<string> }
export type ClientParts = {
  /** Of the service, with or without a path, without an ending `/`. */
  readonly address: string
  readonly tokens: Tokens
  readonly clock: HubClock
  readonly fetch?: typeof fetch
}
export type Call = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** Sends the person's access token along: what is made is made with the person's own rights. */
  readonly asPerson?: boolean
}
export type Client = ReturnType<typeof createClient>

const answerMsMax = 15_000
/** A pool is made in one call that checks the scale set, tags it and makes the agent pool. */
const changeMsMax = 60_000
/** A session that ends sooner is renewed before it is used. */
const renewBeforeMs = 5_000

export function createClient({ tokens, ...parts }: ClientParts) {
  const transport = createTransport(parts)
  const sessions = createSessions(parts.clock, () => signIn(tokens, transport))

  /** Signs in, calls, and does both once more when the service does not know the session any more. */
  async function call<T>(wanted: Call): Promise<Answer<T>> {
    const first = await signedIn<T>(wanted)
    if (first.ok || first.failure.kind !== 'session' || wanted.signal?.aborted === true) return first
    sessions.end()
    return signedIn<T>(wanted)
  }

  async function signedIn<T>(wanted: Call): Promise<Answer<T>> {
    const signed = await sessions.present()
    if (!signed.ok) return signed
    if (wanted.asPerson !== true) return transport.read<T>(wanted, bearer(signed.value))
    const token = await given(tokens.accessToken())
    return token.ok ? transport.read<T>(wanted, { ...bearer(signed.value), 'x-azure-devops-token': token.value }) : token
  }

  /** Each event of a stream until it ends or the signal aborts. Answers why it ended. */
  async function follow(path: string, onEvent: (event: ServerEvent) => void, signal: AbortSignal): Promise<Answer<void>> {
    const signed = await sessions.present()
    if (!signed.ok) return signed
    const ended = await transport.follow({ path, signal, headers: bearer(signed.value) }, onEvent)
    if (!ended.ok && ended.failure.kind === 'session') sessions.end()
    return ended
  }

  return {
    address: parts.address,
    session: sessions.present,
    /** The next call signs in anew: rights that were given meanwhile hold from then on. */
    renew: sessions.end,
    call,
    follow,
    /** A route that is open to everybody. */
    open: <T>(path: string, signal?: AbortSignal): Promise<Answer<T>> =>
      transport.read<T>({ path, ...(signal === undefined ? {} : { signal }) }),
  }
}

const over = Number.NEGATIVE_INFINITY

type Sessions = { present(): Promise<Answer<SessionView>>; end(): void }

/** One session at a time: calls at the same time share one, and one that ends soon is renewed before it is used. */
function createSessions(clock: HubClock, begin: () => Promise<Answer<SessionView>>): Sessions {
  let kept: Promise<Answer<SessionView>> | undefined
  let usableUntil = over
  return {
    async present() {
      if (kept !== undefined && clock.now() <= usableUntil) return kept
      usableUntil = Number.POSITIVE_INFINITY
      const mine = (kept = begin())
      const answer = await mine
      // Ended meanwhile, or begun anew: what is usable now is not this one's to say.
      if (kept === mine && usableUntil !== over) usableUntil = answer.ok ? clock.now() + answer.value.expiresInMs - renewBeforeMs : over
      return answer
    },
    end: () => (usableUntil = over),
  }
}

async function signIn(tokens: Tokens, transport: Transport): Promise<Answer<SessionView>> {
  const both = await given(Promise.all([tokens.appToken(), tokens.accessToken()]))
  if (!both.ok) return both
  const [appToken, accessToken] = both.value
  return transport.read<SessionView>({ method: 'POST', path: '/api/v1/session', body: { appToken, accessToken } })
}

/** What the host hands out. It has nothing when the person's own session in Azure DevOps has ended. */
async function given<T>(tokens: Promise<T>): Promise<Answer<T>> {
  try {
    return { ok: true, value: await tokens }
  } catch (error) {
    const why = thrownText(error).replace(/\.$/, '')
    return failed('session', `Azure DevOps gave the page no token: ${why}. Sign in to Azure DevOps in another tab, then try again.`)
  }
}

type Headers = Readonly<Record<string, string>>
type Transport = ReturnType<typeof createTransport>
type Stream = { readonly path: string; readonly headers: Headers; readonly signal: AbortSignal }

function createTransport({ address, clock, fetch: send = (...args) => fetch(...args) }: Omit<ClientParts, 'tokens'>) {
  return {
    async read<T>({ method = 'GET', path, body, signal }: Call, headers: Headers = {}): Promise<Answer<T>> {
      const deadline = withDeadline(clock, method === 'GET' ? answerMsMax : changeMsMax, signal)
      try {
        const response = await send(`${address}${path}`, {
          ...plain,
          method,
          headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: deadline.signal,
        })
        return await answerOf<T>(response, address)
      } catch {
        return ended(address, signal)
      } finally {
        deadline.end()
      }
    },

    async follow({ path, headers, signal }: Stream, onEvent: (event: ServerEvent) => void): Promise<Answer<void>> {
      try {
        const response = await send(`${address}${path}`, { ...plain, headers: { accept: 'text/event-stream', ...headers }, signal })
        if (!response.ok || response.body === null) return await answerOf<void>(response, address)
        await readEvents(response.body, onEvent)
        return { ok: true, value: undefined }
      } catch {
        return ended(address, signal)
      }
    },
  }
}

/** Nothing of the browser goes along, and an answer is never an old one or another host's. */
const plain = { credentials: 'omit', cache: 'no-store', redirect: 'error' } as const

function bearer({ session }: SessionView): Headers {
  return { authorization: `Bearer ${session}` }
}

async function answerOf<T>(response: Response, address: string): Promise<Answer<T>> {
  const content: unknown = response.status === 204 ? undefined : await response.json().catch(() => notJson)
  if (content === notJson) return strange(address, response.status)
  if (response.ok) return { ok: true, value: content as T }
  const error = (typeof content === 'object' && content !== null ? content : {}) as Partial<ApiError>
  return typeof error.message === 'string' ? failed(kindOf(response.status), error.message, error) : strange(address, response.status)
}

const notJson = Symbol('not JSON')

function strange<T>(address: string, status: number): Answer<T> {
  return failed('strange', `What answers at ${address} is not the service (status ${status}). Check the address.`)
}

/** The call did not end in an answer: the page was left, or nothing came in time. */
function ended<T>(address: string, signal: AbortSignal | undefined): Answer<T> {
  return signal?.aborted === true
    ? failed('aborted', 'The page was left.')
    : failed('unreachable', `The service at ${address} did not answer. Check that it runs and that this browser can reach it.`)
}
