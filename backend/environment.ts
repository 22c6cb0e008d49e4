/**
 * The settings of this process: from the environment or one JSON file, the environment first. The only reader of
 * `process.env`. Every problem is reported at once, with the value as far as it is no secret.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CloudName, CredentialConfig, DevOpsConfig } from './adapters/credentials.ts'
import { fieldNames, fields, isLoopback, type Field, type FieldName, type FieldValues } from './environment-fields.ts'

export type Configuration = {
  readonly organizationUrl: string
  /** A PAT, or without one the identity that also calls Azure. */
  readonly devOpsCredential: DevOpsConfig['credential']
  /** The URLs take the place of the cloud's own. */
  readonly azure: {
    readonly cloud: CloudName
    readonly resourceManagerUrl?: string
    readonly authorityUrl?: string
    readonly credential: CredentialConfig
  }
  /** What machines register their agents with; without it, what the service itself uses. */
  readonly registrar?: { readonly kind: 'pat'; readonly pat: string } | { readonly kind: 'entra'; readonly credential: CredentialConfig }
  /** PEM file of further roots that machines' proofs may lead to. */
  readonly attestationRoots?: string
  /** PEM file of the certificates to trust beside Node's own. */
  readonly caFile?: string
  readonly data: string
  /** Without it: a SQLite file in the data directory. */
  readonly databaseUrl?: string
  readonly host: string
  readonly port: number
  readonly operatorKey?: string
  readonly hookSecret?: string
  /** Lets people sign in through the extension. Without it there is the operator key only. */
  readonly signIn?: {
    readonly extensionId: string
    /** The one that Azure DevOps signs with, and while that changes the one before it. */
    readonly extensionSecrets: readonly string[]
    readonly hubOrigins: readonly string[]
  }
  /** Where machines reach the service; without it, where it listens, which is then on this computer only. */
  readonly publicUrl?: string
  readonly logLevel: FieldValues['logLevel']
}

/** What a command needs to reach a service that runs. */
export type ClientConfiguration = { readonly url?: string; readonly operatorKey?: string; readonly data: string }

export type Environment = Readonly<Record<string, string | undefined>>
export type Read<T> = { readonly configuration?: T; readonly problems: readonly string[] }
/** What the command line gave; it goes before everything else. */
export type Overrides = { readonly configFile?: string; readonly data?: string; readonly port?: number; readonly url?: string }

/** The environment of this process. */
export const processEnvironment: Environment = process.env

const defaults = { azureCloud: 'public', host: '127.0.0.1', port: 7200, logLevel: 'info' } as const

/** Everything the service needs. `configuration` is there when there is no problem. */
export function readEnvironment(env: Environment, overrides: Overrides = {}): Read<Configuration> {
  const { values, problems } = readFields(env, overrides)
  const credential = azureCredential(values, problems)
  const registrar = registrarOf(values, credential, problems)
  const signIn = signInOf(values, problems)
  requirePublicUrl(values, problems)
  for (const name of ['caFile', 'attestationRoots'] as const) checkPem(fields[name].env, values[name], problems)
  const { data, organizationUrl, pat } = values
  if (organizationUrl === undefined) requireOrganization(problems)
  if (problems.length > 0 || organizationUrl === undefined || data === undefined || credential === undefined) return { problems }
  const { azureCloud: cloud, host, port, logLevel, resourceManagerUrl, authorityUrl, ...rest } = { ...defaults, ...values }
  const { caFile, databaseUrl, operatorKey, hookSecret, publicUrl, attestationRoots } = rest
  const configuration: Configuration = {
    organizationUrl,
    devOpsCredential: pat === undefined ? { kind: 'entra' } : { kind: 'pat', pat },
    azure: { cloud, credential, ...given({ resourceManagerUrl, authorityUrl }) },
    data,
    host,
    port,
    logLevel,
    ...given({ caFile, databaseUrl, operatorKey, hookSecret, publicUrl, attestationRoots, registrar, signIn }),
  }
  return { configuration, problems }
}

/** What `status`, `why` and the others need; problems of settings that only the service uses are not theirs. */
export function readClientEnvironment(env: Environment, overrides: Overrides = {}): Read<ClientConfiguration> {
  const own = [fields.url, fields.operatorKey, fields.data].map((field) => field.env)
  const { values, problems } = readFields(env, overrides)
  const ours = problems.filter((problem) => own.some((name) => problem.startsWith(name)) || problem.startsWith('The configuration file'))
  if (ours.length > 0 || values.data === undefined) return { problems: ours }
  return { configuration: { data: values.data, ...given({ url: values.url, operatorKey: values.operatorKey }) }, problems: ours }
}

