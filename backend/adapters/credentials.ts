/** Where tokens come from: @azure/identity for Azure, the same or a personal access token for Azure DevOps. */
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { ClientCertificateCredential, ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential } from '@azure/identity'
import type { TokenCredential } from '@azure/identity'
import type { Reading } from '../core/snapshot.ts'
import type { ServiceClock } from './clock.ts'
import { scrub } from './scrub.ts'
import type { Authorization } from './transport.ts'

export type CloudName = 'public' | 'usgov' | 'china'
export type Cloud = { readonly resourceManagerUrl: string; readonly audience: string; readonly authorityUrl: string }

/** Addresses of the sovereign clouds; `custom` gives its own. */
export const clouds: Readonly<Record<CloudName, Cloud>> = {
  public: {
    resourceManagerUrl: 'https://management.azure.com',
    audience: 'https://management.azure.com',
    authorityUrl: 'https://login.microsoftonline.com',
  },
  usgov: {
    resourceManagerUrl: 'https://management.usgovcloudapi.net',
    audience: 'https://management.usgovcloudapi.net',
    authorityUrl: 'https://login.microsoftonline.us',
  },
  china: {
    resourceManagerUrl: 'https://management.chinacloudapi.cn',
    audience: 'https://management.chinacloudapi.cn',
    authorityUrl: 'https://login.chinacloudapi.cn',
  },
}

export type CredentialConfig =
  /** The identity of the machine that the service runs on; the system-assigned one without a client id. */
  | { readonly kind: 'managed-identity'; readonly clientId?: string }
  | { readonly kind: 'workload-identity'; readonly tenantId: string; readonly clientId: string; readonly tokenFile: string }
  | { readonly kind: 'client-secret'; readonly tenantId: string; readonly clientId: string; readonly clientSecret: string }
  /** A PEM file with the certificate and its private key. */
  | { readonly kind: 'client-certificate'; readonly tenantId: string; readonly clientId: string; readonly certificateFile: string }

export type AzureConfig = Cloud & {
  readonly cloud: CloudName | 'custom'
  readonly caFile?: string
  readonly credential: CredentialConfig
}

export type DevOpsConfig = {
  /** The organization's or, on Azure DevOps Server, the collection's address. */
  readonly url: string
  readonly caFile?: string
  readonly credential: { readonly kind: 'pat'; readonly pat: string } | { readonly kind: 'entra' }
}

/** Azure DevOps' own application id in Entra, the same in every tenant. */
const devOpsScope = '499b84ac-1321-427f-aa17-267ca6975798/.default'
/** A token is renewed this long before its end. */
const renewBeforeMs = 5 * 60_000
const tokenMsMax = 30_000

/** Makes a credential anew on each call, so that a token which was refused is not served again from its cache. */
export type CredentialSource = () => TokenCredential

/** The identity that calls Azure. Throws at once when a file of the configuration cannot be read. */
export function createAzureCredential(config: AzureConfig): CredentialSource {
  const ca = trustedCertificates(config.caFile)
  const options = {
    authorityHost: config.authorityUrl,
    // A private authority is not known to Microsoft's list of authorities.
    disableInstanceDiscovery: config.cloud === 'custom',
    ...(ca === undefined ? {} : { tlsOptions: { ca: ca.join('\n') } }),
  }
  const { credential } = config
  switch (credential.kind) {
    case 'managed-identity':
      return () =>
        new ManagedIdentityCredential({ ...options, ...(credential.clientId === undefined ? {} : { clientId: credential.clientId }) })
    case 'workload-identity':
      return () =>
        new WorkloadIdentityCredential({
          ...options,
          tenantId: credential.tenantId,
          clientId: credential.clientId,
          tokenFilePath: credential.tokenFile,
        })
    case 'client-secret':
      return () => new ClientSecretCredential(credential.tenantId, credential.clientId, credential.clientSecret, options)
    case 'client-certificate':
      return () =>
        new ClientCertificateCredential(credential.tenantId, credential.clientId, { certificatePath: credential.certificateFile }, options)
  }
}

/** Authorization for Azure Resource Manager. */
export function createAzureAuthorization(config: AzureConfig, source: CredentialSource, clock: ServiceClock): Authorization {
  return createTokenAuthorization(source, `${config.audience.replace(/\/+$/, '')}/.default`, clock)
}

/** Authorization for Azure DevOps: the PAT, or a token of the identity that also calls Azure. */
export function createDevOpsAuthorization(config: DevOpsConfig, source: CredentialSource, clock: ServiceClock): Authorization {
  if (config.credential.kind === 'entra') return createTokenAuthorization(source, devOpsScope, clock)
  const header = `Basic ${Buffer.from(`:${config.credential.pat}`).toString('base64')}`
  return { header: () => Promise.resolve(header), invalidate: () => undefined }
}

/**
 * What machines register their agents with: a PAT as it is, or a token of the identity, which agents take in a PAT's place. Unknown,
 * with the reason, when there is none to be had.
 */
export function createRegistrarCredential(
  credential: DevOpsConfig['credential'],
  source: CredentialSource,
  clock: ServiceClock,
): () => Promise<Reading<string>> {
  if (credential.kind === 'pat') return () => Promise.resolve({ known: true, value: credential.pat, at: clock.now() })
  const authorization = createTokenAuthorization(source, devOpsScope, clock)
  return async () => {
    try {
      const header = await authorization.header(clock.deadline(tokenMsMax))
      return { known: true, value: header.slice('Bearer '.length), at: clock.now() }
    } catch (error) {
      return { known: false, why: scrub(error instanceof Error ? error.message : String(error)) }
    }
  }
}

/** Bearer tokens, kept until five minutes before their end and asked for once, however many calls wait for one. */
export function createTokenAuthorization(source: CredentialSource, scope: string, clock: ServiceClock): Authorization {
  let credential: TokenCredential | undefined
  let held: { readonly header: string; readonly renewAtMs: number } | undefined
  let asking: Promise<string> | undefined

  async function ask(): Promise<string> {
    credential ??= source()
    // Not the caller's signal: the others that wait for the same token must not fail with it.
    const token = await credential.getToken(scope, { abortSignal: clock.deadline(tokenMsMax) })
    if (token === null) throw new Error(`The identity gave no token for ${scope}.`)
    const lifeMs = token.expiresOnTimestamp - clock.real.wallTimeMs()
    // A token with a life shorter than the margin is still used, for half of it.
    held = { header: `Bearer ${token.token}`, renewAtMs: clock.real.nowMs() + Math.max(lifeMs - renewBeforeMs, lifeMs / 2) }
    return held.header
  }

  return {
    async header(signal) {
      if (held !== undefined && clock.real.nowMs() < held.renewAtMs) return held.header
      asking ??= ask().finally(() => {
        asking = undefined
      })
      return unlessStopped(asking, signal)
    },
    invalidate() {
      held = undefined
      credential = undefined
    },
  }
}

/**
 * Node's own certificate authorities and those of the file; `undefined` without a file.
 * Throws one sentence when the file cannot be read or holds no certificate.
 */
export function trustedCertificates(caFile: string | undefined): readonly string[] | undefined {
  if (caFile === undefined) return undefined
  let text: string
  try {
    text = readFileSync(caFile, 'utf8')
  } catch (error) {
    throw new Error(`The certificate authority file ${caFile} cannot be read. Give the path of a PEM file.`, { cause: error })
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new Error(`The file ${caFile} holds no PEM certificate. Give the certificate authority's own certificate.`)
  return [...rootCertificates, text]
}

function unlessStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('The token did not come in time.'))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
