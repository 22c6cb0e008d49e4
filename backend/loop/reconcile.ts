/** One pass of one pool: read → observe → decide → check → write down → act → write down. */
import type { Decision, Step } from '../core/decision.ts'
import { decide, isActive } from '../core/decide.ts'
import { breachOf } from '../core/invariants.ts'
import type { Instant, Machine, PoolSnapshot } from '../core/snapshot.ts'
import { act } from './act.ts'
import { readReports, reportsByAzure } from './boots.ts'
import { entriesForChange, entriesForPause, entryForFailedStart, entryForIntent, entryForOrder } from './diagnostics.ts'
import { inquire } from './inquire.ts'
import { observe } from './observe.ts'
import { outcomeOf } from './outcome.ts'
import { rememberMassFailure } from './pool-memory.ts'
import type { PoolState } from './pool-state.ts'
import type { Boots } from './ports-boot.ts'
import { LeaseLost } from './ports.ts'
import type { HeldLease } from './ports-replicas.ts'
import type {
  Clock,
  Counts,
  ExtensionFor,
  Intent,
  IntentChange,
  Journal,
  JournalChange,
  Lease,
  Log,
  Metrics,
  PassRecord,
  PoolRecord,
  Settings,
} from './ports.ts'

export type PassParts = {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
  readonly journal: Journal
  readonly settings: Settings
  /** The pool's lease as it stands at this moment; undefined when another replica may hold it (S5). */
  readonly lease: (poolId: number) => HeldLease | undefined
  readonly boots: Boots
  readonly ownerId: string
  readonly extension: ExtensionFor
}

export type PassResult = {
  readonly snapshot: PoolSnapshot
  readonly decision: Decision
  readonly counts: Counts
  readonly at: Instant
  readonly forget: boolean
}

/** Makes one pass. Throws {@link LeaseLost} when another replica has taken over; nothing was changed then. */
export async function pass(parts: PassParts, state: PoolState, record: PoolRecord, signal: AbortSignal): Promise<PassResult> {
  const { clock, journal, ownerId } = parts
  const lease = parts.lease(record.poolId)
  if (lease === undefined) throw new LeaseLost()
  const startedAt = clock.now()
  await state.readings.refresh(state.isActive, signal)
  // After the lists: a failure that Azure shows was reported before, and the report names its cause.
  const reports = await readReports(parts.boots, state, record, clock.now())
  if (showsEndedAgent(state, reports)) state.readings.nudge()
  const asked = await inquire(state, record, clock, signal)
  const now = clock.now()
  const times = { at: now, wallTimeMs: clock.wallTimeMs() }
  const seen = observe({ state, record, reports, ownerId, extension: parts.extension, now, wallTimeMs: times.wallTimeMs })
  const decision = checked(decide(seen.snapshot, record.settings, now), seen.snapshot, record, now)
  const pool = rememberMassFailure(seen.pool, decision, now)
  const intents = decision.steps.map((step) => intentOf(step, record.poolId, lease, clock.newId(), seen.snapshot, now))
  const counts = countsOf(seen.snapshot)
  const entry: PassRecord = {
    ...times,
    counts,
    decision,
    snapshot: seen.snapshot,
    settingsVersion: record.version,
    tookMs: now - startedAt,
  }
  await journal.commit(record.poolId, lease, {
    ...pruned(seen.change),
    ...(pool === state.pool && !asked ? {} : { pool }),
    ...(intents.length === 0 ? {} : { newIntents: intents }),
    ...logOf([
      ...record.orders.map((order) => entryForOrder(order, seen.machines.get(order.machineId)?.name, times)),
      ...seen.failures.map((failure) => entryForFailedStart(failure, times)),
      ...entriesForPause(state.pool.bootTrouble, pool.bootTrouble, record.name, times),
      ...seen.ended.flatMap(({ intent, change }) => entriesForChange(intent, change, times)),
      ...intents.flatMap((intent) => entryForIntent(intent, times)),
    ]),
    ...tookOver(seen.ended.map(({ intent }) => intent)),
    pass: recordOf(state, entry),
  })
  for (const report of reportsByAzure(record.poolId, seen.failures, times)) await parts.boots.add(report)
  state.reports = seen.snapshot.machines.known ? reports.filter(({ machineId }) => !seen.machines.has(machineId)) : []
  remember(state, pool, seen.machines, [...state.intents.values(), ...intents], seen.change.intents ?? [])
  state.isActive = isActive(seen.snapshot) || decision.reasons.some((reason) => reason.code === 'too-old' && reason.stops === 'growth')
  reportPass(parts, record.poolId, seen, counts, clock.now() - startedAt)
  if (intents.length > 0) await carryOut(parts, state, record, { lease, intents, signal })
  return { snapshot: seen.snapshot, decision, counts, at: now, forget: intents.some((intent) => isPoolGone(intent, state)) }
}

