/** What the doctor looks at beside the scale set itself. */
import type { Reach } from '../core/connect.ts'
import type { Reading } from '../core/snapshot.ts'
import { computeApiVersion } from './compute.ts'
import type { Http } from './http.ts'
import { parseScaleSetId } from './scale-set-id.ts'
import { asFlag, asList, asObject, asText, optional } from './shape.ts'
import type { JsonObject } from './shape.ts'

export type AutoscaleSetting = { readonly name: string; readonly enabled: boolean }
/** What our identity may do, as patterns such as `Microsoft.Compute/*`. */
export type Permission = { readonly actions: readonly string[]; readonly notActions: readonly string[] }

export interface ScaleSetChecks {
  /** Autoscale settings of the resource group that target this scale set. */
  autoscale(signal: AbortSignal): Promise<Reading<readonly AutoscaleSetting[]>>
  permissions(signal: AbortSignal): Promise<Reading<readonly Permission[]>>
  /** What the model's network gives each machine; `undefined` when Azure says that there is no such scale set. */
  reach(signal: AbortSignal): Promise<Reading<Reach | undefined>>
}

const pagesMax = 20

/** Throws when `scaleSetId` does not parse. */
export function createScaleSetChecks({ http, scaleSetId }: { readonly http: Http; readonly scaleSetId: string }): ScaleSetChecks {
  const { id, subscriptionId, resourceGroup } = parseScaleSetId(scaleSetId)
  return {
    async autoscale(signal) {
      const url = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.Insights/autoscalesettings?api-version=2022-10-01`
      const settings = await readList(http, 'list autoscale settings', url, signal, autoscaleFrom)
      return settings.known
        ? {
            ...settings,
            value: settings.value
              .filter((setting) => setting.target.toLowerCase() === id.toLowerCase())
              .map(({ name, enabled }) => ({ name, enabled })),
          }
        : settings
    },
    permissions: (signal) =>
      readList(
        http,
        'list permissions',
        `${id}/providers/Microsoft.Authorization/permissions?api-version=2022-04-01`,
        signal,
        permissionFrom,
      ),
    reach: (signal) =>
      http.readIfThere(
        { operation: 'get network of scale set', method: 'GET', url: `${id}?api-version=${computeApiVersion}`, signal },
        /NotFound$/,
        reachFrom,
      ),
  }
}

/** Every page, or Unknown. */
export async function readList<T>(
  http: Http,
  operation: string,
  first: string,
  signal: AbortSignal,
  parse: (row: JsonObject) => T,
): Promise<Reading<readonly T[]>> {
  const rows: T[] = []
  let url = first
  for (let page = 0; page < pagesMax; page++) {
    const reading = await http.read({ operation, method: 'GET', url, signal }, (json) => {
      const answer = asObject(json, 'the answer')
      return {
        rows: asList(answer['value'], 'value').map((row) => parse(asObject(row, 'value[]'))),
        next: optional(answer['nextLink'], 'nextLink', asText),
      }
    })
    if (!reading.known) return reading
    rows.push(...reading.value.rows)
    if (reading.value.next === undefined || reading.value.next === '') return { ...reading, value: rows }
    url = reading.value.next
  }
  return { known: false, why: `Azure answered ${operation} with more than ${String(pagesMax)} pages.` }
}

function autoscaleFrom(row: JsonObject): AutoscaleSetting & { readonly target: string } {
  const properties = asObject(row['properties'], 'properties')
  return {
    name: asText(row['name'], 'name'),
    // Azure's own default.
    enabled: optional(properties['enabled'], 'enabled', asFlag) ?? false,
    target: optional(properties['targetResourceUri'], 'targetResourceUri', asText) ?? '',
  }
}

function permissionFrom(row: JsonObject): Permission {
  const patterns = (name: string) => (optional(row[name], name, asList) ?? []).map((pattern) => asText(pattern, name))
  return { actions: patterns('actions'), notActions: patterns('notActions') }
}

/** Of any of the machines' addresses. */
function reachFrom(json: unknown): Reach {
  const under = (parent: JsonObject, name: string): JsonObject => asObject(parent[name] ?? {}, name)
  const rows = (parent: JsonObject, name: string): readonly JsonObject[] =>
    asList(parent[name] ?? [], name).map((row) => asObject(row, `${name}[]`))
  const network = under(under(under(asObject(json, 'the scale set'), 'properties'), 'virtualMachineProfile'), 'networkProfile')
  const addresses = rows(network, 'networkInterfaceConfigurations')
    .flatMap((card) => rows(under(card, 'properties'), 'ipConfigurations'))
    .map((address) => under(address, 'properties'))
  return {
    publicAddress: addresses.some((address) => (address['publicIPAddressConfiguration'] ?? null) !== null),
    natPool: addresses.some((address) => rows(address, 'loadBalancerInboundNatPools').length > 0),
  }
}
