/** The whole service against the sandbox: a machine that the loop grew proves itself over real TLS and HTTP with a document of the metadata service. */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { get as httpGet } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../../backend/adapters/log.ts'
import type { BootView, LogList, PoolCreated } from '../../backend/api/contract.ts'
import { sandboxConfiguration } from '../../backend/cli/sandbox-process.ts'
import { startService, type Service } from '../../backend/cli/service.ts'
import { createMetadataAuthority } from '../../sandbox/metadata/authority.ts'
import { startMetadata, type Metadata } from '../../sandbox/metadata/metadata.ts'
import { startSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { fillTemplate } from '../../sandbox/scale-set-template.ts'
import { packageIn } from '../support/package.ts'

const subscriptionId = '00000000-0000-0000-0000-000000000001'
const app = { tenantId: '00000000-0000-0000-0000-00000000000a', clientId: '00000000-0000-0000-0000-00000000000b', secret: 'a-secret' }
const group = `/subscriptions/${subscriptionId}/resourceGroups/agents`
const scaleSetId = `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/linux`
const [pat, registrarPat] = ['s'.repeat(52), 'r'.repeat(52)]
const speed = 60
const key = randomBytes(32).toString('hex')

const folder = mkdtempSync(join(tmpdir(), 'service-'))
const log: string[] = []
let sandbox: Sandbox
let metadata: Metadata
let service: Service
let certificates: string
let poolId: number
let instanceId: string
const booted = waiter<string>()

beforeAll(async () => {
  const authority = await createMetadataAuthority()
  certificates = authority.intermediate.toString('base64')
  sandbox = await startSandbox({
    ...{ seed: 1, speed, dataDir: join(folder, 'sandbox'), organization: 'org', pats: [pat], subscriptionId },
    ...{ resourceGroup: 'agents', location: 'westeurope', machinesRunAgents: false },
    apps: [{ ...app, role: 'contributor', devops: true }],
  })
  sandbox.world.watch((event) => void (event.kind === 'machine-bootstrap' && booted.resolve(event.machine)))
  const subnet = `${group}/providers/Microsoft.Network/virtualNetworks/net/subnets/machines`
  sandbox.world.azure.putScaleSet(scaleSetId, fillTemplate({ name: 'linux', capacity: 0 }, 'westeurope', subnet))
  metadata = await startMetadata({ world: sandbox.world, authority, machineOf: () => ({ scaleSetId, instanceId }) })
  writeFileSync(join(folder, 'roots.pem'), authority.rootPem)
  service = await startService({
    configuration: {
      ...sandboxConfiguration(sandbox, { ...app, pat }, join(folder, 'data')),
      registrar: { kind: 'pat', pat: registrarPat },
      ...{ attestationRoots: join(folder, 'roots.pem'), publicUrl: 'https://service.example', logLevel: 'info' },
    },
    log: createLog({ destination: { write: (line) => void log.push(line) } }),
    packageFolder: packageIn(folder),
    version: '0.0.0',
    speed,
  })
}, 30_000)

afterAll(async () => {
  await service.stop()
  await metadata.close()
  await sandbox.close()
  rmSync(folder, { recursive: true })
})

test('the pool grows, with an entry of the extension that tells where script and package are', async () => {
  const made = await api<PoolCreated>('POST', '/pools', { poolName: 'linux', scaleSetId, settings: { standby: 1, tearDownAfterUse: true } })
  poolId = made.pool.poolId
  instanceId = await booted.promise
  const model = sandbox.world.truth.scaleSet(scaleSetId)?.properties['virtualMachineProfile'] as never as {
    readonly extensionProfile: { readonly extensions: readonly { readonly properties: Properties }[] }
  }
  const { settings, protectedSettings } = model.extensionProfile.extensions[0]!.properties
  expect(protectedSettings).toEqual({ enableScriptParameters: `https://service.example ${poolId} --once` })
  expect(settings['agentDownloadSha256']).toMatch(/^[0-9a-f]{64}$/)
  const script = await fetch(settings['enableScriptDownloadUrl']!.replace('https://service.example', service.url))
  const body = await script.text()
  expect(createHash('sha256').update(body).digest('hex')).toBe(settings['enableScriptSha256'])
}, 30_000)

test('its machine proves itself and receives the credential of the registrar, once', async () => {
  const claimed = await claimUntilJudged(key)
  expect(claimed).toMatchObject({ status: 200 })
  expect(claimed.text.split('\n')).toEqual(
    expect.arrayContaining([`organizationUrl=${sandbox.organizationUrl}`, 'pool=linux', `token=${registrarPat}`, 'runMode=once']),
  )
  expect(await claimUntilJudged(randomBytes(32).toString('hex'))).toMatchObject({ status: 403 })
}, 30_000)

test('what it tells of its boot is in its timeline and in the figures', async () => {
  const detail = 'enableagent failed in package [hash-mismatch]: The package is another one.'
  const report = { poolId: String(poolId), machine: computerName(), phase: 'package', result: 'failed', durationMs: '1500', detail }
  expect((await post('report', report, { authorization: `Bearer ${key}` })).status).toBe(204)
  const boot = await api<BootView>('GET', `/pools/${poolId}/machines/${computerName()}/boot`)
  expect(boot.lives).toMatchObject([{ generation: 1, phases: [{ phase: 'package', result: 'failed', cause: 'hash-mismatch', detail }] }])
  expect(await (await fetch(`${service.url}/metrics`)).text()).toContain(
    `scale_set_agents_boot_phase_seconds_sum{pool="${poolId}",phase="package",result="failed"} 1.5`,
  )
})

test('a stranger is refused with a sentence for all, and Diagnostics has the reason', async () => {
  metadata.alterDocuments((content) => ({ ...content, subscriptionId: '99999999-9999-9999-9999-999999999999' }))
  expect(await claimUntilJudged(key)).toEqual({
    status: 403,
    text: 'error=This machine was not accepted. The reason is in Diagnostics of the pool.\n',
  })
  metadata.alterDocuments(undefined)
  const { entries } = await api<LogList>('GET', `/pools/${poolId}/log`)
  expect(entries.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('is of subscription 99999999-9999-9999-9999-999999999999'),
  )
}, 30_000)

test('neither credential is in the data directory, the log or the figures', async () => {
  const data = join(folder, 'data')
  const files = readdirSync(data).map((name) => readFileSync(join(data, name), 'latin1'))
  const everywhere = [...files, ...log, await (await fetch(`${service.url}/metrics`)).text()].join('\n')
  expect(everywhere).toContain('A machine proved itself')
  for (const secret of [pat, registrarPat, key, app.secret]) expect(everywhere).not.toContain(secret)
})

type Properties = { readonly settings: Readonly<Record<string, string>>; readonly protectedSettings: Readonly<Record<string, string>> }

const computerName = () => sandbox.world.truth.machines(scaleSetId).find((machine) => machine.instanceId === instanceId)!.computerName

/** As the script does: a nonce and a document for each try, until the answer is not that it has to wait. */
async function claimUntilJudged(withKey: string): Promise<{ readonly status: number; readonly text: string }> {
  const machine = { poolId: String(poolId), machine: computerName() }
  for (;;) {
    const nonce = (await post('nonce', machine)).text.trim().replace('nonce=', '')
    const path = `/metadata/attested/document?api-version=2025-04-07&nonce=${nonce}`
    const { signature } = JSON.parse(await fromMetadata(path)) as { readonly signature: string }
    const answer = await post('claim', { ...machine, nonce, key: withKey, document: signature, certificates })
    if (answer.status !== 503) return answer
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function post(path: string, form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`${service.url}/api/v1/registration/${path}`, { method: 'POST', headers, body: new URLSearchParams(form) })
  return { status: answer.status, text: await answer.text() }
}

async function api<T>(method: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${service.operatorKey}`, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(`${service.url}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(await answer.text())
  return (await answer.json()) as T
}

function fromMetadata(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = httpGet(`${metadata.url}${path}`, { headers: { metadata: 'true' } }, (answer) => {
      let text = ''
      answer.on('data', (chunk) => (text += String(chunk))).on('end', () => resolve(text))
    })
    asked.on('error', reject)
  })
}

function waiter<T>() {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}