/** A person's word for a take-over is used up by the claim that it led to, also by one whose answer got lost. */
function tookOver(ended: readonly Intent[]): Pick<JournalChange, 'tookOver'> {
  return ended.some(({ action }) => action.kind === 'claim') ? { tookOver: true } : {}
}

/** A one-job agent has ended, and the list that shows it at work is older. */
function showsEndedAgent(state: PoolState, reports: Awaited<ReturnType<typeof readReports>>): boolean {
  const agents = state.readings.get('agents')
  return reports.some(({ phase, at }) => phase === 'finished' && !(agents.known && agents.at >= at))
}

/** Sends the intents and writes down what became of them. */
async function carryOut(
  parts: PassParts,
  state: PoolState,
  record: PoolRecord,
  round: { lease: Lease; intents: readonly Intent[]; signal: AbortSignal },
): Promise<void> {
  const { clock, journal, ownerId, metrics } = parts
  const leftMs = (): number => {
    const held = parts.lease(record.poolId)
    return held?.epoch === round.lease.epoch ? held.leftMs : 0
  }
  const results = await act({ state, record, clock, ownerId, extension: parts.extension, leftMs, signal: round.signal }, round.intents)
  const now = clock.now()
  const times = { at: now, wallTimeMs: clock.wallTimeMs() }
  const outcome = outcomeOf(state, round.intents, results, now)
  const byId = new Map(round.intents.map((intent) => [intent.id, intent]))
  await journal.commit(record.poolId, round.lease, {
    ...(outcome.pool === state.pool ? {} : { pool: outcome.pool }),
    ...(outcome.machines.length === 0 ? {} : { machines: outcome.machines }),
    intents: outcome.intents,
    ...tookOver(outcome.intents.flatMap(({ id, state: end }) => (end === 'settled' ? (byId.get(id) ?? []) : []))),
    ...logOf(
      outcome.intents.flatMap((change) => {
        const intent = byId.get(change.id)
        return intent === undefined ? [] : entriesForChange(intent, change, times)
      }),
    ),
  })
  for (const change of outcome.intents)
    metrics.action(record.poolId, byId.get(change.id)?.action.kind ?? 'claim', change.state ?? 'written')
  const machines = new Map(state.machines)
  for (const memory of outcome.machines) machines.set(memory.id, memory)
  remember(state, outcome.pool, machines, [...state.intents.values()], outcome.intents)
}

/** Steps that would break an invariant are dropped, reported as a reason, and cleared by the next clean pass. */
function checked(decision: Decision, snapshot: PoolSnapshot, record: PoolRecord, now: Instant): Decision {
  const breaches = decision.steps.map((step) => ({ step, breach: breachOf(step, snapshot, record.settings, now) }))
  if (breaches.every(({ breach }) => breach === undefined)) return decision
  return {
    ...decision,
    steps: breaches.filter(({ breach }) => breach === undefined).map(({ step }) => step),
    reasons: [
      ...decision.reasons,
      ...breaches.flatMap(({ step, breach }) =>
        breach === undefined
          ? []
          : [{ code: 'invariant' as const, invariant: breach.invariant, action: step.action.kind, detail: breach.detail }],
      ),
    ],
  }
}

