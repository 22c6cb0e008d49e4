/** A scale set before a small server: answers as Azure gives them, and the adapters that read them. */
import { clouds } from '../../backend/adapters/credentials.ts'
import { createHttp } from '../../backend/adapters/http.ts'
import { createScaleSetChecks } from '../../backend/adapters/scale-set-checks.ts'
import { createScaleSet } from '../../backend/adapters/scale-set.ts'
import { createTestAuthorization, createTestClock, createTestMetrics, json, startServer } from './outside.ts'
import type { Answerer } from './outside.ts'

export const group = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg'
export const id = `${group}/providers/Microsoft.Compute/virtualMachineScaleSets/agents`
export const subnetId = `${group}/providers/Microsoft.Network/virtualNetworks/net/subnets/machines`

const closing: (() => Promise<unknown>)[] = []
/** For `afterEach`. */
export async function closeServed(): Promise<void> {
  for (const close of closing.splice(0)) await close()
}

export async function serve(answer: Answerer) {
  const outside = await startServer(answer)
  const clock = createTestClock()
  const http = createHttp({
    api: 'azure',
    baseUrl: outside.url,
    authorization: createTestAuthorization(),
    clock,
    metrics: createTestMetrics(),
  })
  closing.push(http.close, outside.close)
  const config = {
    ...clouds.public,
    cloud: 'custom' as const,
    resourceManagerUrl: outside.url,
    credential: { kind: 'managed-identity' as const },
  }
  return {
    outside,
    scaleSet: createScaleSet({ config, http, scaleSetId: id, clock }),
    checks: createScaleSetChecks({ http, scaleSetId: id }),
  }
}

/** Answers by the end of the path. */
export function byPath(answers: Readonly<Record<string, Answerer>>): Answerer {
  return (received, response, count) => {
    const path = received.url.split('?')[0] ?? ''
    const found = Object.entries(answers).find(([end]) => path.endsWith(end))
    ;(found?.[1] ?? json({ error: { code: 'ResourceNotFound', message: `Nothing at ${path}.` } }, 404))(received, response, count)
  }
}

export const set = {
  id,
  name: 'agents',
  location: 'westeurope',
  etag: '"e1"',
  tags: { owner: 'us' },
  sku: { name: 'Standard_D2s_v3', tier: 'Standard', capacity: 3 },
  properties: {
    provisioningState: 'Succeeded',
    overprovision: false,
    singlePlacementGroup: false,
    orchestrationMode: 'Uniform',
    upgradePolicy: { mode: 'Manual' },
    virtualMachineProfile: {
      osProfile: { computerNamePrefix: 'vm', adminUsername: 'azureuser' },
      storageProfile: {
        osDisk: { osType: 'Linux', createOption: 'FromImage' },
        imageReference: { publisher: 'Canonical', offer: 'ubuntu', sku: '24_04' },
      },
      networkProfile: {
        networkInterfaceConfigurations: [
          { name: 'nic', properties: { ipConfigurations: [{ name: 'ip', properties: { subnet: { id: subnetId } } }] } },
        ],
      },
      extensionProfile: {
        extensions: [
          {
            name: 'setup',
            properties: { publisher: 'Microsoft.Azure.Extensions', type: 'CustomScript', settings: { commandToExecute: 'true' } },
          },
        ],
      },
    },
  },
}
export const vm = (instanceId: string, more: object = {}) => ({
  id: `${id}/virtualMachines/${instanceId}`,
  name: `agents_${instanceId}`,
  instanceId,
  location: 'westeurope',
  properties: {
    provisioningState: 'Succeeded',
    vmId: `vm-${instanceId}`,
    timeCreated: '2026-01-01T00:00:00Z',
    latestModelApplied: true,
    osProfile: { computerName: `vm00000${instanceId}` },
    instanceView: { statuses: [{ code: 'ProvisioningState/succeeded' }, { code: 'PowerState/running' }] },
    ...more,
  },
})
