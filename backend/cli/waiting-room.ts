/**
 * While a service cannot start for a reason that others can cure, it answers at its address, so that whoever watches it reads why.
 * Nothing else works, and nothing is called outside.
 */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { NotReadyState, Readiness } from '../api/contract.ts'
import { isLost, StoreError } from '../store/errors.ts'
import { Failure } from './exit.ts'

/** The start failed, and may succeed by itself later. */
export class Blocked extends Failure {
  readonly state: NotReadyState
  constructor(state: NotReadyState, ...failure: ConstructorParameters<typeof Failure>) {
    super(...failure)
    this.state = state
  }
}

/** The state that a failed start is waited for in; `undefined` where it ends the process. */
export function waitsIn(error: unknown): NotReadyState | undefined {
  if (error instanceof Blocked) return error.state
  if (!(error instanceof StoreError)) return undefined
  if (error.code === 'newer') return 'databaseNewer'
  return isLost(error) ? 'databaseLost' : undefined
}

export type WaitingRoom = {
  /** Opens it, or tells from now on this of another try. Rejects when the address cannot be listened at. */
  tell(why: { readonly state: NotReadyState; readonly sentence: string }): Promise<void>
  /** Leaves the address to the service. */
  close(): Promise<void>
}

export function createWaitingRoom(at: { readonly host: string; readonly port: number }): WaitingRoom {
  let server: Server | undefined
  let readiness: Readiness = { ready: false, states: [], reasons: [] }
  return {
    async tell({ state, sentence }) {
      readiness = { ready: false, states: [state], reasons: [sentence] }
      server ??= await listening(at, () => readiness)
    },
    async close() {
      const closing = server
      server = undefined
      if (closing !== undefined) await close(closing)
    },
  }
}

function listening({ host, port }: { readonly host: string; readonly port: number }, readiness: () => Readiness): Promise<Server> {
  const server = createServer(({ url }, response) => {
    if (url === '/healthz') return answer(response, 200, { alive: true })
    if (url === '/readyz') return answer(response, 503, readiness())
    answer(response, 503, { code: 'unavailable', message: 'The service has not started yet: GET /readyz says why.' })
  })
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve(server)))
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' })
  response.end(JSON.stringify(body))
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
