/** Our entry in a scale set's extension profile: the Azure Pipelines VM extension, pointed at the script that this service serves. */
import type { AgentScripts } from '../api/agent-scripts.ts'
import { scriptPath } from '../api/agent-scripts.ts'
import type { ExtensionEntry, PoolRecord } from '../loop/ports.ts'

/** The first agent a machine runs; Azure DevOps updates it when it wants a newer one. */
const agentVersion = '4.255.0'
const script = 'enableagent.sh'

/**
 * Names and settings as microsoft/vsts-azurevm-extension reads them. The parameters hold no secret: the machine proves
 * itself to the service, so they may stand in the public settings. Linux only: `agent-scripts/` has no other script yet.
 */
export function extensionEntry(scripts: AgentScripts, serviceUrl: string, record: PoolRecord): ExtensionEntry {
  const path = scriptPath(scripts, script)
  if (path === undefined) throw new Error(`The agent scripts hold no ${script}. Run npm run build.`)
  return {
    name: 'Microsoft.Azure.DevOps.Pipelines.Agent',
    publisher: 'Microsoft.VisualStudio.Services',
    type: 'TeamServicesAgentLinux',
    version: '1.28',
    settings: {
      isPipelinesAgent: true,
      agentFolder: '/agent',
      agentDownloadUrl: `https://download.agent.dev.azure.com/agent/${agentVersion}/vsts-agent-linux-x64-${agentVersion}.tar.gz`,
      enableScriptDownloadUrl: `${serviceUrl}${path}`,
      enableScriptParameters: [serviceUrl, record.poolId, ...(record.settings.tearDownAfterUse ? ['--once'] : [])].join(' '),
    },
    after: [],
  }
}
