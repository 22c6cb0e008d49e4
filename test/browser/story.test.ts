/** What a person does with a pool, from the first page of the hub to the pool's end, in a real browser. */
import { readFile } from 'node:fs/promises'
import type { FrameLocator } from 'playwright-core'
import { Agent, request } from 'undici'
import type { MachineView, PoolDetail } from '../../backend/api/contract.ts'
import { openBrowser, picture, type Browser, type Opened } from './browser.ts'
import { openPlace, pat, type Other, type Place } from './place.ts'

jest.setTimeout(90_000)
/** What the browser says of requests to a service that stops, whether they wait, begin, or are under way. */
const whileDown = /ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE/
const poolId = 2
let place: Place
let browser: Browser
let ada: Opened
let hub: FrameLocator
beforeAll(async () => {
  place = await openPlace()
  browser = await openBrowser(place)
  await place.control.addScaleSet('linux')
  ada = await browser.open()
  hub = ada.hub
})
afterAll(async () => {
  await browser.close()
  await place.close()
})
afterEach(() => expect(browser.problems()).toEqual([]))

const detail = (): Promise<PoolDetail> => place.client().get<PoolDetail>(`/pools/${poolId}`)
const tab = (name: string): Promise<void> => hub.getByRole('tab', { name }).click()
const button = (name: string | RegExp) => hub.getByRole('button', { name, ...(typeof name === 'string' ? { exact: true } : {}) })
/** In the header of a page. */
const menuItem = (name: string) => hub.getByRole('menuitem', { name, exact: true })
const dialog = () => hub.getByRole('dialog')

async function queue(jobs: number, durationMs: number): Promise<void> {
  for (let job = 1; job <= jobs; job += 1)
    await place.control.queueJob({ poolId, durationMs, jobName: `job ${job}`, definition: 'nightly' })
}

/** As a person does on the pages of Azure DevOps. */
async function deleteInAzureDevOps(poolName: string): Promise<void> {
  const pools = place.sandbox.world.devops.pools()
  const { id } = pools.ok ? pools.value.find(({ name }) => name === poolName)! : { id: NaN }
  const headers = { authorization: `Basic ${Buffer.from(`:${pat}`).toString('base64')}` }
  const dispatcher = new Agent({ connect: { ca: place.sandbox.caPem } })
  const url = `${place.sandbox.organizationUrl}/_apis/distributedtask/pools/${id}?api-version=7.1`
  const { statusCode } = await request(url, { method: 'DELETE', dispatcher, headers })
  await dispatcher.close()
  expect(statusCode).toBe(204)
}

/** The pool's machines in a stage, once there is one. */
async function machinesIn(stage: string): Promise<readonly MachineView[]> {
  for (let look = 0; look < 200; look += 1) {
    const { machines } = await place.client().get<{ readonly machines: readonly MachineView[] }>(`/pools/${poolId}/machines`)
    const found = machines.filter((machine) => machine.stage === stage)
    if (found.length > 0) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`No machine is ${stage}.`)
}

/** What a person without a mouse does with a button. */
async function press(name: string, key = 'Enter'): Promise<void> {
  await button(name).focus()
  await ada.page.keyboard.press(key)
}

/** The service stops, and comes back as another one. */
async function restart(other: Other = {}): Promise<void> {
  await place.stopService()
  await place.startService(other)
}

test('connects the organization to its service, after everything that can be wrong with that', async () => {
  await hub.getByRole('heading', { name: 'Connect to the service' }).waitFor()
  // Azure DevOps answers 404 where nothing is kept yet.
  expect(browser.problems()).toEqual([expect.stringContaining('404')])
  const address = hub.getByLabel('Address', { exact: true })
  await address.fill('http://agents.example.com')
  await press('Check and connect')
  await hub.getByText('is not encrypted').waitFor()
  await address.fill('http://127.0.0.1:9')
  await press('Check and connect', 'Space')
  await hub.getByText('The service at http://127.0.0.1:9 did not answer.').waitFor()
  expect(browser.problems()).toEqual(['asked http://127.0.0.1:9/api/v1/service', expect.stringContaining('ERR_')])
  // Of an authority that the browser does not know.
  await address.fill(place.sandbox.url)
  await address.press('Enter')
  await hub.getByText(`Open ${place.sandbox.url}/healthz in this browser. A warning about the certificate has to be solved there`).waitFor()
  expect(browser.problems()).toEqual([expect.stringContaining('asked'), expect.stringContaining('ERR_CERT_AUTHORITY_INVALID')])
  await restart({ version: '0.0.9' })
  await address.fill(place.serviceUrl)
  await address.press('Enter')
  await hub.getByText('The service has version 0.0.9, and this extension was made for 0.1: the service is too old.').waitFor()
  await hub.getByText('Ask whoever runs it to update it.').waitFor()
  await picture(ada, 'story-too-old')
  expect(await address.inputValue()).toBe(place.serviceUrl)
  await restart()
  await hub.getByRole('button', { name: 'Copy the commands to build the service' }).click()
  await ada.page.context().grantPermissions(['clipboard-read'])
  expect(await ada.page.evaluate('navigator.clipboard.readText()')).toBe('npm ci\nnpm run build')
  await press('Check and connect')
  await hub.getByText('No pools yet').waitFor()
})

