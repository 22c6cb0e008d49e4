/** What stands between the machines and the servers: TLS ends at the hub's addresses, and a proxy for those that need one. */
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createTlsServer, request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export type Seen = { readonly from: string; readonly method: string; readonly path: string; readonly status: number }

/** What to do with a call instead of passing it on; `alter` changes the body of the answer. */
export type Answer =
  | { readonly kind: 'cut' }
  | { readonly kind: 'status'; readonly status: number; readonly body: string }
  | { readonly kind: 'alter'; readonly body: (body: Buffer) => Buffer }
export type Rule = (call: {
  readonly from: string
  readonly method: string
  readonly path: string
  readonly body: string
}) => Answer | undefined

export type Front = {
  /** Every call so far. */
  readonly seen: readonly Seen[]
  /** The latest rule that answers wins. Returns the function that takes it away. */
  rule(rule: Rule): () => void
  close(): Promise<void>
}

export type Target = { readonly protocol: 'http:' | 'https:'; readonly port: number; readonly ca?: string }

/** HTTPS on `address`, port 443, in front of a server on loopback. The Host header is passed on as it came. */
export async function startFront(address: string, tls: { readonly key: string; readonly cert: string }, target: Target): Promise<Front> {
  const seen: Seen[] = []
  const rules: Rule[] = []
  const server = createTlsServer(tls, (request, response) => {
    void (async () => {
      const from = addressOf(request.socket)
      const [method, path] = [request.method ?? '', request.url ?? '']
      response.once('close', () => seen.push({ from, method, path, status: response.writableFinished ? response.statusCode : 0 }))
      const body = await bodyOf(request)
      const call = { from, method, path, body: body.toString() }
      let answer: Answer | undefined
      for (const rule of rules.toReversed()) answer ??= rule(call)
      if (answer?.kind === 'cut') request.socket.destroy()
      else if (answer?.kind === 'status') response.writeHead(answer.status).end(answer.body)
      else passOn(request, response, body, target, answer?.body)
    })().catch(() => request.socket.destroy())
  })
  const close = await listen(server, address, 443)
  return {
    seen,
    rule(rule) {
      rules.push(rule)
      return () => void rules.splice(rules.indexOf(rule), 1)
    },
    close,
  }
}

/** A proxy on port 3128 that knows the names in `hosts`: CONNECT for HTTPS, and GET of plain HTTP. */
export async function startProxy(address: string, hosts: Readonly<Record<string, string>>) {
  const seen: { readonly from: string; readonly to: string }[] = []
  const server = createServer((request, response) => {
    const { hostname, port, pathname, search, host } = new URL(request.url ?? '')
    seen.push({ from: addressOf(request.socket), to: `${hostname}:${port || '80'}` })
    const options = { host: hosts[hostname] ?? hostname, port: port || 80, path: pathname + search, headers: { host } }
    const onward = httpRequest(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    onward.end()
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    const [host = '', port = '443'] = (request.url ?? '').split(':')
    seen.push({ from: addressOf(socket), to: request.url ?? '' })
    const onward = connect(Number(port), hosts[host] ?? host, () => socket.write('HTTP/1.1 200 Connection Established\r\n\r\n'))
    for (const [one, other] of [[onward, socket] as const, [socket, onward] as const]) {
      one.on('error', () => other.destroy())
      one.pipe(other)
    }
  })
  const close = await listen(server, address, 3128)
  return { seen, url: `http://${address}:3128`, close }
}

function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  target: Target,
  alter: ((body: Buffer) => Buffer) | undefined,
): void {
  const { protocol, port, ca } = target
  const send = protocol === 'https:' ? httpsRequest : httpRequest
  const options = { host: '127.0.0.1', port, method: request.method, path: request.url, headers: request.headers }
  const onward = send({ ...options, ...(ca !== undefined && { ca }) }, (answer) => {
    if (alter === undefined) {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      return void answer.pipe(response)
    }
    bodyOf(answer).then(
      (whole) => {
        const { 'content-length': _length, ...headers } = answer.headers
        response.writeHead(answer.statusCode ?? 502, headers).end(alter(whole))
      },
      () => response.destroy(),
    )
  })
  onward.on('error', () => response.destroy())
  response.once('close', () => onward.destroy())
  onward.end(body)
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

function addressOf(socket: { readonly remoteAddress?: string | undefined }): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}

async function listen(
  server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>,
  host: string,
  port: number,
): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  if ((server.address() as AddressInfo).address !== host) throw new Error(`The server is not at ${host}.`)
  return () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    return closed
  }
}
