import { scaleSetFrom } from '../../backend/adapters/azure-shapes.ts'
import { growthBlockers } from '../../backend/core/checks.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import type { LogView, PassView } from '../../backend/api/contract.ts'
import { consequence, orderKinds } from '../../hub/agents/orders.ts'
import { shownMachines } from '../../hub/agents/rows.ts'
import { csvOf, failureGroups, jsonOf, shownEntries } from '../../hub/diagnostics/entries.ts'
import { exactInstant, shortTime } from '../../hub/components/instants.ts'
import { checkService, addressOf } from '../../hub/first-run/checks.ts'
import { suggested } from '../../hub/create/new-scale-set.ts'
import { reviewOf } from '../../hub/create/review.ts'
import { storyOf } from '../../hub/create/story.ts'
import { armOf, bicepTextOf, cliOf } from '../../hub/create/templates.ts'
import { creationOf, startWishes, takenOver } from '../../hub/create/wishes.ts'
import { pointsOf } from '../../hub/overview/history-points.ts'
import { readNewest, readOlder, type ReadPage } from '../../hub/newest-first.ts'
import { queryOf, routeOf, wordOf, type Route } from '../../hub/route.ts'
import { readEvents } from '../../hub/server-events.ts'
import { capabilitiesOf, changesOf, differences, draftOf, linesOf, settingsOf } from '../../hub/settings/draft.ts'
import { answer, machineOf, refuse } from './support.tsx'

describe('an address of the hub', () => {
  test.each<[Record<string, string>, Route]>([
    [{}, { page: 'pools' }],
    [{ pool: '3' }, { page: 'pool', poolId: 3, tab: 'overview' }],
    [
      { pool: '3', tab: 'diagnostics' },
      { page: 'pool', poolId: 3, tab: 'diagnostics' },
    ],
    [{ page: 'create' }, { page: 'create' }],
    [{ page: 'connect' }, { page: 'connect' }],
  ])('%j leads to %j, and is its address', (query, route) => {
    expect(routeOf(query)).toEqual(route)
    expect(routeOf({ ...queryOf(route) })).toEqual(route)
    expect(routeOf(Object.fromEntries(new URLSearchParams(wordOf(route))))).toEqual(route)
    expect(wordOf(route)).not.toBe('')
  })

  test.each([[{ pool: '../3' }], [{ pool: '-1' }], [{ page: 'nowhere' }]])('%j, which names nothing, leads to the list', (query) => {
    expect(routeOf(query)).toEqual({ page: 'pools' })
  })

  test('with an unknown tab leads to the overview', () => {
    expect(routeOf({ pool: '3', tab: 'nothing' })).toEqual({ page: 'pool', poolId: 3, tab: 'overview' })
  })
})

describe('the address of a service', () => {
  test.each([
    ['https://agents.example.com/', 'https://agents.example.com'],
    [' https://example.com/agents/ ', 'https://example.com/agents'],
    ['http://localhost:7200', 'http://localhost:7200'],
  ])('%s is %s', (text, address) => {
    expect(addressOf(text)).toEqual({ address })
  })

  test.each(['', 'agents', 'ftp://a', 'http://agents.example.com', 'https://a?b', 'https://user@a', 'javascript:alert(1)'])(
    '%j is none, and says why',
    (text) => {
      expect(addressOf(text)).toEqual({ problem: expect.stringContaining(text) })
    },
  )
})

