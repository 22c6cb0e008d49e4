/** The API over fakes that keep everything in memory. */
import { buildApp } from '../../backend/api/app.ts'
import type { ApiParts, Latest } from '../../backend/api/parts.ts'
import type { Decision } from '../../backend/core/decision.ts'
import type { Reach } from '../../backend/core/connect.ts'
import type { ListedScaleSet } from '../../backend/core/scale-set-id.ts'
import { defaultSettings, type PoolSettings } from '../../backend/core/settings.ts'
import type { Known, Machine, PoolSnapshot, Reading } from '../../backend/core/snapshot.ts'
import type { BuiltInPool } from '../../backend/core/take-over.ts'
import type { CheckedAccess } from '../../backend/loop/pool-check.ts'
import type { AgentPool, Organization, PoolStore } from '../../backend/loop/pool-parts.ts'
import { createPools } from '../../backend/loop/pools.ts'
import type { BootReport } from '../../backend/loop/ports-boot.ts'
import type {
  AzureMachine,
  AzureScaleSet,
  CallOutcome,
  Clock,
  LogEntry,
  PipelinesAgent,
  PoolRecord,
  StoredPass,
} from '../../backend/loop/ports.ts'
import type { Order } from '../../backend/loop/ports-people.ts'
import type { SignIn } from '../../backend/api/sign-in.ts'
import type { Registrar } from '../../backend/registration/registrar.ts'

export const operatorKey = 'operator-key-of-the-test'
export const hookSecret = 'secret of the hook'
export const scaleSetId =
  '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/ci/providers/Microsoft.Compute/virtualMachineScaleSets/linux'
export const nowMs = 1_000_000
export const wallMs = Date.UTC(2026, 10, 21, 8, 0, 0)

