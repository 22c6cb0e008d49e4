/** Joins jobs, agents, machines and open intents into one snapshot, and settles intents whose effect is seen. */
import { parseClaim } from '../core/claim.ts'
import type { Instant, Job, Machine, OrphanAgent, OtherAgent, Placeholder, PoolSnapshot, Reading, ScaleSetState } from '../core/snapshot.ts'
import { join, nextLife } from './join.ts'
import type { Joined } from './join.ts'
import { lowestSurplus, percentile, rememberJobs, rememberJoined, rememberLoad, rememberOrphans } from './pool-memory.ts'
import type { AzureScaleSet, ExtensionEntry, Intent, IntentChange, JournalChange, MachineMemory, PipelinesAgent, PoolMemory, PoolRecord } from './ports.ts'
import type { PoolState } from './pool-state.ts'
import { deleteHeldMsMax, expectedMachines, isOpen, settle, shareOut } from './settle.ts'
import { troubleAfter } from './trouble.ts'

/** Capacity above the list is owed when it stood this long with nothing of ours in motion. */
const owedMsMin = 120_000

export type Observation = {
  readonly snapshot: PoolSnapshot
  readonly pool: PoolMemory
  readonly machines: ReadonlyMap<string, MachineMemory>
  readonly change: Pick<JournalChange, 'machines' | 'forgottenMachines' | 'intents' | 'ordersTaken'>
  /** Intents that ended now, with what became of them. */
  readonly ended: readonly { readonly intent: Intent; readonly change: IntentChange }[]
  readonly booted: Joined['booted']
  /** Waits of jobs seen to start now, in ms. */
  readonly started: readonly number[]
}

export type ObserveInput = { readonly state: PoolState; readonly record: PoolRecord; readonly ownerId: string; readonly extension: ExtensionEntry; readonly now: Instant; readonly wallTimeMs: number }

/** Makes the picture of one pass from the latest readings. Does not read anything itself. */
export function observe(input: ObserveInput): Observation {
  const { state, record, now } = input
  const ordered = takeOrders(state.machines, record)
  const intents = [...state.intents.values()]
  const joined = joinAll(input, ordered.machines, intents)
  const machines = joined?.memory ?? ordered.machines
  const shared = joined === undefined ? [] : shareOut(intents, joined.grown, now)
  const current = applyChanges(intents, shared)
  const listed = state.readings.get('machines')
  const scaleSet = state.readings.get('scaleSet')
  const provisioning = new Map(listed.known ? listed.value.map((machine) => [machine.id, machine.provisioning]) : [])
  const settled = !listed.known ? [] : current.flatMap((intent) => {
    const change = isOpen(intent) ? settle(intent, { now, listedAt: listed.at, memory: machines, provisioning, scaleSet: scaleSet.known && scaleSet.value !== undefined ? { at: scaleSet.at, value: scaleSet.value } : undefined, operations: state.operations }) : undefined
    return change === undefined ? [] : [{ intent, change }]
  })
  const begun = begunReimages(settled, machines, now)
  const open = applyChanges(current, settled.map((each) => each.change)).filter(isOpen)
  const remembered = rememberAll(input, joined, machines, settled)
  const first = picture(input, remembered.pool, joined, machines, open)
  const pool = rememberLoad(rememberOwed(remembered.pool, first, open, now), first, record.settings, now)
  return {
    snapshot: withLoad(first, pool, record, now),
    pool,
    machines: new Map([...machines, ...begun.map((each) => [each.id, each] as const)]),
    change: {
      machines: [...new Map([...ordered.changed, ...(joined?.changed ?? []), ...begun].map((each) => [each.id, each])).values()],
      forgottenMachines: joined?.gone.map((each) => each.id) ?? [],
      intents: [...shared, ...settled.map((each) => each.change)],
      ordersTaken: record.orders.map((order) => order.id),
    },
    ended: settled,
    booted: joined?.booted ?? [],
    started: remembered.started,
  }
}

/** Machines whose reimage had no answer and is now seen to have begun. */
function begunReimages(settled: Observation['ended'], machines: ReadonlyMap<string, MachineMemory>, now: Instant): readonly MachineMemory[] {
  return settled.flatMap(({ intent, change }) => (intent.action.kind === 'reimage' && change.state === 'accepted' ? intent.action.machines : [])).flatMap(({ id, generation }) => {
    const memory = machines.get(id)
    return memory === undefined || memory.generation !== generation ? [] : [nextLife(memory, now)]
  })
}

