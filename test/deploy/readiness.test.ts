/** Each bad state of the world around the service has its name in /readyz, a sentence with the next step, and no action outside. */
import { createServer } from 'node:net'
import { spawn } from 'node:child_process'
import { hostname } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import type { PoolCreated, Readiness } from '../../backend/api/contract.ts'
import { createWatch } from '../../backend/adapters/watch.ts'
import { serve } from '../../backend/cli/serve.ts'
import type { Service } from '../../backend/cli/service.ts'
import { createTestClock } from '../adapters/outside.ts'
import { api, createRig, pat, scaleSetId, until, type Rig } from './running.ts'

let rig: Rig
beforeAll(async () => {
  rig = await createRig()
}, 60_000)
afterAll(() => rig.close())

type Told = Parameters<ReturnType<typeof createWatch>['note']>[0]
const call = (outcome: Told['outcome'], change: Partial<Told> = {}): Told => ({
  ...{ service: 'Azure (management.azure.com)', operation: 'set capacity', url: '/scaleSets/linux?api-version=1', outcome },
  ...change,
})
const reply = (status: number, headers = {}, refused = false) => ({ status, headers, refused })
const datedAt = (ms: number) => ({ date: new Date(ms).toUTCString() })

describe('what answers tell of the service', () => {
  test('a right that was taken away is named with what it was for, until it is there again or forgotten', () => {
    const clock = createTestClock()
    const watch = createWatch(clock)
    watch.note(call(reply(403)))
    watch.note(call(reply(403), { operation: 'list usages' }))
    expect(watch.troubles()).toEqual([
      {
        state: 'rightMissing',
        sentence:
          'Azure (management.azure.com) does not let the service set capacity: give its identity back what docs/permissions.md lists; scale-set-agents doctor prints the command.',
      },
    ])
    watch.note(call(reply(200), { url: '/scaleSets/windows' }))
    expect(watch.troubles()).toHaveLength(1)
    watch.note(call(reply(202), { url: '/scaleSets/linux' }))
    expect(watch.troubles()).toEqual([])
    watch.note(call(reply(403)))
    clock.pass(61 * 60_000)
    expect(watch.troubles()).toEqual([])
  })

  test('a credential that is not taken, or that Entra gives no token for, until one is', () => {
    const watch = createWatch(createTestClock())
    watch.note(call(reply(203, {}, true)))
    expect(watch.troubles()).toMatchObject([
      { state: 'credentialRefused', sentence: expect.stringContaining('renew it as docs/configuration.md says') },
    ])
    watch.note(call(reply(503)))
    expect(watch.troubles()).toHaveLength(1)
    watch.note(call({ noToken: 'There is no token for Azure: AADSTS7000222' }))
    expect(watch.troubles()).toMatchObject([
      { state: 'noToken', sentence: expect.stringMatching(/^There is no token for Azure: AADSTS7000222\. Check/) },
    ])
    // Azure DevOps answers some calls to anybody.
    watch.note(call(reply(200), { operation: 'get location' }))
    expect(watch.troubles()).toHaveLength(1)
    watch.note(call(reply(404)))
    expect(watch.troubles()).toEqual([])
  })

  test('a side that has not answered for half a minute, until it answers anything', () => {
    const clock = createTestClock()
    const watch = createWatch(clock)
    const silence = (change?: Partial<Told>) => watch.note(call({ noAnswer: 'Azure cannot be reached (ECONNREFUSED).' }, change))
    silence()
    clock.pass(29_000)
    silence()
    expect([watch.isUnwell(), watch.troubles()]).toEqual([false, []])
    clock.pass(1_000)
    // That nobody asks does not make it longer, and what no pool needs is not asked again.
    silence({ operation: 'list usages' })
    expect(watch.isUnwell()).toBe(false)
    silence()
    expect(watch.isUnwell()).toBe(true)
    // Another replica may change what this one cannot; this one may try.
    expect([watch.stops(), watch.forbids()]).toEqual([false, undefined])
    expect(watch.troubles()).toMatchObject([
      {
        state: 'noAnswer',
        sentence: expect.stringMatching(/has not answered for 30 s or more: Azure cannot be reached \(ECONNREFUSED\)\. Look/),
      },
    ])
    watch.note(call(reply(500), { operation: 'list usages' }))
    expect([watch.isUnwell(), watch.troubles()]).toEqual([false, []])
  })

  test('a clock that is wrong by more than five minutes either way, until it is right; kept and undated answers say nothing', () => {
    const clock = createTestClock()
    const watch = createWatch(clock)
    const now = clock.real.wallTimeMs()
    for (const [ms, words] of [
      [now - 12 * 60_000, '12 min ahead of'],
      [now + 7 * 60_000, '7 min behind'],
    ] as const) {
      watch.note(call(reply(200, datedAt(ms))))
      expect(watch.stops()).toBe(true)
      expect(watch.troubles()).toMatchObject([{ state: 'clockWrong', sentence: expect.stringContaining(words) }])
    }
    watch.note(call(reply(200, datedAt(now + 4 * 60_000))))
    expect([watch.stops(), watch.troubles()]).toEqual([false, []])
    for (const headers of [{}, { date: 'yesterday' }, { ...datedAt(0), age: '86400' }]) watch.note(call(reply(200, headers)))
    expect(watch.stops()).toBe(false)
  })
})

