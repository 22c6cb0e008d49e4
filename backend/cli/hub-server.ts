/** The built hub over HTTP, from an origin of its own as Azure DevOps serves extensions. For the demo: elsewhere Azure DevOps serves it. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

export type HubServer = {
  readonly origin: string
  /** Of the page that goes into the frame. */
  readonly url: string
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
}

/** Serves the files of `folder` on a free port of loopback, for frames of `hostOrigin` only. */
export async function serveHub(folder: string, hostOrigin: string): Promise<HubServer> {
  // Known from the start, so that no address can lead anywhere else.
  const files = new Map(readdirSync(folder).map((name) => [`/${name}`, readFileSync(join(folder, name))]))
  const headers = {
    // The page brings the rest of its policy itself.
    'content-security-policy': `frame-ancestors ${hostOrigin}`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
  const server = createServer((request, reply) => {
    const path = request.url?.split('?')[0] ?? ''
    const file = files.get(path)
    if (file === undefined) return reply.writeHead(404, headers).end()
    reply.writeHead(200, { ...headers, 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(file)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    url: `${origin}/hub.html`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}
