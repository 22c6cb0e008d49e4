/** The Diagnostics entries of actions: what is done and why, and what became of it, with Azure's error translated. Pure. */
import { translate } from '../core/azure-errors.ts'
import type { Action } from '../core/decision.ts'
import { bootText } from '../core/boot.ts'
import { duration, explain } from '../core/explain.ts'
import { namedMachines } from '../core/invariants.ts'
import type { BootTrouble, Instant } from '../core/snapshot.ts'
import type { FailedStart } from './boots.ts'
import type { Intent, IntentChange, LogEntry, NewLogEntry } from './ports.ts'
import type { Order } from './ports-people.ts'

type Times = { readonly at: Instant; readonly wallTimeMs: number }

/** The operation of Azure DevOps' ElasticPoolLog that an action counts as. */
export function operationOf(action: Action): LogEntry['operation'] {
  switch (action.kind) {
    case 'grow':
    case 'ask-again':
      return 'increaseCapacity'
    case 'reimage':
      return 'reimage'
    case 'delete':
      return 'deleteVMs'
    case 'drain':
    case 'restore':
    case 'unregister':
    case 'unregister-orphan':
    case 'save':
      return 'sizingJob'
    default:
      return 'configurationJob'
  }
}

/** An action was decided: its reason in a sentence. Routine upkeep of the claim is left out; its failures are not. */
export function entryForIntent(intent: Intent, times: Times): readonly NewLogEntry[] {
  if (intent.action.kind === 'refresh-claim') return []
  return [entry(intent, 'info', explain(intent.reason, times.at), times)]
}

const orderText: Readonly<Record<Exclude<Order['order'], 'try-again'>, string>> = {
  delete: 'deletes it',
  reimage: 'reimages it',
  save: 'saves it for investigation',
  unsave: 'no longer saves it',
  adopt: 'takes it into the pool',
  disable: 'disables its agent, which takes no more jobs',
  enable: 'enables its agent',
}

/** A person's order was taken in. */
export function entryForOrder({ machineId, order, by, force }: Order, name: string | undefined, times: Times): NewLogEntry {
  if (order === 'try-again')
    return {
      level: 'info',
      operation: 'increaseCapacity',
      message: `${by} asks for a machine to be tried now, as far as one is needed.`,
      ...times,
    }
  const isDone = order === 'disable' || order === 'enable'
  const machine = name ?? (isDone ? machineId : `Machine ${machineId}`)
  const what =
    name === undefined && !isDone ? 'is gone: the order is dropped' : `${by} ${orderText[order]}${force ? ', whatever it runs' : ''}`
  return {
    level: 'info',
    operation: order === 'reimage' ? 'reimage' : order === 'delete' ? 'deleteVMs' : 'sizingJob',
    message: `${machine}: ${what}.`,
    ...times,
    ...(name === undefined ? {} : { machine: name }),
  }
}

/** A machine did not become an agent: where, why and what to do. */
export function entryForFailedStart({ machine, raw, ...failure }: FailedStart, times: Times): NewLogEntry {
  const words = raw === undefined ? {} : { raw }
  return {
    level: 'warning',
    operation: 'sizingJob',
    message: `${machine} failed to start${bootText(failure)}`,
    machine,
    ...words,
    ...times,
  }
}

/** Growth begins to pause: said once, however long it lasts. */
export function entriesForPause(
  before: BootTrouble | undefined,
  after: BootTrouble | undefined,
  pool: string,
  times: Times,
): readonly NewLogEntry[] {
  if (after?.paused === undefined || before?.paused !== undefined) return []
  const message =
    `Growth is paused: ${after.times} machines in a row failed to start${bootText(after)} ` +
    `One machine is tried in ${duration(after.paused.tryAt - times.at)} and then at growing intervals, or at once with: scale-set-agents pool try-again ${pool}.`
  return [{ level: 'error', operation: 'increaseCapacity', message, ...times }]
}

/** An action ended other than well, or growth is complete. */
export function entriesForChange(intent: Intent, change: IntentChange, times: Times): readonly NewLogEntry[] {
  switch (change.state) {
    case 'failed':
      return [failure(intent, change, times)]
    case 'unknown':
      return [
        entry(intent, 'warning', `No answer to ${nameOf(intent.action)}: it is looked for before it is tried again.`, times, change.error),
      ]
    case 'superseded':
      return change.error === undefined
        ? []
        : [entry(intent, 'info', `Not done (${nameOf(intent.action)}): ${change.error.message}.`, times)]
    case 'settled':
      return intent.action.kind === 'grow' && intent.seen.length > 0
        ? [
            entry(
              intent,
              'info',
              `${intent.seen.length} new ${intent.seen.length === 1 ? 'machine has' : 'machines have'} appeared.`,
              times,
            ),
          ]
        : []
    default:
      return []
  }
}

function failure(intent: Intent, change: IntentChange, times: Times): NewLogEntry {
  const error = change.error ?? { code: 'unknown', message: '' }
  const { cause, fix } = translate(error.code)
  const quiet = error.code === 'TaskAgentJobStillRunningException' || error.code === 'PreconditionFailed'
  return entry(intent, quiet ? 'info' : 'error', `Failed (${nameOf(intent.action)}): ${cause} ${fix}`, times, error)
}

function entry(intent: Intent, level: LogEntry['level'], message: string, times: Times, error?: Intent['error']): NewLogEntry {
  const named = namedMachines(intent.action)
  return {
    level,
    operation: operationOf(intent.action),
    message,
    at: times.at,
    wallTimeMs: times.wallTimeMs,
    intentId: intent.id,
    ...(named.length === 1 && named[0] !== undefined ? { machine: named[0].name } : {}),
    ...(error?.correlationId === undefined ? {} : { correlationId: error.correlationId }),
    ...(error === undefined ? {} : { raw: `${error.code}: ${error.message}` }),
  }
}

function nameOf(action: Action): string {
  switch (action.kind) {
    case 'grow':
      return `adding ${action.by} machines`
    case 'ask-again':
      return `asking again for ${action.owed} owed machines`
    case 'drain':
      return `disabling the agent of ${action.machine.name}`
    case 'restore':
      return `enabling the agent of ${action.machine.name}`
    case 'unregister':
      return `removing the agent of ${action.machine.name}`
    case 'unregister-orphan':
      return `removing agent ${action.name}`
    case 'delete':
      return `deleting ${action.machines.map((machine) => machine.name).join(', ')}`
    case 'reimage':
      return `reimaging ${action.machines.map((machine) => machine.name).join(', ')}`
    case 'save':
      return `saving ${action.machine.name}`
    case 'claim':
      return 'marking the scale set as ours'
    case 'refresh-claim':
      return 'renewing our mark on the scale set'
    case 'put-extension':
      return 'putting the agent extension into the model'
    case 'add-placeholder':
    case 'update-placeholder':
      return 'keeping the offline agent'
    case 'release':
      return 'releasing the scale set'
    case 'delete-pool':
      return 'deleting the pool'
    default:
      return action satisfies never
  }
}
