/** Every page in every theme and width: for axe, for a keyboard, for people who look at the pictures, and with names that want to be code. */
import type { PoolCreated } from '../../backend/api/contract.ts'
import { accessProblems, openBrowser, picture, type Browser, type Opened } from './browser.ts'
import { writeLog } from './log-rows.ts'
import { openPlace, type Place } from './place.ts'

// Functions given to `evaluate` run in the browser.
type Loose = ReturnType<typeof JSON.parse>
declare const document: Loose, getComputedStyle: Loose

jest.setTimeout(120_000)
const hostile = [
  '<img src=x onerror="top.hacked=1">',
  '"><script>top.hacked=1</script>',
  'javascript:top.hacked=1',
  '{{constructor.constructor("top.hacked=1")()}}',
  '<svg/onload=top.hacked=1>',
  '\u202egnp.exe\u0000 &lt;b&gt;',
]
const poolName = hostile[0]!
/** World time: longer than all pages are looked at. */
const jobMs = 24 * 3_600_000
let place: Place
let browser: Browser
let poolId: number
let freeScaleSetId: string
beforeAll(async () => {
  place = await openPlace()
  browser = await openBrowser(place)
  await place.connect()
  const scaleSetId = await place.control.addScaleSet('linux')
  freeScaleSetId = await place.control.addScaleSet('spare')
  const settings = { machinesMax: 8, standby: 2 }
  const { pool } = await place.client().send<PoolCreated>('POST', '/pools', { poolName, scaleSetId, settings })
  poolId = pool.poolId
  for (const name of hostile) {
    place.sandbox.world.devops.addAgent(poolId, { name, version: '4.255.0', osDescription: name, systemCapabilities: { [name]: name } })
    await place.control.queueJob({ poolId, durationMs: jobMs, jobName: name, definition: name })
  }
  await writeLog(place, poolId, hostile.length * 2, (index) => {
    const text = hostile[index % hostile.length]!
    const failed = { level: 'error', operation: 'increaseCapacity', raw: `{"error":"${text}"}`, correlationId: text } as const
    return { message: text, machine: text, ...(index % 2 === 0 ? failed : {}) }
  })
})
afterAll(async () => {
  await browser.close()
  await place.close()
})
afterEach(() => expect(browser.problems().filter((problem) => !expected.test(problem))).toEqual([]))

const nothing = /(?!)/
/** What the console says of the page that is looked at, as it has to. */
let expected = nothing

/** Leads from the open hub to a page of it, and resolves when that has content. */
type Walk = {
  readonly name: string
  readonly hash: () => string
  readonly ready: (opened: Opened) => Promise<void>
  readonly person?: string
  readonly expected?: RegExp
}
const seen = (text: string | RegExp) => async (opened: Opened) => opened.hub.getByText(text).first().waitFor()
const tabOf = (tab: string): string => `pool=${poolId}&tab=${tab}`
const pages: readonly Walk[] = [
  { name: 'pools', hash: () => 'page=pools', ready: seen(poolName) },
  { name: 'connect', hash: () => 'page=connect', ready: seen('No service yet? Run one') },
  {
    name: 'create',
    hash: () => 'page=create',
    async ready(opened) {
      await opened.hub.getByLabel('Scale set', { exact: true }).click()
      await opened.hub.getByRole('option', { name: 'Another one, by its id' }).click()
      await opened.hub.getByLabel('Resource id').fill(freeScaleSetId)
      for (const name of ['No scale set yet? Make one', 'More choices']) await opened.hub.getByRole('button', { name }).click()
      await opened.hub.getByText(/The scale set can(not)? be used/).waitFor()
    },
  },
  { name: 'overview', hash: () => tabOf('overview'), ready: seen('Last hours') },
  { name: 'agents', hash: () => tabOf('agents'), ready: async ({ hub }) => hub.getByRole('table', { name: 'Machines' }).waitFor() },
  {
    name: 'machine',
    hash: () => tabOf('agents'),
    async ready({ hub }) {
      await hub
        .getByRole('button', { name: /^linux0/ })
        .first()
        .click()
      await hub.getByText('Id in the scale set').waitFor()
    },
  },
  {
    name: 'diagnostics',
    hash: () => tabOf('diagnostics'),
    ready: async ({ hub }) => hub.getByRole('table', { name: /^Diagnostics/ }).waitFor(),
  },
  {
    name: 'entry',
    hash: () => tabOf('diagnostics'),
    async ready({ hub }) {
      await hub
        .getByRole('button', { name: /^Details of entry/, exact: false })
        .filter({ hasText: 'Raw error' })
        .first()
        .click()
      await hub.getByText('Azure’s own words').waitFor()
    },
  },
  { name: 'settings', hash: () => tabOf('settings'), ready: seen('Delete the pool') },
  {
    name: 'order',
    hash: () => tabOf('agents'),
    async ready({ hub }) {
      await hub.getByText('Choose all that are shown').click()
      await hub.getByRole('button', { name: 'Delete', exact: true }).click()
      await hub.getByRole('dialog').getByText('Do not wait for running jobs').waitFor()
    },
  },
  { name: 'none', hash: () => 'pool=99', ready: seen('You have no permission to see the pool'), expected: /status of 403/ },
  { name: 'stranger', hash: () => '', ready: seen('You have no permission'), person: 'Olga Lind', expected: /status of 403/ },
  { name: 'create-as-user', hash: () => 'page=create', ready: seen('You have no permission to make a pool'), person: 'Ben Okoro' },
]

