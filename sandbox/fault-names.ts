/** Every fault that can be switched on, for checking names that a person typed. */
import type { FaultName } from '../backend/simulator/facts-life.ts'

const all: Readonly<Record<FaultName, true>> = {
  throttled: true,
  'throttled-without-retry-after': true,
  'azure-5xx': true,
  'azure-lost-before': true,
  'azure-lost-after': true,
  'token-expired': true,
  'role-removed': true,
  'scale-set-gone': true,
  'stale-list': true,
  'partial-list': true,
  'capacity-read-zero': true,
  'stale-capacity': true,
  'operation-gone': true,
  'overlapping-operation': true,
  quota: true,
  'subnet-full': true,
  'allocation-failed': true,
  'creation-failed': true,
  'extension-failed': true,
  'custom-script-failed': true,
  'stuck-creating': true,
  'stuck-deleting': true,
  'slow-delete': true,
  'reimage-failed': true,
  'vanished-machine': true,
  'appeared-machine': true,
  'machine-stops': true,
  'sign-in-page': true,
  'devops-throttled': true,
  'devops-5xx': true,
  'devops-lost-before': true,
  'devops-lost-after': true,
  'stale-agents': true,
  'stale-jobs': true,
  'agent-never-online': true,
  'agent-flaps': true,
  'agent-dies': true,
  'job-assigned-during-removal': true,
  'once-ignored': true,
  'job-cancelled': true,
  'maintenance-job': true,
  'person-disables-agent': true,
  'person-deletes-agent': true,
  'person-saves-nothing': true,
}

export const faultNames: readonly string[] = Object.keys(all)

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(all, name)
}
