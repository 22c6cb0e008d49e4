/** Joins jobs, agents, machines and open intents into one snapshot, and settles intents whose effect is seen. */
import { parseClaim } from '../core/claim.ts'
import type { Action } from '../core/decision.ts'
import type { Instant, Machine, PoolSnapshot, ScaleSetState } from '../core/snapshot.ts'
import { rememberRead, tryAgain } from './boots.ts'
import { join, nextLife } from './join.ts'
import type { Joined } from './join.ts'
import { picture } from './picture.ts'
import type { ObserveInput } from './picture.ts'
import type { PoolState } from './pool-state.ts'
import { lowestSurplus, rememberJobs, rememberJoined, rememberLoad, rememberOrphans } from './pool-memory.ts'
import type { Intent, IntentChange, JournalChange, MachineMemory, PoolMemory, PoolRecord } from './ports.ts'
import type { Order } from './ports-people.ts'
import { expectedMachines, isOpen, mayAppear, settle, shareOut } from './settle.ts'
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
  readonly failures: Joined['failures']
  /** Waits of jobs seen to start now, in ms. */
  readonly started: readonly number[]
  /** Assignments seen now that an agent cannot take any more. */
  readonly assignmentsLost: number
}

const nothingJoined: Pick<Joined, 'gone' | 'booted' | 'failures' | 'changed'> = { gone: [], booted: [], failures: [], changed: [] }

/** Makes the picture of one pass from the latest readings. Does not read anything itself. */
export function observe(input: ObserveInput): Observation {
  const { state, record, now } = input
  const ordered = takeOrders(state, record)
  const intents = [...state.intents.values()]
  const joined = joinAll(input, ordered.machines, intents)
  const machines = joined?.memory ?? ordered.machines
  const shared = joined === undefined ? [] : shareOut(intents, joined.grown, now)
  const current = applyChanges(intents, shared)
  const ended = settleAll(input, current, machines)
  const begun = begunReimages(ended, machines, now)
  const open = applyChanges(
    current,
    ended.map((each) => each.change),
  ).filter(isOpen)
  const remembered = rememberAll(input, joined, machines, ended)
  const first = picture(input, remembered.pool, joined, machines, open)
  const pool = rememberLoad(rememberOwed(remembered.pool, first, open, now), first, record.settings, now)
  const { gone, booted, failures, changed: seen } = joined ?? nothingJoined
  const changed = [...ordered.changed, ...seen, ...begun]
  return {
    snapshot: withLoad(first, pool, record, now),
    pool,
    machines: begun.length === 0 ? machines : new Map([...machines, ...begun.map((each) => [each.id, each] as const)]),
    change: {
      machines: [...new Map(changed.map((each) => [each.id, each])).values()],
      forgottenMachines: gone.map((each) => each.id),
      intents: [...shared, ...ended.map((each) => each.change)],
      ordersTaken: record.orders.map((order) => order.id),
    },
    ended,
    booted,
    failures,
    started: remembered.started,
    assignmentsLost: joined?.secondJobs ?? 0,
  }
}

/** Open intents whose fate is seen now. Without a list of machines nothing is settled. */
function settleAll(input: ObserveInput, intents: readonly Intent[], memory: ReadonlyMap<string, MachineMemory>): Observation['ended'] {
  const listed = input.state.readings.get('machines')
  if (!listed.known) return []
  const reading = input.state.readings.get('scaleSet')
  const scaleSet = reading.known && reading.value !== undefined ? { at: reading.at, value: reading.value } : undefined
  const provisioning = new Map(listed.value.map((machine) => [machine.id, machine.provisioning]))
  const seen = { now: input.now, listedAt: listed.at, memory, provisioning, scaleSet, operations: input.state.operations }
  return intents.flatMap((intent) => {
    const change = isOpen(intent) ? settle(intent, seen) : undefined
    return change === undefined ? [] : [{ intent, change }]
  })
}

/** Machines whose reimage had no answer and is now seen to have begun. */
function begunReimages(
  settled: Observation['ended'],
  machines: ReadonlyMap<string, MachineMemory>,
  now: Instant,
): readonly MachineMemory[] {
  return settled
    .flatMap(({ intent, change }) => (intent.action.kind === 'reimage' && change.state === 'accepted' ? intent.action.machines : []))
    .flatMap(({ id, generation }) => {
      const memory = machines.get(id)
      return memory === undefined || memory.generation !== generation ? [] : [nextLife(memory, now)]
    })
}

