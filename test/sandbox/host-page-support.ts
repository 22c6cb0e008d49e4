/** A sandbox with its host page, the probe as the hub of another origin, and a real browser in front of both. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import type { Browser, Frame, Page } from 'playwright-core'
import { bundleHostPage } from '../../sandbox/host-page/bundle.mjs'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { start } from './sandbox-support.ts'

export const fabrikam = { id: '11111111-aaaa-4aaa-8aaa-111111111111', name: 'Fabrikam Fiber' }
export const organizationPage = '/contoso/_settings/scale-set-agents'
export const projectPage = '/contoso/Fabrikam%20Fiber/_settings/scale-set-agents'

export type Host = {
  readonly sandbox: Sandbox
  readonly hubUrl: string
  /** Opens the page as the first person in the light theme, and waits until the hub has started. One page at a time. */
  open(address?: string): Promise<Opened>
  /** What went wrong in any page since this was called last: failed scripts, errors in the console, requests to any other host. */
  problems(): readonly string[]
  close(): Promise<void>
}
export type Opened = { readonly page: Page; readonly hub: Frame }

const root = path.dirname(path.dirname(__dirname))
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']

export async function startHost(): Promise<Host> {
  const assets = await mkdtemp(path.join(tmpdir(), 'host-page-'))
  const [hub, browser] = await Promise.all([serveProbe(assets), launch(), bundleHostPage(root, assets)])
  const sandbox = await start({ projects: [fabrikam], hostPage: { assets, hubUrl: hub.url } })
  const problems: string[] = []

  function watch(page: Page): void {
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    page.on('request', (request) => {
      const { origin, protocol, href } = new URL(request.url())
      if (protocol !== 'data:' && ![sandbox.url, hub.url].some((known) => new URL(known).origin === origin)) problems.push(href)
    })
  }

  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  watch(page)

  async function open(address = organizationPage): Promise<Opened> {
    // Person and theme are kept in the page's origin; a page that is left first loads even where only its hash differs.
    if (page.url().startsWith(sandbox.url)) await page.evaluate('localStorage.clear(), sessionStorage.clear()')
    await page.goto('about:blank')
    await page.goto(sandbox.url + address)
    return { page, hub: await hubOf(page) }
  }

  return {
    sandbox,
    hubUrl: hub.url,
    open,
    problems: () => problems.splice(0),
    async close() {
      await Promise.all([browser.close(), hub.close(), sandbox.close()])
      await rm(assets, { recursive: true })
    },
  }
}

/** The hub's frame, once the SDK in it has shaken hands. */
export async function hubOf(page: Page): Promise<Frame> {
  const frame = page.frameLocator('#hub iframe')
  await frame.getByRole('heading', { name: /^Hub for/ }).waitFor()
  return (await (await page.waitForSelector('#hub iframe')).contentFrame())!
}

async function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: [...flags, '--disable-component-update', '--disable-sync'] })
}

/** The probe as hub and as the content of the contribution `….dialog`. */
async function serveProbe(folder: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const source = path.join(__dirname, 'host-page-probe')
  const outfile = path.join(folder, 'probe.js')
  await build({ entryPoints: [path.join(source, 'probe.mjs')], outfile, bundle: true, format: 'esm', logLevel: 'warning' })
  const [script, html] = await Promise.all([readFile(outfile), readFile(path.join(source, 'probe.html'))])
  const server = createServer((request, reply) => {
    if (request.url === '/probe.js') return reply.setHeader('content-type', 'text/javascript').end(script)
    if (request.url === '/hub.html' || request.url === '/dialog.html') return reply.setHeader('content-type', 'text/html').end(html)
    return reply.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hub.html`,
    close: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
