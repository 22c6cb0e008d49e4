/** Azure DevOps asked with a person's own access token: who that is, and which agent pools that person may use or manage. */
import type { Identity, Told } from '../loop/ports-identity.ts'
import type { Metrics } from '../loop/ports.ts'
import type { ServiceClock } from './clock.ts'
import { createDevOpsHttp } from './azure-devops.ts'
import type { DevOpsConfig } from './credentials.ts'
import { connectionFrom, createDevOpsAdmin, type DevOpsAdmin } from './devops-admin.ts'
import type { Http, Look } from './http.ts'
import { asCount, asObject, asRows } from './shape.ts'
import type { Authorization } from './transport.ts'

/** The port, and agent pools and queues with the holder's rights in place of the service's. */
export type PeoplesDevOps = Identity & { organization(token: string): DevOpsAdmin; close(): Promise<void> }

/** Connections of its own: what Azure DevOps asks a person to wait, the service's passes need not. No token outlives its call. */
export function createIdentity(options: {
  readonly config: Pick<DevOpsConfig, 'url' | 'caFile'>
  readonly clock: ServiceClock
  readonly metrics: Metrics
}): PeoplesDevOps {
  const config: DevOpsConfig = { ...options.config, credential: { kind: 'entra' } }
  const http = createDevOpsHttp({ ...options, config, authorization: nobody })
  async function ask<T>(token: string, operation: string, url: string, signal: AbortSignal, parse: (json: unknown) => T): Promise<Told<T>> {
    return toldOf(await asHolder(http, token).look({ operation, method: 'GET', url, signal }), parse)
  }
  return {
    person: (token, signal) =>
      ask(token, 'who is this', '_apis/connectionData', signal, (json) => {
        const { userId, userName } = connectionFrom(json)
        return { id: userId, name: userName }
      }),
    pools: (token, action, signal) =>
      ask(token, `pools to ${action}`, `_apis/distributedtask/pools?actionFilter=${action}`, signal, idsFrom),
    organization: (token) => createDevOpsAdmin({ http: asHolder(http, token) }),
    close: http.close,
  }
}

const nobody: Authorization = {
  header: () => Promise.reject(new Error('This call has to name a person.')),
  invalidate: () => undefined,
}

function asHolder(http: Http, token: string): Http {
  const authorization: Authorization = { header: () => Promise.resolve(`Bearer ${token}`), invalidate: () => undefined }
  return {
    ...http,
    look: (request) => http.look({ ...request, authorization }),
    read: (request, parse) => http.read({ ...request, authorization }, parse),
    readIfThere: (request, missing, parse) => http.readIfThere({ ...request, authorization }, missing, parse),
    change: (request) => http.change({ ...request, authorization }),
  }
}

function toldOf<T>(look: Look, parse: (json: unknown) => T): Told<T> {
  if (look.kind === 'unknown') return look.isSignIn === true ? { kind: 'notAccepted' } : { kind: 'unknown', why: look.why }
  if (look.kind === 'refused') {
    return look.status === 403
      ? { kind: 'forbidden' }
      : { kind: 'unknown', why: `HTTP ${String(look.status)} ${look.code}: ${look.message}` }
  }
  try {
    return { kind: 'known', value: parse(JSON.parse(look.text)) }
  } catch (error) {
    return { kind: 'unknown', why: `The answer is not understood: ${error instanceof Error ? error.message : String(error)}.` }
  }
}

function idsFrom(json: unknown): readonly number[] {
  return asRows(json).map((row, at) => asCount(asObject(row, `value[${String(at)}]`)['id'], `value[${String(at)}].id`))
}
