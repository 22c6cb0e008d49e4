/** A running sandbox and the real Azure SDK in front of it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ComputeManagementClient } from '@azure/arm-compute'
import { ClientSecretCredential } from '@azure/identity'
import type { AppRegistration } from '../../sandbox/entra/registrations.ts'
import { startSandbox } from '../../sandbox/sandbox.ts'
import type { Sandbox, SandboxOptions } from '../../sandbox/sandbox.ts'

export const tenantId = '11111111-1111-4111-8111-111111111111'
export const subscriptionId = '22222222-2222-4222-8222-222222222222'
export const contributor: AppRegistration = {
  tenantId,
  clientId: '33333333-3333-4333-8333-333333333333',
  secret: 'the secret of the contributor',
  role: 'contributor',
  devops: true,
}
export const reader: AppRegistration = {
  tenantId,
  clientId: '44444444-4444-4444-8444-444444444444',
  secret: 'the secret of the reader',
  role: 'reader',
  devops: false,
}
export const pat = 'a-personal-access-token'
export const scaleSetId = `/subscriptions/${subscriptionId}/resourceGroups/agents/providers/Microsoft.Compute/virtualMachineScaleSets/linux`

const quick = { p50: 1_000, p95: 1_500 }

// Starting and long-running operations take real time, and other suites may share the machine.
jest.setTimeout(30_000)
const running = new Set<Sandbox>()
// A test that fails between start and close must not keep the run from ending.
afterAll(() => Promise.all([...running].map((sandbox) => sandbox.close())))

/** Fast life cycles at 50 times real time, so that long-running operations end within a second. */
export async function start(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'))
  const sandbox = await startSandbox({
    seed: 1,
    speed: 50,
    retryAfterS: 0,
    dataDir,
    organization: 'contoso',
    pats: [pat],
    apps: [contributor, reader],
    subscriptionId,
    resourceGroup: 'agents',
    location: 'westeurope',
    latencies: { list: quick, create: quick, enable: quick, reimage: quick, delete: quick },
    ...options,
  })
  const started: Sandbox = {
    ...sandbox,
    close: async () => {
      if (!running.delete(started)) return
      await sandbox.close()
      await rm(dataDir, { recursive: true })
    },
  }
  running.add(started)
  return started
}

export function credentialOf(sandbox: Sandbox, app: AppRegistration): ClientSecretCredential {
  return new ClientSecretCredential(app.tenantId, app.clientId, app.secret ?? '', {
    authorityHost: sandbox.url,
    disableInstanceDiscovery: true,
    tlsOptions: { ca: sandbox.caPem },
    retryOptions: { maxRetries: 0 },
  })
}

export function clientOf(sandbox: Sandbox, app: AppRegistration = contributor): ComputeManagementClient {
  return new ComputeManagementClient(credentialOf(sandbox, app), subscriptionId, {
    endpoint: sandbox.url,
    tlsOptions: { ca: sandbox.caPem },
    retryOptions: { maxRetries: 0 },
  })
}

export type Reply = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown> & { error?: { code: string; message: string } }
}
type Call = {
  readonly method?: string
  readonly token?: string
  readonly authorization?: string
  readonly json?: unknown
  /** Names a content type although there is no content. */
  readonly namesType?: boolean
  readonly form?: Record<string, string>
}

/** One call without any client library. Rejects when no answer arrives. */
export function call(
  sandbox: Sandbox,
  path: string,
  { method, token, authorization = token && `Bearer ${token}`, json, form, namesType = false }: Call = {},
): Promise<Reply> {
  const content = form === undefined ? (json === undefined ? undefined : JSON.stringify(json)) : new URLSearchParams(form).toString()
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
  const headers = {
    ...(authorization === undefined ? {} : { authorization }),
    ...(content === undefined && !namesType ? {} : { 'content-type': type }),
  }
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      new URL(path, sandbox.url),
      { method: method ?? (content === undefined ? 'GET' : 'POST'), ca: sandbox.caPem, headers, agent: false },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text.startsWith('{') ? JSON.parse(text) : {} })
        })
      },
    )
    sent.on('error', reject)
    sent.end(content)
  })
}

export async function tokenOf(sandbox: Sandbox, app: AppRegistration = contributor): Promise<string> {
  return (await credentialOf(sandbox, app).getToken('https://management.azure.com/.default')).token
}

/** Creates the scale set `linux` with so many machines and waits until Azure is done with them. */
export async function withScaleSet(sandbox: Sandbox, capacity: number): Promise<void> {
  const created = await call(sandbox, '/_sandbox/scalesets', { json: { name: 'linux', capacity } })
  if (created.status !== 201) throw new Error(`The scale set was not created: ${JSON.stringify(created.body)}`)
  await until(
    () => sandbox.world.truth.machines(scaleSetId).filter((machine) => machine.provisioningState === 'Succeeded').length === capacity,
  )
}

/** Waits for something in the world, for at most five seconds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`It did not come true within five seconds: ${holds.toString()}`)
}
