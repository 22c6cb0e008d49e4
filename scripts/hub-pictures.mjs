/**
 * Takes the pictures of the hub for README and Marketplace, from a demo that runs. Needs chromium. How they were made:
 *
 *   npm start -- --headless                          # and wait some minutes
 *   node scripts/hub-pictures.mjs ADDRESS-OF-THE-PAGE
 */
import path from 'node:path'
import { chromium } from 'playwright-core'
import { root } from './suites.mjs'

const pictures = [
  { name: 'pools', hash: 'page=pools', shows: 'What it does' },
  { name: 'overview', hash: 'pool=2', shows: 'Last hours' },
  { name: 'agents', hash: 'pool=2&tab=agents', shows: 'Choose all' },
  { name: 'diagnostics', hash: 'pool=2&tab=diagnostics', shows: 'What happened' },
]

const heights = { pools: 320, overview: 1060 }

const [address] = process.argv.slice(2)
if (address === undefined) throw new Error('Usage: node scripts/hub-pictures.mjs ADDRESS-OF-THE-PAGE')
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
try {
  for (const picture of pictures) await photograph(picture)
} finally {
  await browser.close()
}

async function photograph({ name, hash, shows }) {
  const page = await browser.newPage({ viewport: { width: 1200, height: heights[name] ?? 760 }, locale: 'en-GB' })
  await page.goto(`${address}#${hash}`)
  await page.frameLocator('#hub iframe').getByText(shows).first().waitFor()
  // Pictures within the page are read after it.
  await page.waitForTimeout(2_500)
  await page.screenshot({ path: path.join(root, 'docs', 'images', `hub-${name}.png`) })
  await page.close()
}
