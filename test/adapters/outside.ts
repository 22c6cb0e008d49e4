/** What the adapters' tests put in place of the outside: a small server, a clock that does not wait, counted calls. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClock } from '../../backend/adapters/clock.ts'
import type { ServiceClock } from '../../backend/adapters/clock.ts'
import type { Authorization } from '../../backend/adapters/transport.ts'
import type { Metrics } from '../../backend/loop/ports.ts'

export type Received = {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}
export type Answerer = (request: Received, response: ServerResponse, count: number) => void

/** Answers every request with `answer` and remembers it. `answer` may be changed between calls. */
export async function startServer(answer: Answerer) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
      received.push(seen)
      outside.answer(seen, response, received.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const outside = {
    url: `http://127.0.0.1:${String(port)}`,
    received,
    answer,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return outside
}
export type Outside = Awaited<ReturnType<typeof startServer>>

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answerer {
  return (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(JSON.stringify(value))
}

export function page(status: number, headers: Record<string, string> = {}): Answerer {
  return (_request, response) =>
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<html><body>Sign in to your account</body></html>')
}

export const reset: Answerer = (_request, response) => response.socket?.resetAndDestroy()
export const silence: Answerer = () => undefined

/** A real clock whose pauses take no time and are remembered. */
export function createTestClock(speed = 1): ServiceClock & { readonly pauses: number[]; pass(ms: number): void } {
  const clock = createClock({ startAt: 0, speed })
  const pauses: number[] = []
  let passed = 0
  return {
    ...clock,
    pauses,
    pass: (ms) => (passed += ms),
    real: {
      nowMs: () => clock.real.nowMs() + passed,
      wallTimeMs: () => clock.real.wallTimeMs() + passed,
      sleep: (ms) => {
        pauses.push(ms)
        return Promise.resolve()
      },
    },
  }
}

export function createTestAuthorization(): Authorization & { invalidated: number } {
  const authorization = {
    invalidated: 0,
    header: () => Promise.resolve('Bearer test'),
    invalidate: () => void (authorization.invalidated += 1),
  }
  return authorization
}

export function createTestMetrics(): Metrics & { readonly calls: string[] } {
  const calls: string[] = []
  const nothing = () => undefined
  return {
    calls,
    pass: nothing,
    passFailed: nothing,
    jobStarted: nothing,
    assignmentsLost: nothing,
    booted: nothing,
    action: nothing,
    left: nothing,
    call: (api, operation, outcome) => void calls.push(`${api} ${operation} ${outcome}`),
  }
}

export const never = new AbortController().signal
