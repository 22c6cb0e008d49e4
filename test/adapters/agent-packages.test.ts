import { createAgentPackages } from '../../backend/adapters/agent-packages.ts'
import type { Http } from '../../backend/adapters/http.ts'
import { compareVersions } from '../../backend/core/versions.ts'
import { createVirtualTime } from '../support/virtual-time.ts'

const hash = (digit: string) => digit.repeat(64)
const minute = 60_000

function offer(version: string, change: object = {}) {
  const [major, minor, patch] = version.split('.').map(Number)
  const filename = `vsts-agent-linux-x64-${version}.tar.gz`
  const downloadUrl = `https://agents.example/${version}/${filename}`
  return { type: 'agent', platform: 'linux-x64', version: { major, minor, patch }, downloadUrl, filename, hashValue: hash('a'), ...change }
}

/** Azure DevOps answers `rows` for linux-x64 and nothing for the rest. */
function start(rows: readonly object[] | undefined, store = new Map<string, string>()) {
  const time = createVirtualTime()
  const state = { rows, urls: [] as string[], warnings: [] as string[], news: 0, isStoreLost: false }
  const http = {
    async read(request: { readonly url: string }, parse: (json: unknown) => unknown) {
      state.urls.push(request.url)
      if (state.rows === undefined) return { known: false, why: 'Azure DevOps was silent' }
      const value = request.url.includes('linux-x64') ? state.rows : []
      try {
        return { known: true, value: parse({ count: value.length, value }), at: time.now() }
      } catch (error) {
        return { known: false, why: String(error) }
      }
    },
  }
  const packages = createAgentPackages({
    http: http as unknown as Http,
    clock: time.clock,
    log: { info: () => undefined, warn: (fields) => void state.warnings.push(JSON.stringify(fields)), error: () => undefined },
    versionMin: '3.227.1',
    compareVersions,
    kept: async (name) => store.get(name),
    async keep(name, text) {
      if (state.isStoreLost) throw new Error('no route to the database')
      store.set(name, text)
    },
  })
  const stop = new AbortController()
  const run = async (ms: number) => {
    await time.run(time.now() + ms)
  }
  return {
    packages,
    state,
    store,
    run,
    begin: () => void packages.run(stop.signal, () => void (state.news += 1)),
    stop: () => stop.abort(),
  }
}

async function after(rows: readonly object[] | undefined) {
  const started = start(rows)
  started.begin()
  await started.run(10)
  return started
}

const value = (reading: { readonly known: boolean }) => (reading.known ? (reading as unknown as { value: object }).value : reading)

test('the newest that states its hash is taken, whatever the order of the list', async () => {
  const { packages, state } = await after([
    offer('4.99.9'),
    offer('4.255.0', { hashValue: hash('B') }),
    offer('4.260.0', { hashValue: null }),
    offer('4.261.0', { hashValue: 'not a hash' }),
    offer('4.100.12'),
  ])
  expect(value(packages.get('linux-x64', ''))).toEqual({
    version: '4.255.0',
    url: 'https://agents.example/4.255.0/vsts-agent-linux-x64-4.255.0.tar.gz',
    sha256: hash('b'),
  })
  expect(state.urls[0]).toBe('_apis/distributedtask/packages/agent/linux-x64?$top=200')
})

test('a pinned version is taken as it is, or refused with the next step', async () => {
  const { packages } = await after([offer('4.255.0'), offer('4.250.0'), offer('4.251.0', { hashValue: undefined })])
  expect(value(packages.get('linux-x64', '4.250.0'))).toMatchObject({ version: '4.250.0' })
  expect(packages.get('linux-x64', '4.1.0')).toEqual({
    known: false,
    why: 'Azure DevOps offers no agent 4.1.0 for linux-x64. Set another agentVersion, or none for the newest',
  })
  expect(packages.get('linux-x64', '4.251.0')).toEqual({
    known: false,
    why: 'Azure DevOps states no SHA-256 for agent 4.251.0 for linux-x64, so it is not installed. Set another agentVersion, or none for the newest',
  })
})

test('nothing below the lowest version is taken for the newest', async () => {
  const { packages } = await after([offer('3.227.0'), offer('2.999.0')])
  expect(packages.get('linux-x64', '')).toMatchObject({ known: false, why: expect.stringContaining('from 3.227.1 on') })
})

test('a system without agents is told as such', async () => {
  const { packages } = await after([offer('4.255.0')])
  expect(packages.get('win-x64', '')).toMatchObject({ known: false, why: expect.stringContaining('offers no agent for win-x64') })
})

test('an address that is not https, or a row that is no package, makes the answer unknown', async () => {
  for (const change of [{ downloadUrl: 'http://agents.example/a' }, { downloadUrl: 'nowhere' }, { version: 4 }]) {
    const { packages, stop } = await after([offer('4.255.0', change)])
    expect(packages.get('linux-x64', '')).toMatchObject({
      known: false,
      why: expect.stringContaining('the agent packages were never read'),
    })
    stop()
  }
})

test('the list is read every hour, and after a failure every minute; the last good one holds', async () => {
  const started = await after([offer('4.255.0')])
  const { packages, state, run } = started
  expect(state.urls).toHaveLength(3)
  state.rows = undefined
  await run(60 * minute)
  expect(state.urls).toHaveLength(6)
  expect(value(packages.get('linux-x64', ''))).toMatchObject({ version: '4.255.0' })
  expect(state.warnings.at(-1)).toContain('Azure DevOps was silent')
  state.rows = [offer('4.256.0')]
  await run(minute)
  expect(value(packages.get('linux-x64', ''))).toMatchObject({ version: '4.256.0' })
})

test('other packages are news to the pools; the same again are not', async () => {
  const { state, run } = await after([offer('4.255.0')])
  // One list with an agent, two of systems that have none.
  expect(state.news).toBe(3)
  await run(60 * minute)
  expect(state.news).toBe(3)
  state.rows = [offer('4.256.0')]
  await run(60 * minute)
  expect(state.news).toBe(4)
})

test('an empty list says nothing against the one before', async () => {
  const { packages, state, run } = await after([offer('4.255.0')])
  state.rows = []
  await run(60 * minute)
  expect(value(packages.get('linux-x64', ''))).toMatchObject({ version: '4.255.0' })
})

test('a service that starts while Azure DevOps is silent goes on with what was kept', async () => {
  const { store } = await after([offer('4.255.0')])
  const next = start(undefined, store)
  expect(next.packages.get('linux-x64', '')).toEqual({
    known: false,
    why: 'the agent packages were never read: the service has just started',
  })
  await next.packages.recall()
  next.begin()
  await next.run(10)
  expect(value(next.packages.get('linux-x64', ''))).toMatchObject({ version: '4.255.0', sha256: hash('a') })
})

test('a database that is lost while they are read costs nothing but a warning', async () => {
  const started = start([offer('4.255.0')])
  started.state.isStoreLost = true
  started.begin()
  await started.run(10)
  expect([started.state.news > 0, started.state.warnings]).toEqual([true, expect.arrayContaining([expect.stringContaining('no route')])])
  expect(value(started.packages.get('linux-x64', ''))).toMatchObject({ version: '4.255.0' })
  started.stop()
})
