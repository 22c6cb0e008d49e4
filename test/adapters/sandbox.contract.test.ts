/** The adapters against the sandbox: real TLS, real tokens, real SDKs, and what the sandbox says the APIs answer. */
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { createDevOpsHttp, createPipelines } from '../../backend/adapters/azure-devops.ts'
import { createAzureHttp } from '../../backend/adapters/compute.ts'
import { createAzureAuthorization, createAzureCredential, createDevOpsAuthorization } from '../../backend/adapters/credentials.ts'
import type { AzureConfig, DevOpsConfig } from '../../backend/adapters/credentials.ts'
import { createDevOpsAdmin } from '../../backend/adapters/devops-admin.ts'
import type { Http } from '../../backend/adapters/http.ts'
import { createScaleSetChecks } from '../../backend/adapters/scale-set-checks.ts'
import { createScaleSet } from '../../backend/adapters/scale-set.ts'
import type { AzureScaleSet } from '../../backend/loop/ports.ts'
import type { Reading } from '../../backend/core/snapshot.ts'
import { startSandbox } from '../../sandbox/sandbox.ts'
import type { Sandbox } from '../../sandbox/sandbox.ts'
import { fillTemplate } from '../../sandbox/scale-set-template.ts'
import { createTestClock, createTestMetrics, never } from './outside.ts'

const subscriptionId = '00000000-0000-0000-0000-000000000001'
const tenantId = '00000000-0000-0000-0000-00000000000a'
const clientId = '00000000-0000-0000-0000-00000000000b'
const pat = 'a'.repeat(52)
const group = `/subscriptions/${subscriptionId}/resourceGroups/agents`
const scaleSetId = `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/linux`
const subnetId = `${group}/providers/Microsoft.Network/virtualNetworks/net/subnets/machines`

const workload = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }),
  issuer: 'https://cluster.example',
  subject: 'system:serviceaccount:ci:agents',
}
const dataDir = mkdtempSync(join(tmpdir(), 'contract-'))
const clock = createTestClock()
let sandbox: Sandbox
let poolId: number
const opened: Http[] = []

beforeAll(async () => {
  sandbox = await startSandbox({
    seed: 1,
    speed: 600,
    dataDir,
    organization: 'org',
    pats: [pat],
    subscriptionId,
    resourceGroup: 'agents',
    location: 'westeurope',
    pageSize: 2,
    subnetSize: 27,
    coreLimit: 20,
    apps: [
      {
        tenantId,
        clientId,
        secret: 'a-secret',
        role: 'contributor',
        devops: true,
        federated: {
          issuer: workload.issuer,
          subject: workload.subject,
          publicKeyPem: workload.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
        },
      },
    ],
  })
  const made = sandbox.world.azure.putScaleSet(scaleSetId, fillTemplate({ name: 'linux', capacity: 0 }, 'westeurope', subnetId))
  if (!made.ok) throw new Error('The scale set was not made.')
}, 30_000)
afterAll(async () => {
  for (const http of opened) await http.close()
  await sandbox.close()
  rmSync(dataDir, { recursive: true })
})

function azureConfig(change: Partial<AzureConfig> = {}): AzureConfig {
  const { url, caFile } = sandbox
  return {
    cloud: 'custom',
    resourceManagerUrl: url,
    audience: url,
    authorityUrl: url,
    caFile,
    credential: { kind: 'client-secret', tenantId, clientId, clientSecret: 'a-secret' },
    ...change,
  }
}

function azure(config = azureConfig()) {
  const http = createAzureHttp({
    config,
    authorization: createAzureAuthorization(config, createAzureCredential(config), clock),
    clock,
    metrics: createTestMetrics(),
  })
  opened.push(http)
  return { scaleSet: createScaleSet({ config, http, scaleSetId, clock }), checks: createScaleSetChecks({ http, scaleSetId }) }
}

function devOps(credential: DevOpsConfig['credential'] = { kind: 'pat', pat }) {
  const config = { url: sandbox.organizationUrl, caFile: sandbox.caFile, credential }
  const http = createDevOpsHttp({
    config,
    authorization: createDevOpsAuthorization(config, createAzureCredential(azureConfig()), clock),
    clock,
    metrics: createTestMetrics(),
  })
  opened.push(http)
  return { pipelines: createPipelines({ http }), admin: createDevOpsAdmin({ http }) }
}

function known<T>(reading: Reading<T>): T {
  if (!reading.known) throw new Error(reading.why)
  return reading.value
}

/** Looks until `found` gives something; the sandbox's time runs 600 times faster than ours. */
async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('It did not happen within ten seconds.')
}

