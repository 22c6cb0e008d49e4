/** The enumerations of Azure DevOps' elastic pool API, and which of them says what a machine is. */
import type { Machine } from '../core/snapshot.ts'

/** Position is the number on the wire. */
export const elasticNodeStates = [
  'none',
  'new',
  'creatingCompute',
  'startingAgent',
  'idle',
  'assigned',
  'offline',
  'pendingReimage',
  'pendingDelete',
  'saved',
  'deletingCompute',
  'deleted',
  'lost',
  'reimagingCompute',
  'restartingAgent',
  'failedToStartPendingDelete',
  'failedToRestartPendingDelete',
  'failedVMPendingDelete',
  'assignedPendingDelete',
  'retryDelete',
  'unhealthyVm',
  'unhealthyVmPendingDelete',
  'pendingReimageCandidate',
] as const
export const elasticPoolStates = ['online', 'offline', 'unhealthy', 'new'] as const
export const operatingSystems = ['windows', 'linux'] as const
export const orchestrations = ['uniform', 'flexible'] as const
export const logLevels = ['error', 'warning', 'info'] as const
export const operations = ['configurationJob', 'sizingJob', 'increaseCapacity', 'reimage', 'deleteVMs'] as const
export const computeStates = [
  'none',
  'healthy',
  'creating',
  'deleting',
  'failed',
  'stopped',
  'reimaging',
  'unhealthyVm',
  'unhealthyVmssVm',
] as const
export const poolTypes = ['', 'automation', 'deployment'] as const

export type ElasticNodeState = (typeof elasticNodeStates)[number]

/** One documented state per stage; core/snapshot.ts says which. */
export function nodeState(machine: Machine): ElasticNodeState {
  switch (machine.stage) {
    case 'creating':
      return 'creatingCompute'
    case 'starting':
      return machine.after === 'reimage' ? 'restartingAgent' : 'startingAgent'
    case 'idle':
      return 'idle'
    case 'busy':
      return 'assigned'
    case 'used':
      return 'pendingReimageCandidate'
    case 'draining':
      return machine.requestId !== undefined ? 'assignedPendingDelete' : pendingFor(machine.next)
    case 'disabled':
      return machine.requestId === undefined ? 'pendingDelete' : 'assignedPendingDelete'
    case 'offline':
      return 'offline'
    case 'unregistered':
      return unregisteredState(machine)
    case 'reimaging':
      return 'reimagingCompute'
    case 'deleting':
      return 'deletingCompute'
    case 'failed':
      return machine.cause === 'extension-failed' ? 'failedToStartPendingDelete' : 'failedVMPendingDelete'
    case 'saved':
      return 'saved'
    case 'unclear':
      return 'none'
    case 'foreign':
      return 'new'
  }
}

export function computeState(machine: Machine): (typeof computeStates)[number] {
  switch (machine.stage) {
    case 'creating':
      return 'creating'
    case 'deleting':
      return 'deleting'
    case 'reimaging':
      return 'reimaging'
    case 'failed':
      return machine.cause === 'stopped' ? 'stopped' : 'failed'
    case 'unclear':
      return 'none'
    default:
      return 'healthy'
  }
}

function unregisteredState(machine: Extract<Machine, { readonly stage: 'unregistered' }>): ElasticNodeState {
  if (machine.cause === 'failed-to-start') return 'failedToStartPendingDelete'
  if (machine.cause === 'failed-to-restart') return 'failedToRestartPendingDelete'
  return pendingFor(machine.next)
}

function pendingFor(next: 'delete' | 'reimage'): ElasticNodeState {
  return next === 'delete' ? 'pendingDelete' : 'pendingReimage'
}
