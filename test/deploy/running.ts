/** The whole service against the sandbox, in a data directory of its own, for tests that stop, move and start it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLog } from '../../backend/adapters/log.ts'
import { sandboxConfiguration } from '../../backend/cli/sandbox-process.ts'
import { startService, type Service } from '../../backend/cli/service.ts'
import type { Configuration } from '../../backend/environment.ts'
import { startSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { fillTemplate } from '../../sandbox/scale-set-template.ts'
import { packageIn } from '../support/package.ts'

const subscriptionId = '00000000-0000-0000-0000-000000000001'
export const app = {
  tenantId: '00000000-0000-0000-0000-00000000000a',
  clientId: '00000000-0000-0000-0000-00000000000b',
  secret: 'a-secret-of-entra',
}
export const pat = 's'.repeat(52)
const group = `/subscriptions/${subscriptionId}/resourceGroups/agents`
export const scaleSetId = `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/linux`

export type Rig = {
  readonly folder: string
  readonly sandbox: Sandbox
  readonly log: string[]
  configuration(data: string, change?: Partial<Configuration>): Configuration
  start(data: string, change?: Partial<Configuration>): Promise<Service>
  close(): Promise<void>
}

export async function createRig(speed = 60): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'rig-'))
  const log: string[] = []
  const sandbox = await startSandbox({
    ...{ seed: 1, speed, dataDir: join(folder, 'sandbox'), organization: 'org', pats: [pat], subscriptionId },
    ...{ resourceGroup: 'agents', location: 'westeurope' },
    apps: [{ ...app, role: 'contributor', devops: true }],
  })
  const subnet = `${group}/providers/Microsoft.Network/virtualNetworks/net/subnets/machines`
  sandbox.world.azure.putScaleSet(scaleSetId, fillTemplate({ name: 'linux', capacity: 0 }, 'westeurope', subnet))
  const configuration = (data: string, change: Partial<Configuration> = {}): Configuration => ({
    ...sandboxConfiguration(sandbox, { ...app, pat }, join(folder, data)),
    logLevel: 'debug',
    ...change,
  })
  const packageFolder = packageIn(folder)
  return {
    folder,
    sandbox,
    log,
    configuration,
    start: (data, change) =>
      startService({
        configuration: configuration(data, change),
        log: createLog({ level: 'debug', destination: { write: (line) => void log.push(line) } }),
        ...{ packageFolder, version: '0.0.0', speed },
      }),
    async close() {
      await sandbox.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export async function api<T>(
  { url, operatorKey }: Pick<Service, 'url' | 'operatorKey'>,
  method: string,
  path: string,
  body?: object,
): Promise<T> {
  const headers = { authorization: `Bearer ${operatorKey}`, ...(body && { 'content-type': 'application/json' }) }
  const answer = await fetch(`${url}/api/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  if (!answer.ok) throw new Error(await answer.text())
  return (await answer.json()) as T
}

/** Asks until `find` finds something, for 20 s. */
export async function until<T>(find: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let tries = 0; tries < 400; tries++) {
    const found = await find()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`Nothing came of ${String(find)}.`)
}
