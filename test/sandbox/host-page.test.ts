/** The unmodified azure-devops-extension-sdk, in a frame of another origin, in a real browser. */
import { readFile } from 'node:fs/promises'
import { AxeBuilder } from '@axe-core/playwright'
import { jwtVerify } from 'jose'
import type { Frame, Page } from 'playwright-core'
import { people } from '../../sandbox/people.ts'
import { fabrikam, hubOf, organizationPage, projectPage, startHost } from './host-page-support.ts'
import type { Host } from './host-page-support.ts'
import { call } from './sandbox-support.ts'

type Loose = ReturnType<typeof JSON.parse>
// Functions given to `evaluate` run in the browser; the probe is the hub's own SDK.
declare const probe: Loose, document: Loose, location: Loose, getComputedStyle: Loose

const [ada, , ben] = people as unknown as [(typeof people)[0], unknown, (typeof people)[0]]
let host: Host
beforeAll(async () => {
  host = await startHost()
})
afterAll(() => host.close())
afterEach(() => expect(host.problems()).toEqual([]))

/** Calls a method of one of the page's services from within the hub. */
function ask(hub: Frame, service: string, method: string, ...args: readonly unknown[]): Promise<Loose> {
  const run = async ([id, name, params]: readonly [string, string, readonly unknown[]]) => (await probe.SDK.getService(id))[name](...params)
  return hub.evaluate(run, [service, method, args] as const)
}

/** Runs in the hub: what the SDK knows after the handshake. */
function facts(): Loose {
  const { SDK } = probe
  const { timeZonesConfiguration } = SDK.getPageContext()
  return {
    user: SDK.getUser(),
    host: SDK.getHost(),
    extension: SDK.getExtensionContext(),
    web: SDK.getWebContext(),
    contribution: SDK.getContributionId(),
    isDate: timeZonesConfiguration.daylightSavingsAdjustments[0].start instanceof Date,
  }
}

describe('the handshake', () => {
  const getProject = ['ms.vss-tfs-web.tfs-page-data-service', 'getProject'] as const

  test('tells person, organization and extension on a page of the organization', async () => {
    const { hub } = await host.open(organizationPage)
    expect(await hub.evaluate(facts)).toEqual({
      user: expect.objectContaining({ id: ada.id, displayName: 'Ada Brandt', name: ada.name }),
      host: expect.objectContaining({ name: 'contoso', type: 4, isHosted: true }),
      extension: {
        id: 'scale-set-agents.scale-set-agents',
        publisherId: 'scale-set-agents',
        extensionId: 'scale-set-agents',
        version: '0.1.0',
      },
      web: {},
      contribution: 'scale-set-agents.scale-set-agents.organization-hub',
      isDate: true,
    })
    expect(await ask(hub, ...getProject)).toBeUndefined()
    expect(await ask(hub, 'ms.vss-features.location-service', 'getServiceLocation')).toBe(`${host.sandbox.organizationUrl}/`)
  })

  test('tells the project on a page of a project', async () => {
    const { hub } = await host.open(projectPage)
    expect(await hub.evaluate(facts)).toMatchObject({
      web: { project: fabrikam, team: { name: 'Fabrikam Fiber Team' } },
      contribution: 'scale-set-agents.scale-set-agents.project-hub',
    })
    expect(await ask(hub, ...getProject)).toEqual(fabrikam)
  })

  test('ends with a sentence on the page when the hub says that it failed', async () => {
    const { page, hub } = await host.open()
    await hub.evaluate(() => probe.SDK.notifyLoadFailed(new Error('no service')))
    await page.getByText('The extension could not start: no service').waitFor()
  })

  test('is answered for a service or a method that the page does not have', async () => {
    const { hub } = await host.open()
    const refusals = await hub.evaluate(async () => {
      const messageOf = (error: Error): string => error.message
      const noService = await probe.SDK.getService('ms.vss-nothing').catch(messageOf)
      return [noService, await probe.SDK.getService('constructor').catch(messageOf)]
    })
    expect(refusals).toEqual(['The page has no service ms.vss-nothing.', 'The page has no service constructor.'])
  })
})

