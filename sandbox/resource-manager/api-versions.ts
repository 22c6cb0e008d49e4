/** Which api-version each provider answers. A client gets the shape of the version it asks for, or is refused. */
import { refuse } from './refusals.ts'

// prettier-ignore
const compute = [
  '2018-06-01', '2018-10-01', '2019-03-01', '2019-07-01', '2019-12-01', '2020-06-01', '2020-12-01', '2021-03-01', '2021-04-01', '2021-07-01',
  '2021-11-01', '2022-03-01', '2022-08-01', '2022-11-01', '2023-03-01', '2023-07-01', '2023-09-01', '2024-03-01', '2024-07-01', '2024-11-01',
  '2025-04-01', '2025-11-01', '2026-03-01',
]
// prettier-ignore
const resources = [
  '2016-06-01', '2016-09-01', '2017-05-10', '2018-02-01', '2018-05-01', '2019-05-01', '2019-05-10', '2019-06-01', '2019-07-01', '2019-08-01',
  '2019-10-01', '2019-11-01', '2020-01-01', '2020-06-01', '2020-10-01', '2021-01-01', '2021-04-01', '2022-01-01', '2022-09-01', '2022-12-01',
  '2024-03-01', '2024-07-01', '2024-11-01', '2025-04-01',
]

// prettier-ignore
const network = [
  '2018-10-01', '2018-11-01', '2019-11-01', '2020-03-01', '2020-11-01', '2021-02-01', '2021-08-01', '2022-01-01', '2022-07-01', '2023-02-01',
  '2023-09-01', '2023-11-01', '2024-01-01', '2024-03-01', '2024-05-01', '2024-07-01', '2025-01-01',
]

/** Versions by provider namespace, newest last. */
export const apiVersions: Readonly<Record<string, readonly string[]>> = {
  'Microsoft.Compute': compute,
  'Microsoft.Resources': resources,
  'Microsoft.Insights': ['2014-04-01', '2015-04-01', '2022-10-01'],
  'Microsoft.Authorization': ['2015-07-01', '2018-07-01', '2022-04-01'],
  'Microsoft.Network': network,
}

/** The api-version of a request, refused with 400 when it is missing or the provider does not know it. */
export function apiVersionOf(path: string, given: unknown): string {
  if (typeof given !== 'string' || given === '')
    return refuse(400, 'MissingApiVersionParameter', 'Every request needs the query parameter api-version.')
  const { namespace, versions } = providerOf(path)
  if (versions.includes(given)) return given
  const supported = `The supported versions are '${versions.join(', ')}'.`
  const message = `No version '${given}' of the provider '${namespace}' is registered. ${supported}`
  return refuse(400, namespace === 'Microsoft.Resources' ? 'InvalidApiVersionParameter' : 'NoRegisteredProviderFound', message)
}

function providerOf(path: string): { readonly namespace: string; readonly versions: readonly string[] } {
  const named = /.*\/providers\/([^/?]+)\//i.exec(path)?.[1] ?? 'Microsoft.Resources'
  const entry = Object.entries(apiVersions).find(([namespace]) => namespace.toLowerCase() === named.toLowerCase())
  if (entry === undefined) return refuse(404, 'InvalidResourceNamespace', `The resource namespace '${named}' is invalid.`)
  return { namespace: entry[0], versions: entry[1] }
}
