/** The stand-in agent, unpacked and driven by its scripts, against the sandbox over HTTPS. */
import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RequestFacts } from '../../backend/simulator/facts.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { buildAgentPackage } from '../../sandbox/stand-in-agent/package.ts'
import { value } from '../simulator/support.ts'
import { pat, start, until } from './sandbox-support.ts'

const instant = { p50: 10, p95: 20 }
let folder: string
let packageFile: string
let sandbox: Sandbox
let poolId: number
let agent: string
let child: ChildProcess | undefined

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'agent-test-'))
  packageFile = join(folder, 'agent.tar.gz')
  await buildAgentPackage(packageFile, '4.273.0')
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(async () => {
  sandbox = await start({ machinesRunAgents: false, latencies: { assign: instant, receive: instant } })
  poolId = value(sandbox.world.devops.addPool('linux', false)).id
  agent = join(folder, 'agent')
  mkdirSync(agent)
  execFileSync('tar', ['-xzf', packageFile, '-C', agent])
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await sandbox.close()
  rmSync(agent, { recursive: true })
})

type Ended = { code: number | null; output: string }
type Running = { process: ChildProcess; output: () => string; ended: Promise<Ended> }

function launch(script: string, words: readonly string[], environment: Record<string, string> = {}): Running {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, AGENT_ALLOW_RUNASROOT: '1', NODE_EXTRA_CA_CERTS: sandbox.caFile, ...environment }
  const launched = spawn(join(agent, script), words, { env, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] })
  child = launched
  let output = ''
  for (const stream of [launched.stdout, launched.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<Ended>((resolve) => launched.on('close', (code) => resolve({ code, output })))
  return { process: launched, output: () => output, ended }
}

const configWords = (...more: string[]): string[] => [
  ...['--unattended', '--acceptTeeEula', '--url', sandbox.organizationUrl, '--pool', 'linux', '--auth', 'pat', '--work', 'work'],
  ...more,
]
const configure = (...more: string[]): Promise<Ended> =>
  launch('config.sh', configWords('--agent', 'vm000001', ...more), { VSTS_AGENT_INPUT_TOKEN: pat }).ended
const agents = () => sandbox.world.truth.agents(poolId)
const request = (id: number): RequestFacts => sandbox.world.truth.requests(poolId).find((each) => each.id === id)!
const read = (name: string): string => readFileSync(join(agent, name), 'utf8')

describe('configuring', () => {
  test('registers the agent, leaves its files and nothing of the credential', async () => {
    const { code, output } = await configure()
    expect([code, output]).toEqual([0, expect.stringContaining('Successfully added the agent')])
    expect(agents()).toMatchObject([{ name: 'vm000001', version: '4.273.0', online: false, systemCapabilities: { 'Agent.OS': 'Linux' } }])
    expect(JSON.parse(read('.agent'))).toMatchObject({
      agentName: 'vm000001',
      poolId,
      poolName: 'linux',
      serverUrl: sandbox.organizationUrl,
      workFolder: 'work',
    })
    expect(JSON.parse(read('.credentials'))).toMatchObject({ scheme: 'OAuth', data: { clientId: agents()[0]!.clientId } })
    expect(statSync(join(agent, '.credentials_rsaparams')).mode & 0o777).toBe(0o600)
    const grep = spawn('grep', ['-rF', '-e', pat, '-e', Buffer.from(`:${pat}`).toString('base64'), agent])
    expect(await new Promise((resolve) => grep.on('close', resolve))).toBe(1)
    expect(JSON.stringify(agents())).not.toContain(pat)
  })

  test('again needs a removal first, and another folder needs --replace', async () => {
    await configure()
    expect(await configure()).toMatchObject({ code: 1, output: expect.stringContaining('already configured') })
    rmSync(join(agent, '.agent'))
    expect(await configure()).toMatchObject({ code: 1, output: expect.stringContaining('already contains an agent with name vm000001') })
    const before = agents()[0]!
    expect((await configure('--replace')).code).toBe(0)
    expect(agents()).toMatchObject([{ id: before.id }])
    expect(agents()[0]!.publicKey).not.toEqual(before.publicKey)
  })

  test('takes options from the environment, where the command line wins', async () => {
    const environment = { VSTS_AGENT_INPUT_TOKEN: pat, vsts_agent_input_agent: 'from-environment', VSTS_AGENT_INPUT_WORK: 'elsewhere' }
    expect((await launch('config.sh', configWords(), environment).ended).code).toBe(0)
    expect(JSON.parse(read('.agent'))).toMatchObject({ agentName: 'from-environment', workFolder: 'work' })
  })

  test.each([
    ['a wrong token', ['--token', 'wrong'], 'not authorized'],
    ['no token', [], 'token'],
    ['another pool', ['--token', pat, '--pool', 'windows'], "Agent pool not found: 'windows'"],
    ['an unknown option', ['--token', pat, '--colour', 'blue'], "'--colour'"],
  ])('with %s fails', async (_, words, message) => {
    expect(await launch('config.sh', configWords(...words)).ended).toMatchObject({ code: 1, output: expect.stringContaining(message) })
    expect([agents(), existsSync(join(agent, '.agent'))]).toEqual([[], false])
  })

  test('and running are refused to root that does not insist', async () => {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    execFileSync('sh', ['-c', `printf '#!/bin/sh\\necho 0\\n' >${bin}/id && chmod +x ${bin}/id`])
    for (const script of ['config.sh', 'run.sh']) {
      const { code, output } = await launch(script, [], { AGENT_ALLOW_RUNASROOT: '', PATH: `${bin}:${process.env['PATH']}` }).ended
      expect([code, output]).toEqual([1, expect.stringMatching(/^Must not run .*with sudo\n$/)])
    }
  })

  test('goes through a proxy, which is kept', async () => {
    const asked: string[] = []
    const proxy = createServer()
    proxy.on('connect', ({ url, headers }, socket: Socket) => {
      asked.push(`${url} ${headers['proxy-authorization']}`)
      const onward = connect(Number(new URL(sandbox.url).port), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'))
      onward
        .on('error', () => socket.destroy())
        .pipe(socket.on('error', () => onward.destroy()))
        .pipe(onward)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const { code } = await configure('--proxyurl', url, '--proxyusername', 'me', '--proxypassword', 'pass')
    proxy.close()
    expect([code, read('.proxy')]).toEqual([0, url])
    expect(new Set(asked)).toEqual(new Set([`${new URL(sandbox.url).host} Basic ${Buffer.from('me:pass').toString('base64')}`]))
  })
})

describe('running', () => {
  const online = (): boolean => agents()[0]?.online === true

  test('takes jobs until it is told to end', async () => {
    await configure()
    const { process: listener, output, ended } = launch('run.sh', [])
    await until(() => output().includes('Listening for Jobs'))
    expect(online()).toBe(true)
    const first = sandbox.world.queueJob({ poolId, durationMs: 5_000, jobName: 'build' })
    await until(() => request(first).result !== undefined)
    expect(request(first)).toMatchObject({ result: 'succeeded', agentId: agents()[0]!.id })
    await until(() => output().includes('completed with result: Succeeded'))
    expect(output()).toContain('Running job: build')
    expect(online()).toBe(true)
    listener.kill('SIGTERM')
    expect((await ended).code).toBe(0)
    expect(online()).toBe(false)
    expect(readdirSync(join(agent, '_diag')).filter((name) => name.startsWith('Worker_'))).toHaveLength(1)
  })

  test('with --once ends after one job', async () => {
    await configure()
    const { output, ended } = launch('run.sh', ['--once'])
    await until(() => output().includes('Listening for Jobs'))
    const first = sandbox.world.queueJob({ poolId, durationMs: 2_000 })
    const second = sandbox.world.queueJob({ poolId, durationMs: 2_000 })
    expect((await ended).code).toBe(0)
    expect([request(first).result, request(second).result, online()]).toEqual(['succeeded', undefined, false])
  })

  test('ended in the middle of a job cancels it', async () => {
    await configure()
    const { process: listener, output, ended } = launch('run.sh', ['--once'])
    await until(() => output().includes('Listening for Jobs'))
    const id = sandbox.world.queueJob({ poolId, durationMs: 3_600_000 })
    await until(() => output().includes('Running job'))
    listener.kill('SIGTERM')
    expect((await ended).code).toBe(0)
    expect(request(id).result).toBe('canceled')
  })

  test('unconfigured says so', async () => {
    expect(await launch('run.sh', []).ended).toMatchObject({ code: 1, output: expect.stringContaining('config.sh') })
  })

  test('after its removal by others ends', async () => {
    await configure()
    value(sandbox.world.devops.deleteAgent(poolId, agents()[0]!.id))
    expect((await launch('run.sh', []).ended).code).toBe(1)
  })
})

test('removing takes the agent out of the pool and its files away', async () => {
  await configure()
  expect((await launch('config.sh', ['remove', '--auth', 'pat', '--token', pat]).ended).code).toBe(0)
  expect([agents(), existsSync(join(agent, '.agent'))]).toEqual([[], false])
})