describe('a person', () => {
  test('has an access token that Azure DevOps takes, and an app token that the secret signed', async () => {
    const { hub } = await host.open()
    const [access, app] = await hub.evaluate(() => Promise.all([probe.SDK.getAccessToken(), probe.SDK.getAppToken()]))
    const { body } = await call(host.sandbox, '/contoso/_apis/connectionData', { token: access })
    expect(body['authenticatedUser']).toMatchObject({ id: ada.id, providerDisplayName: 'Ada Brandt' })

    const { id, secret } = JSON.parse(await readFile(host.sandbox.extension.file, 'utf8'))
    const expected = { algorithms: ['HS256'], issuer: 'app.vstoken.visualstudio.com', audience: id }
    const { payload } = await jwtVerify(app, new TextEncoder().encode(secret), expected)
    expect(payload['nameid']).toBe(ada.id)
    expect(payload.exp! - payload.nbf!).toBe(70 * 60)
  })

  test('calls Azure DevOps from the hub with their rights, and after a switch the next person does', async () => {
    const { page, hub } = await host.open()
    const managed = (): Loose => probe.taskAgent.getAgentPools(undefined, undefined, undefined, 2)
    await hub.evaluate(() => probe.taskAgent.addAgentPool({ name: 'linux' }))
    expect(await hub.evaluate(managed)).toMatchObject([{ name: 'linux' }])

    await Promise.all([page.waitForEvent('load'), page.selectOption('#person', ben.id)])
    const hubOfBen = await hubOf(page)
    expect(await hubOfBen.evaluate(() => probe.SDK.getUser().displayName)).toBe('Ben Okoro')
    expect(await hubOfBen.evaluate(managed)).toEqual([])
    const status = hubOfBen.evaluate(() => probe.taskAgent.addAgentPool({ name: 'mine' }).catch((error: Loose) => error.status))
    expect(await status).toBe(403)
    expect(host.problems()).toEqual([expect.stringContaining('403')])
  })
})

describe('the theme', () => {
  const background = (): Loose => getComputedStyle(document.body).backgroundColor

  test('is pushed into the running hub and kept for the next page', async () => {
    const { page, hub } = await host.open()
    const applied = hub.evaluate(
      () => new Promise((resolve) => document.defaultView.addEventListener('themeApplied', () => resolve('applied'))),
    )
    expect(await hub.evaluate(background)).toBe('rgb(255, 255, 255)')
    await page.selectOption('#theme', 'dark')
    expect(await applied).toBe('applied')
    expect(await hub.evaluate(background)).toBe('rgb(32, 31, 30)')
    expect(await page.evaluate(background)).toBe('rgb(32, 31, 30)')
    await page.reload()
    expect(await (await hubOf(page)).evaluate(background)).toBe('rgb(32, 31, 30)')
  })

  test('leaves the page without a fault that axe finds, in each of the three', async () => {
    const { page, hub } = await host.open(projectPage)
    await ask(hub, messages, 'addBanner', {
      level: 2,
      message: 'Broken',
      messageFormat: 'See {0}',
      messageLinks: [{ name: 'docs', href: '/' }],
    })
    await page.getByRole('alert').waitFor()
    for (const theme of ['light', 'dark', 'high-contrast']) {
      await page.selectOption('#theme', theme)
      const axe = new AxeBuilder({ page })
      // Only colours differ between the themes.
      const { violations } = await (theme === 'light' ? axe : axe.withRules(['color-contrast'])).analyze()
      expect(violations.map(({ id, nodes }) => [theme, id, nodes[0]?.html])).toEqual([])
    }
  })
})

describe('the extension data service', () => {
  test('keeps documents, and refuses a write over what someone else wrote', async () => {
    const { hub } = await host.open()
    const story = await hub.evaluate(async () => {
      const { SDK } = probe
      const service = await SDK.getService('ms.vss-features.extension-data-service')
      const data = await service.getExtensionDataManager(SDK.getExtensionContext().id, await SDK.getAccessToken())
      const refusal = ({ status, serverError }: Loose): Loose => [status, serverError.typeKey]
      const missing = await data.getDocuments('services').catch(refusal)
      const created = await data.createDocument('services', { id: 'contoso', url: 'https://one.example' })
      const updated = await data.updateDocument('services', { ...created, url: 'https://two.example' })
      const late = await data.updateDocument('services', { ...created, url: 'https://late.example' }).catch(refusal)
      const forced = await data.setDocument('services', { id: 'contoso', url: 'https://forced.example', __etag: -1 })
      const queried = await data.queryCollectionsByName(['services'])
      await data.deleteDocument('services', 'contoso')
      const gone = await data.getDocument('services', 'contoso').catch(refusal)
      return { missing, created, updated, late, forced, queried, gone }
    })
    expect(story).toEqual({
      missing: [404, 'DocumentCollectionDoesNotExistException'],
      created: { id: 'contoso', url: 'https://one.example', __etag: 1 },
      updated: { id: 'contoso', url: 'https://two.example', __etag: 2 },
      late: [400, 'InvalidDocumentVersionException'],
      forced: { id: 'contoso', url: 'https://forced.example', __etag: 3 },
      queried: [{ collectionName: 'services', scopeType: 'Default', scopeValue: 'Current', documents: [story.forced] }],
      gone: [404, 'DocumentDoesNotExistException'],
    })
    expect(host.problems()).toHaveLength(3)
  })

  test('keeps single values, and those of a person apart', async () => {
    const { hub } = await host.open()
    const story = await hub.evaluate(async () => {
      const { SDK } = probe
      const service = await SDK.getService('ms.vss-features.extension-data-service')
      const data = await service.getExtensionDataManager(SDK.getExtensionContext().id, await SDK.getAccessToken())
      const before = await data.getValue('address', { defaultValue: 'none' })
      await data.setValue('address', { url: 'https://all.example' })
      await data.setValue('address', 'mine', { scopeType: 'User' })
      return [before, await data.getValue('address'), await data.getValue('address', { scopeType: 'User' })]
    })
    expect(story).toEqual(['none', { url: 'https://all.example' }, 'mine'])
    expect(host.problems()).toHaveLength(1)
  })
})