describe('Azure', () => {
  const readSet = async (): Promise<AzureScaleSet> => {
    const set = known(await azure().scaleSet.read(never))
    if (set === undefined) throw new Error('The scale set is not there.')
    return set
  }

  test('a scale set grows by one call that ends at acceptance, and its machines are read page by page', async () => {
    const { scaleSet } = azure()
    // Another operation may still run: creating the set is one.
    const outcome = await eventually(async () => {
      const tried = await scaleSet.setCapacity(await readSet(), 5, never)
      return tried.kind === 'done' ? tried : undefined
    })
    expect(outcome.operation).toContain('/operations/')
    expect(
      await eventually(async () =>
        known(await scaleSet.operation(outcome.operation ?? '', never)).state === 'succeeded' ? true : undefined,
      ),
    ).toBe(true)
    const machines = known(await scaleSet.machines(never))
    expect(machines).toHaveLength(5)
    expect(new Set(machines.map((machine) => machine.id)).size).toBe(5)
    expect(machines[0]).toMatchObject({
      name: expect.stringMatching(/^linux/),
      createdAt: expect.stringMatching(/Z$/),
      latestModel: true,
      protected: false,
    })
  }, 30_000)

  test('a write that somebody else came before is refused', async () => {
    const { scaleSet } = azure()
    const before = await readSet()
    expect(await scaleSet.mergeTag('other', '1', never)).toMatchObject({ kind: 'done' })
    expect(await scaleSet.setCapacity(before, before.capacity + 1, never)).toMatchObject({ kind: 'refused', status: 412 })
  })

  test('tags are claimed, merged and taken off without touching the others', async () => {
    const { scaleSet } = azure()
    expect(
      await eventually(async () => ((await scaleSet.claimTag(await readSet(), 'claim', 'us/1', never)).kind === 'done' ? true : undefined)),
    ).toBe(true)
    expect((await readSet()).tags).toEqual({ other: '1', claim: 'us/1' })
    await scaleSet.mergeTag('claim', 'us/2', never)
    expect((await readSet()).tags).toEqual({ other: '1', claim: 'us/2' })
    await scaleSet.removeTag('claim', 'us/2', never)
    expect((await readSet()).tags).toEqual({ other: '1' })
  })

  test('our extension entry comes and goes', async () => {
    const { scaleSet } = azure()
    const entry = {
      name: 'Microsoft.Azure.DevOps.Pipelines.Agent',
      publisher: 'Microsoft.VisualStudio.Services',
      type: 'TeamServicesAgentLinux',
      version: '1.23',
      settings: { a: 1 },
      protectedSettings: { b: 2 },
      after: [],
    }
    const set = await readSet()
    await eventually(async () => ((await scaleSet.putExtension(set, entry, never)).kind === 'done' ? true : undefined))
    expect((await readSet()).extensions).toEqual([
      { name: entry.name, publisher: entry.publisher, type: entry.type, settings: { a: 1 }, after: [] },
    ])
    await eventually(async () => ((await scaleSet.removeExtension(set, entry.name, never)).kind === 'done' ? true : undefined))
    expect((await readSet()).extensions).toEqual([])
  }, 20_000)

  test('machines are reimaged and deleted by id', async () => {
    const { scaleSet } = azure()
    const [first, second] = known(await scaleSet.machines(never))
    if (first === undefined || second === undefined) throw new Error('There are too few machines.')
    await eventually(async () => ((await scaleSet.reimageMachines([first.id], never)).kind === 'done' ? true : undefined))
    await eventually(async () => ((await scaleSet.deleteMachines([second.id], never)).kind === 'done' ? true : undefined))
    const left = await eventually(async () => {
      const machines = known(await scaleSet.machines(never))
      return machines.some((machine) => machine.id === second.id) ? undefined : machines
    })
    expect(left.map((machine) => machine.id)).toContain(first.id)
  }, 30_000)

  test('room, autoscale settings and permissions are told', async () => {
    const { scaleSet, checks } = azure()
    const rooms = known(await scaleSet.rooms('Standard_D2s_v5', never))
    expect(rooms.map((room) => room.kind)).toEqual(expect.arrayContaining(['quota', 'subnet']))
    sandbox.world.addAutoscale({ name: 'cpu', resourceGroup: 'agents', enabled: true, targetResourceId: scaleSetId.toUpperCase() })
    expect(known(await checks.autoscale(never))).toEqual([{ name: 'cpu', enabled: true }])
    expect(known(await checks.permissions(never)).flatMap((permission) => permission.actions).length).toBeGreaterThan(0)
  })

  test('a wrong secret is told in one sentence that does not repeat it', async () => {
    const { scaleSet } = azure(azureConfig({ credential: { kind: 'client-secret', tenantId, clientId, clientSecret: 'not-the-secret' } }))
    const reading = await scaleSet.read(never)
    expect(reading).toMatchObject({ known: false, why: expect.stringContaining('There is no token for Azure') })
    expect(JSON.stringify(reading)).not.toContain('not-the-secret')
  }, 20_000)

  test('workload identity federation needs no secret', async () => {
    const tokenFile = join(dataDir, 'workload-token')
    const token = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(workload.issuer)
      .setSubject(workload.subject)
      .setAudience('api://AzureADTokenExchange')
      .setIssuedAt()
      .setExpirationTime('10 minutes')
      .sign(workload.privateKey)
    writeFileSync(tokenFile, token)
    const { scaleSet } = azure(azureConfig({ credential: { kind: 'workload-identity', tenantId, clientId, tokenFile } }))
    expect(known(await scaleSet.read(never))?.id).toBe(scaleSetId)
  })

  test('a certificate that is not ours to trust is never talked to', async () => {
    const { caFile: _caFile, ...config } = azureConfig()
    const authorization = { header: () => Promise.resolve('Bearer x'), invalidate: () => undefined }
    const http = createAzureHttp({ config, authorization, clock, metrics: createTestMetrics() })
    opened.push(http)
    const read = await createScaleSet({ config, http, scaleSetId, clock }).read(never)
    expect(read).toMatchObject({ known: false, why: expect.stringContaining('is not trusted') })
  })
})

