/** A machine as the REST API writes it (VirtualMachineScaleSetVM of Microsoft.Compute), with its instance view. */
import type { MachineFacts, ScaleSetFacts } from '../../backend/simulator/facts.ts'
import type { SandboxClock } from '../clock.ts'
import { isObject, listAt, objectAt, stringAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { hasEtags, hasTimeCreated, withoutSecrets } from './scale-set-shape.ts'

export type Rendering = {
  readonly scaleSet: ScaleSetFacts
  /** The model's virtualMachineProfile without its secrets: the same for every machine of a list. */
  readonly profile: JsonObject
  readonly apiVersion: string
  readonly clock: SandboxClock
  readonly withInstanceView: boolean
}

export function machineShape(machine: MachineFacts, rendering: Rendering): JsonObject {
  const { scaleSet, profile, apiVersion, clock } = rendering
  return {
    name: machine.name,
    id: `${scaleSet.id}/virtualMachines/${machine.instanceId}`,
    type: 'Microsoft.Compute/virtualMachineScaleSets/virtualMachines',
    location: scaleSet.location,
    tags: scaleSet.tags,
    instanceId: machine.instanceId,
    sku: { name: scaleSet.skuName, tier: 'Standard' },
    ...(scaleSet.zones?.[0] === undefined ? {} : { zones: [scaleSet.zones[0]] }),
    ...(hasEtags(apiVersion) ? { etag: `"${machine.vmId.slice(0, 8)}-${machine.reimages}"` } : {}),
    resources: machine.extensions.map((extension) => extensionResource(extension, machine, scaleSet)),
    properties: {
      latestModelApplied: machine.modelVersion === scaleSet.modelVersion,
      modelDefinitionApplied: 'VirtualMachineScaleSet',
      vmId: machine.vmId,
      hardwareProfile: {},
      storageProfile: objectAt(profile, 'storageProfile'),
      networkProfileConfiguration: objectAt(profile, 'networkProfile'),
      osProfile: osProfile(objectAt(profile, 'osProfile'), machine),
      protectionPolicy: {
        protectFromScaleIn: machine.protection.fromScaleIn,
        protectFromScaleSetActions: machine.protection.fromScaleSetActions,
      },
      provisioningState: machine.provisioningState,
      ...(hasTimeCreated(apiVersion) ? { timeCreated: clock.toIso(machine.createdAt) } : {}),
      ...(rendering.withInstanceView ? { instanceView: instanceView(machine, scaleSet, clock) } : {}),
    },
  }
}

export function instanceView(machine: MachineFacts, scaleSet: ScaleSetFacts, clock: SandboxClock): JsonObject {
  const time = clock.toIso(machine.createdAt)
  const statuses = [provisioningStatus(machine, time), ...powerStatuses(machine)]
  // Azure reports nothing from inside before the machine runs.
  if (machine.provisioningState === 'Creating' || machine.powerState !== 'running') return { statuses }
  const isWindows = 'windowsConfiguration' in objectAt(objectAt(scaleSet.properties, 'virtualMachineProfile'), 'osProfile')
  return {
    computerName: machine.computerName,
    osName: isWindows ? 'Windows Server 2022 Datacenter' : 'debian',
    osVersion: isWindows ? '10.0.20348' : '12',
    vmAgent: {
      vmAgentVersion: isWindows ? '2.7.41491.1110' : '2.9.1.1',
      statuses: [
        {
          code: 'ProvisioningState/succeeded',
          level: 'Info',
          displayStatus: 'Ready',
          message: 'Guest Agent is running',
          time: clock.toIso(clock.nowMs()),
        },
      ],
      extensionHandlers: [],
    },
    disks: [],
    extensions: machine.extensions.map((extension) => extensionView(extension, scaleSet, time)),
    statuses,
  }
}

function provisioningStatus(machine: MachineFacts, time: string): JsonObject {
  const state = machine.provisioningState.toLowerCase()
  if (machine.failure === undefined)
    return { code: `ProvisioningState/${state}`, level: 'Info', displayStatus: `Provisioning ${state}`, time }
  return {
    code: `ProvisioningState/failed/${machine.failure.code}`,
    level: 'Error',
    displayStatus: 'Provisioning failed',
    message: machine.failure.message,
    time,
  }
}

function powerStatuses(machine: MachineFacts): JsonObject[] {
  if (machine.provisioningState === 'Creating') return []
  return [{ code: `PowerState/${machine.powerState}`, level: 'Info', displayStatus: `VM ${machine.powerState}` }]
}

type Extension = MachineFacts['extensions'][number]

function extensionView(extension: Extension, scaleSet: ScaleSetFacts, time: string): JsonObject {
  const model = modelOf(extension, scaleSet)
  const handler = {
    name: extension.name,
    type: `${stringAt(model, 'publisher') ?? ''}.${extension.type}`,
    typeHandlerVersion: stringAt(model, 'typeHandlerVersion') ?? '',
  }
  if (extension.state === 'creating')
    return { ...handler, statuses: [{ code: 'ProvisioningState/transitioning', level: 'Info', displayStatus: 'Transitioning', time }] }
  const succeeded = extension.state === 'succeeded'
  const code = succeeded ? 'ProvisioningState/succeeded' : `ProvisioningState/failed/${extension.code ?? '1'}`
  const words = { level: succeeded ? 'Info' : 'Error', displayStatus: succeeded ? 'Provisioning succeeded' : 'Provisioning failed' }
  const message = extension.message === undefined ? {} : { message: extension.message }
  return { ...handler, statuses: [{ code, ...words, ...message, time }] }
}

function extensionResource(extension: Extension, machine: MachineFacts, scaleSet: ScaleSetFacts): JsonObject {
  const model = modelOf(extension, scaleSet)
  const provisioningState = { creating: 'Creating', succeeded: 'Succeeded', failed: 'Failed' }[extension.state]
  return {
    name: extension.name,
    id: `${scaleSet.id}/virtualMachines/${machine.instanceId}/extensions/${extension.name}`,
    type: 'Microsoft.Compute/virtualMachines/extensions',
    location: scaleSet.location,
    properties: { ...withoutSecrets(model), type: extension.type, provisioningState },
  }
}

function modelOf(extension: Extension, scaleSet: ScaleSetFacts): JsonObject {
  const profile = objectAt(objectAt(scaleSet.properties, 'virtualMachineProfile'), 'extensionProfile')
  const entry = listAt(profile, 'extensions').find((candidate) => isObject(candidate) && candidate['name'] === extension.name)
  return isObject(entry) ? objectAt(entry, 'properties') : {}
}

function osProfile(model: JsonObject, machine: MachineFacts): JsonObject {
  const { computerNamePrefix: _prefix, ...rest } = model
  return { ...rest, computerName: machine.computerName }
}
