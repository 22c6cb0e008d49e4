/** The SDK's models of scale sets and machines, read strictly into our words. */
import type {
  InstanceViewStatus,
  VirtualMachineScaleSet,
  VirtualMachineScaleSetOSProfile,
  VirtualMachineScaleSetVM,
} from '@azure/arm-compute'
import type { AzureMachine, AzureScaleSet } from '../loop/ports.ts'
import { ShapeError, asCount, asObject, asText, present } from './shape.ts'

/** The name of the built-in feature's own VM extension entry, which ours takes too. */
const agentExtensionName = 'Microsoft.Azure.DevOps.Pipelines.Agent'
const agentExtensionType = /(^|\.)TeamServicesAgent/i

export function scaleSetFrom(set: VirtualMachineScaleSet): AzureScaleSet {
  return {
    id: asText(set.id, 'id'),
    location: asText(set.location, 'location'),
    capacity: asCount(set.sku?.capacity, 'sku.capacity'),
    etag: asText(set.etag, 'etag'),
    skuName: asText(set.sku?.name, 'sku.name'),
    tags: set.tags ?? {},
    provisioning: asText(set.provisioningState, 'provisioningState'),
    extensions: extensionsOf(set),
    subnetIds: subnetsOf(set),
    hasIdentity: (set.identity?.type ?? 'None') !== 'None',
    ...policyOf(set),
    ...imageOf(set),
  }
}

export function machineFrom(vm: VirtualMachineScaleSetVM): AzureMachine {
  const id = asText(vm.instanceId, 'instanceId')
  if (vm.timeCreated === undefined) throw new ShapeError(`machine ${id} has no timeCreated`)
  return {
    id,
    vmId: vm.vmId ?? '',
    name: nameOf(vm),
    createdAt: vm.timeCreated.toISOString(),
    provisioning: provisioningOf(asText(vm.provisioningState, `provisioningState of machine ${id}`)),
    latestModel: vm.latestModelApplied ?? false,
    protected: Object.values(vm.protectionPolicy ?? {}).includes(true),
    ...present({ power: powerOf(vm), failure: failureOf(vm) }),
  }
}

/** Whether an entry of a model or an instance view is the VM extension that starts agents. */
function isAgentExtension(extension: { readonly name?: string | undefined; readonly type?: string | undefined }): boolean {
  return extension.name === agentExtensionName || agentExtensionType.test(extension.type ?? '')
}

/** Azure's own defaults where the set does not say; sets older than flexible orchestration do not name theirs. */
function policyOf(
  set: VirtualMachineScaleSet,
): Pick<AzureScaleSet, 'orchestration' | 'upgradePolicy' | 'overprovision' | 'singlePlacementGroup'> {
  return {
    orchestration: set.orchestrationMode === 'Flexible' ? 'flexible' : 'uniform',
    upgradePolicy: set.upgradePolicy?.mode ?? 'Unknown',
    overprovision: set.overprovision ?? true,
    singlePlacementGroup: set.singlePlacementGroup ?? true,
  }
}

function imageOf({
  virtualMachineProfile: profile,
}: VirtualMachineScaleSet): Pick<AzureScaleSet, 'os' | 'imagePublisher' | 'imageOffer' | 'imageSku' | 'adminUsername'> {
  const image = profile?.storageProfile?.imageReference
  const user = profile?.osProfile
  const disk = profile?.storageProfile?.osDisk?.osType
  return {
    os: osOf(disk, user),
    ...present({ imagePublisher: image?.publisher, imageOffer: image?.offer, imageSku: image?.sku, adminUsername: user?.adminUsername }),
  }
}

function osOf(disk: string | undefined, user: VirtualMachineScaleSetOSProfile | undefined): 'linux' | 'windows' {
  if (disk === 'Windows' || user?.windowsConfiguration !== undefined) return 'windows'
  if (disk === 'Linux' || user?.linuxConfiguration !== undefined) return 'linux'
  throw new ShapeError('neither the disk nor the profile of the scale set names its operating system')
}

/** The computer's name, which its agent takes; a machine that is just being created may not show it yet. */
function nameOf(vm: VirtualMachineScaleSetVM): string {
  return vm.osProfile?.computerName ?? vm.instanceView?.computerName ?? asText(vm.name, 'name')
}

function extensionsOf(set: VirtualMachineScaleSet): AzureScaleSet['extensions'] {
  return (set.virtualMachineProfile?.extensionProfile?.extensions ?? []).map((entry) => ({
    name: asText(entry.name, 'extension.name'),
    publisher: entry.publisher ?? '',
    type: entry.typePropertiesType ?? '',
    settings: asObject(entry.settings ?? {}, 'extension.settings'),
    after: entry.provisionAfterExtensions ?? [],
  }))
}

function subnetsOf(set: VirtualMachineScaleSet): readonly string[] {
  const interfaces = set.virtualMachineProfile?.networkProfile?.networkInterfaceConfigurations ?? []
  const ids = interfaces.flatMap((card) => (card.ipConfigurations ?? []).map((address) => address.subnet?.id))
  return [...new Set(ids.filter((id) => id !== undefined))]
}

function provisioningOf(state: string): AzureMachine['provisioning'] {
  switch (state.toLowerCase()) {
    case 'creating':
      return 'creating'
    case 'succeeded':
      return 'succeeded'
    case 'deleting':
      return 'deleting'
    case 'failed':
    case 'canceled':
      return 'failed'
    default:
      return 'updating'
  }
}

function powerOf({ instanceView }: VirtualMachineScaleSetVM): AzureMachine['power'] {
  const code = instanceView?.statuses?.map((status) => status.code ?? '').find((text) => text.startsWith('PowerState/'))
  if (code === undefined) return undefined
  const state = code.slice('PowerState/'.length)
  return state === 'running' || state === 'starting' || state === 'stopped' || state === 'deallocated' ? state : 'other'
}

/** What failed: an extension if one did, for its message is the exact one, otherwise the machine itself. */
function failureOf(vm: VirtualMachineScaleSetVM): AzureMachine['failure'] {
  for (const extension of vm.instanceView?.extensions ?? []) {
    const status = failed(extension.statuses)
    if (status !== undefined) return { ...wordsOf(status, 'VMExtensionProvisioningError'), ours: isAgentExtension(extension) }
  }
  const status = failed(vm.instanceView?.statuses)
  if (status === undefined && vm.provisioningState !== 'Failed') return undefined
  const words = wordsOf(status, 'ProvisioningFailed')
  return { ...words, ours: words.message.includes(agentExtensionName) || words.message.includes('TeamServicesAgent') }
}

function failed(statuses: readonly InstanceViewStatus[] | undefined): InstanceViewStatus | undefined {
  return statuses?.find((status) => /^ProvisioningState\/failed(\/|$)/i.test(status.code ?? ''))
}

/** The code is the third part of `ProvisioningState/failed/<Code>`. */
function wordsOf(status: InstanceViewStatus | undefined, otherwise: string): { readonly code: string; readonly message: string } {
  return { code: status?.code?.split('/')[2] ?? otherwise, message: status?.message ?? '' }
}
