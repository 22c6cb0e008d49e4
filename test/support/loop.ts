/** The loop's outside by hand: ports whose answers a test sets, and memory with valid defaults. */
import type { Reading } from '../../backend/core/snapshot.ts'
import { emptyMemory } from '../../backend/loop/pool-memory.ts'
import { restoreState } from '../../backend/loop/pool-state.ts'
import type { PoolState } from '../../backend/loop/pool-state.ts'
import type {
  AzureMachine,
  AzureOperation,
  AzureScaleSet,
  CallOutcome,
  Clock,
  Intent,
  MachineMemory,
  Pipelines,
  PipelinesAgent,
  PipelinesJob,
  PoolMemory,
  PoolRecord,
  ScaleSet,
} from '../../backend/loop/ports.ts'
import type { BootReport } from '../../backend/loop/ports-boot.ts'
import { createReadings } from '../../backend/loop/readings.ts'
import type { Action } from '../../backend/core/decision.ts'
import type { Room } from '../../backend/core/snapshot.ts'
import { now, someSettings } from './build.ts'

export type Answers = {
  jobs: readonly PipelinesJob[] | string
  agents: readonly PipelinesAgent[] | string
  agent: PipelinesAgent | undefined
  machines: readonly AzureMachine[] | string
  /** `undefined`: it does not exist. */
  scaleSet: AzureScaleSet | undefined | string
  operation: AzureOperation
  rooms: readonly Room[] | string
  /** What changes answer, by name; done unless set. */
  outcomes: Record<string, CallOutcome>
  parallelJobsFree: number | string
  slowDownMs: number
}

export type Outside = {
  readonly answers: Answers
  /** Calls in order: `jobs`, `setCapacity 3`, `deleteMachines 1 2` … */
  readonly calls: string[]
  readonly pipelines: Pipelines
  readonly scaleSet: ScaleSet
  readonly clock: Clock & { at: number }
}

/** Answers are known unless they are a text: then they are unknown, and the text says why. */
export function anOutside(over: Partial<Answers> = {}): Outside {
  const answers: Answers = {
    jobs: [],
    agents: [],
    agent: undefined,
    machines: [],
    scaleSet: anAzureSet(),
    operation: { state: 'running' },
    rooms: [],
    outcomes: {},
    parallelJobsFree: 'not asked',
    slowDownMs: 0,
    ...over,
  }
  const calls: string[] = []
  const never = new AbortController().signal
  const clock = {
    at: now,
    now: () => clock.at,
    wallTimeMs: () => clock.at,
    sleep: async () => {},
    deadline: (_ms: number, parent?: AbortSignal) => parent ?? never,
    newId: () => 'id',
  }
  const read = async <T>(name: string, value: T | string): Promise<Reading<T>> => {
    calls.push(name)
    return typeof value === 'string' ? { known: false, why: value } : { known: true, value, at: clock.at }
  }
  const change = async (name: string, ...what: readonly unknown[]): Promise<CallOutcome> => {
    calls.push([name, ...what].join(' '))
    return answers.outcomes[name] ?? { kind: 'done' }
  }
  const pipelines: Pipelines = {
    jobs: () => read('jobs', answers.jobs),
    agents: () => read('agents', answers.agents),
    agent: () => read('agent', answers.agent),
    setEnabled: (_pool, agentId, enabled) => change('setEnabled', agentId, enabled),
    removeAgent: (_pool, agentId) => change('removeAgent', agentId),
    addPlaceholder: (_pool, name, version) => change('addPlaceholder', name, version),
    updatePlaceholder: (_pool, agentId, version) => change('updatePlaceholder', agentId, version),
    deletePool: (poolId) => change('deletePool', poolId),
    parallelJobsFree: () => read('parallelJobsFree', answers.parallelJobsFree),
    slowDownMs: () => answers.slowDownMs,
  }
  const scaleSet: ScaleSet = {
    read: () => read('scaleSet', answers.scaleSet),
    machines: () => read('machines', answers.machines),
    operation: (address) => read(`operation ${address}`, answers.operation),
    rooms: () => read('rooms', answers.rooms),
    setCapacity: (_seen, capacity) => change('setCapacity', capacity),
    deleteMachines: (ids) => change('deleteMachines', ...ids),
    reimageMachines: (ids) => change('reimageMachines', ...ids),
    claimTag: (_seen, name, value) => change('claimTag', name, value),
    mergeTag: (name, value) => change('mergeTag', name, value),
    removeTag: (name, value) => change('removeTag', name, value),
    putExtension: (_seen, entry) => change('putExtension', entry.name),
    removeExtension: (_seen, name) => change('removeExtension', name),
  }
  return { answers, calls, pipelines, scaleSet, clock }
}