describe('Azure DevOps', () => {
  test('a pool and a queue are made, found and opened to all pipelines', async () => {
    const { admin } = devOps()
    expect(known(await admin.findPool('linux', never))).toBeUndefined()
    const made = await admin.addPool('linux', never)
    if (made.kind !== 'done') throw new Error(JSON.stringify(made))
    poolId = made.value.id
    expect(known(await admin.findPool('LINUX', never))).toMatchObject({ id: poolId, name: 'linux', builtIn: false })
    expect(known(await admin.pool(poolId, never))?.name).toBe('linux')
    expect(known(await admin.pool(9_999, never))).toBeUndefined()
    expect(known(await admin.canManage('linux', never))).toBe(true)
    expect(known(await admin.connection(never)).userId).not.toBe('')
    const queue = await admin.addQueue('Sandbox', poolId, 'linux', never)
    if (queue.kind !== 'done') throw new Error(JSON.stringify(queue))
    expect(await admin.authorizeAllPipelines('Sandbox', queue.value.id, never)).toEqual({ kind: 'done' })
    expect(await admin.addPool('linux', never)).toMatchObject({ kind: 'refused' })
  })

  test('a placeholder lives: added, changed, disabled, removed, gone', async () => {
    const { pipelines } = devOps({ kind: 'entra' })
    expect(await pipelines.addPlaceholder(poolId, 'placeholder', '4.248.0', { maven: '3' }, never)).toMatchObject({ kind: 'done' })
    const [agent] = known(await pipelines.agents(poolId, never))
    if (agent === undefined) throw new Error('The placeholder is not there.')
    expect(agent).toMatchObject({ name: 'placeholder', online: false, enabled: true, version: '4.248.0' })
    expect(agent.capabilities).toBeUndefined()
    expect(await pipelines.updatePlaceholder(poolId, agent.id, '4.250.0', { maven: '4' }, never)).toMatchObject({ kind: 'done' })
    expect(await pipelines.setEnabled(poolId, agent.id, false, never)).toMatchObject({ kind: 'done' })
    expect(known(await pipelines.agent(poolId, agent.id, never))).toMatchObject({
      enabled: false,
      version: '4.250.0',
      capabilities: { maven: '4' },
    })
    expect(await pipelines.removeAgent(poolId, agent.id, never)).toEqual({ kind: 'done' })
    expect(await pipelines.removeAgent(poolId, agent.id, never)).toEqual({ kind: 'done', detail: 'It was gone already.' })
    expect(known(await pipelines.agent(poolId, agent.id, never))).toBeUndefined()
    expect(await pipelines.removeAgent(9_999, agent.id, never)).toMatchObject({ kind: 'refused', status: 404 })
  })

  test('jobs are listed while they are unfinished, with their demands', async () => {
    const { pipelines } = devOps()
    await pipelines.addPlaceholder(poolId, 'placeholder', '4.248.0', { maven: '3' }, never)
    const requestId = sandbox.world.queueJob({ poolId, durationMs: 60_000, jobName: 'Build', definition: 'ci', demands: ['maven'] })
    expect(known(await pipelines.jobs(poolId, never))).toMatchObject([
      { requestId, name: 'Build', pipeline: 'ci', demands: expect.arrayContaining(['maven']) },
    ])
    sandbox.world.cancelJob(requestId)
    await eventually(async () => (known(await pipelines.jobs(poolId, never)).length === 0 ? true : undefined))
  })

  test('a wrong PAT and the sign-in page are unknown, never an empty pool', async () => {
    const wrong = devOps({ kind: 'pat', pat: 'b'.repeat(52) })
    expect(await wrong.pipelines.agents(poolId, never)).toMatchObject({ known: false, why: expect.stringContaining('sign-in page') })
    expect(await wrong.pipelines.removeAgent(poolId, 1, never)).toMatchObject({ kind: 'refused', code: 'sign-in' })
    const { pipelines } = devOps()
    sandbox.world.setFault('sign-in-page', { rate: 1 })
    expect(await pipelines.jobs(poolId, never)).toMatchObject({ known: false, why: expect.stringContaining('sign-in page') })
    sandbox.world.setFault('sign-in-page', undefined)
    expect(await pipelines.jobs(poolId, never)).toMatchObject({ known: true })
  })

  test('a pool is deleted once and then gone', async () => {
    const { pipelines } = devOps()
    expect(await pipelines.deletePool(poolId, never)).toEqual({ kind: 'done' })
    expect(await pipelines.deletePool(poolId, never)).toMatchObject({ kind: 'done' })
    expect(await pipelines.agents(poolId, never)).toMatchObject({ known: false })
  })
})
