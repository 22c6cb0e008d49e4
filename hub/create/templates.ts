/**
 * A new scale set as a pool needs it, in three forms: Azure CLI, ARM template, Bicep. With a network of its own and a NAT gateway, since
 * new networks of Azure let nothing out by themselves. Sources: Microsoft.Compute/virtualMachineScaleSets template reference 2024-07-01;
 * Microsoft.Network 2024-05-01; Azure CLI reference.
 */
import { quote } from '../../backend/core/fixes.ts'
import { bicepOf, type Template } from './bicep.ts'
import { imageOf, type NewScaleSet } from './new-scale-set.ts'

export function cliOf(wanted: NewScaleSet): string {
  const group = `--subscription ${quote(wanted.subscriptionId.trim() || 'SUBSCRIPTION')} --resource-group ${quote(wanted.resourceGroup)}`
  const [gateway, network] = [quote(`${wanted.name}-nat`), quote(`${wanted.name}-network`)]
  return [
    `az network public-ip create ${group} --name ${gateway} --sku Standard`,
    `az network nat gateway create ${group} --name ${gateway} --public-ip-addresses ${gateway}`,
    `az network vnet create ${group} --name ${network} --address-prefixes 10.0.0.0/16`,
    `az network vnet subnet create ${group} --vnet-name ${network} --name agents --address-prefixes 10.0.0.0/20 --nat-gateway ${gateway}`,
    `az vmss create ${group} ${scaleSetOptions(wanted)}`,
  ].join('\n')
}

function scaleSetOptions({ name, image, size, ephemeral }: NewScaleSet): string {
  const { os, urn } = imageOf(image)
  return [
    `--name ${quote(name)} --image ${quote(urn)} --vm-sku ${quote(size)} --instance-count 0 --orchestration-mode Uniform`,
    '--upgrade-policy-mode Manual --disable-overprovision --single-placement-group false --platform-fault-domain-count 1',
    `--vnet-name ${quote(`${name}-network`)} --subnet agents --load-balancer ""`,
    ephemeral
      ? '--ephemeral-os-disk true --ephemeral-os-disk-placement ResourceDisk --os-disk-caching ReadOnly'
      : '--storage-sku StandardSSD_LRS',
    // A password is asked for at the prompt: one in a command stays in the shell's history.
    os === 'linux' ? '--admin-username azureuser --authentication-type ssh --generate-ssh-keys' : '--admin-username azureuser',
  ].join(' ')
}

/** Ready to deploy: `az deployment group create --template-file`. */
export function armOf(typed: NewScaleSet): string {
  const wanted = { ...typed, name: plain(typed.name), size: plain(typed.size), image: plain(typed.image) }
  const { name } = wanted
  const { os } = imageOf(wanted.image)
  return JSON.stringify(
    {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      parameters: {
        location: { type: 'string', defaultValue: '[resourceGroup().location]' },
        ...(os === 'linux' ? { sshPublicKey: { type: 'string' } } : { adminPassword: { type: 'secureString' } }),
      },
      resources: [...networkOf(name), scaleSetOf(wanted)],
      outputs: { scaleSetId: { type: 'string', value: `[resourceId('Microsoft.Compute/virtualMachineScaleSets', '${name}')]` } },
    },
    null,
    2,
  )
}

/** Without what would be code in a template; no name in Azure has it. */
function plain(text: string): string {
  return text.replace(/[^\w.:/()-]/g, '')
}

const location = "[parameters('location')]"
const id = (type: string, ...names: readonly string[]): string => `[resourceId('${type}', ${names.map((name) => `'${name}'`).join(', ')})]`

function networkOf(name: string): readonly object[] {
  const addressId = id('Microsoft.Network/publicIPAddresses', `${name}-nat`)
  const gatewayId = id('Microsoft.Network/natGateways', `${name}-nat`)
  const subnet = { name: 'agents', properties: { addressPrefix: '10.0.0.0/20', natGateway: { id: gatewayId } } }
  const common = { apiVersion: '2024-05-01', location }
  return [
    {
      type: 'Microsoft.Network/publicIPAddresses',
      name: `${name}-nat`,
      ...common,
      sku: { name: 'Standard' },
      properties: { publicIPAllocationMethod: 'Static' },
    },
    {
      type: 'Microsoft.Network/natGateways',
      name: `${name}-nat`,
      ...common,
      sku: { name: 'Standard' },
      dependsOn: [addressId],
      properties: { publicIpAddresses: [{ id: addressId }] },
    },
    {
      type: 'Microsoft.Network/virtualNetworks',
      name: `${name}-network`,
      ...common,
      dependsOn: [gatewayId],
      properties: { addressSpace: { addressPrefixes: ['10.0.0.0/16'] }, subnets: [subnet] },
    },
  ]
}

function scaleSetOf({ name, size, image, ephemeral }: NewScaleSet): object {
  const { os, reference } = imageOf(image)
  const subnet = { id: id('Microsoft.Network/virtualNetworks/subnets', `${name}-network`, 'agents') }
  const ipConfigurations = [{ name: 'primary', properties: { primary: true, subnet } }]
  return {
    type: 'Microsoft.Compute/virtualMachineScaleSets',
    apiVersion: '2024-07-01',
    name,
    location,
    dependsOn: [id('Microsoft.Network/virtualNetworks', `${name}-network`)],
    sku: { name: size, tier: 'Standard', capacity: 0 },
    properties: {
      orchestrationMode: 'Uniform',
      upgradePolicy: { mode: 'Manual' },
      overprovision: false,
      singlePlacementGroup: false,
      platformFaultDomainCount: 1,
      virtualMachineProfile: {
        storageProfile: { imageReference: reference, osDisk: diskOf(ephemeral) },
        osProfile: { computerNamePrefix: prefixOf(name), adminUsername: 'azureuser', ...accessOf(os) },
        networkProfile: {
          networkInterfaceConfigurations: [{ name: 'primary', properties: { primary: true, ipConfigurations } }],
        },
      },
    },
  }
}

function diskOf(ephemeral: boolean): object {
  return ephemeral
    ? { createOption: 'FromImage', caching: 'ReadOnly', diffDiskSettings: { option: 'Local', placement: 'ResourceDisk' } }
    : { createOption: 'FromImage', caching: 'ReadWrite', managedDisk: { storageAccountType: 'StandardSSD_LRS' } }
}

function accessOf(os: 'linux' | 'windows'): object {
  if (os === 'windows') return { adminPassword: "[parameters('adminPassword')]", windowsConfiguration: { provisionVMAgent: true } }
  const publicKeys = [{ path: '/home/azureuser/.ssh/authorized_keys', keyData: "[parameters('sshPublicKey')]" }]
  return { linuxConfiguration: { disablePasswordAuthentication: true, ssh: { publicKeys } } }
}

/** Six characters are left for the number of the machine: Windows has room for 15. */
function prefixOf(name: string): string {
  return name.replace(/[^a-z0-9-]/gi, '').slice(0, 9)
}

/** The template, as Bicep. */
export function bicepTextOf(wanted: NewScaleSet): string {
  return bicepOf(JSON.parse(armOf(wanted)) as Template)
}