/** A fresh page: dialogs and half-typed forms of the one before are gone. */
async function walkTo(walk: Walk): Promise<Opened> {
  const opened = await browser.open(walk.hash(), walk.person === undefined ? {} : { person: walk.person })
  await walk.ready(opened)
  return opened
}

/** Names and messages that want to be code, and became it. */
async function becameCode({ page, hub }: Opened): Promise<readonly unknown[]> {
  const elements = await hub.locator('img[src="x"], svg[onload], script:not([src])').count()
  return [elements, await page.evaluate('window.hacked')]
}

const themes = { light: 'Light', dark: 'Dark', 'high-contrast': 'High contrast' }
const windows = {
  narrow: { width: 380, height: 740 },
  // A window of 1280 × 800 at 200 %.
  zoomed: { width: 640, height: 400 },
}

describe.each(pages.map((page) => [page.name, page] as const))('the page %s', (name, walk) => {
  let opened: Opened
  beforeAll(async () => {
    expected = walk.expected ?? nothing
    opened = await walkTo(walk)
    // Panels slide in.
    await opened.page.waitForTimeout(300)
  })
  afterAll(async () => {
    await opened.close()
    browser.problems()
    expected = nothing
  })

  test.each(Object.entries(themes))('has nothing that axe finds wrong in the theme %s', async (theme, label) => {
    await opened.page.getByLabel('Theme').selectOption(label)
    await picture(opened, `${name}-${theme}`)
    expect(await accessProblems(opened)).toEqual([])
  })

  test.each(Object.entries(windows))('needs no scrolling sideways in a %s window', async (kind, size) => {
    await opened.page.setViewportSize(size)
    await picture(opened, `${name}-${kind}`)
    const tooWide = await opened.hub.locator('.hub-page').evaluate((page: Loose) => page.scrollWidth - page.clientWidth)
    expect(tooWide).toBeLessThanOrEqual(0)
  })

  test('shows names and messages that want to be code as text', async () => {
    expect(await becameCode(opened)).toEqual([0, undefined])
  })
})

test('a time has the exact instant for whoever points at it', async () => {
  const opened = await walkTo(pages.find(({ name }) => name === 'diagnostics')!)
  const time = opened.hub
    .getByRole('table', { name: /^Diagnostics/ })
    .locator('time')
    .first()
  const exact = await time.getAttribute('datetime')
  expect(exact).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  await time.hover()
  await opened.hub.getByText(exact!).waitFor()
  await opened.close()
})

test('a change of the theme is taken at once', async () => {
  const opened = await walkTo(pages[0]!)
  const colour = (): Promise<string> => opened.hub.locator('.hub-page').evaluate((page: Loose) => getComputedStyle(page).backgroundColor)
  const light = await colour()
  await opened.page.getByLabel('Theme').selectOption('Dark')
  await opened.page.waitForTimeout(500)
  expect(await colour()).not.toBe(light)
  await opened.close()
})

test('the way to an agent and its switch is there for a keyboard alone, and nothing moves the focus', async () => {
  const opened = await walkTo(pages[0]!)
  const { page, hub } = opened
  await page.locator('#hub iframe').focus()
  const focused = (): Promise<string> =>
    hub.locator('body').evaluate(() => {
      const { activeElement: at } = document
      return `${at.getAttribute('aria-label') ?? ''} ${at.textContent}`.trim()
    })
  async function press(key: string, until: RegExp): Promise<void> {
    for (let times = 0; times < 80 && !until.test(await focused()); times += 1) await page.keyboard.press(key)
    expect(await focused()).toMatch(until)
  }
  await press('Tab', /^<img src=x onerror="top\.hacked=1">$/)
  await page.keyboard.press('Enter')
  await hub.getByRole('tab', { name: 'Overview' }).waitFor()
  await press('Tab', /^Overview/)
  await press('ArrowRight', /^Agents/)
  await page.keyboard.press('Enter')
  await hub.getByRole('table', { name: 'Machines' }).waitFor()
  await press('Tab', /^Choose linux000000/)
  await page.keyboard.press('Space')
  // Longer than the page takes to look again.
  await page.waitForTimeout(6_000)
  expect(await focused()).toMatch(/^Choose linux000000/)
  await press('Shift+Tab', /^Disable/)
  await page.keyboard.press('Enter')
  await hub.getByRole('dialog').waitFor()
  await press('Tab', /^Disable$/)
  await page.keyboard.press('Enter')
  await hub.getByRole('dialog').waitFor({ state: 'detached' })
  await hub.getByText('is disabled and takes no more jobs').first().waitFor()
  await opened.close()
})
