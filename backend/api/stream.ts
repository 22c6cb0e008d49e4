/** Server-sent events to a bounded number of clients. A client that does not read is let go, and resumes by its last log id. */
import type { ServerResponse } from 'node:http'
import type { ApiParts } from './parts.ts'
import { logView, poolSummary } from './views.ts'

const clientsMax = 50
const heartbeatMs = 15_000
const unreadBytesMax = 1_000_000
const logPageMax = 500

export type StreamWish = {
  /** Pools to tell of. */
  readonly wants: (poolId: number) => boolean
  /** Ends the stream. */
  readonly until?: AbortSignal
  readonly after?: number
}
type Parts = Pick<ApiParts, 'loop' | 'settings' | 'history' | 'clock' | 'log'>

export function createStream(parts: Parts) {
  const clients = new Set<Client>()
  return {
    isFull: () => clients.size >= clientsMax,
    /** Resolves when the client has what is there now; what comes later follows by itself. */
    async add(response: ServerResponse, wish: StreamWish): Promise<void> {
      const client = new Client(parts, response, wish)
      clients.add(client)
      response.on('close', () => {
        clients.delete(client)
        client.end()
      })
      await client.start()
    },
    close(): void {
      for (const client of clients) client.end()
    },
  }
}

/** One connection: it has a cursor in each pool's log, and flushes one after another. */
class Client {
  readonly #parts: Parts
  readonly #response: ServerResponse
  readonly #wish: StreamWish
  readonly #cursors = new Map<number, number>()
  readonly #due = new Set<number>()
  readonly #ended = new AbortController()
  #flushing = false
  #unwatch: () => void = () => undefined

  constructor(parts: Parts, response: ServerResponse, wish: StreamWish) {
    this.#parts = parts
    this.#response = response
    this.#wish = wish
  }

  async start(): Promise<void> {
    this.#wish.until?.addEventListener('abort', () => this.end(), { once: true })
    this.#write(': connected\n\n')
    this.#unwatch = this.#parts.loop.onPass((poolId) => this.#passed(poolId))
    void this.#beat()
    await this.#guarded(async () => {
      for (const poolId of await this.#parts.settings.pools()) if (this.#wish.wants(poolId)) this.#due.add(poolId)
    })
    await this.#flush()
  }

  end(): void {
    this.#unwatch()
    this.#ended.abort()
    this.#response.end()
  }

  #passed(poolId: number): void {
    if (!this.#wish.wants(poolId)) return
    this.#due.add(poolId)
    void this.#flush()
  }

  async #flush(): Promise<void> {
    if (this.#flushing) return
    this.#flushing = true
    await this.#guarded(async () => {
      for (const poolId of this.#due) {
        this.#due.delete(poolId)
        await this.#sendPool(poolId)
      }
    })
    this.#flushing = false
  }

  async #sendPool(poolId: number): Promise<void> {
    const { settings, loop, clock } = this.#parts
    const record = await settings.pool(poolId)
    if (record === undefined) return
    this.#event('pass', poolSummary(record, await loop.latest(poolId), loop.lastPassAt(poolId), clock.now()))
    await this.#sendLog(poolId)
  }

  /** A client that names no id begins at the newest entry. */
  async #sendLog(poolId: number): Promise<void> {
    const { history } = this.#parts
    const after = this.#cursors.get(poolId) ?? this.#wish.after
    if (after === undefined) {
      const [newest] = await history.log(poolId, { top: 1 })
      this.#cursors.set(poolId, newest?.id ?? 0)
      return
    }
    const entries = await history.log(poolId, { top: logPageMax, after })
    for (const entry of entries) this.#event('log', logView(entry), entry.id)
    this.#cursors.set(poolId, entries.at(-1)?.id ?? after)
    if (entries.length === logPageMax) this.#due.add(poolId)
  }

  #event(event: 'pass' | 'log', data: unknown, id?: number): void {
    this.#write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`)
  }

  #write(text: string): void {
    if (this.#ended.signal.aborted) return
    this.#response.write(text)
    if (this.#response.writableLength > unreadBytesMax) this.#response.destroy()
  }

  async #beat(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      await this.#parts.clock.sleep(heartbeatMs, this.#ended.signal)
      this.#write(': still here\n\n')
    }
  }

  /** A store that fails ends this connection; the client comes back by itself. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#parts.log.warn({ error: String(error) }, 'A stream of changes ended because the store could not be read.')
      this.#response.destroy()
    }
  }
}
