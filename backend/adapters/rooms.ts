/** How many more machines the region's quota and the subnet let us add. */
import type { ComputeManagementClient } from '@azure/arm-compute'
import type { Reading, Room } from '../core/snapshot.ts'
import type { AzureScaleSet } from '../loop/ports.ts'
import type { ComputeReader } from './compute.ts'
import type { Http } from './http.ts'
import { ShapeError, asList, asObject, asText, optional } from './shape.ts'

const networkApiVersion = '2023-09-01'
/** Azure keeps five addresses of every subnet for itself. */
const reservedAddresses = 5

type Sources = {
  readonly compute: ComputeReader
  readonly http: Http
  readonly read: (signal: AbortSignal) => Promise<Reading<AzureScaleSet | undefined>>
  readonly size: SizeReader
  readonly signal: AbortSignal
}
/** `family` is the name under which the usages count it, when Azure tells. */
type Size = { readonly name: string; readonly cores: number; readonly family: string | undefined }
type SizeReader = (client: ComputeManagementClient, location: string, signal: AbortSignal) => Promise<Size>

/**
 * A part that we may not read (often the network) leaves the others; Unknown only when no part could be read. A room
 * that is not known is no limit: Azure itself refuses what does not fit.
 */
export async function readRooms(sources: Sources): Promise<Reading<readonly Room[]>> {
  const set = await sources.read(sources.signal)
  if (!set.known) return set
  if (set.value === undefined) return { known: false, why: 'The scale set does not exist, so its region is not known.' }
  const { location, subnetIds } = set.value
  const parts = await Promise.all([quotaRooms(sources, location), ...subnetIds.map((id) => subnetRoom(sources, id))])
  const known = parts.filter((part) => part.known)
  if (known.length === 0) return { known: false, why: parts.flatMap((part) => (part.known ? [] : [part.why])).join(' ') }
  return { known: true, value: known.flatMap((part) => part.value), at: set.at }
}

/** The region's cores, and those of the size's family. */
function quotaRooms({ compute, size, signal }: Sources, location: string): Promise<Reading<readonly Room[]>> {
  return compute.read(async (client) => {
    const { name, cores, family } = await size(client, location, signal)
    const rooms: Room[] = []
    for await (const usage of client.usage.list(location, { abortSignal: signal })) {
      const counted = usage.name.value ?? ''
      if (counted !== 'cores' && counted.toLowerCase() !== family?.toLowerCase()) continue
      const free = Math.max(0, usage.limit - usage.currentValue)
      const whose = counted === 'cores' ? `Region ${location}` : `Family ${counted} in ${location}`
      rooms.push({
        kind: 'quota',
        machines: Math.floor(free / cores),
        detail: `${whose} has ${String(free)} of ${String(usage.limit)} cores free; a ${name} takes ${String(cores)}.`,
      })
    }
    return rooms
  })
}

/** What one machine of a size takes from the quota. The list of sizes is long and never changes for a size: kept. */
export function createSizeReader(): (skuName: string) => SizeReader {
  const sizes = new Map<string, Size>()
  return (skuName) => async (client, location, signal) => {
    const key = `${location}/${skuName}`.toLowerCase()
    const size = sizes.get(key) ?? (await readSize(client, skuName, location, signal))
    sizes.set(key, size)
    return size
  }
}

async function readSize(client: ComputeManagementClient, skuName: string, location: string, signal: AbortSignal): Promise<Size> {
  for await (const sku of client.resourceSkus.list({ filter: `location eq '${location}'`, abortSignal: signal })) {
    if (sku.resourceType !== 'virtualMachines' || sku.name?.toLowerCase() !== skuName.toLowerCase()) continue
    const cores = Number(sku.capabilities?.find((capability) => capability.name === 'vCPUs')?.value)
    if (!Number.isInteger(cores) || cores < 1) throw new ShapeError(`the cores of size ${skuName} are not told`)
    return { name: skuName, cores, family: sku.family }
  }
  throw new ShapeError(`size ${skuName} is not listed in ${location}`)
}

function subnetRoom({ http, signal }: Sources, subnetId: string): Promise<Reading<readonly Room[]>> {
  return http.read(
    { operation: 'get subnet', method: 'GET', url: `${subnetId}?api-version=${networkApiVersion}`, signal },
    (json): readonly Room[] => {
      const subnet = asObject(json, 'subnet')
      const properties = asObject(subnet['properties'], 'properties')
      const prefixes = optional(properties['addressPrefixes'], 'addressPrefixes', asList) ?? [properties['addressPrefix']]
      const size = prefixes.reduce<number>((sum, prefix) => sum + addressesOf(asText(prefix, 'addressPrefix')), 0)
      const used = (optional(properties['ipConfigurations'], 'ipConfigurations', asList) ?? []).length
      const free = Math.max(0, size - used)
      return [
        {
          kind: 'subnet',
          machines: free,
          detail: `Subnet ${subnetId.split('/').at(-1) ?? ''} has ${String(free)} of ${String(size)} addresses free.`,
        },
      ]
    },
  )
}

/** Usable IPv4 addresses; a machine takes none of an IPv6 prefix' that would ever run out. */
function addressesOf(prefix: string): number {
  const length = Number(/^\d+\.\d+\.\d+\.\d+\/(\d+)$/.exec(prefix)?.[1])
  return Number.isInteger(length) && length <= 32 ? Math.max(0, 2 ** (32 - length) - reservedAddresses) : 0
}