describe('connecting', () => {
  const info = { product: 'scale-set-agents', version: '0.1.7', organization: 'https://dev.azure.com/contoso', signIn: true }
  const session = {
    session: 's',
    expiresInMs: 1,
    person: { id: '1', name: 'Ada' },
    organization: 'contoso',
    pools: { manage: [], use: [] },
    mayCreate: true,
  }
  const check = (part: Partial<typeof info>, signedIn = answer(session)) =>
    checkService('https://a', 'Contoso', { info: () => answer({ ...info, ...part }), session: () => signedIn })

  test('is right when it answers, fits, trusts the extension and serves this organization', async () => {
    const checks = await check({})
    expect(checks.map(({ result }) => result)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
    expect(checks.at(-1)?.text).toBe('You are signed in as Ada.')
  })

  test.each([
    ['an old service', { version: '0.0.9' }, 'Version'],
    ['a service that is newer than the extension', { version: '1.0.0' }, 'Version'],
    ['another product', { product: 'jenkins' }, 'Version'],
    ['one that does not know the extension', { signIn: false }, 'Sign-in'],
    ['one of another organization', { organization: 'fabrikam' }, 'Organization'],
  ])('stops at %s with the next step', async (_, part, name) => {
    expect((await check(part)).at(-1)).toMatchObject({ name, result: 'failed', fix: expect.stringMatching(/\w/) })
  })

  test.each([
    ['0.0.9', 'The service has version 0.0.9, and this extension was made for 0.1: the service is too old.'],
    ['0.2.0', 'The service has version 0.2.0, and this extension was made for 0.1: the extension is too old.'],
  ])('says which side is too old when the service has %s', async (version, text) => {
    expect((await check({ version })).at(-1)?.text).toBe(text)
  })

  test('stops at a service that does not answer, and at one that does not take the person', async () => {
    const none = { info: () => refuse<typeof info>('unreachable', 'No answer.'), session: () => answer(session) }
    expect(await checkService('https://a', 'contoso', none)).toMatchObject([{ result: 'failed', text: 'No answer.' }])
    expect((await check({}, refuse('forbidden', 'You may use no pool.'))).at(-1)).toMatchObject({
      result: 'failed',
      text: 'You may use no pool.',
    })
  })
})

describe('the form of the settings', () => {
  const settings = { ...defaultSettings, machinesMax: 5, paused: true }

  test('sends nothing that was not changed, and nothing that is not its own', () => {
    expect(changesOf(draftOf(settings), settings)).toEqual({})
    expect(changesOf({ ...draftOf(settings), standby: '0', proxy: 'http://p:1' }, settings)).toEqual({ standby: 0, proxy: 'http://p:1' })
    expect(settingsOf(draftOf(settings))).not.toHaveProperty('paused')
  })

  test('takes what is no number as it was typed, for the rule book to name', () => {
    expect(settingsOf({ ...draftOf(settings), standby: '' }).standby).toBe('')
    expect(settingsOf({ ...draftOf(settings), standby: '1.5' }).standby).toBe(1.5)
  })

  test('reads capabilities by line', () => {
    expect(capabilitiesOf('docker = 24\n\nflag\na=b=c')).toEqual({ docker: '24', flag: '', a: 'b=c' })
    expect(capabilitiesOf(linesOf({ docker: '24' }))).toEqual({ docker: '24' })
  })

  test('tells two versions apart', () => {
    expect(differences(defaultSettings, { ...defaultSettings, standby: 4, sudo: false })).toEqual([
      { field: 'standby', before: '1', after: '4' },
      { field: 'sudo', before: 'on', after: 'off' },
    ])
  })
})

describe('a new pool', () => {
  const scaleSetId =
    '/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/agents/providers/Microsoft.Compute/virtualMachineScaleSets/linux'

  test('is named after its scale set unless it has a name, and sends only what differs from the defaults', () => {
    const wishes = { ...startWishes('web'), scaleSetId: ` ${scaleSetId} ` }
    expect(creationOf(wishes)).toEqual({
      scaleSetId,
      poolName: 'linux',
      settings: {},
      project: 'web',
      authorizeAllPipelines: false,
      existingPool: false,
      replaceMachines: false,
    })
    expect(creationOf({ ...wishes, poolName: 'fast', project: '' })).not.toHaveProperty('project')
  })

  test.each([
    [0, 'There is no machine as long as there is no job.'],
    [1, 'At first 1 machine starts, and its agent waits for jobs.'],
    [3, 'At first 3 machines start, and their agents wait for jobs.'],
  ])('with %i on standby: %s', (standby, begin) => {
    const story = storyOf({ ...defaultSettings, standby, machinesMax: 7 })
    expect(story[0]).toBe(begin)
    expect(story[1]).toContain('never more than 7 machines in all')
  })

  test('is reviewed in sentences', () => {
    const wishes = { ...startWishes('Fabrikam'), scaleSetId, replaceMachines: true }
    const report = { ready: true, findings: [], problems: [], present: ['a', 'b'] }
    expect(reviewOf(wishes, report)).toEqual([
      'An agent pool named linux is made in Azure DevOps, with your rights.',
      'Project Fabrikam gets a queue; each of its pipelines asks for permission the first time.',
      'The scale set linux is marked as its own and gets the agent extension: at most 2 machines, 1 on standby.',
      '2 machines that are in the scale set now are deleted and replaced.',
    ])
    expect(reviewOf({ ...wishes, replaceMachines: false, authorizeAllPipelines: true }, report)).toEqual(
      expect.arrayContaining([
        'Project Fabrikam gets a queue, and every pipeline of it may use the pool.',
        '2 machines that are in the scale set now are left alone, and count against the maximum.',
      ]),
    )
  })

  test('takes the settings of a pool of Azure DevOps over, and nothing else of it', () => {
    const settings = { machinesMax: 8, standby: 3, tearDownAfterUse: true, savedMax: 0, interactive: false, idleDelayMinutes: 15 }
    const pool = { poolId: 9, name: 'old', scaleSetId, settings, takeOver: [], wayBack: [] }
    const { settings: sent, ...rest } = creationOf(takenOver(startWishes('Fabrikam'), pool))
    expect(rest).toMatchObject({ scaleSetId, poolName: 'old', project: 'Fabrikam', existingPool: false })
    expect({ ...defaultSettings, ...sent }).toEqual({ ...defaultSettings, ...settings })
  })
})

describe('a new scale set', () => {
  test('is made by commands in which nothing that was typed is more than a word', () => {
    const commands = cliOf({ ...suggested, size: "x'; rm -rf ~ #", name: '$(reboot)' })
    expect(commands).toContain(`--vm-sku 'x'\\''; rm -rf ~ #'`)
    expect(commands).not.toMatch(/[^'\w]\$\(reboot\)/)
    expect(cliOf(suggested)).toMatch(/--ephemeral-os-disk true .*--generate-ssh-keys$/)
    expect(cliOf({ ...suggested, ephemeral: false, image: 'Win2022Datacenter' })).toMatch(
      /--storage-sku StandardSSD_LRS --admin-username azureuser$/,
    )
  })

  test.each(['Ubuntu2204', 'Win2022Datacenter'])('of %s passes the check in its template', (image) => {
    const template = JSON.parse(armOf({ ...suggested, image }))
    const made = template.resources.find(({ type }: { readonly type: string }) => type === 'Microsoft.Compute/virtualMachineScaleSets')
    const id = '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/x'
    const set = scaleSetFrom({
      ...made,
      ...made.properties,
      id,
      location: 'westeurope',
      etag: 'e',
      provisioningState: 'Succeeded',
      properties: made.properties,
      virtualMachineProfile: flat(made.properties.virtualMachineProfile),
    })
    const blockers = growthBlockers(
      { scaleSetId: id, settings: { machinesMax: 200, tearDownAfterUse: true, interactive: image !== 'Ubuntu2204' } },
      set,
    )
    expect([blockers, set.capacity, set.os]).toEqual([[], 0, image === 'Ubuntu2204' ? 'linux' : 'windows'])
  })

  test('is in Bicep what it is in the template: every resource, by its name, with its secrets marked', () => {
    const bicep = bicepTextOf({ ...suggested, image: 'Win2022Datacenter' })
    const types = (JSON.parse(armOf(suggested)).resources as readonly { readonly type: string; readonly apiVersion: string }[]).map(
      ({ type, apiVersion }) => `'${type}@${apiVersion}'`,
    )
    for (const type of types) expect(bicep).toContain(`resource ${/\/(\w+)@/.exec(type)?.[1]} ${type} = {`)
    expect(bicep).toContain('@secure()\nparam adminPassword string')
    expect(bicep).toContain('adminPassword: adminPassword')
    expect(bicep).toContain('dependsOn: [\n    natGateways\n  ]')
    expect(bicep).not.toContain("'[")
  })

  test('has no code of a name in its templates', () => {
    const evil = { ...suggested, name: "a'), reference('x", size: "[concat('x')]", image: '${x}' }
    expect(armOf(evil)).not.toMatch(/reference\('x|concat\('/)
    expect(bicepTextOf(evil)).not.toContain('${')
  })
})

/** The SDK's models name the parts of a profile without the `properties` between. */
function flat(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(flat)
  if (typeof value !== 'object' || value === null) return value
  const { properties = {}, ...rest } = value as { readonly properties?: object }
  return Object.fromEntries(Object.entries({ ...rest, ...properties }).map(([name, part]) => [name, flat(part)]))
}

describe('the machines', () => {
  const machines = [
    machineOf({ id: '1', name: 'linux000010', stage: 'busy', requestId: 4, forMs: 5 }),
    machineOf({ id: '2', name: 'linux000002', stage: 'failed', forMs: 9, why: 'Its disk is full.' }),
  ]
  const names = (text: string, group: string, by: string, down = false) =>
    shownMachines(machines, { text, group }, { by, down }).map(({ id }) => id)

  test('are found by words and stage, in the order asked for', () => {
    expect(names('', '', 'name')).toEqual(['2', '1'])
    expect(names('', '', 'for', true)).toEqual(['2', '1'])
    expect(names('disk FULL', '', 'name')).toEqual(['2'])
    expect(names('', 'busy', 'name')).toEqual(['1'])
    expect(names('unhealthy', '', 'name')).toEqual(['2'])
  })

  test('are ordered with what that does to a running job', () => {
    const kind = orderKinds.find(({ order }) => order === 'delete')!
    expect(consequence(kind, machines, false)).toContain('1 of them runs a job: that job ends first')
    expect(consequence(kind, machines, true)).toContain('that job is lost and fails at once')
    expect(consequence(kind, machines.slice(1), false)).not.toContain('that job')
  })
})

describe('Diagnostics', () => {
  const entry = (part: Partial<LogView>): LogView => ({
    id: 1,
    poolId: 1,
    level: 'error',
    operation: 'reimage',
    message: 'm',
    atMs: 1_000,
    ...part,
  })

  test('are filtered by words, operation and time', () => {
    const entries = [entry({ id: 3, raw: 'Quota exceeded' }), entry({ id: 2, operation: 'deleteVMs' }), entry({ id: 1, atMs: 10 })]
    const ids = (part: object) => shownEntries(entries, { text: '', operation: '', sinceMs: 0, ...part }).map(({ id }) => id)
    expect(ids({ text: 'quota' })).toEqual([3])
    expect(ids({ operation: 'deleteVMs' })).toEqual([2])
    expect(ids({ sinceMs: 500 })).toEqual([3, 2])
  })

  test('count the machines that failed for the same cause', () => {
    const failure = (machine: string) => entry({ machine, message: `${machine} failed to start: name resolution.` })
    expect(failureGroups([failure('a1'), failure('a2'), failure('a1'), entry({ machine: 'a3', level: 'info' })])).toEqual([
      { title: 'The machine failed to start: name resolution.', cause: '', fix: '', machines: ['a1', 'a2'], times: 3, lastAtMs: 1_000 },
    ])
  })

  test('are grouped by the cause that the service names, whatever else they say', () => {
    const quota = { name: 'QuotaExceeded', cause: 'No cores left.', fix: 'Ask for more.' }
    const names = { name: 'name resolution', cause: 'No host name.', fix: 'Check the DNS.' }
    const groups = failureGroups([
      entry({ message: 'Failed (adding 3 machines): …', failure: quota, atMs: 5 }),
      entry({ machine: 'a1', message: 'a1 failed to start in proof: …', failure: names, atMs: 4 }),
      entry({ machine: 'a2', message: 'a2 failed to start in package: …', failure: names, atMs: 3 }),
      entry({ message: 'Failed (adding 1 machines): …', failure: quota, atMs: 2 }),
    ])
    expect(groups.map(({ title, machines, times, fix, lastAtMs }) => [title, machines.length, times, fix, lastAtMs])).toEqual([
      ['failed to start: name resolution', 2, 2, 'Check the DNS.', 4],
      ['QuotaExceeded', 0, 2, 'Ask for more.', 5],
    ])
  })

  test('are exported so that a spreadsheet neither splits nor calculates a text', () => {
    const csv = csvOf([entry({ message: '=1+1', machine: 'a,"b"', raw: 'two\nlines' })])
    expect(csv.split('\r\n')[1]).toBe(`1970-01-01T00:00:01.000Z,error,reimage,"a,""b""",'=1+1,,,"two\nlines"`)
    expect(JSON.parse(jsonOf([entry({})]))).toEqual([expect.objectContaining({ at: '1970-01-01T00:00:01.000Z', message: 'm' })])
  })
})

describe('a list that grows at its newest end', () => {
  const rows = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, index) => ({ id: from - index }))
  /** Pages of three of the rows from `newest` to 1. */
  const pages =
    (newest: number, asked: (number | undefined)[] = []): ReadPage<{ id: number }> =>
    (before) => {
      asked.push(before)
      const from = before === undefined ? newest : before - 1
      const to = Math.max(1, from - 2)
      return answer({ rows: rows(from, to), ...(to === 1 ? {} : { next: to }) })
    }
  const wish = { pagesMax: 5, isEnough: () => true }

  test('is read page by page, and then only where it is new', async () => {
    const first = await readNewest(pages(9), { rows: [] }, wish)
    expect(first).toEqual({ ok: true, value: { rows: rows(9, 7), next: 7 } })
    const older = await readOlder(pages(9), { rows: rows(9, 7), next: 7 })
    expect(older).toEqual({ ok: true, value: { rows: rows(9, 4), next: 4 } })
    const asked: (number | undefined)[] = []
    const later = await readNewest(pages(11, asked), { rows: rows(9, 4), next: 4 }, wish)
    expect(later).toEqual({ ok: true, value: { rows: rows(11, 4), next: 4 } })
    expect(asked).toEqual([undefined])
  })

  test('begins anew after a gap that is too long to fill', async () => {
    const later = await readNewest(pages(90), { rows: rows(9, 4), next: 4 }, { ...wish, pagesMax: 2, isEnough: () => false })
    expect(later).toEqual({ ok: true, value: { rows: rows(90, 85), next: 85 } })
  })
})

test('a stream gives its events, however they are cut, and leaves comments out', async () => {
  const parts = [': connected\n\nevent: pa', 'ss\ndata: {"a":"ä"}\n', '\n: still here\n\nevent: log\nid: 7\ndata: 2\n\n']
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      controller.close()
    },
  })
  const events: unknown[] = []
  await readEvents(body, (event) => events.push(event))
  expect(events).toEqual([
    { event: 'pass', data: { a: 'ä' } },
    { event: 'log', data: 2 },
  ])
})

test('a time is short in the zone of the person, with the exact instant beside it', () => {
  const noon = Date.UTC(2026, 0, 31, 12)
  expect(shortTime(noon, noon + 1_000, 'en-GB')).toMatch(/^\d\d:\d\d:\d\d$/)
  expect(shortTime(noon, noon + 3 * 86_400_000, 'en-GB')).toContain('Jan')
  expect(exactInstant(noon, 'en-GB')).toContain('2026-01-31T12:00:00.000Z')
  expect(shortTime(Number.MAX_VALUE, noon)).toBe('unknown')
})

test('a pass that stood for a while is drawn with waits that went on', () => {
  const pass = (over: Partial<PassView>) =>
    ({ id: 1, atMs: 0, lastAtMs: 0, counts: { waiting: 1 }, decision: { wanted: 1 }, ...over }) as unknown as PassView
  const newestFirst = [pass({ atMs: 90_000, lastAtMs: 90_000 }), pass({ atMs: 10_000, lastAtMs: 60_000, longestWaitMs: 5_000 })]
  expect(pointsOf(newestFirst).map(({ atMs, longestWaitMs }) => [atMs, longestWaitMs])).toEqual([
    [10_000, 5_000],
    [60_000, 55_000],
    [90_000, 0],
  ])
})
