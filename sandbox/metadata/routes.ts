/** The metadata service's rules and answers, one call at a time. Error texts are its own words; statuses are documented. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Json, MachineFacts, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { isObject } from '../resource-manager/json.ts'
import { instanceOf } from './instance.ts'

export type MetadataCall = {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  /** The caller's address. */
  readonly address: string
  readonly scaleSet: ScaleSetFacts
  readonly machine: MachineFacts
  /** The attested document for a nonce, base64. */
  readonly sign: (nonce: string) => string
}

export type MetadataAnswer = {
  readonly status: number
  readonly type?: string
  readonly body: string | Buffer | { readonly [key: string]: Json }
}

type Endpoint = { readonly since: string; readonly answer: (call: MetadataCall) => MetadataAnswer }

/** Newest last. Which endpoint knows which is narrowed by its `since` only: assumed. */
const versions = [
  ...['2017-03-01', '2017-04-02', '2017-08-01', '2017-11-01', '2017-12-01', '2018-02-01', '2018-04-02', '2018-10-01', '2019-02-01'],
  ...['2019-03-11', '2019-04-01', '2019-04-30', '2019-06-01', '2019-06-04', '2019-08-01', '2019-08-15', '2019-11-01', '2020-06-01'],
  ...['2020-07-01', '2020-07-15', '2020-09-01', '2020-10-01', '2020-12-01', '2021-01-01', '2021-02-01', '2021-03-01', '2021-05-01'],
  ...['2021-10-01', '2021-11-01', '2021-11-15', '2021-12-13', '2023-07-01', '2023-11-15', '2024-03-15', '2024-07-17', '2025-04-07'],
]
const endpoints: Readonly<Record<string, Endpoint>> = {
  instance: { since: '2017-04-02', answer: instance },
  'attested/document': { since: '2018-10-01', answer: attestedDocument },
  scheduledevents: { since: '2017-03-01', answer: () => ok({ DocumentIncarnation: 1, Events: [] }) },
  'identity/oauth2/token': { since: '2018-02-01', answer: identityToken },
}

/** The checks in the documented order: header, proxy, path, method, version. */
export function answer(call: MetadataCall): MetadataAnswer {
  const { headers, method, url } = call
  if (headers['metadata']?.toString().toLowerCase() !== 'true') return refused(400, 'The header Metadata: true is missing.')
  if (headers['x-forwarded-for'] !== undefined) return refused(400, 'A call that came through a proxy (X-Forwarded-For) is not answered.')
  const path = /^\/metadata\/(.+?)\/?$/.exec(url.pathname)?.[1] ?? ''
  if (path === 'versions') return ok({ apiVersions: versions })
  const endpoint = path.startsWith('instance/') ? endpoints['instance'] : endpoints[path]
  if (endpoint === undefined) return refused(404, `There is nothing at ${url.pathname}.`)
  if (method !== 'GET') return refused(405, `The method ${method} is not supported here.`)
  return versionProblem(url.searchParams.get('api-version'), endpoint) ?? endpoint.answer(call)
}

function versionProblem(version: string | null, { since }: Endpoint): MetadataAnswer | undefined {
  if (version !== null && versions.includes(version) && version >= since) return undefined
  const what = version === null ? 'was not given' : `'${version}' is not known here`
  return { status: 400, body: { error: `Bad request: the api-version ${what}.`, 'newest-versions': versions.slice(-3).toReversed() } }
}

/** The tree, or a part of it. Leaves are text and have to be asked for as such. */
function instance({ url, scaleSet, machine, address }: MetadataCall): MetadataAnswer {
  const [, ...steps] = url.pathname
    .replace(/^\/metadata\//, '')
    .split('/')
    .filter(Boolean)
  const found = steps.reduce<Json | undefined>(step, instanceOf(scaleSet, machine, address))
  if (found === undefined) return refused(404, `There is nothing at ${url.pathname}.`)
  const format = url.searchParams.get('format')?.toLowerCase() ?? 'json'
  if (format !== 'json' && format !== 'text') return refused(400, `The format '${format}' is not supported: json or text.`)
  if (typeof found !== 'object' || found === null) {
    return format === 'text' ? { status: 200, body: String(found) } : refused(400, 'A single value has to be asked for with format=text.')
  }
  if (format === 'json') return { status: 200, type: 'application/json; charset=utf-8', body: JSON.stringify(found) }
  return {
    status: 200,
    body: Object.entries(found)
      .map(([key, value]) => (typeof value === 'object' ? `${key}/` : key))
      .join('\n'),
  }
}

function step(value: Json | undefined, key: string): Json | undefined {
  if (Array.isArray(value)) return /^\d+$/.test(key) ? value[Number(key)] : undefined
  if (value === undefined || !isObject(value)) return undefined
  const found = Object.keys(value).find((each) => each.toLowerCase() === key.toLowerCase())
  return found === undefined ? undefined : value[found]
}

/** The nonce may be left out: the present time stands for it then. Its longest length is assumed. */
function attestedDocument({ url, sign }: MetadataCall): MetadataAnswer {
  const nonce = url.searchParams.get('nonce') ?? String(Math.floor(Date.now() / 1000))
  if (!/^[0-9A-Za-z-]{1,64}$/.test(nonce)) return refused(400, 'The nonce has to be 1 to 64 letters, digits or hyphens.')
  return ok({ encoding: 'pkcs7', signature: sign(nonce) })
}

/** The sandbox's machines have no identity; Azure answers one without so. */
function identityToken({ url }: MetadataCall): MetadataAnswer {
  const description = url.searchParams.has('resource') ? 'Identity not found' : "The query variable 'resource' is missing."
  return { status: 400, body: { error: 'invalid_request', error_description: description } }
}

function ok(body: { readonly [key: string]: Json }): MetadataAnswer {
  return { status: 200, body }
}

function refused(status: number, error: string): MetadataAnswer {
  return { status, body: { error } }
}