/** Whether the terminal may be coloured, as https://no-color.org asks. */
export function allowsColour(env: Environment): boolean {
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb'
}

/** The problems as one message. */
export function describeProblems(problems: readonly string[]): string {
  const count = problems.length === 1 ? 'One setting is wrong' : `${problems.length} settings are wrong`
  return `${count}; nothing was started. See docs/configuration.md.\n${problems.map((problem) => `  ${problem}`).join('\n')}`
}

/** A URL that was given and is wrong has been told already. */
function requireOrganization(problems: string[]): void {
  const name = fields.organizationUrl.env
  if (problems.some((problem) => problem.startsWith(name))) return
  problems.push(`${name} is missing: set it to https://dev.azure.com/your-organization, or to a collection's URL on Azure DevOps Server.`)
}

type Values = { -readonly [K in FieldName]?: FieldValues[K] }

function readFields(env: Environment, overrides: Overrides): { readonly values: Values; readonly problems: string[] } {
  const problems = unknownVariables(env)
  const file = readConfigFile(overrides.configFile ?? env['SCALE_SET_AGENTS_CONFIG'], problems)
  const values: Values = {}
  for (const name of fieldNames) readField(name, env, file, values, problems)
  if (overrides.port !== undefined) values.port = overrides.port
  if (overrides.url !== undefined) values.url = overrides.url.replace(/\/+$/, '')
  const data = overrides.data ?? values.data ?? defaultData(env)
  if (data !== undefined) values.data = data
  else if (!problems.some((problem) => problem.startsWith(fields.data.env)))
    problems.push(`${fields.data.env} is missing, and there is no home directory to keep data in: set it to a directory on a local disk.`)
  return { values, problems }
}

function readField<K extends FieldName>(
  name: K,
  env: Environment,
  file: Readonly<Record<string, unknown>>,
  values: Values,
  problems: string[],
): void {
  const field: Field<unknown> = fields[name]
  const fromEnv = env[field.env] ?? ''
  const fromFile = file[name]
  if (fromEnv === '' && fromFile === undefined) return
  const text = fromEnv === '' ? String(fromFile) : fromEnv
  const read = field.read(text)
  if ('value' in read) {
    values[name] = read.value as FieldValues[K]
    return
  }
  const shown = field.secret ? `'***' (${text.length} characters)` : `'${withoutPassword(text)}'`
  problems.push(`${field.env}${fromEnv === '' ? ` (${name} in the configuration file)` : ''} is ${shown}: ${read.problem}`)
}

/** A misspelt variable would silently do nothing. */
function unknownVariables(env: Environment): string[] {
  const known = new Set<string>(['SCALE_SET_AGENTS_CONFIG', ...fieldNames.map((name) => fields[name].env)])
  const unknown = Object.keys(env).filter((name) => name.startsWith('SCALE_SET_AGENTS_') && !known.has(name))
  return unknown.map((name) => `${name} is no setting: remove it, or correct its name after docs/configuration.md.`)
}

function readConfigFile(path: string | undefined, problems: string[]): Readonly<Record<string, unknown>> {
  if (path === undefined || path === '') return {}
  const fault = (what: string): Readonly<Record<string, unknown>> => {
    problems.push(`The configuration file ${path} ${what}`)
    return {}
  }
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return fault('cannot be read: check its path and that this user may read it.')
  }
  const json = parseJson(text)
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    return fault('is not a JSON object: write it as {"organizationUrl": "https://dev.azure.com/your-organization"}.')
  for (const key of Object.keys(json)) {
    if (!fieldNames.some((name) => name === key))
      fault(`has '${key}', which is no setting: remove it, or correct its name after docs/configuration.md.`)
  }
  return json as Readonly<Record<string, unknown>>
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function checkPem(name: string, path: string | undefined, problems: string[]): void {
  if (path === undefined) return
  try {
    if (readFileSync(path, 'utf8').includes('-----BEGIN CERTIFICATE-----')) return
    problems.push(`${name} is '${path}': the file holds no PEM certificate; it begins with -----BEGIN CERTIFICATE-----.`)
  } catch {
    problems.push(`${name} is '${path}': the file cannot be read; check its path and that this user may read it.`)
  }
}

