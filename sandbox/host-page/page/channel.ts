/** Calls between the page and the content of a frame, as JSON strings. Knows no window: sending is a parameter. */
import { revive, serialize } from './wire.ts'
import type { RemoteFunction } from './wire.ts'

/** An object whose own functions the other side may call. */
export type Exposed = Readonly<Record<string, unknown>>

export type Channel = {
  /** Calls a method of an object that the other side registered. Rejects with what it threw. */
  invoke(instanceId: string, methodName: string, params: readonly unknown[]): Promise<unknown>
  /** Takes what arrived from the other side. Anything that is no message of the protocol is ignored. */
  receive(text: unknown): void
}

type Message = {
  readonly id: number
  readonly instanceId?: string
  readonly methodName?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: unknown
  /** The SDK answers to nobody until its own token came back once. */
  readonly handshakeToken?: string
  readonly serializationSettings?: { readonly includeUnderscoreProperties?: boolean }
}
type Waiting = { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }

/** The object behind every function that crossed. */
const proxiesId = '__proxyFunctions'
let channels = 0

export function createChannel(send: (text: string) => void, objects: Readonly<Record<string, Exposed>>): Channel {
  const channelId = ++channels
  const proxies: Record<string, RemoteFunction> = {}
  const waiting = new Map<number, Waiting>()
  let lastProxy = 0
  let lastMessage = 0

  function expose(method: RemoteFunction): Record<string, unknown> {
    proxies[`proxy${++lastProxy}`] = method
    return { __proxyFunctionId: lastProxy, _channelId: channelId }
  }

  const write = (value: unknown, keepsUnderscores: boolean): unknown => serialize(value, { expose, keepsUnderscores })
  const proxy =
    (id: number) =>
    (...args: readonly unknown[]) =>
      call(proxiesId, `proxy${id}`, args, true)

  function call(instanceId: string, methodName: string, args: readonly unknown[], keepsUnderscores: boolean): Promise<unknown> {
    const id = ++lastMessage
    const params = write(args, keepsUnderscores)
    const settings = keepsUnderscores ? { serializationSettings: { includeUnderscoreProperties: true } } : {}
    const answer = new Promise<unknown>((resolve, reject) => waiting.set(id, { resolve, reject }))
    send(JSON.stringify({ id, methodName, instanceId, params, ...settings }))
    return answer
  }

  async function answer(message: Message): Promise<void> {
    const { id, handshakeToken } = message
    const keepsUnderscores = message.serializationSettings?.includeUnderscoreProperties === true
    const reply = await run(instanceOf(message.instanceId ?? ''), message, proxy).then(
      (result) => ({ result: write(result, keepsUnderscores) }),
      (error: unknown) => ({ error: write(error, keepsUnderscores) }),
    )
    send(JSON.stringify({ id, ...reply, handshakeToken }))
  }

  function instanceOf(id: string): unknown {
    return id === proxiesId ? proxies : ownOf(objects, id)
  }

  function settle({ id, result, error }: Message): void {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined || error === null) asked?.resolve(revive(result, proxy))
    else asked?.reject(revive(error, proxy))
  }

  return {
    invoke: (instanceId, methodName, params) => call(instanceId, methodName, params, false),
    receive(text) {
      const message = messageOf(text)
      if (message?.instanceId === undefined) return message && settle(message)
      void answer(message)
    },
  }
}

/** Calls what the message names, or hands out the object itself where it names no method. */
async function run(instance: unknown, message: Message, proxy: (id: number) => RemoteFunction): Promise<unknown> {
  const { instanceId, methodName = '', params } = message
  if (typeof instance !== 'object' || instance === null) throw new Error(`The page has no object ${instanceId}.`)
  if (methodName === '') return instance
  const method = ownOf(instance, methodName)
  if (typeof method !== 'function') throw new Error(`The object ${instanceId} has no method ${methodName}.`)
  const args = revive(params, proxy)
  return method(...(Array.isArray(args) ? args : []))
}

/** Never a property that the object inherits. */
function ownOf(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined
}

function messageOf(text: unknown): Message | undefined {
  if (typeof text !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'number' ? (value as Message) : undefined
  } catch {
    // Other scripts of a page post strings, too.
    return undefined
  }
}
