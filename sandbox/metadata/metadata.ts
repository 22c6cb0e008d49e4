/**
 * The instance metadata service of Azure's machines over plain HTTP, strict as documented (azure-facts.md 5, IMDS). It tells
 * machines apart by the address they call from. The time in signed documents is real.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { MachineFacts, ScaleSetFacts, World } from '../../backend/simulator/facts.ts'
import type { MetadataAuthority } from './authority.ts'
import { attestedContent } from './instance.ts'
import type { AttestedContent } from './instance.ts'
import { answer } from './routes.ts'
import type { MetadataAnswer } from './routes.ts'

export type MetadataOptions = {
  readonly world: World
  readonly authority: MetadataAuthority
  /** The machine behind a caller's address; undefined for an address that is nobody's. */
  machineOf(remoteAddress: string): { readonly scaleSetId: string; readonly instanceId: string } | undefined
  /** 127.0.0.1 unless given; 169.254.169.254 where that address is there. */
  readonly host?: string
  /** Any free port unless given. */
  readonly port?: number
  /** How long a document is valid, in real ms: 6 hours unless given. Seconds to hours were seen in Azure. */
  readonly documentLifetimeMs?: number
}

export type Metadata = {
  readonly url: string
  readonly port: number
  /** Cuts every connection for so many real ms from now; `Infinity` for good, 0 ends it. */
  goDown(ms: number): void
  /** The next calls under /metadata are answered with this status. */
  failNext(calls: number, status: 404 | 405 | 410 | 429 | 500): void
  /** The next documents are cached ones: they carry an older nonce than the one asked for. */
  repeatNonces(calls: number): void
  /** Changes what is signed: another machine's id, another subscription, another time. Undefined ends it. */
  alterDocuments(alter: ((content: AttestedContent) => AttestedContent) | undefined): void
  close(): Promise<void>
}

type Switches = {
  downUntilMs: number
  failing: { left: number; status: number }
  repeated: number
  alter: ((content: AttestedContent) => AttestedContent) | undefined
}

const usualLifetimeMs = 6 * 3_600_000
/** What a cached document was asked for with, before anybody else asked. */
const oldNonce = '0000000000'

/** Starts listening. Throws when host and port cannot be listened on. */
export async function startMetadata(options: MetadataOptions): Promise<Metadata> {
  const switches: Switches = { downUntilMs: 0, failing: { left: 0, status: 500 }, repeated: 0, alter: undefined }
  const document = createDocuments(options, switches)
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => respond(request, response, answerTo(request, options, switches, document)))
  server.on('connection', (socket) => {
    if (Date.now() < switches.downUntilMs) return void socket.destroy()
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const { address, port } = server.address() as AddressInfo
  const cutAll = (): void => sockets.forEach((socket) => void socket.destroy())
  return {
    url: `http://${address}:${port}`,
    port,
    goDown(ms) {
      switches.downUntilMs = Date.now() + ms
      if (ms > 0) cutAll()
    },
    failNext: (calls, status) => void (switches.failing = { left: calls, status }),
    repeatNonces: (calls) => void (switches.repeated = calls),
    alterDocuments: (alter) => void (switches.alter = alter),
    close: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      cutAll()
      return closed
    },
  }
}

type Documents = (scaleSet: ScaleSetFacts, machine: MachineFacts, nonce: string) => string

/** Signs as asked, as switched, and remembers the nonce before this one for a machine. */
function createDocuments(options: MetadataOptions, switches: Switches): Documents {
  const lastNonces = new Map<string, string>()
  return (scaleSet, machine, asked) => {
    const key = `${scaleSet.id}/${machine.instanceId}`
    const isCached = switches.repeated > 0
    if (isCached) switches.repeated--
    const nonce = isCached ? (lastNonces.get(key) ?? oldNonce) : asked
    if (!isCached) lastNonces.set(key, asked)
    const content = attestedContent(scaleSet, machine, nonce, Date.now(), options.documentLifetimeMs ?? usualLifetimeMs)
    return options.authority.sign(Buffer.from(JSON.stringify(switches.alter?.(content) ?? content))).toString('base64')
  }
}

function answerTo(request: IncomingMessage, options: MetadataOptions, switches: Switches, document: Documents): MetadataAnswer {
  const url = new URL(request.url ?? '/', 'http://metadata')
  // Azure serves its intermediates on the Internet; here the same server stands in for that host.
  if (request.headers.host?.split(':')[0]?.toLowerCase() === 'www.microsoft.com') return certificateAt(url.pathname, options.authority)
  if (switches.failing.left > 0) {
    switches.failing.left--
    return { status: switches.failing.status, body: { error: `The sandbox answers ${switches.failing.status} because it was told to.` } }
  }
  const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  const caller = callerAt(address, options)
  if (caller === undefined) return { status: 404, body: { error: `Nobody's machine calls from ${address}.` } }
  const { scaleSet, machine } = caller
  const sign = (nonce: string): string => document(scaleSet, machine, nonce)
  return answer({ method: request.method ?? '', url, headers: request.headers, address, scaleSet, machine, sign })
}

function certificateAt(path: string, { intermediate, intermediatePath }: MetadataAuthority): MetadataAnswer {
  if (path !== intermediatePath) return { status: 404, body: '' }
  return { status: 200, type: 'application/octet-stream', body: intermediate }
}

function callerAt(
  address: string,
  { machineOf, world: { truth } }: MetadataOptions,
): { readonly scaleSet: ScaleSetFacts; readonly machine: MachineFacts } | undefined {
  const place = machineOf(address)
  if (place === undefined) return undefined
  const scaleSet = truth.scaleSet(place.scaleSetId)
  const machine = truth.machines(place.scaleSetId).find(({ instanceId }) => instanceId === place.instanceId)
  return scaleSet && machine && { scaleSet, machine }
}

function respond(request: IncomingMessage, response: ServerResponse, { status, type, body }: MetadataAnswer): void {
  request.resume()
  const isJson = typeof body !== 'string' && !Buffer.isBuffer(body)
  response.writeHead(status, { 'content-type': type ?? (isJson ? 'application/json; charset=utf-8' : 'text/plain; charset=utf-8') })
  response.end(isJson ? JSON.stringify(body) : body)
}
