/** The scale sets that the service's identity may read, in all its subscriptions. */
import type { ListedScaleSet } from '../core/scale-set-id.ts'
import type { Reading } from '../core/snapshot.ts'
import { computeApiVersion } from './compute.ts'
import type { Http } from './http.ts'
import { parseScaleSetId } from './scale-set-id.ts'
import { readList } from './scale-set-checks.ts'
import { asCount, asObject, asText } from './shape.ts'
import type { JsonObject } from './shape.ts'

/** More than a team looks through; the id can always be pasted. */
const subscriptionsMax = 50

/** Azure leaves out what the identity may not read. Unknown as soon as one list is: a part would look like all. */
export async function listScaleSets(http: Http, signal: AbortSignal): Promise<Reading<readonly ListedScaleSet[]>> {
  const subscriptions = await readList(http, 'list subscriptions', '/subscriptions?api-version=2022-12-01', signal, (row) =>
    asText(row['subscriptionId'], 'subscriptionId'),
  )
  if (!subscriptions.known) return subscriptions
  const found: ListedScaleSet[] = []
  for (const id of subscriptions.value.slice(0, subscriptionsMax)) {
    const url = `/subscriptions/${id}/providers/Microsoft.Compute/virtualMachineScaleSets?api-version=${computeApiVersion}`
    const listed = await readList(http, 'list scale sets', url, signal, listedFrom)
    if (!listed.known) return listed
    found.push(...listed.value)
  }
  return { ...subscriptions, value: found }
}

function listedFrom(row: JsonObject): ListedScaleSet {
  const id = asText(row['id'], 'id')
  const sku = asObject(row['sku'] ?? {}, 'sku')
  const { name, resourceGroup } = parseScaleSetId(id)
  return {
    id,
    name,
    resourceGroup,
    location: asText(row['location'], 'location'),
    size: asText(sku['name'] ?? '', 'sku.name'),
    capacity: asCount(sku['capacity'] ?? 0, 'sku.capacity'),
  }
}
