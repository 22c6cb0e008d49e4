/** Where machines find the agent and our script: what the extension entries of all pools have in common. */
import type { AgentScripts } from '../api/agent-scripts.ts'
import { scriptPath } from '../api/agent-scripts.ts'
import { extensionEntry } from '../loop/extension.ts'
import type { ExtensionFor } from '../loop/ports.ts'

/** The first agent a machine runs; Azure DevOps updates it when it wants a newer one. */
const agentVersion = '4.255.0'
const script = 'enableagent.sh'

/** Makes the entries that point at the script which this service serves. Linux only: `agent-scripts/` has no other script yet. */
export function extensionFor(scripts: AgentScripts, serviceUrl: string): ExtensionFor {
  const path = scriptPath(scripts, script)
  if (path === undefined) throw new Error(`The agent scripts hold no ${script}. Run npm run build.`)
  const bootstrap = {
    serviceUrl,
    agentDownloadUrl: `https://download.agent.dev.azure.com/agent/${agentVersion}/vsts-agent-linux-x64-${agentVersion}.tar.gz`,
    scriptUrl: `${serviceUrl}${path}`,
    scriptSha256: path.split('/').at(-2) ?? '',
  }
  return (record, scaleSet) => extensionEntry(record, scaleSet, bootstrap)
}