/** Orders of people become part of the machines' memory. One for a machine that is gone is dropped. */
function takeOrders(machines: ReadonlyMap<string, MachineMemory>, record: PoolRecord): { machines: ReadonlyMap<string, MachineMemory>; changed: readonly MachineMemory[] } {
  const replaced = record.replaceConfirmed ? [...machines.values()].filter((machine) => machine.ownedBy === 'none' && machine.asked === undefined) : []
  if (record.orders.length === 0 && replaced.length === 0) return { machines, changed: [] }
  const after = new Map(machines)
  const put = (machine: MachineMemory): void => { after.set(machine.id, machine) }
  for (const machine of replaced) put({ ...machine, ownedBy: 'adopted', asked: { order: 'delete', by: 'the person who created the pool', force: false } })
  for (const order of record.orders) {
    const machine = after.get(order.machineId)
    if (machine === undefined) continue
    const { saved: _saved, asked: _asked, ...rest } = machine
    switch (order.order) {
      case 'delete': case 'reimage': put({ ...rest, ownedBy: machine.ownedBy === 'none' ? 'adopted' : machine.ownedBy, asked: { order: order.order, by: order.by, force: order.force } }); break
      case 'save': put({ ...rest, saved: { cause: 'asked-by-person', by: order.by } }); break
      case 'unsave': put(rest); break
      case 'adopt': put({ ...machine, ownedBy: 'adopted' }); break
      default: order.order satisfies never
    }
  }
  return { machines: after, changed: [...after.values()].filter((machine) => machines.get(machine.id) !== machine) }
}

function joinAll(input: ObserveInput, remembered: ReadonlyMap<string, MachineMemory>, intents: readonly Intent[]): Joined | undefined {
  const listed = input.state.readings.get('machines')
  if (!listed.known) return undefined
  const deleting = new Map(intents.filter((intent) => isOpen(intent)).flatMap((intent) => (intent.action.kind === 'delete' ? intent.action.machines.map(({ id }) => [id, intent.changedAt] as const) : [])))
  const unsure = new Set(intents.filter((intent) => intent.action.kind === 'reimage' && isOpen(intent) && intent.state !== 'accepted').flatMap((intent) => (intent.action.kind === 'reimage' ? intent.action.machines.map(({ id }) => id) : [])))
  return join({
    listed, agents: input.state.readings.get('agents'), remembered, deleting, unsure, expected: expectedMachines(intents),
    oneJob: input.record.settings.tearDownAfterUse, now: input.now,
  })
}

function applyChanges(intents: readonly Intent[], changes: readonly IntentChange[]): readonly Intent[] {
  if (changes.length === 0) return intents
  const byId = new Map(changes.map((change) => [change.id, change]))
  return intents.map((intent) => ({ ...intent, ...byId.get(intent.id) }))
}

function rememberAll(input: ObserveInput, joined: Joined | undefined, machines: ReadonlyMap<string, MachineMemory>, settled: Observation['ended']): { pool: PoolMemory; started: readonly number[] } {
  const { state, now } = input
  const jobs = state.readings.get('jobs')
  const agents = state.readings.get('agents')
  const withJobs = jobs.known ? rememberJobs(state.pool, jobs.value, now) : { memory: state.pool, started: [] }
  const withMachines = joined === undefined ? withJobs.memory : rememberJoined(withJobs.memory, joined, now)
  const names = new Set([...machines.values()].map((machine) => machine.name.toLowerCase()))
  const withOrphans = agents.known && joined !== undefined ? rememberOrphans(withMachines, agents.value, names, now) : withMachines
  return { pool: rememberClaim(troubleAfter(withOrphans, settled, now), input), started: withJobs.started }
}

/** Our first observation of the present claim value, whoever's it is. */
function rememberClaim(pool: PoolMemory, input: ObserveInput): PoolMemory {
  const reading = input.state.readings.get('scaleSet')
  if (!reading.known || reading.value === undefined) return pool
  const { tag, claim } = parseClaim(reading.value.tags, input.ownerId, input.record.poolId)
  if (tag === undefined) return pool
  if (pool.claim?.value === tag.value) return pool
  return { ...pool, claim: { value: tag.value, seenAt: input.now, ...(claim === 'ours' ? { refreshedAt: pool.claim?.refreshedAt ?? input.now } : {}) } }
}