export const ourTag = { ScaleSetAgentsOwner: 'owner/7/4' }

export function anAzureSet(over: Partial<AzureScaleSet> = {}): AzureScaleSet {
  return {
    id: '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/linux',
    location: 'westeurope',
    capacity: 0,
    etag: '"1"',
    skuName: 'Standard_D2_v3',
    tags: ourTag,
    os: 'linux',
    orchestration: 'uniform',
    upgradePolicy: 'Manual',
    overprovision: false,
    singlePlacementGroup: false,
    provisioning: 'Succeeded',
    extensions: [],
    subnetIds: [],
    hasIdentity: false,
    ...over,
  }
}

export function anAzureMachine(n: number, over: Partial<AzureMachine> = {}): AzureMachine {
  return {
    id: String(n),
    vmId: `vm-${n}`,
    name: `m${n}`,
    createdAt: 'c1',
    provisioning: 'succeeded',
    power: 'running',
    latestModel: true,
    protected: false,
    ...over,
  }
}

export function aPipelinesAgent(n: number, over: Partial<PipelinesAgent> = {}): PipelinesAgent {
  return { id: 100 + n, name: `m${n}`, online: true, enabled: true, version: '4.248.0', ...over }
}

export function aPipelinesJob(requestId: number, over: Partial<PipelinesJob> = {}): PipelinesJob {
  return { requestId, name: `job ${requestId}`, pipeline: 'build', demands: [], queuedAt: '2026-01-05T12:00:00Z', ...over }
}

export function aMemory(n: number, over: Partial<MachineMemory> = {}): MachineMemory {
  return {
    id: String(n),
    name: `m${n}`,
    createdAt: 'c1',
    generation: 1,
    ownedBy: 'growth',
    stage: 'idle',
    stageSince: now - 60_000,
    bornAt: now - 120_000,
    latestModel: true,
    ...over,
  }
}

let intents = 0
export function anIntent(action: Action, over: Partial<Intent> = {}): Intent {
  intents += 1
  return {
    id: `i${intents}`,
    poolId: 7,
    epoch: 1,
    action,
    reason: { code: 'paused' },
    state: 'written',
    writtenAt: now,
    changedAt: now,
    seen: [],
    ...over,
  }
}

/** A phase of machine `n` that went well now. */
export function aReport(n: number, over: Partial<BootReport> = {}): BootReport {
  return {
    poolId: 7,
    machineId: String(n),
    machine: `m${n}`,
    createdAt: 'c1',
    generation: 1,
    phase: 'package',
    result: 'ok',
    durationMs: 1_000,
    detail: '',
    at: now,
    wallTimeMs: now,
    ...over,
  }
}

export function aRecord(over: Partial<PoolRecord> = {}): PoolRecord {
  return {
    poolId: 7,
    name: 'linux',
    scaleSetId: 'linux',
    settings: someSettings(),
    version: 1,
    orders: [],
    replaceConfirmed: false,
    ...over,
  }
}

/** What the loop holds of a pool, over an outside. */
export function aState(
  outside: Outside,
  over: { readonly pool?: Partial<PoolMemory>; readonly machines?: readonly MachineMemory[]; readonly intents?: readonly Intent[] } = {},
): PoolState {
  const readings = createReadings(7, outside.pipelines, outside.scaleSet, outside.clock)
  return restoreState(
    { scaleSetId: 'linux', pipelines: outside.pipelines, scaleSet: outside.scaleSet, readings },
    { pool: { ...emptyMemory, ...over.pool }, machines: over.machines ?? [], openIntents: over.intents ?? [] },
  )
}
