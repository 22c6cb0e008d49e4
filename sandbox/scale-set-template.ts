/** A scale set as a person would create it for agents: manual upgrades, no overprovisioning, one network card. */
import type { AzureSide } from '../backend/simulator/facts.ts'

export type ScaleSetTemplate = {
  readonly name: string
  readonly capacity?: number
  readonly sku?: string
  readonly os?: 'linux' | 'windows'
  readonly resourceGroup?: string
}

const images = {
  linux: { publisher: 'Debian', offer: 'debian-12', sku: '12-gen2', version: 'latest' },
  windows: { publisher: 'MicrosoftWindowsServer', offer: 'WindowsServer', sku: '2022-datacenter-g2', version: 'latest' },
} as const

/** The body of the PUT that creates it in this location and subnet. */
export function fillTemplate(template: ScaleSetTemplate, location: string, subnetId: string): Parameters<AzureSide['putScaleSet']>[1] {
  const os = template.os ?? 'linux'
  const ipConfiguration = { name: 'ip', properties: { primary: true, subnet: { id: subnetId } } }
  return {
    location,
    skuName: template.sku ?? 'Standard_D2s_v5',
    capacity: template.capacity ?? 0,
    tags: {},
    properties: {
      upgradePolicy: { mode: 'Manual' },
      overprovision: false,
      singlePlacementGroup: false,
      orchestrationMode: 'Uniform',
      platformFaultDomainCount: 1,
      virtualMachineProfile: {
        osProfile: {
          computerNamePrefix: template.name.slice(0, 9),
          adminUsername: 'azureuser',
          ...(os === 'linux'
            ? { linuxConfiguration: { disablePasswordAuthentication: true } }
            : { windowsConfiguration: { provisionVMAgent: true } }),
        },
        storageProfile: {
          imageReference: images[os],
          osDisk: {
            osType: os === 'linux' ? 'Linux' : 'Windows',
            createOption: 'FromImage',
            caching: 'ReadOnly',
            managedDisk: { storageAccountType: 'Standard_LRS' },
          },
        },
        networkProfile: {
          networkInterfaceConfigurations: [{ name: 'nic', properties: { primary: true, ipConfigurations: [ipConfiguration] } }],
        },
      },
    },
  }
}
