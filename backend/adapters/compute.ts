/**
 * The Azure SDK for reading: its request shapes, models and paging, over our own transport, so that time limits, retries,
 * tokens and figures are the same for every call. Changes do not use the SDK: it waits for operations to end.
 */
import { ComputeManagementClient } from '@azure/arm-compute'
import { createHttpHeaders } from '@azure/core-rest-pipeline'
import type { HttpClient } from '@azure/core-rest-pipeline'
import type { Reading } from '../core/snapshot.ts'
import type { ServiceClock } from './clock.ts'
import { trustedCertificates } from './credentials.ts'
import type { AzureConfig } from './credentials.ts'
import { createHttp } from './http.ts'
import type { Http, Look } from './http.ts'
import type { Metrics } from '../loop/ports.ts'
import { scrub } from './scrub.ts'
import type { Authorization } from './transport.ts'
import type { Watch } from './watch.ts'

/** The version that @azure/arm-compute 24 sends, used for our own calls too. */
export const computeApiVersion = '2026-03-01'

/** HTTP to Azure Resource Manager; one for all scale sets of the service. */
export function createAzureHttp(options: {
  readonly config: AzureConfig
  readonly authorization: Authorization
  readonly clock: ServiceClock
  readonly metrics: Metrics
  readonly watch?: Watch
}): Http {
  const { config, authorization, clock, metrics, watch } = options
  const ca = trustedCertificates(config.caFile)
  return createHttp({
    api: 'azure',
    baseUrl: config.resourceManagerUrl,
    authorization,
    clock,
    metrics,
    // By its name Azure's support finds our calls, and a test run tells them from those of other clients.
    headers: { accept: 'application/json', 'user-agent': 'scale-set-agents' },
    ...(ca === undefined ? {} : { ca }),
    ...(watch === undefined ? {} : { watch }),
  })
}

/** Says why Azure gave the SDK no complete answer. */
class NoAnswer extends Error {
  readonly missing: boolean
  constructor(look: Exclude<Look, { readonly kind: 'answer' }>) {
    super(look.kind === 'unknown' ? look.why : `Azure refused the read with HTTP ${String(look.status)} ${look.code}: ${look.message}`)
    this.missing = look.kind === 'refused' && look.status === 404 && /^Resource(Group)?NotFound$/.test(look.code)
  }
}

export type ComputeReader = {
  /** Runs one read of the SDK. Anything but a complete answer is Unknown; it never rejects. */
  read<T>(call: (client: ComputeManagementClient) => Promise<T>): Promise<Reading<T>>
  /** As `read`; `undefined` when Azure says that the resource does not exist. */
  readIfThere<T>(call: (client: ComputeManagementClient) => Promise<T>): Promise<Reading<T | undefined>>
}

export function createComputeReader(options: {
  readonly config: AzureConfig
  readonly subscriptionId: string
  readonly http: Http
  readonly clock: ServiceClock
}): ComputeReader {
  const { config, subscriptionId, http, clock } = options
  const noCredential = { getToken: () => Promise.reject(new Error('Our transport adds the token.')) }
  const client = new ComputeManagementClient(noCredential, subscriptionId, {
    endpoint: config.resourceManagerUrl,
    httpClient: overOurHttp(http),
    retryOptions: { maxRetries: 0 },
  })
  client.pipeline.removePolicy({ name: 'bearerTokenAuthenticationPolicy' })

  async function readIfThere<T>(call: (client: ComputeManagementClient) => Promise<T>): Promise<Reading<T | undefined>> {
    try {
      return { known: true, value: await call(client), at: clock.now() }
    } catch (error) {
      if (error instanceof NoAnswer && error.missing) return { known: true, value: undefined, at: clock.now() }
      return { known: false, why: whyOf(error) }
    }
  }
  return {
    readIfThere,
    async read<T>(call: (client: ComputeManagementClient) => Promise<T>): Promise<Reading<T>> {
      try {
        return { known: true, value: await call(client), at: clock.now() }
      } catch (error) {
        return { known: false, why: whyOf(error) }
      }
    },
  }
}

/** The SDK's requests through our HTTP. Only complete answers with status 200 come back to it. */
function overOurHttp(http: Http): HttpClient {
  return {
    async sendRequest(request) {
      const look = await http.look({
        operation: operationOf(request.url),
        method: 'GET',
        url: request.url,
        signal: asSignal(request.abortSignal),
      })
      if (look.kind !== 'answer') throw new NoAnswer(look)
      if (look.status !== 200) throw new Error(`Azure answered a read with HTTP ${String(look.status)} instead of 200.`)
      return { request, status: 200, headers: createHttpHeaders({ 'content-type': 'application/json' }), bodyAsText: look.text }
    },
  }
}

/** The last words of the path without names: a figure per operation, not per resource. */
function operationOf(url: string): string {
  const path = new URL(url).pathname.toLowerCase()
  if (path.endsWith('/virtualmachines')) return 'list machines'
  if (path.endsWith('/usages')) return 'list usages'
  if (path.endsWith('/skus')) return 'list sizes'
  return 'get scale set'
}

/** The SDK passes the caller's signal for the first page only; the others are held by our time limit. */
function asSignal(signal: unknown): AbortSignal {
  return signal instanceof AbortSignal ? signal : new AbortController().signal
}

function whyOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.message
  return `Azure's answer is not understood: ${scrub(error instanceof Error ? error.message : String(error)).slice(0, 300)}`
}