/** All of it or nothing of it. Only with it the service may be reached by other computers. */
function signInOf(values: Values, problems: string[]): Configuration['signIn'] {
  const { extensionId, extensionSecret, extensionSecretPrevious, hubOrigins, host = defaults.host } = values
  const needed = ['extensionId', 'extensionSecret', 'hubOrigins'] as const
  const isTold = (name: FieldName) => problems.some((problem) => problem.startsWith(`${fields[name].env} `))
  const missing = needed.filter((name) => values[name] === undefined && !isTold(name))
  const isAsked = [extensionId, extensionSecret, extensionSecretPrevious, hubOrigins].some((value) => value !== undefined)
  if (isAsked && missing.length > 0)
    problems.push(
      `${missing.map((name) => fields[name].env).join(' and ')} ${missing.length === 1 ? 'is' : 'are'} missing: people sign in only when the id and the secret of the extension and the origins of its pages are all set.`,
    )
  if (!isAsked && !isLoopback(host))
    problems.push(
      `${fields.host.env} is '${host}': without sign-in the service listens on this computer only; give 127.0.0.1, or set ${needed.map((name) => fields[name].env).join(', ')}.`,
    )
  if (extensionId === undefined || extensionSecret === undefined || hubOrigins === undefined) return undefined
  const extensionSecrets = [extensionSecret, ...(extensionSecretPrevious === undefined ? [] : [extensionSecretPrevious])]
  return { extensionId, extensionSecrets, hubOrigins }
}

/** Machines send their proof to it and are given a credential, so it is https; where it listens it speaks plain HTTP. */
function requirePublicUrl({ host = defaults.host, publicUrl, extensionId }: Values, problems: string[]): void {
  const name = fields.publicUrl.env
  if (publicUrl !== undefined || isLoopback(host) || extensionId === undefined || problems.some((problem) => problem.startsWith(name)))
    return
  problems.push(
    `${name} is missing: machines are given a credential through it, so set it to the https address at which they reach this service, such as https://agents.example.com.`,
  )
}

/** A PAT, or another identity that signs in the way the service itself does. A secret belongs to one identity only. */
function registrarOf(values: Values, own: CredentialConfig | undefined, problems: string[]): Configuration['registrar'] {
  const { registrarPat: pat, registrarClientId: clientId } = values
  if (pat !== undefined && clientId !== undefined)
    problems.push(`${fields.registrarPat.env} and ${fields.registrarClientId.env} are both set; keep the one that registers agents.`)
  if (pat !== undefined) return { kind: 'pat', pat }
  if (clientId === undefined || own === undefined) return undefined
  if (own.kind !== 'client-secret') return { kind: 'entra', credential: { ...own, clientId } }
  problems.push(
    `${fields.registrarClientId.env} is set, and the service signs in with ${fields.azureClientSecret.env}, which is another identity's: use a managed identity, a federated token or a certificate, or set ${fields.registrarPat.env}.`,
  )
  return undefined
}

/** The identity whose parts are given: a federated token, a certificate, a secret, or else the machine's own. */
function azureCredential(values: Values, problems: string[]): CredentialConfig | undefined {
  const {
    azureTenantId: tenantId,
    azureClientId: clientId,
    azureFederatedTokenFile: tokenFile,
    azureClientCertificatePath: certificateFile,
    azureClientSecret: clientSecret,
  } = values
  const proofs = [tokenFile, certificateFile, clientSecret].filter((proof) => proof !== undefined)
  if (proofs.length === 0) return { kind: 'managed-identity', ...given({ clientId }) }
  if (proofs.length > 1) {
    problems.push(
      `${fields.azureFederatedTokenFile.env}, ${fields.azureClientCertificatePath.env} and ${fields.azureClientSecret.env}: more than one is set; keep the one to sign in with.`,
    )
    return undefined
  }
  if (tenantId === undefined) problems.push(`${fields.azureTenantId.env} is missing: set it to the directory (tenant) id of the identity.`)
  if (clientId === undefined)
    problems.push(`${fields.azureClientId.env} is missing: set it to the application (client) id of the identity.`)
  if (tenantId === undefined || clientId === undefined) return undefined
  if (tokenFile !== undefined) return { kind: 'workload-identity', tenantId, clientId, tokenFile }
  if (certificateFile !== undefined) return { kind: 'client-certificate', tenantId, clientId, certificateFile }
  return { kind: 'client-secret', tenantId, clientId, clientSecret: clientSecret ?? '' }
}

function defaultData(env: Environment): string | undefined {
  const base = env['XDG_DATA_HOME'] || (env['HOME'] && join(env['HOME'], '.local', 'share'))
  return base === undefined || base === '' ? undefined : join(base, 'scale-set-agents')
}

/** A URL may carry a password where nobody expects one. */
function withoutPassword(text: string): string {
  return text.replace(/(\/\/[^/:@\s]*):[^@\s]*@/, '$1:***@')
}

/** The fields that are not undefined, as exactOptionalPropertyTypes wants them. */
function given<T extends Readonly<Record<string, unknown>>>(values: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>
  }
}
