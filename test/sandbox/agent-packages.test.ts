/** Agent packages that are really there: announced with their address and hash, and given to anybody. */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentPackage } from '../../sandbox/azure-devops/agent-packages.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import type { Loose } from './azure-devops-support.ts'
import { call, pat, start } from './sandbox-support.ts'

const route = '/contoso/_apis/distributedtask/packages/agent'
const agentPackages: AgentPackage[] = []
let folder: string
let sandbox: Sandbox

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packages-'))
  sandbox = await start({ agentPackages })
})
afterAll(async () => {
  await sandbox.close()
  rmSync(folder, { recursive: true })
})
beforeEach(() => {
  const file = join(folder, 'made-here.tgz')
  writeFileSync(file, 'a package')
  agentPackages.splice(0, agentPackages.length, { platform: 'linux-x64', version: '4.273.1', file })
})

const read = async (path: string): Promise<Loose> =>
  (await call(sandbox, `${route}${path}`, { authorization: `Basic ${Buffer.from(`:${pat}`).toString('base64')}` })).body

test('the file is at the address, without a token, and has the hash', async () => {
  const { value } = await read('/linux-x64?$top=1')
  const name = 'vsts-agent-linux-x64-4.273.1.tar.gz'
  expect(value).toMatchObject([{ platform: 'linux-x64', version: { major: 4, minor: 273, patch: 1 }, filename: name }])
  expect(value[0].downloadUrl).toBe(`${sandbox.url}/_sandbox/packages/${name}`)
  expect(value[0].hashValue).toBe(createHash('sha256').update(readFileSync(agentPackages[0]!.file)).digest('hex'))
  const answer = await call(sandbox, `/_sandbox/packages/${name}`)
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/octet-stream'])
  expect((await call(sandbox, '/_sandbox/packages/other.tar.gz')).status).toBe(404)
})

test('the hash is left out or wrong when a test wants it so', async () => {
  const [real] = agentPackages
  const right = (await read('/linux-x64/4.273.1')).hashValue
  agentPackages[0] = { ...real!, hash: 'missing' }
  expect(await read('/linux-x64/4.273.1')).not.toHaveProperty('hashValue')
  agentPackages[0] = { ...real!, hash: 'wrong' }
  const { hashValue } = await read('/linux-x64/4.273.1')
  expect(hashValue).toMatch(/^[0-9a-f]{64}$/)
  expect(hashValue).not.toBe(right)
})

test('platforms without a file are announced at Azure’s address', async () => {
  const { value } = await read('')
  const hosts = value.map((each: Loose) => [each.platform, new URL(each.downloadUrl).hostname])
  expect(new Map(hosts)).toEqual(
    new Map([
      ['linux-x64', '127.0.0.1'],
      ...['linux-arm64', 'win-x64', 'osx-x64'].map((platform) => [platform, 'download.agent.dev.azure.com'] as const),
    ]),
  )
})
