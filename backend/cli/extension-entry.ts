/** What the extension entries of all pools have in common: our scripts, the agent packages, and the credential of those that need it in the model. */
import { createHash } from 'node:crypto'
import { scriptFolder, type AgentScripts } from '../api/agent-scripts.ts'
import type { Unknown } from '../core/snapshot.ts'
import { extensionEntry, scriptName, type CredentialInModel } from '../loop/extension.ts'
import type { AgentPackages } from '../loop/ports-boot.ts'
import type { ExtensionFor } from '../loop/ports.ts'
import { platformOf } from '../registration/platform.ts'

export type EntryParts = {
  readonly scripts: AgentScripts
  /** Where machines reach the service. */
  readonly serviceUrl: string
  readonly packages: AgentPackages
  readonly organizationUrl: string
  /** A PAT, for pools with `tokenInModel`. A token of Entra would end within the hour, in a model that stays. */
  readonly pat?: string
}

/** Makes the entries that point at the scripts which this service serves. */
export function extensionFor(parts: EntryParts): ExtensionFor {
  return (record, scaleSet) => {
    const script = scriptFolder(parts.scripts, scriptName(scaleSet.os))
    if (script === undefined) return { known: false, why: `this service has no ${scriptName(scaleSet.os)}` }
    const found = parts.packages.get(platformOf(scaleSet), record.settings.agentVersion)
    if (!found.known) return found
    const inModel = record.settings.tokenInModel ? credentialInModel(parts) : undefined
    if (inModel?.known === false) return inModel
    const bootstrap = {
      serviceUrl: parts.serviceUrl,
      packageUrl: found.value.url,
      packageSha256: found.value.sha256,
      scriptFolder: `${parts.serviceUrl}${script.path}`,
      scriptSha256: script.sha256,
      ...(inModel && { inModel: inModel.value }),
    }
    return { known: true, value: extensionEntry(record, scaleSet, bootstrap), at: found.at }
  }
}

function credentialInModel({ organizationUrl, pat }: EntryParts): Unknown | { readonly known: true; readonly value: CredentialInModel } {
  if (pat === undefined)
    return {
      known: false,
      why: 'the setting tokenInModel needs a personal access token: set SCALE_SET_AGENTS_REGISTRAR_PAT, or switch tokenInModel off and let machines reach the service',
    }
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8)
  return { known: true, value: { organizationUrl, token: pat, digest } }
}
