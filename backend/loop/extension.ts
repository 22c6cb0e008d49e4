/** The VM extension entry that runs our bootstrap script on every machine. Names and settings: azure-facts section 4. */
import type { AzureScaleSet, ExtensionEntry, PoolRecord } from './ports.ts'

export type Bootstrap = {
  /** Where machines reach the service. */
  readonly serviceUrl: string
  readonly agentDownloadUrl: string
  readonly scriptUrl: string
  readonly scriptSha256: string
}

export const extensionName = 'Microsoft.Azure.DevOps.Pipelines.Agent'

/**
 * The entry for one pool on one scale set. It holds no secret: the machine proves itself to the service. The user's own
 * Custom Script extension runs first, as in the built-in feature.
 */
export function extensionEntry(
  record: PoolRecord,
  scaleSet: Pick<AzureScaleSet, 'os' | 'extensions'>,
  bootstrap: Bootstrap,
): ExtensionEntry {
  const isLinux = scaleSet.os === 'linux'
  return {
    name: extensionName,
    publisher: 'Microsoft.VisualStudio.Services',
    type: isLinux ? 'TeamServicesAgentLinux' : 'TeamServicesAgent',
    version: isLinux ? '1.28' : '1.34',
    settings: {
      isPipelinesAgent: true,
      agentFolder: isLinux ? '/agent' : 'C:\\agent',
      agentDownloadUrl: bootstrap.agentDownloadUrl,
      enableScriptDownloadUrl: bootstrap.scriptUrl,
      enableScriptSha256: bootstrap.scriptSha256,
      enableScriptParameters: [bootstrap.serviceUrl, record.poolId, ...(record.settings.tearDownAfterUse ? ['--once'] : [])].join(' '),
    },
    after: scaleSet.extensions.filter(({ type }) => type === 'CustomScript' || type === 'CustomScriptExtension').map(({ name }) => name),
  }
}

/** Whether the model holds our entry as wanted. */
export function extensionState(scaleSet: Pick<AzureScaleSet, 'extensions'>, wanted: ExtensionEntry): 'current' | 'outdated' | 'absent' {
  const found = scaleSet.extensions.find((each) => each.name === wanted.name)
  if (found === undefined) return 'absent'
  const facts = ({ publisher, type, settings, after }: Pick<ExtensionEntry, 'publisher' | 'type' | 'settings' | 'after'>): string =>
    JSON.stringify([publisher, type, Object.entries(settings).toSorted(([left], [right]) => (left < right ? -1 : 1)), after.toSorted()])
  return facts(found) === facts(wanted) ? 'current' : 'outdated'
}
