/** What the Azure Pipelines VM extension is told, and its complaints about it. Source: azure-facts.md 4. */
import type { Json, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import { isObject, listAt, objectAt, stringAt } from '../resource-manager/json.ts'
import type { JsonObject } from '../resource-manager/json.ts'

export type ExtensionSettings = { readonly settings: JsonObject; readonly protectedSettings: JsonObject }

export type PipelinesSettings = Record<
  'agentFolder' | 'agentDownloadUrl' | 'enableScriptDownloadUrl' | 'enableScriptParameters',
  string
> & {
  /** The SHA-256 that a download must have; undefined takes any. */
  readonly agentSha256: string | undefined
  readonly scriptSha256: string | undefined
}

const modes = ['legacy', 'agentenforce', 'enforce']

/** The extension's settings in the model of a scale set, protected ones included; undefined when it is not there. */
export function pipelinesExtension(scaleSet: ScaleSetFacts): ExtensionSettings | undefined {
  const profile = objectAt(objectAt(scaleSet.properties, 'virtualMachineProfile'), 'extensionProfile')
  const all = listAt(profile, 'extensions').map((entry: Json) => (isObject(entry) ? objectAt(entry, 'properties') : {}))
  const found = all.find((each) => each['publisher'] === 'Microsoft.VisualStudio.Services')
  return found && { settings: objectAt(found, 'settings'), protectedSettings: objectAt(found, 'protectedSettings') }
}

/** @throws Error with a sentence that names the setting. */
export function readSettings({ settings, protectedSettings }: ExtensionSettings): PipelinesSettings {
  if (settings['isPipelinesAgent'] === undefined) throw new Error('isPipelinesAgent is not set; the other modes are not emulated.')
  const text = (name: string, value = stringAt(settings, name)): string => {
    if (value === undefined || value === '') throw new Error(`The setting ${name} is required.`)
    return value
  }
  const mode = stringAt(settings, 'integrityMode') ?? 'legacy'
  if (!modes.includes(mode)) throw new Error(`The integrityMode '${mode}' is not known: it has to be one of ${modes.join(', ')}.`)
  return {
    agentFolder: text('agentFolder'),
    agentDownloadUrl: text('agentDownloadUrl'),
    enableScriptDownloadUrl: text('enableScriptDownloadUrl'),
    // Public parameters win over protected ones.
    enableScriptParameters: text(
      'enableScriptParameters',
      stringAt(settings, 'enableScriptParameters') ?? stringAt(protectedSettings, 'enableScriptParameters'),
    ),
    agentSha256: mode === 'legacy' ? undefined : text('agentDownloadSha256'),
    scriptSha256: mode === 'enforce' ? text('enableScriptSha256') : undefined,
  }
}