const navigation = 'ms.vss-features.host-navigation-service'
describe('navigation', () => {
  test("reads a deep link and writes the hub's place into the page's address", async () => {
    const { page, hub } = await host.open(`${organizationPage}?pool=7&tab=agents#top`)
    expect(await ask(hub, navigation, 'getQueryParams')).toEqual({ pool: '7', tab: 'agents' })
    expect(await ask(hub, navigation, 'getHash')).toBe('top')
    await ask(hub, navigation, 'setQueryParams', { pool: '8', tab: '' })
    expect(new URL(page.url()).search).toBe('?pool=8')
    await page.goBack()
    expect(await ask(hub, navigation, 'getQueryParams')).toEqual({ pool: '7', tab: 'agents' })
    expect(await ask(hub, navigation, 'getPageRoute')).toMatchObject({ routeValues: { adminPivot: 'scale-set-agents' } })
    await ask(hub, navigation, 'setDocumentTitle', 'Pool 7')
    expect(await page.title()).toBe('Pool 7')
  })

  test('back and forward tell the hub, which is not loaded again', async () => {
    const { page, hub } = await host.open()
    await hub.evaluate(async (id) => {
      const service = await probe.SDK.getService(id)
      service.onHashChanged((hash: string) => probe.notes.push(hash))
    }, navigation)
    const heard = async (hashes: readonly string[]): Promise<void> => {
      await hub.waitForFunction((expected) => String(probe.notes) === expected, String(hashes))
    }
    await ask(hub, navigation, 'setHash', 'pool=1')
    await ask(hub, navigation, 'setHash', '#pool=2')
    await ask(hub, navigation, 'replaceHash', 'pool=3')
    await heard(['pool=1', 'pool=2', 'pool=3'])
    await page.goBack()
    await heard(['pool=1', 'pool=2', 'pool=3', 'pool=1'])
    await page.goForward()
    await heard(['pool=1', 'pool=2', 'pool=3', 'pool=1', 'pool=3'])
    expect(page.url()).toMatch(/#pool=3$/)
  })

  test('leads to pages of Azure DevOps, and never to a script', async () => {
    const { page, hub } = await host.open()
    const refused = hub.evaluate(async (id) => {
      const service = await probe.SDK.getService(id)
      return service.navigate('javascript:alert(1)').catch((error: Error) => error.message)
    }, navigation)
    expect(await refused).toBe('The page goes to http and https addresses only, not to javascript:alert(1).')
    const popup = page.waitForEvent('popup')
    await ask(hub, navigation, 'openNewWindow', '/contoso/_settings/agentpools?poolId=1', '')
    expect(await (await popup).title()).toBe('Agent pools - Organization settings')
    await (await popup).close()
    await hub.evaluate(
      async (id) => void (await probe.SDK.getService(id)).navigate('/contoso/Fabrikam%20Fiber/_settings/agentqueues'),
      navigation,
    )
    await page.getByRole('heading', { name: 'Agent pools', level: 1 }).waitFor()
  })
})

const messages = 'ms.vss-tfs-web.tfs-global-messages-service'
describe('messages', () => {
  test('show as text, and links lead to the web only', async () => {
    const { page, hub } = await host.open()
    const messageLinks = [
      { name: 'the docs', href: 'https://docs.example/' },
      { name: 'a script', href: 'javascript:alert(1)' },
    ]
    await ask(hub, messages, 'addBanner', { level: 1, messageFormat: '<b>Read</b> {0} or {1}', messageLinks })
    const banner = page.locator('.banner.warning')
    expect(await banner.textContent()).toContain('<b>Read</b> the docs or a script')
    expect(await banner.getByRole('link').count()).toBe(1)
    await ask(hub, messages, 'closeBanner')
    expect(await banner.count()).toBe(0)
  })

  test('of a dialog at the corner stay until they are dismissed', async () => {
    const { page, hub } = await host.open()
    await hub.evaluate(async (id) => {
      const service = await probe.SDK.getService(id)
      service.addDialog({ title: 'New version', message: 'Read what is new.', onDismiss: () => probe.notes.push('dismissed') })
    }, messages)
    const corner = page.getByRole('region', { name: 'New version' })
    await corner.getByRole('button', { name: 'Close' }).click()
    await hub.waitForFunction(() => probe.notes.length === 1)
    expect(await corner.count()).toBe(0)
  })

  test('toasts come one after the other and call back', async () => {
    const { page, hub } = await host.open()
    await hub.evaluate(async (id) => {
      const service = await probe.SDK.getService(id)
      const onCallToActionClick = (): void => probe.notes.push('undone')
      service.addToast({ message: 'Pool deleted', duration: 60_000, callToAction: 'Undo', onCallToActionClick })
      service.addToast({ message: 'Next', duration: 60_000 })
    }, messages)
    expect(await page.locator('.toast').allTextContents()).toEqual(['Pool deletedUndo'])
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByText('Next').waitFor()
    expect(await hub.evaluate(() => probe.notes)).toEqual(['undone'])
  })
})

const layout = 'ms.vss-features.host-page-layout-service'
describe('dialogs', () => {
  /** Opens a dialog whose results the hub notes. */
  const noteResult = async (hub: Frame, method: string, subject: string, options: object): Promise<void> => {
    const run = async ([id, name, first, rest]: readonly [string, string, string, object]): Promise<void> => {
      const service = await probe.SDK.getService(id)
      service[name](first, { ...rest, onClose: (result: unknown) => probe.notes.push(result ?? 'dismissed') })
    }
    await hub.evaluate(run, [layout, method, subject, options] as const)
  }
  const notes = async (hub: Frame, count: number): Promise<Loose> => {
    await hub.waitForFunction((wanted) => probe.notes.length === wanted, count)
    return hub.evaluate(() => probe.notes)
  }

  test('of a message answer yes, no, or nothing', async () => {
    const { page, hub } = await host.open()
    for (const close of ['Delete', 'Keep', 'Escape']) {
      await noteResult(hub, 'openMessageDialog', 'Delete the pool?', { title: 'Pool', okText: 'Delete', cancelText: 'Keep' })
      const dialog = page.getByRole('dialog', { name: 'Pool' })
      await dialog.getByText('Delete the pool?').waitFor()
      await (close === 'Escape' ? page.keyboard.press('Escape') : dialog.getByRole('button', { name: close }).click())
      await dialog.waitFor({ state: 'detached' })
    }
    expect(await notes(hub, 3)).toEqual([true, false, 'dismissed'])
  })

  /** The SDK inside a dialog's own content. */
  const contentOf = async (page: Page): Promise<Frame> => {
    await page
      .frameLocator('dialog iframe')
      .getByRole('heading', { name: /^Hub for/ })
      .waitFor()
    return (await (await page.waitForSelector('dialog iframe')).contentFrame())!
  }

  test.each([
    ['openCustomDialog', 'dialog'],
    ['openPanel', 'panel'],
  ])('%s shows content of its own, which takes its configuration and closes with a result', async (method, place) => {
    const { page, hub } = await host.open()
    const configuration = { pool: 7, _kept: 'underscore' }
    await noteResult(hub, method, 'scale-set-agents.scale-set-agents.dialog', { title: 'Connect', configuration })
    const content = await contentOf(page)
    expect(await content.evaluate(() => probe.SDK.getConfiguration().pool)).toBe(7)
    expect(await content.evaluate(() => probe.SDK.getContributionId())).toBe('scale-set-agents.scale-set-agents.dialog')
    const close = ([where]: readonly string[]): void => void probe.SDK.getConfiguration()[where!].close({ at: new Date(5), pool: 7 })
    await content.evaluate(close, [place])
    expect(await notes(hub, 1)).toEqual([{ at: new Date(5), pool: 7 }])
    expect(await page.getByRole('dialog').count()).toBe(0)
  })

  test('the full screen hides the menu', async () => {
    const { page, hub } = await host.open()
    await ask(hub, layout, 'setFullScreenMode', true)
    expect(await ask(hub, layout, 'getFullScreenMode')).toBe(true)
    expect(await page.locator('#menu').isVisible()).toBe(false)
  })
})

test('the page lets nothing in but its own files and the hub', async () => {
  const { page } = await host.open()
  const { headers } = (await page.reload().then(async (response) => ({ headers: await response!.allHeaders() })))!
  expect(headers['content-security-policy']).toBe(
    `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-src ${new URL(host.hubUrl).origin}; ` +
      `frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'`,
  )
  expect(await page.evaluate(() => location.origin)).not.toBe(new URL(host.hubUrl).origin)
})