function picture(input: ObserveInput, pool: PoolMemory, joined: Joined | undefined, machines: ReadonlyMap<string, MachineMemory>, open: readonly Intent[]): PoolSnapshot {
  const { state, record, now } = input
  const listed = state.readings.get('machines')
  const capacity = capacityOf(state.readings.get('scaleSet'))
  const joinedMachines: PoolSnapshot['machines'] = listed.known ? { known: true, at: listed.at, value: joined?.machines ?? [] } : listed
  return {
    poolId: record.poolId,
    wallTimeMs: input.wallTimeMs,
    jobs: jobsPart(input, pool, joinedMachines),
    agents: agentsPart(input, pool, machines),
    scaleSet: scaleSetPart(input, pool),
    machines: joinedMachines,
    capabilities: capabilitiesPart(record, pool, now),
    asked: expectedMachines(open),
    owed: 0,
    deleteInFlight: open.some((intent) => intent.action.kind === 'delete' && now - intent.writtenAt < deleteHeldMsMax),
    recentUpdates: pool.recentUpdates,
    rooms: pool.rooms.map((room) => ({ ...room, machines: Math.max(0, room.machines - Math.max(0, capacity - (pool.roomsCapacity ?? capacity))) })),
    ...(pool.growthTrouble === undefined ? {} : { growthTrouble: pool.growthTrouble }),
    peakDemand: 0,
    boot: times(pool.bootMs),
    reimage: times(pool.reimageMs),
  }
}

function times(measured: readonly number[]): { p50Ms?: number; p95Ms?: number } {
  const p50Ms = percentile(measured, 0.5)
  const p95Ms = percentile(measured, 0.95)
  return p50Ms === undefined || p95Ms === undefined ? {} : { p50Ms, p95Ms }
}

function withLoad(snapshot: PoolSnapshot, pool: PoolMemory, record: PoolRecord, now: Instant): PoolSnapshot {
  const lowest = lowestSurplus(pool, record.settings, now)
  const owed = pool.owed !== undefined && now - pool.owed.since >= owedMsMin ? pool.owed.machines : 0
  return { ...snapshot, owed, peakDemand: Math.max(0, pool.demand[0]?.[1] ?? 0), ...(lowest === undefined ? {} : { lowestSurplus: lowest }) }
}

/** Capacity above the list while nothing of ours is in motion, with the instant since when it stands. */
function rememberOwed(pool: PoolMemory, snapshot: PoolSnapshot, open: readonly Intent[], now: Instant): PoolMemory {
  if (!snapshot.machines.known || !snapshot.scaleSet.known) return pool
  const moving = snapshot.scaleSet.value.operationRunning || open.some((intent) => ['grow', 'ask-again', 'delete'].includes(intent.action.kind))
  const machines = moving ? 0 : Math.max(0, snapshot.scaleSet.value.capacity - snapshot.machines.value.length)
  if (machines === (pool.owed?.machines ?? 0)) return pool
  const { owed: _before, ...rest } = pool
  return machines === 0 ? rest : { ...rest, owed: { machines, since: now } }
}

function jobsPart(input: ObserveInput, pool: PoolMemory, machines: PoolSnapshot['machines']): PoolSnapshot['jobs'] {
  const reading = input.state.readings.get('jobs')
  if (!reading.known) return reading
  const idleSince = longestIdleSince(machines.known ? machines.value : [])
  const value = reading.value.map((job): Job => {
    const seenAt = pool.jobs[job.requestId]?.seenAt ?? input.now
    return {
      requestId: job.requestId, name: job.name, pipeline: job.pipeline, seenAt, demands: job.demands,
      ...(job.agentId === undefined ? {} : { agentId: job.agentId }),
      ...(job.agentId === undefined && idleSince !== undefined ? { passedOverSince: Math.max(seenAt, idleSince) } : {}),
      ...(job.matchedAgentIds === undefined ? {} : { matchedAgentIds: job.matchedAgentIds }),
    }
  })
  return { known: true, at: reading.at, value }
}

/** An agent that has been idle for long while jobs wait tells that they wait for something else. */
function longestIdleSince(machines: readonly Machine[]): Instant | undefined {
  const idle = machines.filter((machine) => machine.stage === 'idle').map((machine) => machine.since)
  return idle.length === 0 ? undefined : Math.min(...idle)
}

