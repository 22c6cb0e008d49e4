/** deploy/azure-role.json holds what the service does in Azure: every call, and nothing else. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClock } from '../backend/adapters/clock.ts'
import { createAzureHttp } from '../backend/adapters/compute.ts'
import { createAzureAuthorization, createAzureCredential } from '../backend/adapters/credentials.ts'
import type { AzureConfig } from '../backend/adapters/credentials.ts'
import type { Http } from '../backend/adapters/http.ts'
import { createScaleSetChecks } from '../backend/adapters/scale-set-checks.ts'
import { createScaleSet } from '../backend/adapters/scale-set.ts'
import { missingActions, neededActions, usefulActions } from '../backend/core/permissions.ts'
import { actionOf } from '../sandbox/resource-manager/access.ts'
import { startSandbox } from '../sandbox/sandbox.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { fillTemplate } from '../sandbox/scale-set-template.ts'
import { createTestMetrics, never } from './adapters/outside.ts'

const role = JSON.parse(readFileSync(join(__dirname, '../deploy/azure-role.json'), 'utf8')) as { readonly Actions: readonly string[] }
const group = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/agents/providers'
const scaleSetId = `${group}/Microsoft.Compute/virtualMachineScaleSets/linux`
const app = { tenantId: 'a'.repeat(32), clientId: 'b'.repeat(32), secret: 'a-secret', role: 'contributor', devops: false } as const
const dataDir = mkdtempSync(join(tmpdir(), 'role-'))
let sandbox: Sandbox
let asked: ReadonlySet<string>

beforeAll(async () => {
  sandbox = await startSandbox({
    seed: 1,
    dataDir,
    organization: 'org',
    pats: [],
    subscriptionId: '00000000-0000-0000-0000-000000000001',
    resourceGroup: 'agents',
    location: 'westeurope',
    apps: [app],
  })
  const subnetId = `${group}/Microsoft.Network/virtualNetworks/net/subnets/machines`
  sandbox.world.azure.putScaleSet(scaleSetId, fillTemplate({ name: 'linux' }, 'westeurope', subnetId))
  asked = await actionsOfEveryCall(sandbox)
}, 30_000)
afterAll(async () => {
  await sandbox.close()
  rmSync(dataDir, { recursive: true })
})

test('every call of the service is granted by the role', () => {
  expect(asked.size).toBeGreaterThan(10)
  expect(missingActions([...asked], [{ actions: role.Actions, notActions: [] }])).toEqual([])
})

test('every action that the doctor looks for is in the role', () => {
  expect(role.Actions).toEqual(expect.arrayContaining([...neededActions, ...usefulActions]))
})

test('the role grants nothing that is neither called nor looked for', () => {
  const reasons = new Set([...asked, ...neededActions, ...usefulActions].map((action) => action.toLowerCase()))
  expect(role.Actions.filter((action) => !reasons.has(action.toLowerCase()))).toEqual([])
})

/** Makes each call of both adapters once; how the sandbox answers does not matter here. */
async function actionsOfEveryCall({ url, caFile }: Sandbox): Promise<ReadonlySet<string>> {
  const { tenantId, clientId, secret } = app
  const credential = { kind: 'client-secret', tenantId, clientId, clientSecret: secret } as const
  const config: AzureConfig = { cloud: 'custom', resourceManagerUrl: url, audience: url, authorityUrl: url, caFile, credential }
  const clock = createClock({ startAt: 0, speed: 1 })
  const authorization = createAzureAuthorization(config, createAzureCredential(config), clock)
  const real = createAzureHttp({ config, authorization, clock, metrics: createTestMetrics() })
  const actions = new Set<string>()
  const http = watched(real, (method, path) => actions.add(actionOf(method, path).action))
  const scaleSet = createScaleSet({ config, http, scaleSetId, clock })
  const checks = createScaleSetChecks({ http, scaleSetId })
  const seen = await scaleSet.read(never)
  if (!seen.known || seen.value === undefined) throw new Error('The scale set could not be read.')
  const entry = { name: 'agent', publisher: 'p', type: 't', version: '1.0', settings: {}, after: [] }
  const changes = [
    () => scaleSet.claimTag(seen.value!, 'owner', 'value', never),
    () => scaleSet.setCapacity(seen.value!, 1, never),
    () => scaleSet.mergeTag('owner', 'value', never),
    () => scaleSet.removeTag('owner', 'value', never),
    () => scaleSet.putExtension(seen.value!, entry, never),
    () => scaleSet.removeExtension(seen.value!, 'agent', never),
    () => scaleSet.deleteMachines(['0'], never),
    () => scaleSet.reimageMachines(['0'], never),
  ]
  for (const change of changes) {
    const outcome = await change()
    if (outcome.kind === 'done' && outcome.operation !== undefined) await scaleSet.operation(outcome.operation, never)
  }
  await Promise.all([
    scaleSet.machines(never),
    scaleSet.rooms('Standard_D2s_v5', never),
    checks.autoscale(never),
    checks.permissions(never),
  ])
  await real.close()
  return actions
}

function watched(http: Http, called: (method: string, path: string) => void): Http {
  const note = ({ method, url }: { readonly method: string; readonly url: string }): void =>
    called(method, new URL(url, 'https://azure').pathname)
  return {
    ...http,
    read: (request, parse) => (note(request), http.read(request, parse)),
    readIfThere: (request, missing, parse) => (note(request), http.readIfThere(request, missing, parse)),
    look: (request) => (note(request), http.look(request)),
    change: (request) => (note(request), http.change(request)),
  }
}
