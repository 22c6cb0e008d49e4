/** Debian's Chromium before the host page, and what must never happen in it. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type FrameLocator, type Page } from 'playwright-core'
import { people } from '../../sandbox/people.ts'
import type { Place } from './place.ts'

export type Look = { readonly person?: string }
export type Opened = { readonly page: Page; readonly hub: FrameLocator; close(): Promise<void> }
export type Browser = {
  /** Opens the hub at a place of its own, such as `pool=2&tab=agents`, in an empty profile. */
  open(hash?: string, look?: Look): Promise<Opened>
  /** What went wrong in any page since this was called last: failed scripts, errors in the console, requests to any other host. */
  problems(): readonly string[]
  close(): Promise<void>
}

const quiet = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update']
const pictures = path.join(path.dirname(path.dirname(__dirname)), 'test-output', 'browser')

export async function openBrowser(place: Place): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', ...quiet, '--disable-sync'] })
  const hostPage = place.sandbox.hostPageUrl ?? ''
  const known = [hostPage, place.hub.url, place.serviceUrl].map((url) => new URL(url).origin)
  const problems: string[] = []

  function watch(page: Page): void {
    page.on('pageerror', (error) => problems.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && problems.push(`${message.text()} ${message.location().url}`))
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (!['data:', 'blob:'].includes(protocol) && !known.includes(origin)) problems.push(`asked ${request.url()}`)
    })
  }

  async function open(hash = '', { person = 'Ada Brandt' }: Look = {}) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId: 'Europe/Berlin' })
    context.setDefaultTimeout(10_000)
    const { id } = people.find(({ displayName }) => displayName === person)!
    await context.addInitScript(`try { sessionStorage['sandbox-person'] ??= '${id}' } catch {}`)
    const page = await context.newPage()
    watch(page)
    await page.goto(`${hostPage}${hash === '' ? '' : `#${hash}`}`)
    return { page, hub: page.frameLocator('#hub iframe'), close: () => context.close() }
  }

  return { open, problems: () => problems.splice(0), close: () => browser.close() }
}

/** Kept below test-output/browser, for people to look at. */
export async function picture({ page }: Pick<Opened, 'page'>, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true })
  await page.screenshot({ path: path.join(pictures, `${name}.png`) })
}

/** What axe finds wrong in page and hub, one line for each place. */
export async function accessProblems({ page }: Pick<Opened, 'page'>): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).analyze()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id} ${target.join(' ')}: ${failureSummary.split('\n')[1] ?? ''}`),
  )
}