/** Orders of people become part of the machines' memory. One for a machine that is gone is dropped. */
function takeOrders(
  state: PoolState,
  record: PoolRecord,
): { machines: ReadonlyMap<string, MachineMemory>; changed: readonly MachineMemory[] } {
  const { machines } = state
  const present = mayReplace(state.pool, record) ? [...machines.values()].filter((machine) => machine.ownedBy === 'none') : []
  if (record.orders.length === 0 && present.length === 0) return { machines, changed: [] }
  const after = new Map(machines)
  for (const machine of present)
    after.set(machine.id, {
      ...machine,
      ownedBy: 'adopted',
      asked: { order: 'delete', by: 'the person who created the pool', force: false },
    })
  for (const order of record.orders) {
    const machine = after.get(order.machineId)
    if (machine !== undefined) after.set(machine.id, obeyed(machine, order))
  }
  return { machines: after, changed: [...after.values()].filter((machine) => machines.get(machine.id) !== machine) }
}

/** Machines present at the claim are replaced once: what a stranger adds later is not meant by the person's word. */
function mayReplace(pool: PoolMemory, record: PoolRecord): boolean {
  return record.replaceConfirmed && pool.firstListedAt !== undefined && pool.replaced !== true
}

/** A saved machine that is ordered away stays saved until it goes: it never counts as one that is coming. */
function obeyed(machine: MachineMemory, { order, by, force }: Order): MachineMemory {
  const { saved: _saved, asked: _asked, ...rest } = machine
  switch (order) {
    case 'delete':
    case 'reimage':
      return { ...machine, ownedBy: machine.ownedBy === 'none' ? 'adopted' : machine.ownedBy, asked: { order, by, force } }
    case 'save':
      return { ...rest, saved: { cause: 'asked-by-person', by } }
    case 'unsave':
      return rest
    case 'adopt':
      return { ...machine, ownedBy: 'adopted' }
    case 'try-again':
    case 'disable':
    case 'enable':
      return machine
    default:
      return order satisfies never
  }
}

/** Notes the first complete list, and that the machines of it which a person gave up have been taken. */
function rememberReplaced(pool: PoolMemory, input: ObserveInput, joined: Joined | undefined): PoolMemory {
  const listed = pool.firstListedAt === undefined && joined !== undefined ? { ...pool, firstListedAt: input.now } : pool
  return mayReplace(input.state.pool, input.record) ? { ...listed, replaced: true } : listed
}

function joinAll(input: ObserveInput, remembered: ReadonlyMap<string, MachineMemory>, intents: readonly Intent[]): Joined | undefined {
  const listed = input.state.readings.get('machines')
  if (!listed.known) return undefined
  const deleting = new Map(
    intents
      .filter((intent) => isOpen(intent))
      .flatMap((intent) =>
        intent.action.kind === 'delete' ? intent.action.machines.map(({ id }) => [id, intent.changedAt] as const) : [],
      ),
  )
  const unsure = new Set(
    intents
      .filter((intent) => intent.action.kind === 'reimage' && isOpen(intent) && intent.state !== 'accepted')
      .flatMap((intent) => (intent.action.kind === 'reimage' ? intent.action.machines.map(({ id }) => id) : [])),
  )
  return join({
    listed,
    agents: input.state.readings.get('agents'),
    remembered,
    deleting,
    unsure,
    expected: expectedMachines(intents.filter((intent) => mayAppear(intent, input.now))),
    oneJob: input.record.settings.tearDownAfterUse,
    reports: input.reports,
    mayReport: !input.record.settings.tokenInModel,
    startMsMax: input.record.settings.startMinutesMax * 60_000,
    now: input.now,
  })
}

function applyChanges(intents: readonly Intent[], changes: readonly IntentChange[]): readonly Intent[] {
  if (changes.length === 0) return intents
  const byId = new Map(changes.map((change) => [change.id, change]))
  return intents.map((intent) => ({ ...intent, ...byId.get(intent.id) }))
}