describe('a service that runs', () => {
  let service: Service
  let poolId: number
  const capacity = () => rig.sandbox.world.truth.scaleSet(scaleSetId)?.capacity
  const standBy = async (standby: number) => {
    const { version } = await api<{ readonly version: number }>(service, 'GET', `/pools/${poolId}/settings`)
    await api(service, 'PUT', `/pools/${poolId}/settings`, { version, settings: { standby } })
  }
  const inState = (state: string) =>
    until(async () => ((await readiness(service)).states.includes(state as 'late') ? readiness(service) : undefined))
  const ready = () => until(async () => ((await readiness(service)).ready ? true : undefined))

  beforeAll(async () => {
    service = await rig.start('running')
    poolId = (await api<PoolCreated>(service, 'POST', '/pools', { poolName: 'linux', scaleSetId, settings: { machinesMax: 9 } })).pool
      .poolId
    await ready()
  }, 60_000)
  afterEach(() => {
    for (const name of [...rig.sandbox.world.faults().keys()]) rig.sandbox.world.setFault(name, undefined)
  })
  afterAll(() => service.stop())

  test.each([
    ['credentialRefused', 'sign-in-page', 'does not take the credential of the service: renew it'],
    [
      'rightMissing',
      'role-removed',
      /does not let the service (get scale set|list machines): give its identity back what docs\/permissions.md lists/,
    ],
  ] as const)(
    'names %s with the next step, changes nothing meanwhile, and goes on by itself',
    async (state, fault, sentence) => {
      rig.sandbox.world.setFault(fault, { rate: 1 })
      expect((await inState(state)).reasons.join()).toMatch(sentence)
      // A role concerns Azure only, and its last good answers serve for 45 s more.
      if (state === 'rightMissing') await inState('unread')
      const before = capacity() ?? 0
      await standBy(before + 1)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      expect(capacity()).toBe(before)
      rig.sandbox.world.setFault(fault, undefined)
      await until(() => (capacity() === before + 1 ? true : undefined))
      await ready()
    },
    60_000,
  )

  test('names a wrong clock and changes nothing until it is right', async () => {
    const real = Date.now.bind(Date)
    const wrong = jest.spyOn(Date, 'now').mockImplementation(() => real() + 20 * 60_000)
    expect((await inState('clockWrong')).reasons.join()).toContain('20 min ahead of')
    const before = capacity() ?? 0
    await standBy(before + 1)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(capacity()).toBe(before)
    wrong.mockRestore()
    await until(() => (capacity() === before + 1 ? true : undefined))
    await ready()
  }, 60_000)
})

describe('a service that cannot start yet', () => {
  test.each([
    ['databaseNewer', `update meta set value = '99' where key = 'schema'`, 'start the newer version, or restore a backup', 'ends'],
    ['anotherService', '', 'Stop it first, or name another directory with --data', 'waits'],
  ])(
    'is %s, and tells why to whoever watches it',
    async (state, sql, sentence, then) => {
      const data = `waits-${state}`
      const first = await rig.start(data)
      await first.stop()
      const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
      change(data, sql === '' ? `update lease set holder = '${hostname()}/${other.pid}/x', expires_at = 1` : sql)
      const stop = new AbortController()
      const port = await freePort()
      const before = rig.sandbox.world.truth.scaleSet(scaleSetId)
      const ended = serve({ env: environment(data), port, stop: stop.signal, packageFolder: join(rig.folder, 'package'), version: '0.0.0' })
      const seen = await until(() => readiness({ url: `http://127.0.0.1:${port}` }).catch(() => undefined))
      expect(seen).toMatchObject({ ready: false, states: [state], reasons: [expect.stringContaining(sentence)] })
      expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200)
      expect((await fetch(`http://127.0.0.1:${port}/api/v1/pools`)).status).toBe(503)
      expect(rig.sandbox.world.truth.scaleSet(scaleSetId)?.etag).toBe(before?.etag)
      stop.abort()
      // What cannot heal by itself ends the process with its failure.
      await (then === 'ends' ? expect(ended).rejects.toThrow(sentence) : expect(ended).resolves.toBe(0))
      other.kill('SIGKILL')
    },
    30_000,
  )

  test('waits for a PostgreSQL that does not answer', async () => {
    const [port, stop] = [await freePort(), new AbortController()]
    const env = { ...environment('postgres'), SCALE_SET_AGENTS_DATABASE_URL: `postgres://u:secret@127.0.0.1:${await freePort()}/x` }
    const ended = serve({ env, port, stop: stop.signal, packageFolder: join(rig.folder, 'package'), version: '0.0.0' })
    const seen = await until(() => readiness({ url: `http://127.0.0.1:${port}` }).catch(() => undefined))
    expect(seen).toMatchObject({
      ready: false,
      states: ['databaseLost'],
      reasons: [expect.stringMatching(/does not answer .*: check that it runs/)],
    })
    expect(JSON.stringify(seen)).not.toContain('secret')
    stop.abort()
    expect(await ended).toBe(0)
  })
})

const environment = (data: string) => ({
  SCALE_SET_AGENTS_ORGANIZATION_URL: rig.sandbox.organizationUrl,
  SCALE_SET_AGENTS_PAT: pat,
  SCALE_SET_AGENTS_CA_FILE: rig.sandbox.caFile,
  SCALE_SET_AGENTS_DATA: join(rig.folder, data),
  SCALE_SET_AGENTS_LOG_LEVEL: 'silent',
})

async function readiness({ url }: Pick<Service, 'url'>): Promise<Readiness> {
  return (await (await fetch(`${url}/readyz`)).json()) as Readiness
}

function change(data: string, sql: string): void {
  const database = new Libsql(join(rig.folder, data, 'service.db'))
  database.exec(sql)
  database.close()
}

function freePort(): Promise<number> {
  const server = createServer()
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    }),
  )
}