function intentOf(step: Step, poolId: number, lease: Lease, id: string, snapshot: PoolSnapshot, now: Instant): Intent {
  const capacity = snapshot.scaleSet.known ? snapshot.scaleSet.value.capacity : 0
  return {
    id,
    poolId,
    epoch: lease.epoch,
    action: step.action,
    reason: step.reason,
    state: 'written',
    writtenAt: now,
    changedAt: now,
    seen: [],
    ...(step.action.kind === 'grow' ? { capacity: { from: capacity, to: capacity + step.action.by } } : {}),
  }
}

function remember(
  state: PoolState,
  pool: PoolState['pool'],
  machines: PoolState['machines'],
  intents: readonly Intent[],
  changes: readonly IntentChange[],
): void {
  const byId = new Map(intents.map((intent) => [intent.id, intent]))
  for (const change of changes) {
    const intent = byId.get(change.id)
    if (intent !== undefined) byId.set(change.id, { ...intent, ...change })
  }
  for (const [id, intent] of byId)
    if (intent.state === 'settled' || intent.state === 'failed' || intent.state === 'superseded') byId.delete(id)
  state.pool = pool
  state.machines = machines
  state.intents = byId
}

/** A pass equal to the one before is counted, not written again. */
function recordOf(state: PoolState, entry: PassRecord): NonNullable<JournalChange['pass']> {
  const text = entry.decision.steps.length > 0 ? '' : JSON.stringify([entry.counts, entry.decision.reasons])
  const repeats = text !== '' && text === state.lastRecord
  state.lastRecord = text
  return repeats ? { repeatedAt: entry.at, wallTimeMs: entry.wallTimeMs } : entry
}

function pruned(change: ReturnType<typeof observe>['change']): Partial<JournalChange> {
  return Object.fromEntries(Object.entries(change).filter(([, list]) => list !== undefined && list.length > 0))
}

function logOf(log: NonNullable<JournalChange['log']>): Pick<JournalChange, 'log'> {
  return log.length === 0 ? {} : { log }
}

function isPoolGone(intent: Intent, state: PoolState): boolean {
  return intent.action.kind === 'delete-pool' && state.intents.get(intent.id)?.state === 'accepted'
}

function reportPass(parts: PassParts, poolId: number, seen: ReturnType<typeof observe>, counts: Counts, tookMs: number): void {
  parts.metrics.pass(poolId, counts, tookMs)
  for (const waitedMs of seen.started) parts.metrics.jobStarted(poolId, waitedMs)
  for (const { ms } of seen.booted) parts.metrics.booted(poolId, ms)
  if (seen.assignmentsLost > 0) parts.metrics.assignmentsLost(poolId, seen.assignmentsLost)
}

const groupOf: Readonly<Record<Machine['stage'], keyof Counts>> = {
  creating: 'starting',
  starting: 'starting',
  reimaging: 'starting',
  idle: 'idle',
  busy: 'busy',
  used: 'leaving',
  draining: 'leaving',
  disabled: 'leaving',
  unregistered: 'leaving',
  deleting: 'leaving',
  offline: 'failed',
  failed: 'failed',
  saved: 'saved',
  foreign: 'foreign',
  unclear: 'unclear',
}

/** The figures of a pass: jobs by state, machines by group. */
export function countsOf(snapshot: PoolSnapshot): Counts {
  const counts = {
    waiting: 0,
    running: 0,
    idle: 0,
    busy: 0,
    starting: 0,
    leaving: 0,
    failed: 0,
    saved: 0,
    foreign: 0,
    unclear: 0,
    total: 0,
    capacity: 0,
  }
  if (snapshot.jobs.known) for (const job of snapshot.jobs.value) counts[job.agentId === undefined ? 'waiting' : 'running'] += 1
  if (snapshot.machines.known)
    for (const machine of snapshot.machines.value) {
      counts[groupOf[machine.stage]] += 1
      counts.total += 1
    }
  if (snapshot.scaleSet.known) counts.capacity = snapshot.scaleSet.value.capacity
  return counts
}