function rememberAll(
  input: ObserveInput,
  joined: Joined | undefined,
  machines: ReadonlyMap<string, MachineMemory>,
  settled: Observation['ended'],
): { pool: PoolMemory; started: readonly number[] } {
  const { state, now } = input
  const before = rememberOrders(state.pool, input)
  const jobs = state.readings.get('jobs')
  const agents = state.readings.get('agents')
  const withJobs = jobs.known ? rememberJobs(before, jobs.value, now) : { memory: before, started: [] }
  const withMachines = joined === undefined ? withJobs.memory : rememberJoined(rememberRead(withJobs.memory, input.reports), joined, now)
  const names = new Set([...machines.values()].map((machine) => machine.name.toLowerCase()))
  const withOrphans = agents.known && joined !== undefined ? rememberOrphans(withMachines, agents.value, names, now) : withMachines
  return {
    pool: rememberReplaced(rememberClaim(troubleAfter(withOrphans, settled, now), input), input, joined),
    started: withJobs.started,
  }
}

function rememberOrders(pool: PoolMemory, { record, now }: ObserveInput): PoolMemory {
  return record.orders.some(({ order }) => order === 'try-again') ? tryAgain(pool, now) : pool
}

/** Our first observation of the present claim value, whoever's it is. */
function rememberClaim(before: PoolMemory, input: ObserveInput): PoolMemory {
  const reading = input.state.readings.get('scaleSet')
  if (!reading.known) return before
  if (reading.value === undefined) return before.scaleSetGoneSince === undefined ? { ...before, scaleSetGoneSince: input.now } : before
  const { scaleSetGoneSince: _back, ...back } = before
  const pool = before.scaleSetGoneSince === undefined ? before : back
  const { tag, claim } = parseClaim(reading.value.tags, input.ownerId, input.record.poolId)
  if (tag === undefined) return pool
  if (pool.claim?.value === tag.value) return pool
  return {
    ...pool,
    claim: { value: tag.value, seenAt: input.now, ...(claim === 'ours' ? { refreshedAt: pool.claim?.refreshedAt ?? input.now } : {}) },
  }
}

function withLoad(snapshot: PoolSnapshot, pool: PoolMemory, record: PoolRecord, now: Instant): PoolSnapshot {
  const lowest = lowestSurplus(pool, record.settings, now)
  const owed = pool.owed !== undefined && now - pool.owed.since >= owedMsMin ? pool.owed : undefined
  return {
    ...snapshot,
    ...(owed === undefined ? {} : { owed: owed.machines, owedSince: owed.since }),
    peakDemand: Math.max(0, pool.demand[0]?.[1] ?? 0),
    ...(lowest === undefined ? {} : { lowestSurplus: lowest }),
  }
}

/** Capacity above the list, with the instant since when it stands. */
function rememberOwed(pool: PoolMemory, snapshot: PoolSnapshot, open: readonly Intent[], now: Instant): PoolMemory {
  if (!snapshot.machines.known || !snapshot.scaleSet.known) return pool
  const kinds = new Set(open.map((intent) => intent.action.kind))
  const machines = owedNow(pool.owed?.machines ?? 0, snapshot.machines.value, snapshot.scaleSet.value, kinds)
  if (machines === (pool.owed?.machines ?? 0)) return pool
  const { owed: _before, ...rest } = pool
  return machines === 0 ? rest : { ...rest, owed: { machines, since: now } }
}

/**
 * None while growth may still bring them. Whether the capacity still counts machines that are being deleted is not known: what was
 * owed before is kept as far as either reading has room for it.
 */
function owedNow(
  before: number,
  machines: readonly Machine[],
  { capacity, operationRunning }: ScaleSetState,
  open: ReadonlySet<Action['kind']>,
): number {
  const isDeleting = open.has('delete')
  if (open.has('grow') || open.has('ask-again') || (operationRunning && !isDeleting)) return 0
  const least = Math.max(0, capacity - machines.length)
  const most = Math.max(0, capacity - machines.filter((machine) => machine.stage !== 'deleting').length)
  return isDeleting ? Math.min(most, Math.max(least, before)) : least
}
