/** What the metadata service tells a machine about itself. Source: azure-facts.md 5, IMDS. */
import type { Json, MachineFacts, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { objectAt, stringAt } from '../resource-manager/json.ts'
import type { JsonObject } from '../resource-manager/json.ts'

export type AttestedContent = {
  readonly licenseType: string
  readonly nonce: string
  readonly plan: { readonly name: string; readonly product: string; readonly publisher: string }
  readonly sku: string
  readonly subscriptionId: string
  readonly timeStamp: { readonly createdOn: string; readonly expiresOn: string }
  readonly vmId: string
}

export function instanceOf(scaleSet: ScaleSetFacts, machine: MachineFacts, address: string): JsonObject {
  const profile = objectAt(scaleSet.properties, 'virtualMachineProfile')
  return { compute: computeOf(scaleSet, machine, profile), network: networkOf(machine, address) }
}

/** The content that is signed. It names neither the scale set nor the instance id, as in Azure. Times are real, in ms. */
export function attestedContent(
  scaleSet: ScaleSetFacts,
  machine: MachineFacts,
  nonce: string,
  nowMs: number,
  lifetimeMs: number,
): AttestedContent {
  const image = imageOf(objectAt(scaleSet.properties, 'virtualMachineProfile'))
  return {
    licenseType: '',
    nonce,
    plan: { name: '', product: '', publisher: '' },
    sku: image.sku,
    subscriptionId: scaleSet.subscriptionId,
    timeStamp: { createdOn: timeText(nowMs), expiresOn: timeText(nowMs + lifetimeMs) },
    vmId: machine.vmId,
  }
}

/** `MM/DD/YY HH:MM:SS -0000` */
function timeText(ms: number): string {
  const [, year, month, day, time] = /^\d\d(\d\d)-(\d\d)-(\d\d)T([\d:]{8})/.exec(new Date(ms).toISOString()) ?? []
  return `${month}/${day}/${year} ${time} -0000`
}

function computeOf(scaleSet: ScaleSetFacts, machine: MachineFacts, profile: JsonObject): JsonObject {
  const os = objectAt(profile, 'osProfile')
  const image = imageOf(profile)
  const tags = Object.entries(scaleSet.tags)
  return {
    azEnvironment: 'AzurePublicCloud',
    evictionPolicy: stringAt(profile, 'evictionPolicy') ?? '',
    licenseType: '',
    location: scaleSet.location,
    name: machine.name,
    ...image,
    osProfile: {
      adminUsername: stringAt(os, 'adminUsername') ?? '',
      computerName: machine.computerName,
      disablePasswordAuthentication: String(objectAt(os, 'linuxConfiguration')['disablePasswordAuthentication'] ?? false),
    },
    osType: 'windowsConfiguration' in os ? 'Windows' : 'Linux',
    plan: { name: '', product: '', publisher: '' },
    priority: stringAt(profile, 'priority') ?? '',
    provider: 'Microsoft.Compute',
    resourceGroupName: scaleSet.resourceGroup,
    resourceId: `${scaleSet.id}/virtualMachines/${machine.instanceId}`,
    subscriptionId: scaleSet.subscriptionId,
    tags: tags.map(([name, value]) => `${name}:${value}`).join(';'),
    tagsList: tags.map(([name, value]) => ({ name, value })),
    vmId: machine.vmId,
    vmScaleSetName: scaleSet.name,
    vmSize: scaleSet.skuName,
    zone: scaleSet.zones?.[0] ?? '',
  }
}

function imageOf(profile: JsonObject): Record<'offer' | 'publisher' | 'sku' | 'version', string> {
  const image = objectAt(objectAt(profile, 'storageProfile'), 'imageReference')
  const text = (key: string): string => stringAt(image, key) ?? ''
  return { offer: text('offer'), publisher: text('publisher'), sku: text('sku'), version: text('version') }
}

function networkOf(machine: MachineFacts, address: string): Json {
  const ipv4 = { ipAddress: [{ privateIpAddress: address, publicIpAddress: '' }], subnet: [{ address: '10.0.0.0', prefix: '20' }] }
  const macAddress = `00224800${Number(machine.instanceId).toString(16).padStart(4, '0')}`.toUpperCase()
  return { interface: [{ ipv4, ipv6: { ipAddress: [] }, macAddress }] }
}
