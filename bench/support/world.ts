/** A sandbox at real speed for a benchmark, what a service needs to reach it, and the calls it received. */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import type { PoolCreated, PoolCreation, SettingsInput } from '../../backend/api/contract.ts'
import type { Client } from '../../backend/cli/client.ts'
import { createSandboxControl, type SandboxControl } from '../../backend/cli/sandbox-control.ts'
import { sandboxConfiguration } from '../../backend/cli/sandbox-process.ts'
import type { Configuration } from '../../backend/environment.ts'
import type { Latencies } from '../../backend/simulator/facts-life.ts'
import type { SandboxOptions } from '../../sandbox/sandbox.ts'
import type { CallCount, LoggedCall } from '../../sandbox/journal.ts'
import { startChild } from './children.ts'

type Address = { readonly url: string; readonly organizationUrl: string; readonly caFile: string }
export type Calls = {
  readonly next: number
  readonly missed: number
  readonly entries: readonly LoggedCall[]
  readonly counts: readonly CallCount[]
}

export type BenchWorld = {
  readonly control: SandboxControl
  /** A service of its own data directory in front of this sandbox, on any free port. */
  readonly configuration: Configuration
  calls(after: number): Promise<Calls>
  stop(): Promise<void>
}

/** Room for 10,000 machines, so that neither quota nor subnet is what is measured. */
const room = { coreLimit: 20_000, subnetSize: 10_000 }

export async function openWorld(latencies: Partial<Latencies>): Promise<BenchWorld> {
  const data = mkdtempSync(join(tmpdir(), 'scale-set-agents-bench-'))
  const [tenantId, clientId] = [randomUUID(), randomUUID()]
  const [secret, pat] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')]
  const sandbox = await startChild<Address>('sandbox', {
    ...room,
    latencies,
    seed: 1,
    dataDir: join(data, 'sandbox'),
    organization: 'sandbox',
    pats: [pat],
    apps: [{ tenantId, clientId, secret, role: 'contributor', devops: true }],
    subscriptionId: '00000000-0000-4000-8000-000000000001',
    resourceGroup: 'agents',
    location: 'westeurope',
  } satisfies SandboxOptions)
  const { url, caFile } = sandbox.address
  const control = createSandboxControl(sandbox.address)
  const dispatcher = new Agent({ connect: { ca: readFileSync(caFile) } })
  const configuration = { ...sandboxConfiguration(sandbox.address, { tenantId, clientId, secret, pat }, data), logLevel: 'error' } as const
  return {
    control,
    configuration,
    async calls(after) {
      const answer = await request(`${url}/_sandbox/requests?after=${after}`, { dispatcher })
      return (await answer.body.json()) as Calls
    },
    async stop() {
      await Promise.all([control.close(), dispatcher.close()])
      await sandbox.stop()
      rmSync(data, { recursive: true, force: true })
    },
  }
}

export type BenchPool = { readonly poolId: number; readonly scaleSet: string; readonly scaleSetId: string }

/** Makes a pool on a scale set of its own. Capabilities are declared, so that it boots no machine to learn them. */
export async function addPool(world: BenchWorld, client: Client, name: string, settings: SettingsInput): Promise<BenchPool> {
  const scaleSetId = await world.control.addScaleSet(name)
  const creation: PoolCreation = { poolName: name, scaleSetId, settings: { capabilities: { bench: 'yes' }, ...settings } }
  const { pool } = await client.send<PoolCreated>('POST', '/pools', creation)
  return { poolId: pool.poolId, scaleSet: name, scaleSetId }
}

/** Waits until `isSo`, looking once a second. @throws Error after `secondsMax`. */
export async function until(what: string, secondsMax: number, isSo: () => Promise<boolean>): Promise<void> {
  for (let second = 0; second < secondsMax; second += 1) {
    if (await isSo()) return
    await sleep(1_000)
  }
  throw new Error(`${what} did not happen within ${secondsMax} s. Run the benchmark alone on the computer, or with fewer pools.`)
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
