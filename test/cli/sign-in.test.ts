/** Sessions over replicas, and the whole service with people of the sandbox in front of it. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock } from '../../backend/adapters/clock.ts'
import type { PeoplesDevOps } from '../../backend/adapters/identity.ts'
import { createLog } from '../../backend/adapters/log.ts'
import type { ScaleSetList } from '../../backend/api/contract-look.ts'
import type { SessionView } from '../../backend/api/contract-sign-in.ts'
import type { LogList, PoolCreated } from '../../backend/api/contract.ts'
import { organizationNameOf } from '../../backend/cli/owner.ts'
import { sandboxConfiguration } from '../../backend/cli/sandbox-process.ts'
import { startService } from '../../backend/cli/service.ts'
import { signInFor } from '../../backend/cli/sign-in.ts'
import type { Configuration } from '../../backend/environment.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { people } from '../../sandbox/people.ts'
import { call, contributor, pat, scaleSetId, start, withScaleSet } from '../sandbox/sandbox-support.ts'
import { forEachDialect } from '../store/dialects.ts'

const folder = mkdtempSync(join(tmpdir(), 'sign-in-'))
afterAll(() => rmSync(folder, { recursive: true }))

const origin = 'http://127.0.0.1:3000'
const extension = { extensionId: 'e', extensionSecrets: ['s'.repeat(32)], hubOrigins: [origin] }
const ada = { id: 'a-1', name: 'Ada' }
const rights = { manage: [7], use: [7, 8], mayCreate: true }

forEachDialect('sessions', ({ dialect, newPlace }) => {
  const directory = () => mkdtempSync(join(folder, 'data-'))
  const replica = async (place: Awaited<ReturnType<typeof newPlace>>, data: string) => {
    const database = await openDatabase(place)
    const configuration = { signIn: extension, organizationUrl: 'https://dev.azure.com/fabrikam', data } as unknown as Configuration
    const parts = { configuration, database, clock: createClock({ startAt: 0 }), identity: {} as PeoplesDevOps, pools: async () => [] }
    return { sessions: (await signInFor(parts))!.sessions, close: database.close }
  }

  test('of one replica or start are taken by the next, and by no other service', async () => {
    const [place, data] = [await newPlace(), directory()]
    const first = await replica(place, data)
    const second = await replica(place, dialect === 'sqlite' ? data : directory())
    const other = await replica(await newPlace(), directory())
    const session = await first.sessions.issue(ada, rights)
    expect(await second.sessions.read(session)).toMatchObject({ person: ada, rights })
    expect(await other.sessions.read(session)).toBeUndefined()
    for (const { close } of [first, second, other]) await close()
    const files = readdirSync(data)
    expect(files).toEqual(dialect === 'sqlite' ? ['session-key'] : [])
    for (const file of files) expect(statSync(join(data, file)).mode & 0o777).toBe(0o600)
  })
})

test.each([
  ['https://dev.azure.com/fabrikam', 'fabrikam'],
  ['https://fabrikam.visualstudio.com', 'fabrikam'],
  ['https://tfs.fabrikam.com/tfs/Main%20Collection', 'Main Collection'],
])('the organization at %s is called %s', (url, name) => {
  expect(organizationNameOf(url)).toBe(name)
})

test('a person makes a pool through the whole service, which records who it was and keeps no token', async () => {
  const sandbox = await start()
  await withScaleSet(sandbox, 0)
  // Every organization has a first pool.
  await call(sandbox, '/contoso/_apis/distributedtask/pools?api-version=7.1', {
    authorization: `Basic ${Buffer.from(`:${pat}`).toString('base64')}`,
    json: { name: 'Default' },
  })
  const { id, secret } = JSON.parse(readFileSync(sandbox.extension.file, 'utf8')) as { id: string; secret: string }
  const log: string[] = []
  const service = await startService({
    configuration: {
      ...sandboxConfiguration(sandbox, { ...contributor, secret: contributor.secret!, pat }, join(folder, 'service')),
      signIn: { extensionId: id, extensionSecrets: [secret], hubOrigins: [origin] },
      ...{ host: '0.0.0.0', logLevel: 'info' },
    },
    log: createLog({ destination: { write: (line) => void log.push(line) } }),
    packageFolder: packageFolder(),
    version: '0.1.0',
    speed: 50,
  })
  const person = people[0]!
  const tokenOf = async (kind: string) =>
    String((await call(sandbox, `/_sandbox/people/${person.id}/${kind}`, { method: 'POST' })).body['token'])
  const [appToken, accessToken] = [await tokenOf('app-token'), await tokenOf('access-token')]
  const { port } = new URL(service.url)
  const ask = async <T>(method: string, path: string, headers: Record<string, string>, body?: object): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
      method,
      headers: { ...headers, origin, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    expect([answer.ok, answer.headers.get('access-control-allow-origin')]).toEqual([true, origin])
    return (await answer.json()) as T
  }
  const signedIn = () => ask<SessionView>('POST', '/session', {}, { appToken, accessToken })
  const bearer = async () => ({ authorization: `Bearer ${(await signedIn()).session}` })
  expect(await signedIn()).toMatchObject({ organization: 'contoso', pools: { manage: [], use: [] }, mayCreate: true })
  const asPerson = { ...(await bearer()), 'x-azure-devops-token': accessToken }
  expect((await ask<ScaleSetList>('GET', '/scale-sets', asPerson)).scaleSets).toMatchObject([{ id: scaleSetId, capacity: 0 }])
  expect(await ask('GET', '/built-in-pools', asPerson)).toEqual({ pools: [] })
  const made = await ask<PoolCreated>(
    'POST',
    '/pools',
    { ...(await bearer()), 'x-azure-devops-token': accessToken },
    { poolName: 'linux', scaleSetId },
  )
  const { poolId } = made.pool
  expect((await signedIn()).pools).toEqual({ manage: [poolId], use: [poolId] })
  await ask('POST', `/pools/${poolId}/pause`, await bearer())
  const { entries } = await ask<LogList>('GET', `/pools/${poolId}/log`, await bearer())
  const by = `${person.displayName} (${person.id})`
  expect(entries.map(({ message }) => message)).toEqual(
    expect.arrayContaining([`${by} made pool linux on the scale set ${scaleSetId}.`, `${by} paused the pool.`]),
  )
  await service.stop()
  const files = readdirSync(join(folder, 'service')).map((name) => readFileSync(join(folder, 'service', name), 'latin1'))
  for (const token of [appToken, accessToken]) expect([...files, ...log].join('\n')).not.toContain(token.split('.')[2])
  await sandbox.close()
}, 30_000)

/** The service reads its scripts from where `npm run build` puts them. */
function packageFolder(): string {
  const scripts = join(folder, 'package', 'dist', 'agent-scripts')
  mkdirSync(join(scripts, 'linux'), { recursive: true })
  const body = '#!/bin/bash\n'
  writeFileSync(join(scripts, 'linux', 'enableagent.sh'), body)
  const sha256 = createHash('sha256').update(body).digest('hex')
  writeFileSync(join(scripts, 'manifest.json'), JSON.stringify({ version: '1', files: [{ path: 'linux/enableagent.sh', sha256 }] }))
  return join(folder, 'package')
}
