/** The command that makes a scale set as the pool needs it. */
import { fixes } from '../../backend/core/fixes.ts'

export type NewScaleSet = {
  readonly subscriptionId: string
  readonly resourceGroup: string
  readonly name: string
  readonly size: string
  readonly image: string
  /** The system's disk on the host itself: reimaging is faster and the disk costs nothing. Not every size has room for it. */
  readonly ephemeral: boolean
}

export const suggested: NewScaleSet = {
  subscriptionId: '',
  resourceGroup: 'agents',
  name: 'build-agents',
  size: 'Standard_D4ds_v5',
  image: 'Ubuntu2204',
  ephemeral: true,
}

export function scaleSetIdOf({ subscriptionId, resourceGroup, name }: NewScaleSet): string {
  const subscription = subscriptionId.trim() || '00000000-0000-0000-0000-000000000000'
  return `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.Compute/virtualMachineScaleSets/${name}`
}

export function createCommand(wanted: NewScaleSet): string {
  const { name, image, size, ephemeral } = wanted
  const quoted = `'${size.replaceAll("'", `'\\''`)}'`
  const disk = ephemeral ? ' --ephemeral-os-disk true --os-disk-caching readonly' : ' --storage-sku StandardSSD_LRS'
  return `${fixes(scaleSetIdOf(wanted)).create(name, { image })} --vm-sku ${quoted} --authentication-type SSH --generate-ssh-keys${disk}`
}
