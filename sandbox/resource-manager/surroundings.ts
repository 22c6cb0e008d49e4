/** Routes beside the scale set that tell whether it can grow: quota, sizes, autoscale settings, permissions, subnet. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Json, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { callerOf, permissionsOf } from './access.ts'
import { isObject, objectAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { groupPath, scaleSetId, scaleSetPath } from './parts.ts'
import type { ResourceManagerParts, ScaleSetRequest } from './parts.ts'
import { valueOf } from './refusals.ts'

type Request = FastifyRequest<{
  Params: {
    readonly subscription: string
    readonly group: string
    readonly location: string
    readonly network: string
    readonly subnet: string
  }
}>

const computePath = '/subscriptions/:subscription/providers/Microsoft.Compute'
/** Azure keeps five addresses of every subnet for itself. */
const reservedAddresses = 5

export function registerSurroundings(app: FastifyInstance, parts: ResourceManagerParts): void {
  const { azure, truth } = parts.world
  app.get(`${computePath}/locations/:location/usages`, (request: Request) => ({
    value: valueOf(azure.usages(request.params.subscription, request.params.location)).map((usage) => ({
      unit: 'Count',
      currentValue: usage.current,
      limit: usage.limit,
      name: { value: usage.name, localizedValue: usage.localizedName },
    })),
  }))
  app.get(`${computePath}/skus`, () => ({
    value: Object.entries(parts.coresOfSku).map(([name, cores]) => skuShape(name, cores, parts.location)),
  }))
  app.get(`${scaleSetPath}/skus`, (request: ScaleSetRequest) => {
    const { skuName } = valueOf(azure.scaleSet(scaleSetId(request.params)))
    const capacity = { minimum: 0, maximum: 1000, defaultCapacity: 2, scaleType: 'Automatic' }
    return { value: [{ resourceType: 'Microsoft.Compute/virtualMachineScaleSets', sku: { name: skuName, tier: 'Standard' }, capacity }] }
  })
  app.get(`${groupPath}/providers/Microsoft.Insights/autoscaleSettings`, (request: Request) => ({ value: autoscale(request, parts) }))

  for (const scope of ['/subscriptions/:subscription', groupPath, scaleSetPath])
    app.get(`${scope}/providers/Microsoft.Authorization/permissions`, (request) => ({
      value: permissionsOf(callerOf(request, parts.tokens).role),
    }))

  app.get(`${groupPath}/providers/Microsoft.Network/virtualNetworks/:network/subnets/:subnet`, (request: Request) => {
    const id = decodeURI(request.url.split('?', 1)[0] ?? '')
    const machines = valueOf(azure.scaleSets(request.params.subscription))
      .filter((scaleSet) => uses(scaleSet, id))
      .flatMap((scaleSet) => truth.machines(scaleSet.id))
    const ipConfigurations = machines.map((machine) => ({
      id: `${machine.scaleSetId}/virtualMachines/${machine.instanceId}/networkInterfaces/nic/ipConfigurations/ip`,
    }))
    return {
      name: request.params.subnet,
      id,
      type: 'Microsoft.Network/virtualNetworks/subnets',
      properties: { provisioningState: 'Succeeded', addressPrefix: addressPrefix(parts.subnetSize), ipConfigurations },
    }
  })
}

function autoscale(request: Request, parts: ResourceManagerParts): object[] {
  const { subscription, group } = request.params
  return valueOf(parts.world.azure.autoscaleSettings(subscription, group)).map((setting) => ({
    id: `/subscriptions/${subscription}/resourceGroups/${setting.resourceGroup}/providers/Microsoft.Insights/autoscaleSettings/${setting.name}`,
    name: setting.name,
    type: 'Microsoft.Insights/autoscaleSettings',
    location: parts.location,
    properties: {
      name: setting.name,
      enabled: setting.enabled,
      targetResourceUri: setting.targetResourceId,
      profiles: [],
      notifications: [],
    },
  }))
}

function skuShape(name: string, cores: number, location: string): object {
  const capabilities = [
    { name: 'vCPUs', value: String(cores) },
    { name: 'PremiumIO', value: 'True' },
  ]
  return {
    resourceType: 'virtualMachines',
    name,
    tier: 'Standard',
    size: name.replace(/^Standard_/, ''),
    locations: [location],
    locationInfo: [{ location, zones: ['1', '2', '3'] }],
    capabilities,
    restrictions: [],
  }
}

function uses(scaleSet: ScaleSetFacts, subnetId: string): boolean {
  return mentions(objectAt(objectAt(scaleSet.properties, 'virtualMachineProfile'), 'networkProfile'), subnetId.toLowerCase())
}

function mentions(value: Json | undefined, subnetId: string): boolean {
  if (Array.isArray(value)) return value.some((entry: Json) => mentions(entry, subnetId))
  if (!isObject(value)) return false
  return (
    String(objectAt(value as JsonObject, 'subnet')['id']).toLowerCase() === subnetId ||
    Object.values(value).some((entry) => mentions(entry, subnetId))
  )
}

/** The widest prefix whose room is not more than the subnet really has. */
function addressPrefix(subnetSize: number): string {
  const bits = Math.max(3, Math.floor(Math.log2(subnetSize + reservedAddresses)))
  return `10.0.0.0/${32 - Math.min(16, bits)}`
}
