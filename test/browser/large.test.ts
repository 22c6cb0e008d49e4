/** A pool of 1,000 machines with 100,000 Diagnostics entries, and how soon and how smoothly it is there. */
import type { PoolCreated } from '../../backend/api/contract.ts'
import { openBrowser, picture, type Browser, type Opened } from './browser.ts'
import { writeLog } from './log-rows.ts'
import { openPlace, type Place } from './place.ts'

// Functions given to `evaluate` run in the browser.
type Loose = ReturnType<typeof JSON.parse>
declare const PerformanceObserver: Loose, performance: Loose, tasks: number[]

jest.setTimeout(120_000)
const machines = 1_000
const entries = 100_000
const taskMsMax = 200
const contentMsMax = 1_000
const quick = { p50: 2_000, p95: 3_000 }
let place: Place
let browser: Browser
let poolId: number
beforeAll(async () => {
  place = await openPlace({ coreLimit: 10_000, subnetSize: 5_000, pageSize: 500, latencies: { list: quick, create: quick, enable: quick } })
  browser = await openBrowser(place)
  await place.connect()
  const scaleSetId = await place.control.addScaleSet('linux')
  const settings = { machinesMax: machines, standby: machines, capabilities: { large: 'yes' } }
  const { pool } = await place.client().send<PoolCreated>('POST', '/pools', { poolName: 'large', scaleSetId, settings })
  poolId = pool.poolId
  await allIdle()
  await writeLog(place, poolId, entries, (index) => ({
    message: `linux${String(index % machines).padStart(6, '0')} stays: the pool has not had a surplus for the whole delay yet, and this is entry ${index}.`,
    machine: `linux${String(index % machines).padStart(6, '0')}`,
    ...(index % 10 === 0 ? { level: 'warning' as const } : {}),
  }))
  await allIdle()
})
afterAll(async () => {
  await browser.close()
  await place.close()
})
afterEach(() => expect(browser.problems()).toEqual([]))

async function allIdle(): Promise<void> {
  for (;;) {
    const { pool } = await place.client().get<PoolCreated>(`/pools/${poolId}`)
    if ((pool.stages?.idle ?? 0) === machines) return
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** The longest task of the smoothest of three times. What other suites do to the computer meanwhile is not the page's. */
async function longestTaskMs(opened: Opened): Promise<number> {
  let least = Infinity
  for (let time = 1; time <= 3 && least > taskMsMax; time += 1) least = Math.min(least, Math.max(0, ...(await scrolled(opened))))
  return least
}

/** Scrolls all the way and back with a wheel; the long tasks of the page meanwhile, in ms. */
async function scrolled({ page, hub }: Opened): Promise<readonly number[]> {
  await hub.locator('body').evaluate(() => {
    Object.assign(globalThis, { tasks: [] })
    new PerformanceObserver((list: Loose) => {
      for (const { duration } of list.getEntries()) tasks.push(duration)
    }).observe({ entryTypes: ['longtask'] })
  })
  await page.mouse.move(760, 500)
  for (const step of [...Array<number>(30).fill(1_500), ...Array<number>(30).fill(-1_500)]) {
    await page.mouse.wheel(0, step)
    await page.waitForTimeout(30)
  }
  return hub.locator('body').evaluate(() => tasks)
}

test.each(['overview', 'agents', 'diagnostics', 'settings'])('%s has content within a second', async (tab) => {
  const content = { overview: 'Jobs waiting', agents: 'linux000000', diagnostics: `entry ${entries - 1}.`, settings: 'Number of agents' }[
    tab
  ]!
  const took: number[] = []
  for (let time = 1; time <= 3; time += 1) {
    const opened = await browser.open(`pool=${poolId}&tab=${tab}`)
    await opened.hub.getByText(content).first().waitFor()
    // By the clock of the hub's own frame, which begins when the frame does.
    took.push(await opened.hub.locator('body').evaluate(() => performance.now()))
    await opened.close()
  }
  // The fastest: what other suites do to the computer meanwhile is not the page's.
  expect(Math.min(...took)).toBeLessThan(contentMsMax)
})

test('1,000 machines scroll without a long task', async () => {
  const opened = await browser.open(`pool=${poolId}&tab=agents`)
  await opened.hub.getByText('linux000000').first().waitFor()
  await opened.hub.getByText('1000 machines').waitFor()
  expect(await longestTaskMs(opened)).toBeLessThanOrEqual(taskMsMax)
  await picture(opened, 'large-agents')
  await opened.close()
})

test('100,000 entries scroll without a long task, also after a look further back', async () => {
  const opened = await browser.open(`pool=${poolId}&tab=diagnostics`)
  const { hub } = opened
  await hub.getByText(`entry ${entries - 1}.`).waitFor()
  for (let pages = 2; pages <= 6; pages += 1) {
    await hub.getByRole('button', { name: 'Look further back' }).click()
    await hub.getByText(`of the newest ${pages * 200}`).waitFor()
  }
  expect(await longestTaskMs(opened)).toBeLessThanOrEqual(taskMsMax)
  await picture(opened, 'large-diagnostics')
  await opened.close()
})
