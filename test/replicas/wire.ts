/** What stands between a replica and its PostgreSQL in these tests: a line that can be cut, and a pooler. */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'

export type Wire = { readonly url: string; close(): Promise<void> }
export type Pooler = Wire & {
  /** The text of every statement that passed, once each; a statement with a name of its own begins with that and a colon. */
  readonly statements: ReadonlySet<string>
}
export type Line = Wire & {
  /** From now on nothing gets through, in either direction, and no end of a connection is told: as behind a dead switch. */
  cut(): void
  /** New connections get through; those of before stay dead, and nobody is told. */
  restore(): void
  /** The same, and both ends of those of before find out. */
  heal(): void
}

/** A line to the server of this URL. */
export async function openLine(url: string): Promise<Line> {
  let isCut = false
  const open = new Set<Socket>()
  const dead = new WeakSet<Socket>()
  const server = createServer((near) => {
    const far = connect(portOf(url), '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from)
      if (isCut) dead.add(from)
      from.on('data', (bytes: Buffer) => (dead.has(from) ? undefined : to.write(bytes)))
      from.on('error', () => undefined)
      from.on('close', () => {
        open.delete(from)
        if (!dead.has(from)) to.destroy()
      })
    }
  })
  return {
    url: await listen(server, url),
    cut() {
      isCut = true
      for (const socket of open) dead.add(socket)
    },
    restore: () => void (isCut = false),
    heal() {
      isCut = false
      // What was swallowed does not come again: both ends find out now.
      for (const socket of open) socket.destroy()
    },
    close: () => closeAll(server, open),
  }
}

const backends = 3
/** Parameters of a session that PgBouncer takes at its start; it refuses a client that sends another. */
const startParameters = ['user', 'database', 'client_encoding', 'application_name', 'datestyle', 'timezone', 'standard_conforming_strings']

/**
 * As PgBouncer in transaction mode: each transaction of a client, or each statement outside of one, goes to the next of a few
 * sessions of the server. It knows the start of the protocol only, and a server that asks for the password in clear text.
 */
export async function openPooler(url: string): Promise<Pooler> {
  const open = new Set<Socket>()
  const statements = new Set<string>()
  const server = createServer((client) => {
    open.add(client)
    client.on('error', () => undefined)
    void serve(client, portOf(url), open, (statement) => statements.add(statement)).catch(() => client.destroy())
  })
  return { url: await listen(server, url), statements, close: () => closeAll(server, open) }
}

async function serve(client: Socket, port: number, open: Set<Socket>, said: (statement: string) => void): Promise<void> {
  const start = await messageOf(client, 4)
  const named = start.subarray(8).toString().split('\0')
  const strange = named.filter((name, index) => index % 2 === 0 && name !== '' && !startParameters.includes(name.toLowerCase()))
  if (strange.length > 0) return void client.end(refusal(`unsupported startup parameter: ${strange.join(', ')}`))
  // The server asks for a password in clear text.
  client.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]))
  const password = await messageOf(client, 5)
  const sessions = await Promise.all(Array.from({ length: backends }, () => openSession(port, start, password, open)))
  client.write(sessions[0]!.greeting)
  let turn = 0
  let isBusy = false
  const asked = messages((message) => statementsOf(message).forEach(said))
  client.on('data', (bytes: Buffer) => {
    asked(bytes)
    if (!isBusy) turn = (turn + 1) % backends
    isBusy = true
    sessions[turn]!.socket.write(bytes)
  })
  client.on('close', () => sessions.forEach(({ socket }) => socket.destroy()))
  for (const { socket } of sessions) {
    // Ready for a query, in no transaction: the session is free for another client.
    const answered = messages((message) => void (message[0] === 0x5a && (isBusy = message[5] !== 0x49)))
    socket.on('close', () => client.destroy())
    socket.on('data', (bytes: Buffer) => {
      answered(bytes)
      client.write(bytes)
    })
  }
}

async function openSession(port: number, start: Buffer, password: Buffer, open: Set<Socket>) {
  const socket = connect(port, '127.0.0.1')
  open.add(socket)
  socket.on('error', () => undefined)
  socket.write(start)
  await messageOf(socket, 5)
  socket.write(password)
  // Everything up to the first readiness.
  let greeting = Buffer.alloc(0)
  while (greeting.at(-6) !== 0x5a) greeting = Buffer.concat([greeting, ((await once(socket, 'data')) as [Buffer])[0]])
  return { socket, greeting }
}

/** The first message of a connection; `head` is 5 with a type and 4 without. */
async function messageOf(socket: Socket, head: 4 | 5): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  while (bytes.length < head || bytes.length < bytes.readInt32BE(head - 4) + head - 4)
    bytes = Buffer.concat([bytes, ((await once(socket, 'data')) as [Buffer])[0]])
  return bytes
}

/** Cuts a stream of bytes into messages. */
function messages(each: (message: Buffer) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    for (let length = lengthOf(rest); length !== undefined; length = lengthOf(rest)) {
      each(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }
}

function lengthOf(bytes: Buffer): number | undefined {
  if (bytes.length < 5) return undefined
  const length = bytes.readInt32BE(1) + 1
  return bytes.length < length ? undefined : length
}

/** Of a Query or a Parse; the latter names the statement first. Other messages have none. */
function statementsOf(message: Buffer): readonly string[] {
  const [name = '', text = ''] = message.subarray(5).toString().split('\0')
  if (message[0] === 0x51) return [name]
  return message[0] === 0x50 ? [`${name === '' ? '' : `${name}: `}${text}`] : []
}

function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`)
  const head = Buffer.alloc(5)
  head.write('E')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}

const portOf = (url: string): number => Number(new URL(url).port)

async function listen(server: Server, url: string): Promise<string> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const near = new URL(url)
  near.port = String(typeof address === 'object' ? address?.port : '')
  return near.href
}

async function closeAll(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  for (const socket of open) socket.destroy()
  await closed
}
