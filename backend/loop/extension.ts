/** The VM extension entry that runs our bootstrap script on every machine. Names and settings: azure-facts section 4. */
import type { ExtensionEntry, PoolRecord } from './ports.ts'

export type Bootstrap = {
  readonly os: 'linux' | 'windows'
  /** Where machines reach the service. */
  readonly serviceUrl: string
  readonly agentDownloadUrl: string
  readonly scriptUrl: string
  readonly scriptSha256: string
  /** Names of the user's Custom Script extensions, which run before ours. */
  readonly after: readonly string[]
}

export const extensionName = 'Microsoft.Azure.DevOps.Pipelines.Agent'

/** The entry for one pool. It holds no secret: the machine proves itself to the service. */
export function extensionEntry(record: PoolRecord, bootstrap: Bootstrap): ExtensionEntry {
  const isLinux = bootstrap.os === 'linux'
  return {
    name: extensionName,
    publisher: 'Microsoft.VisualStudio.Services',
    type: isLinux ? 'TeamServicesAgentLinux' : 'TeamServicesAgent',
    version: isLinux ? '1.24' : '1.31',
    settings: {
      isPipelinesAgent: true,
      agentFolder: isLinux ? '/agent' : 'C:\\agent',
      agentDownloadUrl: bootstrap.agentDownloadUrl,
      enableScriptDownloadUrl: bootstrap.scriptUrl,
      enableScriptSha256: bootstrap.scriptSha256,
      enableScriptParameters: `${bootstrap.serviceUrl} ${record.poolId}${record.settings.tearDownAfterUse ? ' --once' : ''}`,
    },
    after: bootstrap.after,
  }
}