test('creates a pool from nothing', async () => {
  await button('New pool').first().click()
  // The first that no pool has is proposed.
  await hub.getByText('As az vmss show').waitFor({ state: 'detached' })
  expect(await hub.getByLabel('Scale set', { exact: true }).inputValue()).toMatch(/^linux \(agents, westeurope, /)
  await hub.getByLabel('Maximum number of virtual machines in the scale set').fill('6')
  await hub.getByText('never more than 6 machines in all').waitFor()
  await hub.getByText('The scale set can be used').waitFor()
  await press('Create linux')
  await hub.getByRole('heading', { name: 'linux', exact: true }).waitFor()
  // The person who made it may manage it at once.
  await menuItem('Pause').waitFor()
  expect((await detail()).settings).toMatchObject({ machinesMax: 6, standby: 1 })
})

test('watches it grow under load', async () => {
  await machinesIn('idle')
  await queue(4, 300_000)
  await hub
    .getByText(/[34] running a job/)
    .first()
    .waitFor()
  await picture(ada, 'story-grows')
})

test('leads to Azure DevOps’ own pages of the pool, of an agent and of a build', async () => {
  const [busy] = await machinesIn('busy')
  const opens = async (click: Promise<void>): Promise<string> => {
    const [opened] = await Promise.all([ada.page.waitForEvent('popup'), click])
    await opened.getByRole('navigation', { name: 'Breadcrumb' }).waitFor()
    const { pathname, search } = new URL(opened.url())
    await opened.close()
    return pathname + search
  }
  expect(await opens(menuItem('Agent pool in Azure DevOps').click())).toBe(`/sandbox/_settings/agentpools?poolId=${poolId}&view=jobs`)
  expect(await opens(hub.getByRole('link', { name: 'job 1' }).click())).toMatch(/^\/sandbox\/[0-9a-f-]{36}\/_build\/results\?buildId=\d+$/)
  await tab('Agents')
  expect(await opens(hub.getByRole('link', { name: `Agent ${busy!.name} in Azure DevOps` }).click())).toBe(
    `/sandbox/_settings/agentpools?agentId=${busy!.agentId}&poolId=${poolId}&view=jobs`,
  )
})

test('changes its settings, with a preview and a history of who did', async () => {
  await tab('Settings')
  await hub.getByLabel('Number of agents to keep on standby').fill('-1')
  await hub
    .getByText(/standby.*(0|whole number)/)
    .first()
    .waitFor()
  await hub.getByLabel('Number of agents to keep on standby').fill('2')
  await hub.getByText('1 changed, not saved').waitFor()
  await picture(ada, 'story-settings-changed')
  await press('Save', 'Space')
  await hub.getByText('The settings are saved as version').waitFor()
  expect((await detail()).settings.standby).toBe(2)
  await hub.getByText('Ada Brandt').first().waitFor()
})

test('disables an agent', async () => {
  const [machine] = await machinesIn('busy')
  await tab('Agents')
  await hub.getByRole('checkbox', { name: `Choose ${machine!.name}` }).click()
  await button('Disable').click()
  await picture(ada, 'story-disable')
  await dialog().getByRole('button', { name: 'Disable' }).click()
  await dialog().waitFor({ state: 'detached' })
  const agents = place.sandbox.world.devops.agents(poolId)
  expect(agents.ok && agents.value.find(({ id }) => id === machine!.agentId)).toMatchObject({ enabled: false })
})

test('sees a failed machine named with its cause, kept for investigation, and deletes it', async () => {
  place.sandbox.world.setFault('extension-failed', { rate: 1 })
  await queue(3, 60_000)
  const [failed] = await machinesIn('saved')
  place.sandbox.world.setFault('extension-failed', undefined)
  await tab('Diagnostics')
  await hub.getByText('Failures by cause').waitFor()
  await hub.getByText(/1 machine failed to start: name resolution/).waitFor()
  await hub.getByText('Check the DNS servers of the scale set').first().waitFor()
  await hub.getByText('Agents saved for investigation').waitFor()
  await picture(ada, 'story-failed')
  await press(`Connect to ${failed!.name}`)
  await dialog().getByRole('button', { name: 'Show how to connect' }).click()
  await dialog()
    .getByText(/ssh .*azureuser@/)
    .first()
    .waitFor()
  await picture(ada, 'story-connect')
  await ada.page.keyboard.press('Escape')
  await dialog().waitFor({ state: 'detached' })
  const [download] = await Promise.all([ada.page.waitForEvent('download'), press('Export as CSV')])
  expect(download.suggestedFilename()).toBe(`pool-${poolId}-diagnostics.csv`)
  expect(await readFile(await download.path(), 'utf8')).toContain(`${failed!.name} failed to start in proof: name resolution.`)
  await button(`Delete ${failed!.name}`).click()
  await dialog().getByRole('button', { name: 'Delete' }).click()
  await hub.getByText('Agents saved for investigation').waitFor({ state: 'detached', timeout: 20_000 })
})

test('saves an agent, and lets it go again', async () => {
  await tab('Agents')
  const [idle] = await machinesIn('idle')
  const box = hub.getByRole('checkbox', { name: `Choose ${idle!.name}` })
  await box.click()
  await button('Save for investigation').click()
  await dialog().getByRole('button', { name: 'Save for investigation' }).click()
  await machinesIn('saved')
  await box.click()
  await button('Let go').click()
  await dialog().getByRole('button', { name: 'Let go' }).click()
  await hub.getByRole('row', { name: idle!.name }).getByText('saved', { exact: true }).waitFor({ state: 'detached' })
})

test('pauses and resumes it', async () => {
  await menuItem('Pause').click()
  await menuItem('Resume').waitFor()
  expect((await detail()).settings.paused).toBe(true)
  await menuItem('Resume').click()
  await menuItem('Pause').waitFor()
})

test('goes back and forward, and leaves unsaved changes only after a question', async () => {
  await tab('Settings')
  await hub.getByLabel('Number of agents to keep on standby').fill('3')
  await ada.page.goBack()
  await dialog().getByText('The settings that you changed are not saved.').waitFor()
  await dialog().getByRole('button', { name: 'Cancel' }).click()
  expect(await hub.getByLabel('Number of agents to keep on standby').inputValue()).toBe('3')
  await button('Discard the changes').click()
  await ada.page.goBack()
  await hub.getByRole('tab', { name: 'Agents', selected: true }).waitFor()
  await ada.page.goForward()
  await hub.getByRole('tab', { name: 'Settings', selected: true }).waitFor()
})

test('keeps what was typed when somebody else saves first, and saves it over that on demand', async () => {
  const other = await browser.open(`pool=${poolId}&tab=settings`)
  const standby = (opened: Opened) => opened.hub.getByLabel('Number of agents to keep on standby')
  await tab('Settings')
  await standby(ada).fill('4')
  await standby(other).fill('3')
  await other.hub.getByRole('button', { name: 'Save', exact: true }).click()
  await other.hub.getByText('The settings are saved as version').waitFor()
  await other.close()
  await button('Save').click()
  await hub.getByText('Somebody else saved these settings').waitFor()
  expect(browser.problems()).toEqual([expect.stringContaining('409')])
  await picture(ada, 'story-overtaken')
  expect(await standby(ada).inputValue()).toBe('4')
  expect((await detail()).settings.standby).toBe(3)
  await button('Keep my changes and go on').click()
  await button('Save').click()
  await hub.getByText('The settings are saved as version').waitFor()
  expect((await detail()).settings.standby).toBe(4)
})

test('keeps what was typed while nobody can sign in, and saves it when that works again', async () => {
  const standby = hub.getByLabel('Number of agents to keep on standby')
  await standby.fill('2')
  await restart({ extensionSecret: 'another than the one that Azure DevOps signs with' })
  await hub.getByText('What you see is not fresh. The app token is not one that this service accepts.').waitFor()
  await press('Save')
  await hub.getByText('compare the id and the secret of the extension').nth(1).waitFor()
  await picture(ada, 'story-signed-out')
  expect(await standby.inputValue()).toBe('2')
  await restart()
  await hub.getByText('What you see is not fresh.').waitFor({ state: 'detached' })
  expect(await standby.inputValue()).toBe('2')
  await press('Save')
  await hub.getByText('The settings are saved as version').waitFor()
  expect((await detail()).settings.standby).toBe(2)
  expect(browser.problems().filter((problem) => !whileDown.test(problem) && !problem.includes('status of 401'))).toEqual([])
})

test('shows a person with the right to use it everything, and nothing to change', async () => {
  const ben = await browser.open(`pool=${poolId}&tab=settings`, { person: 'Ben Okoro' })
  await ben.hub.getByLabel('Number of agents to keep on standby').waitFor()
  expect(await ben.hub.getByLabel('Number of agents to keep on standby').isDisabled()).toBe(true)
  await ben.hub.getByText('You may look at these settings.').waitFor()
  await ben.hub.getByRole('tab', { name: 'Agents' }).click()
  await ben.hub.getByRole('table', { name: 'Machines' }).waitFor()
  await picture(ben, 'story-use-only')
  for (const name of ['Pause', 'Save', 'Delete the pool', 'New pool'])
    expect(await ben.hub.getByText(name, { exact: true }).count()).toBe(0)
  expect(await ben.hub.getByRole('checkbox').count()).toBe(0)
  await ben.close()
})

test('says that the service is down, keeps what it knew, and goes on by itself when it is back', async () => {
  await tab('Overview')
  await hub.getByText('Machines').first().waitFor()
  await place.stopService()
  await hub.getByText('What you see is not fresh.').first().waitFor()
  await picture(ada, 'story-down')
  await place.startService()
  await hub.getByText('What you see is not fresh.').first().waitFor({ state: 'detached' })
  expect(browser.problems().every((problem) => whileDown.test(problem))).toBe(true)
})

test('says which side is too old when the service was updated alone', async () => {
  await restart({ version: '0.2.0' })
  const later = await browser.open(`pool=${poolId}`)
  await later.hub.getByText('and this extension was made for 0.1: the extension is too old.').waitFor()
  await later.hub.getByRole('button', { name: 'Change the connection' }).waitFor()
  await later.close()
  await restart()
  expect(browser.problems().filter((problem) => !whileDown.test(problem))).toEqual([])
})

test('deletes it, once its name was typed; who edits it meanwhile keeps what was typed', async () => {
  const emil = await browser.open(`pool=${poolId}&tab=settings`, { person: 'Emil Novak' })
  const typed = emil.hub.getByLabel('Number of agents to keep on standby')
  await typed.fill('5')
  await tab('Settings')
  await button('Delete the pool').click()
  const confirm = dialog().getByRole('button', { name: 'Delete', exact: true })
  expect(await confirm.isDisabled()).toBe(true)
  await picture(ada, 'story-delete')
  await dialog().getByLabel('Type linux to confirm').fill('linux')
  await confirm.click()
  await hub.getByText('No pools yet').waitFor({ timeout: 60_000 })
  expect(place.sandbox.world.devops.pool(poolId).ok).toBe(false)
  await emil.hub.getByText(`This service runs no pool ${poolId}: it was deleted`).waitFor()
  await picture(emil, 'story-deleted-elsewhere')
  expect(await typed.inputValue()).toBe('5')
  await emil.hub.getByRole('button', { name: 'All pools', exact: true }).last().click()
  await emil.hub.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
  await emil.hub.getByText('No pools yet').waitFor()
  await emil.close()
  expect(browser.problems().filter((problem) => !/status of 40[34]/.test(problem))).toEqual([])
})

test('takes over a pool that Azure DevOps sizes, once that has let go of the scale set', async () => {
  const builtInSet = await place.control.addScaleSet('nightly')
  await place.control.addBuiltInPool(place.sandbox.organizationUrl, pat, 'nightly', builtInSet)
  await button('New pool').first().click()
  await press('Take over a scale set pool of Azure DevOps')
  await hub.getByLabel('Pool to take over').click()
  await hub.getByRole('option', { name: 'nightly' }).click()
  await hub.getByText('The way back').first().waitFor()
  expect(await hub.getByLabel('Maximum number of virtual machines in the scale set').inputValue()).toBe('8')
  expect(await hub.getByLabel('Scale set', { exact: true }).inputValue()).toMatch(/^nightly /)
  await hub.getByText('The scale set cannot be used yet').waitFor()
  await picture(ada, 'story-take-over')
  await deleteInAzureDevOps('nightly')
  await button('Check again').click()
  await hub.getByText('The scale set can be used').waitFor()
  await button('Create nightly').click()
  await hub.getByRole('heading', { name: 'nightly', exact: true }).waitFor()
})