export const known = <T>(value: T, at = nowMs): Known<T> => ({ known: true, value, at })
export const basic = (secret: string, user = 'ada') => ({ authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` })
export const asOperator = basic(operatorKey)

export function scaleSet(change: Partial<AzureScaleSet> = {}): AzureScaleSet {
  return {
    id: scaleSetId,
    location: 'westeurope',
    capacity: 0,
    etag: '"1"',
    skuName: 'Standard_D2s_v5',
    tags: {},
    os: 'linux',
    orchestration: 'uniform',
    upgradePolicy: 'Manual',
    overprovision: false,
    singlePlacementGroup: false,
    provisioning: 'Succeeded',
    extensions: [],
    subnetIds: [],
    hasIdentity: false,
    ...change,
  }
}

export function azureMachine(id: string, change: Partial<AzureMachine> = {}): AzureMachine {
  return {
    id,
    vmId: `vm-${id}`,
    name: `linux00000${id}`,
    createdAt: '2026-11-21T07:00:00Z',
    provisioning: 'succeeded',
    latestModel: true,
    protected: false,
    ...change,
  }
}

export function snapshot(change: Partial<PoolSnapshot> = {}): PoolSnapshot {
  return {
    poolId: 7,
    wallTimeMs: wallMs,
    jobs: known([]),
    agents: known({ others: [], orphans: [] }),
    scaleSet: known({
      capacity: 2,
      claim: 'ours',
      extensionCurrent: true,
      operationRunning: false,
      singlePlacementGroup: false,
      blockers: [],
    }),
    machines: known([]),
    capabilities: known({}),
    asked: 0,
    owed: 0,
    deleteInFlight: false,
    recentUpdates: [],
    rooms: [],
    peakDemand: 0,
    boot: { p50Ms: 90_000 },
    ...change,
  } as PoolSnapshot
}

export const nothingToDo: Decision = {
  wanted: 1,
  steps: [],
  reasons: [{ code: 'enough', waiting: 0, standby: 1, idle: 1, coming: 0 }],
  lookAgainInMs: 10_000,
}

export function idle(id: string): Machine {
  return {
    stage: 'idle',
    id,
    name: `linux00000${id}`,
    generation: 1,
    since: nowMs - 60_000,
    agent: { id: 100 + Number(id), name: `linux00000${id}`, online: true, enabled: true },
  }
}

export function pass(id: number): StoredPass {
  const counts = {
    waiting: 0,
    running: 0,
    idle: 1,
    busy: 0,
    starting: 0,
    leaving: 0,
    failed: 0,
    saved: 0,
    foreign: 0,
    unclear: 0,
    total: 1,
    capacity: 1,
  }
  return {
    id,
    at: nowMs,
    lastAt: nowMs,
    wallTimeMs: wallMs,
    lastWallTimeMs: wallMs,
    repeats: 1,
    tookMs: 12,
    counts,
    decision: nothingToDo,
    snapshot: snapshot(),
    settingsVersion: 1,
  }
}

export function logEntry(id: number, change: Partial<LogEntry> = {}): LogEntry {
  return { id, poolId: 7, level: 'info', operation: 'sizingJob', message: `entry ${id}`, at: nowMs, wallTimeMs: wallMs, ...change }
}

const turnedAway = async () => ({ status: 403, error: 'Nobody is let in here.' }) as const

export type World = ReturnType<typeof world>

/** One pool (7, on the scale set) unless `empty`; change any of it before or after building the app. */
export function world({ empty = false }: { readonly empty?: boolean } = {}) {
  const records = new Map<number, PoolRecord>()
  const agentPools: AgentPool[] = []
  const state = {
    records,
    agentPools,
    changes: [] as { version: number; by: string; wallTimeMs: number; before: PoolSettings; after: PoolSettings }[],
    agents: [] as PipelinesAgent[],
    queues: [] as string[],
    authorized: [] as number[],
    nudges: [] as (number | undefined)[],
    latest: new Map<number, Latest>(),
    log: [] as LogEntry[],
    passes: [] as StoredPass[],
    gone: [] as { memory: { name: string; generation: number }; goneAt?: number }[],
    listeners: new Set<(poolId: number) => void>(),
    azure: {
      set: known(scaleSet()) as Reading<AzureScaleSet | undefined>,
      machines: known([]) as Reading<readonly AzureMachine[]>,
      reach: known({ publicAddress: false, natPool: false }) as Reading<Reach | undefined>,
    },
    scaleSets: known([]) as Reading<readonly ListedScaleSet[]>,
    builtIn: [] as BuiltInPool[],
    refuseEnabled: undefined as CallOutcome | undefined,
    lease: undefined as string | undefined,
    troubles: [] as ReturnType<ApiParts['troubles']>,
    lastPassAt: nowMs as number | undefined,
    registrar: { nonce: turnedAway, claim: turnedAway, report: turnedAway } as Registrar,
    boots: [] as BootReport[],
    isLocal: true,
    signIn: undefined as SignIn | undefined,
    /** Changes of Azure DevOps, with whose rights. */
    asked: [] as string[],
    /** Who made and confirmed what, as the store was told. */
    told: [] as string[],
    serviceManages: true,
    deadline: clock.deadline,
    /** Stands still; what waits has waited at once. */
    realTime: { nowMs: () => 0, sleep: async () => undefined } as ApiParts['realTime'],
    logged: undefined as ApiParts['log'] | undefined,
    failAddQueue: false,
    crashBeforeRecord: false,
  }
  if (!empty) {
    agentPools.push(pool(7, 'linux'))
    records.set(7, {
      poolId: 7,
      name: 'linux',
      scaleSetId,
      settings: { ...defaultSettings, machinesMax: 10 },
      version: 1,
      orders: [],
      replaceConfirmed: false,
    })
    state.latest.set(7, { snapshot: snapshot(), decision: nothingToDo, at: nowMs })
  }
  return state
}

export const pool = (id: number, name: string): AgentPool => ({ id, name, builtIn: false, autoProvision: false, autoUpdate: true })

const clock: Clock = {
  now: () => nowMs,
  wallTimeMs: () => wallMs,
  sleep: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  deadline: () => new AbortController().signal,
  newId: () => 'id',
}

function storeOf(state: World): PoolStore & ApiParts['settings'] {
  const change = (poolId: number, part: Partial<PoolRecord>) => void state.records.set(poolId, { ...state.records.get(poolId)!, ...part })
  return {
    pools: async () => [...state.records.keys()],
    pool: async (poolId) => state.records.get(poolId),
    forget: async (poolId) => void state.records.delete(poolId),
    history: async () => state.changes,
    async addPool(added) {
      if (state.crashBeforeRecord) throw new Error('the process ended')
      if (state.records.has(added.poolId)) return 'conflict'
      const { by, ...made } = added
      state.told.push(`${by} made ${made.name}`)
      state.records.set(added.poolId, { ...made, version: 1, orders: [] })
      return 'ok'
    },
    async updateSettings(poolId, expected, settings, by) {
      const record = state.records.get(poolId)
      if (record?.version !== expected) return 'conflict'
      change(poolId, { settings, version: expected + 1 })
      state.changes.unshift({ version: expected + 1, by, wallTimeMs: wallMs, before: record.settings, after: settings })
      return 'ok'
    },
    async addOrder(poolId, order) {
      const orders: readonly Order[] = state.records.get(poolId)!.orders
      change(poolId, { orders: [...orders, { ...order, id: orders.length + 1 }] })
    },
    async confirm(poolId, what, by) {
      state.told.push(`${by} confirmed ${what === 'replace' ? what : `the take-over from ${what.takeOverFrom}`}`)
      change(poolId, what === 'replace' ? { replaceConfirmed: true } : what)
    },
  }
}

/** `managed`: the pools that whoever asks may manage; all of them for the service. */
export function organizationOf(state: World, who = 'the service', managed?: readonly number[]): Organization {
  const find = (test: (pool: AgentPool) => boolean) => known(state.agentPools.find(test))
  return {
    findPool: async (name) => find((each) => each.name.toLowerCase() === name.toLowerCase()),
    pool: async (poolId) => find((each) => each.id === poolId),
    async addPool(name) {
      state.asked.push(`${who}: add pool ${name}`)
      if (managed?.length === 0) return { kind: 'refused', status: 403, code: 'AccessDeniedException', message: 'no right to make pools' }
      const value = pool(40 + state.agentPools.length, name)
      state.agentPools.push(value)
      return { kind: 'done', value }
    },
    async updatePool(poolId, change) {
      const at = state.agentPools.findIndex((each) => each.id === poolId)
      state.agentPools[at] = { ...state.agentPools[at]!, ...change }
      return { kind: 'done' }
    },
    findQueue: async (_, name) => known(state.queues.includes(name) ? { id: 5, name } : undefined),
    async addQueue(_, __, name) {
      state.asked.push(`${who}: add queue ${name}`)
      if (state.failAddQueue) return { kind: 'refused', status: 403, code: 'AccessDeniedException', message: 'no right' }
      state.queues.push(name)
      return { kind: 'done', value: { id: 5, name } }
    },
    async authorizeAllPipelines(_, queueId) {
      state.asked.push(`${who}: authorize`)
      state.authorized.push(queueId)
      return { kind: 'done' }
    },
    builtInPools: async () => known(state.builtIn.filter(({ poolId }) => managed?.includes(poolId) ?? true)),
    canManage: async (name) =>
      known(
        managed === undefined ? state.serviceManages : state.agentPools.some((each) => each.name === name && managed.includes(each.id)),
      ),
  }
}

function accessOf(state: World): CheckedAccess {
  return {
    read: async () => state.azure.set,
    machines: async () => state.azure.machines,
    rooms: async () =>
      known([
        { kind: 'quota' as const, machines: 50, detail: 'cores' },
        { kind: 'subnet' as const, machines: 50, detail: 'addresses' },
      ]),
    autoscale: async () => known([]),
    permissions: async () => known([{ actions: ['*'], notActions: [] }]),
    reach: async () => state.azure.reach,
  }
}

export function historyOf(state: World): ApiParts['history'] {
  return {
    log: async (_, { top, before = Infinity, after, level, machine }) => {
      const rows = state.log.filter(
        (row) =>
          row.id < before && row.id > (after ?? -1) && (level ?? row.level) === row.level && (machine ?? row.machine) === row.machine,
      )
      return (after === undefined ? rows.toReversed() : rows).slice(0, top)
    },
    passes: async (_, { top, before = Infinity }) =>
      state.passes
        .filter(({ id }) => id < before)
        .toReversed()
        .slice(0, top),
    intents: async () => [],
    machine: async () => state.gone,
    waits: async () => ({ jobs: 2, p50Ms: 1000, p95Ms: 2000, startedJobs: 2, lostToOnceRace: 0 }),
  }
}

export async function apiOf(state: World, history = historyOf(state)) {
  const settings = storeOf(state)
  const organization = organizationOf(state)
  const nudge = (poolId?: number) => void state.nudges.push(poolId)
  const parts: ApiParts = {
    operatorKey,
    hookSecret,
    version: '0.1.0',
    clock: { ...clock, deadline: state.deadline },
    realTime: state.realTime,
    log: state.logged ?? { info: () => undefined, warn: () => undefined, error: () => undefined },
    isLocal: state.isLocal,
    organizationUrl: 'https://dev.azure.com/fabrikam',
    organizationName: 'fabrikam',
    ...(state.signIn && { signIn: state.signIn }),
    loop: {
      nudge,
      latest: async (poolId) => state.latest.get(poolId),
      own: (poolId) => state.latest.get(poolId),
      lastPassAt: () => state.lastPassAt,
      onPass(listener) {
        state.listeners.add(listener)
        return () => void state.listeners.delete(listener)
      },
    },
    pools: createPools({
      owner: 'me',
      store: settings,
      organization,
      agents: async () => known(state.agents),
      async setEnabled(poolId, agentId, enabled) {
        state.asked.push(`the service: ${enabled ? 'enable' : 'disable'} agent ${agentId} of pool ${poolId}`)
        return state.refuseEnabled ?? { kind: 'done' }
      },
      scaleSet: () => accessOf(state),
      scaleSets: async () => state.scaleSets,
      wake: nudge,
    }),
    settings,
    organization,
    history,
    metrics: { text: async () => 'machines 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
    scripts: { version: '1', files: [{ name: 'enableagent.sh', sha256: 'a'.repeat(64), body: Buffer.from('#!/bin/bash\n') }] },
    registrar: state.registrar,
    boots: { of: async (_, machine) => state.boots.filter((report) => report.machine === machine) },
    leaseProblem: () => state.lease,
    troubles: () => state.troubles,
  }
  return buildApp(parts)
}
