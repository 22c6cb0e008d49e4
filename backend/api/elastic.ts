/** Azure DevOps' elastic pool shapes, from what the service knows. Field names are Azure DevOps'. */
import type { Machine } from '../core/snapshot.ts'
import type { AgentPool, Refusal } from '../loop/pool-parts.ts'
import type { Clock, LogEntry, PoolRecord } from '../loop/ports.ts'
import type { SettingsInput } from './contract.ts'
import type { Dialect } from './dialect.ts'
import {
  computeState,
  computeStates,
  elasticNodeStates,
  elasticPoolStates,
  logLevels,
  nodeState,
  operatingSystems,
  operations,
  orchestrations,
  poolTypes,
} from './elastic-states.ts'
import type { ElasticNodeState } from './elastic-states.ts'
import type { Latest } from './parts.ts'
import { poolSummary, wallTimeOf } from './views.ts'

/** The service signs in to Azure with its own identity and keeps no service connection, so it answers this id. */
const noServiceConnection = '00000000-0000-0000-0000-000000000000'

type WallClock = Pick<Clock, 'now' | 'wallTimeMs'>

/** Settings as elastic pool clients send them. */
export type ElasticSettings = {
  readonly maxCapacity?: number
  readonly desiredIdle?: number
  readonly recycleAfterEachUse?: boolean
  readonly maxSavedNodeCount?: number
  readonly agentInteractiveUI?: boolean
  readonly timeToLiveMinutes?: number
}

/** Ours, by Azure DevOps' name. */
const settingOf = {
  maxCapacity: 'machinesMax',
  desiredIdle: 'standby',
  recycleAfterEachUse: 'tearDownAfterUse',
  maxSavedNodeCount: 'savedMax',
  agentInteractiveUI: 'interactive',
  timeToLiveMinutes: 'idleDelayMinutes',
} as const satisfies Record<keyof ElasticSettings, keyof SettingsInput>
const wireNameOf: ReadonlyMap<string, string> = new Map(Object.entries(settingOf).map(([wire, ours]) => [ours, wire]))

export function settingsFromElastic(sent: ElasticSettings): SettingsInput {
  const given = Object.entries(settingOf).map(([wire, ours]) => [ours, sent[wire as keyof ElasticSettings]] as const)
  return Object.fromEntries(given.filter(([, value]) => value !== undefined)) as SettingsInput
}

/** A refusal of settings with every problem, in the names that the client sent. Others stay as they are. */
export function inWireNames(refusal: Refusal): Refusal {
  if (refusal.problems === undefined) return refusal
  const problems = refusal.problems.map(({ field, message }) => ({
    field: wireNameOf.get(field) ?? field,
    message: message.replace(/^[a-zA-Z]+(?= is )|\bmachinesMax\b/g, (name) => wireNameOf.get(name) ?? name),
  }))
  return { ...refusal, problems, message: problems.map(({ message }) => message).join(' ') }
}

export function elasticPool(record: PoolRecord, latest: Latest | undefined, clock: WallClock, dialect: Dialect) {
  const { settings } = record
  const goneSince = latest?.snapshot.scaleSetGoneSince
  const { state } = poolSummary(record, latest, undefined, latest?.at ?? 0)
  return {
    poolId: record.poolId,
    serviceEndpointId: noServiceConnection,
    serviceEndpointScope: noServiceConnection,
    azureId: record.scaleSetId,
    maxCapacity: settings.machinesMax,
    desiredIdle: settings.standby,
    recycleAfterEachUse: settings.tearDownAfterUse,
    maxSavedNodeCount: settings.savedMax,
    osType: dialect.enumOf(operatingSystems, osOf(record, latest)),
    state: dialect.enumOf(elasticPoolStates, state),
    offlineSince: goneSince === undefined ? null : dialect.time(wallTimeOf(clock, goneSince)),
    desiredSize: latest?.decision.wanted ?? 0,
    sizingAttempts: latest?.snapshot.growthTrouble?.times ?? 0,
    agentInteractiveUI: settings.interactive,
    timeToLiveMinutes: settings.idleDelayMinutes,
    orchestrationType: dialect.enumOf(orchestrations, 'uniform'),
  }
}

/** `desired`: what a person has just asked for, which the loop has not taken up yet. */
export function elasticNode(poolId: number, machine: Machine, clock: WallClock, dialect: Dialect, desired?: ElasticNodeState) {
  const agent = 'agent' in machine ? machine.agent : undefined
  const requestId = 'requestId' in machine ? machine.requestId : undefined
  const flags = [agent?.enabled === true, agent?.online === true, requestId !== undefined]
  return {
    id: Number(machine.id),
    poolId,
    name: machine.name,
    state: dialect.enumOf(elasticNodeStates, nodeState(machine)),
    stateChangedOn: dialect.time(wallTimeOf(clock, machine.since)),
    desiredState: dialect.enumOf(elasticNodeStates, desired ?? desiredState(machine)),
    agentId: agent?.id ?? null,
    agentState: dialect.flags(['enabled', 'online', 'assigned'], flags),
    computeId: machine.id,
    computeState: dialect.enumOf(computeStates, computeState(machine)),
    requestId: requestId ?? null,
  }
}

export function elasticLog(entry: LogEntry, dialect: Dialect) {
  return {
    id: entry.id,
    poolId: entry.poolId,
    level: dialect.enumOf(logLevels, entry.level),
    operation: dialect.enumOf(operations, entry.operation),
    message: entry.message,
    timestamp: dialect.time(entry.wallTimeMs),
  }
}

export function agentPool(pool: AgentPool, dialect: Dialect) {
  const { id, name, autoProvision, autoUpdate } = pool
  return { id, name, autoProvision, autoUpdate, isHosted: false, isLegacy: false, poolType: dialect.enumOf(poolTypes, 'automation') }
}

function desiredState({ asked, stage }: Machine): ElasticNodeState {
  if (asked !== undefined) return asked.order === 'delete' ? 'pendingDelete' : 'pendingReimage'
  return stage === 'saved' ? 'saved' : 'none'
}

/** By the image of the scale set; else by what the pool's agents say of themselves. Interactive tests run on Windows only. */
function osOf({ settings }: PoolRecord, latest: Latest | undefined): (typeof operatingSystems)[number] {
  const { scaleSet, capabilities } = latest?.snapshot ?? {}
  if (scaleSet?.known === true && scaleSet.value.os !== undefined) return scaleSet.value.os
  const os = capabilities?.known === true ? capabilities.value['Agent.OS'] : settings.capabilities['Agent.OS']
  return settings.interactive || os?.startsWith('Windows') === true ? 'windows' : 'linux'
}