function agentsPart(input: ObserveInput, pool: PoolMemory, machines: ReadonlyMap<string, MachineMemory>): PoolSnapshot['agents'] {
  const reading = input.state.readings.get('agents')
  if (!reading.known) return reading
  const names = new Map([...machines.values()].map((machine) => [machine.name.toLowerCase(), machine]))
  const others: OtherAgent[] = []
  const orphans: OrphanAgent[] = []
  let placeholder: Placeholder | undefined
  for (const agent of reading.value) {
    const since = pool.orphans[agent.id]
    if (isPlaceholder(agent, pool, input.record.poolId)) placeholder = { agentId: agent.id, version: agent.version ?? '', capabilities: pool.placeholder?.capabilities ?? {} }
    else if (since !== undefined) orphans.push({ ...refOf(agent), since, ...(agent.requestId === undefined ? {} : { requestId: agent.requestId }) })
    else if (names.get(agent.name.toLowerCase()) === undefined) others.push({ ...refOf(agent), busy: agent.requestId !== undefined })
  }
  const newestVersion = pool.learned?.version
  return { known: true, at: reading.at, value: { others, orphans, ...(placeholder === undefined ? {} : { placeholder }), ...(newestVersion === undefined ? {} : { newestVersion }) } }
}

/** The name of a pool's placeholder agent. */
export function placeholderName(poolId: number): string {
  return `scale-set-agents-placeholder-${poolId}`
}

function isPlaceholder(agent: PipelinesAgent, pool: PoolMemory, poolId: number): boolean {
  return agent.id === pool.placeholder?.agentId || agent.name === placeholderName(poolId)
}

function refOf(agent: PipelinesAgent): { id: number; name: string; online: boolean; enabled: boolean; version?: string } {
  return { id: agent.id, name: agent.name, online: agent.online, enabled: agent.enabled, ...(agent.version === undefined ? {} : { version: agent.version }) }
}

function scaleSetPart(input: ObserveInput, pool: PoolMemory): PoolSnapshot['scaleSet'] {
  const reading = input.state.readings.get('scaleSet')
  if (!reading.known) return reading
  if (reading.value === undefined) return { known: false, why: 'Azure says that the scale set does not exist' }
  const scaleSet = reading.value
  const { claim, by } = parseClaim(scaleSet.tags, input.ownerId, input.record.poolId)
  const takenOver = claim === 'other' && input.record.takeOverConfirmed && pool.claim !== undefined && input.now - pool.claim.seenAt >= takeOverMs
  const value: ScaleSetState = {
    capacity: scaleSet.capacity, claim: takenOver ? 'free' : claim, extension: extensionState(scaleSet, input.extension),
    ...(by === undefined ? {} : { claimedBy: by }),
    ...(pool.claim === undefined ? {} : { claimSeenAt: pool.claim.seenAt }),
    ...(pool.claim?.refreshedAt === undefined ? {} : { claimRefreshedAt: pool.claim.refreshedAt }),
    operationRunning: scaleSet.provisioning.toLowerCase() === 'updating',
    singlePlacementGroup: scaleSet.singlePlacementGroup,
    blockers: blockers(scaleSet),
  }
  return { known: true, at: reading.at, value }
}

/** A claim that stood still this long on our own clock may be taken over, once a person confirmed. */
const takeOverMs = 10 * 60_000

/** What makes growing wrong. The full list with fixes is the check of `core/checks.ts`. */
function blockers(scaleSet: AzureScaleSet): readonly string[] {
  return [
    ...(scaleSet.overprovision ? ['the scale set overprovisions machines; switch overprovisioning off.'] : []),
    ...(scaleSet.orchestration === 'uniform' ? [] : ['the scale set uses flexible orchestration; uniform is supported.']),
    ...(scaleSet.upgradePolicy.toLowerCase() === 'manual' ? [] : [`the scale set's upgrade policy is ${scaleSet.upgradePolicy}; set it to manual.`]),
  ]
}

function extensionState(scaleSet: AzureScaleSet, wanted: ExtensionEntry): ScaleSetState['extension'] {
  const found = scaleSet.extensions.find((each) => each.name === wanted.name)
  if (found === undefined) return 'absent'
  const same = found.publisher === wanted.publisher && found.type === wanted.type && JSON.stringify(sorted(found.settings)) === JSON.stringify(sorted(wanted.settings))
  return same ? 'current' : 'outdated'
}

function sorted(settings: Readonly<Record<string, unknown>>): readonly (readonly [string, unknown])[] {
  return Object.entries(settings).toSorted(([left], [right]) => (left < right ? -1 : 1))
}

function capabilitiesPart(record: PoolRecord, pool: PoolMemory, now: Instant): PoolSnapshot['capabilities'] {
  const declared = record.settings.capabilities
  if (pool.learned === undefined && Object.keys(declared).length === 0) return { known: false, why: 'no agent of this pool has been online yet' }
  return { known: true, at: pool.learned?.at ?? now, value: { ...pool.learned?.capabilities, ...declared } }
}

function capacityOf(reading: Reading<AzureScaleSet | undefined>): number {
  return reading.known && reading.value !== undefined ? reading.value.capacity : 0
}
