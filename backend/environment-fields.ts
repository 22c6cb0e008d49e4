/** Every setting of the process: its name in the environment, whether it is a secret, and how its text is read. */

import type { CloudName } from './adapters/credentials.ts'

export type FieldRead<T> = { readonly value: T } | { readonly problem: string }
export type Field<T> = { readonly env: string; readonly secret?: true; readonly read: (text: string) => FieldRead<T> }

const clouds = ['public', 'usgov', 'china'] as const satisfies readonly CloudName[]
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** The names are those of the configuration file too. AZURE_… are the names that Azure's own tools use. */
export const fields = {
  organizationUrl: { env: 'SCALE_SET_AGENTS_ORGANIZATION_URL', read: readHttps },
  pat: { env: 'SCALE_SET_AGENTS_PAT', secret: true, read: readSecret(20) },
  azureCloud: { env: 'AZURE_CLOUD', read: oneOf(clouds) },
  resourceManagerUrl: { env: 'SCALE_SET_AGENTS_RESOURCE_MANAGER_URL', read: readHttps },
  authorityUrl: { env: 'AZURE_AUTHORITY_HOST', read: readHttps },
  azureTenantId: { env: 'AZURE_TENANT_ID', read: readText },
  azureClientId: { env: 'AZURE_CLIENT_ID', read: readText },
  azureFederatedTokenFile: { env: 'AZURE_FEDERATED_TOKEN_FILE', read: readText },
  azureClientCertificatePath: { env: 'AZURE_CLIENT_CERTIFICATE_PATH', read: readText },
  azureClientSecret: { env: 'AZURE_CLIENT_SECRET', secret: true, read: readSecret(1) },
  caFile: { env: 'SCALE_SET_AGENTS_CA_FILE', read: readText },
  data: { env: 'SCALE_SET_AGENTS_DATA', read: readText },
  databaseUrl: { env: 'SCALE_SET_AGENTS_DATABASE_URL', secret: true, read: readDatabaseUrl },
  host: { env: 'SCALE_SET_AGENTS_HOST', read: readHost },
  port: { env: 'SCALE_SET_AGENTS_PORT', read: readPort },
  operatorKey: { env: 'SCALE_SET_AGENTS_OPERATOR_KEY', secret: true, read: readSecret(16) },
  hookSecret: { env: 'SCALE_SET_AGENTS_HOOK_SECRET', secret: true, read: readSecret(16) },
  extensionId: { env: 'SCALE_SET_AGENTS_EXTENSION_ID', read: readGuid },
  extensionSecret: { env: 'SCALE_SET_AGENTS_EXTENSION_SECRET', secret: true, read: readSecret(32) },
  extensionSecretPrevious: { env: 'SCALE_SET_AGENTS_EXTENSION_SECRET_PREVIOUS', secret: true, read: readSecret(32) },
  hubOrigins: { env: 'SCALE_SET_AGENTS_HUB_ORIGINS', read: readOrigins },
  publicUrl: { env: 'SCALE_SET_AGENTS_PUBLIC_URL', read: readHttps },
  registrarPat: { env: 'SCALE_SET_AGENTS_REGISTRAR_PAT', secret: true, read: readSecret(20) },
  registrarClientId: { env: 'SCALE_SET_AGENTS_REGISTRAR_CLIENT_ID', read: readText },
  attestationRoots: { env: 'SCALE_SET_AGENTS_ATTESTATION_ROOTS', read: readText },
  url: { env: 'SCALE_SET_AGENTS_URL', read: readUrl },
  logLevel: { env: 'SCALE_SET_AGENTS_LOG_LEVEL', read: oneOf(logLevels) },
} as const satisfies Readonly<Record<string, Field<unknown>>>

export type FieldName = keyof typeof fields
export type FieldValues = {
  readonly [K in FieldName]: (typeof fields)[K] extends { readonly read: (text: string) => FieldRead<infer T> } ? T : never
}
export const fieldNames = Object.keys(fields) as readonly FieldName[]

const loopback = ['127.0.0.1', '::1', 'localhost']

/** Whether only this computer reaches a service that listens there. */
export function isLoopback(host: string): boolean {
  return loopback.includes(host)
}

function readText(text: string): FieldRead<string> {
  return text.trim() === text ? { value: text } : { problem: 'it begins or ends with a space; take that off.' }
}

function oneOf<const T extends readonly string[]>(values: T): (text: string) => FieldRead<T[number]> {
  return (text) => (values.includes(text) ? { value: text as T[number] } : { problem: `give one of ${values.join(', ')}.` })
}

function readSecret(lengthMin: number): (text: string) => FieldRead<string> {
  return (text) => {
    if (/\s/.test(text)) return { problem: 'it holds a space or a line end; copy it again without.' }
    return text.length < lengthMin ? { problem: `give at least ${lengthMin} characters.` } : { value: text }
  }
}

function readUrl(text: string): FieldRead<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) return { problem: 'give a URL that begins with https://.' }
  if (url.username !== '' || url.password !== '')
    return { problem: 'take user and password out of the URL; they have settings of their own.' }
  if (url.search !== '' || url.hash !== '') return { problem: 'leave out everything from ? or # on.' }
  return { value: text.replace(/\/+$/, '') }
}

/** Credentials travel to it, so it is https except on this computer. */
function readHttps(text: string): FieldRead<string> {
  const read = readUrl(text)
  if ('problem' in read) return read
  const url = new URL(read.value)
  const isLocal = isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
  return url.protocol === 'https:' || isLocal ? read : { problem: 'credentials are sent there, so give a URL that begins with https://.' }
}

function readDatabaseUrl(text: string): FieldRead<string> {
  const isPostgres = URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol)
  return isPostgres
    ? { value: text }
    : { problem: 'give postgres://user:password@host:5432/database, or leave it out to use a SQLite file.' }
}

function readHost(text: string): FieldRead<string> {
  const isHost = /^[\w.-]+$/.test(text) || (text.includes(':') && URL.canParse(`http://[${text}]`))
  return isHost ? { value: text } : { problem: 'give an IP address or a host name of this computer, without a port.' }
}

function readGuid(text: string): FieldRead<string> {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)
    ? { value: text.toLowerCase() }
    : { problem: 'give the GUID of the installed extension, as 11111111-2222-3333-4444-555555555555.' }
}

/** A browser sends an origin exactly so, or the entry would match nothing. */
function readOrigins(text: string): FieldRead<readonly string[]> {
  const origins = text.split(',').map((origin) => origin.trim())
  const wrong = origins.find((origin) => !isOrigin(origin))
  if (wrong === undefined) return { value: origins }
  return { problem: `'${wrong}' is no origin: give https://publisher.gallerycdn.vsassets.io, without a path, a wildcard or an ending /.` }
}

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && !text.includes('*') && 'value' in readHttps(text)
}

function readPort(text: string): FieldRead<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  return port <= 65_535 ? { value: port } : { problem: 'give a whole number from 0 to 65535; 0 takes a free port.' }
}
