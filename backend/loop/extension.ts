/** The VM extension entry that runs our bootstrap script on every machine. Names and settings: azure-facts section 4. */
import type { Reading } from '../core/snapshot.ts'
import type { AzureScaleSet, ExtensionEntry, PoolRecord } from './ports.ts'

export type Bootstrap = {
  /** Where machines reach the service. */
  readonly serviceUrl: string
  readonly packageUrl: string
  readonly packageSha256: string
  /** The service gives the script out below this address, under any mark. */
  readonly scriptFolder: string
  readonly scriptSha256: string
  /** Only for a pool whose machines cannot reach the service. */
  readonly inModel?: CredentialInModel
}

/** What then stands in the protected settings. `digest` makes of a text a short one that tells nothing of it. */
export type CredentialInModel = {
  readonly organizationUrl: string
  readonly token: string
  readonly digest: (text: string) => string
}

export const extensionName = 'Microsoft.Azure.DevOps.Pipelines.Agent'

/** The script that our extension runs on a system. */
export function scriptName(os: AzureScaleSet['os']): string {
  return os === 'linux' ? 'enableagent.sh' : 'enableagent.ps1'
}

/**
 * The entry for one pool on one scale set. Without `inModel` it holds no secret: the machine proves itself to the service. The
 * user's own Custom Script extension runs first, as in the built-in feature.
 */
export function extensionEntry(
  record: PoolRecord,
  scaleSet: Pick<AzureScaleSet, 'os' | 'extensions'>,
  bootstrap: Bootstrap,
): ExtensionEntry {
  const isLinux = scaleSet.os === 'linux'
  const parameters = (isLinux ? linuxParameters : windowsParameters)(record, bootstrap)
  return {
    name: extensionName,
    publisher: 'Microsoft.VisualStudio.Services',
    type: isLinux ? 'TeamServicesAgentLinux' : 'TeamServicesAgent',
    version: isLinux ? '1.28' : '1.34',
    settings: {
      isPipelinesAgent: true,
      agentFolder: isLinux ? '/agent' : 'C:\\agent',
      agentDownloadUrl: bootstrap.packageUrl,
      agentDownloadSha256: bootstrap.packageSha256,
      enableScriptDownloadUrl: `${bootstrap.scriptFolder}/${markOf(record, bootstrap, parameters)}/${scriptName(scaleSet.os)}`,
      enableScriptSha256: bootstrap.scriptSha256,
      integrityMode: 'enforce',
    },
    protectedSettings: { enableScriptParameters: parameters },
    after: scaleSet.extensions.filter(({ type }) => type === 'CustomScript' || type === 'CustomScriptExtension').map(({ name }) => name),
  }
}

/**
 * Whether the model holds our entry as wanted. While it is not known what is wanted, the entry that is there stays; without one
 * there is nothing to put, and {@link growthBlocker} keeps the pool from growing.
 */
export function extensionState(
  scaleSet: Pick<AzureScaleSet, 'extensions'>,
  wanted: Reading<ExtensionEntry>,
  deleting: boolean,
): 'current' | 'outdated' | 'absent' {
  const found = entryIn(scaleSet)
  if (!wanted.known) return found === undefined && deleting ? 'absent' : 'current'
  if (found === undefined) return 'absent'
  return isSame(found, wanted.value) ? 'current' : 'outdated'
}

type Facts = Pick<ExtensionEntry, 'publisher' | 'type' | 'settings' | 'after'>

function isSame(left: Facts, right: Facts): boolean {
  const names = Object.keys(left.settings)
  return (
    left.publisher === right.publisher &&
    left.type === right.type &&
    names.length === Object.keys(right.settings).length &&
    names.every((name) => JSON.stringify(left.settings[name]) === JSON.stringify(right.settings[name])) &&
    String(left.after.toSorted()) === String(right.after.toSorted())
  )
}

/** Why a pool must not grow: its model has no entry of ours, and there is none to put. */
export function growthBlocker(scaleSet: Pick<AzureScaleSet, 'extensions'>, wanted: Reading<ExtensionEntry>): string | undefined {
  return wanted.known || entryIn(scaleSet) !== undefined ? undefined : `its new machines would not become agents: ${wanted.why}`
}

function entryIn(scaleSet: Pick<AzureScaleSet, 'extensions'>) {
  return scaleSet.extensions.find(({ name }) => name === extensionName)
}

/** Azure never shows protected settings again, so the script's address changes with the parameters that stand there. */
function markOf({ poolId, settings }: PoolRecord, { inModel }: Bootstrap, parameters: string): string {
  if (inModel !== undefined) return `pool-${poolId}-${inModel.digest(parameters)}`
  return `pool-${poolId}${settings.tearDownAfterUse ? '-once' : ''}`
}

function linuxParameters(record: PoolRecord, { serviceUrl, inModel, packageSha256 }: Bootstrap): string {
  const { poolId, name, settings } = record
  const once = settings.tearDownAfterUse ? ['--once'] : []
  if (inModel === undefined) return [serviceUrl, poolId, ...once].join(' ')
  const pool = `'${name.replaceAll("'", `'\\''`)}'`
  const options = [
    ...['--organization', inModel.organizationUrl, '--pool', pool, '--sha256', packageSha256],
    ...(settings.sudo ? [] : ['--no-sudo']),
    ...(settings.holdUpgrades ? [] : ['--allow-upgrades']),
    ...(settings.proxy === '' ? [] : ['--proxy', settings.proxy]),
  ]
  return ['-', poolId, ...once, ...options, '--token', inModel.token].join(' ')
}

function windowsParameters(record: PoolRecord, { serviceUrl, inModel, packageSha256 }: Bootstrap): string {
  const { poolId, name, settings } = record
  const once = settings.tearDownAfterUse ? ['-runArgs', '--once'] : []
  if (inModel === undefined) return ['-service', serviceUrl, '-poolId', poolId, ...once].join(' ')
  const options = [
    ...['-organization', inModel.organizationUrl, '-pool', percentEncoded(name), '-sha256', packageSha256],
    ...(settings.sudo ? [] : ['-noSudo']),
    ...(settings.holdUpgrades ? [] : ['-allowUpgrades']),
    ...(settings.interactive ? ['-interactive'] : []),
    ...(settings.proxy === '' ? [] : ['-proxy', settings.proxy]),
  ]
  return ['-service', '-', '-poolId', poolId, ...options, ...once, '-token', inModel.token].join(' ')
}

/**
 * For PowerShell's command line, where the extension runs these words elevated: whatever it makes of quotes on the way, a name such as
 * `$(…)` stays a name.
 */
function percentEncoded(name: string): string {
  return encodeURIComponent(name).replace(/[!'()*~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}
