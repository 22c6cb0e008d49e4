/** Situations that may come up, for properties: any mixture of machines, jobs, limits, unknown and old parts. */
import fc from 'fast-check'
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { LeaveCause, Machine, PoolSnapshot, Stage } from '../../backend/core/snapshot.ts'
import { aJob, aMachine, aSnapshot, hour, minute, now, placeholder, second, someSettings } from '../support/build.ts'
import type { MachineOver, Part } from '../support/build.ts'

export type Situation = { readonly snapshot: PoolSnapshot; readonly settings: PoolSettings }

export const stages: readonly Stage[] = [
  'creating',
  'starting',
  'idle',
  'busy',
  'used',
  'draining',
  'disabled',
  'offline',
  'unregistered',
  'reimaging',
  'deleting',
  'failed',
  'saved',
  'unclear',
  'foreign',
]

export const leaveCauses: readonly LeaveCause[] = [
  'surplus',
  'used',
  'disabled-by-person',
  'asked-by-person',
  'failed-to-start',
  'failed-to-restart',
  'creation-failed',
  'extension-failed',
  'went-offline',
  'pool-deleted',
  'stopped',
]

const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: 5 })
const times = fc.constantFrom(0, 30 * second, 2 * minute, 6 * minute, 12 * minute, 31 * minute, 3 * hour)
const order = fc.record({ order: fc.constantFrom('delete' as const, 'reimage' as const), by: fc.constant('Ada'), force: fc.boolean() })

const machine: fc.Arbitrary<MachineOver> = fc
  .record({
    stage: fc.constantFrom(...stages, 'idle' as const, 'idle' as const, 'busy' as const),
    forMs: times,
    generation: fc.integer({ min: 1, max: 3 }),
    asked: rarely(order),
    warm: rarely(fc.constant(true as const)),
    oldModel: rarely(fc.constant(true as const)),
    unseen: rarely(fc.constant(true as const)),
    requestId: rarely(fc.integer({ min: 500, max: 510 })),
    cause: fc.constantFrom(...leaveCauses),
    next: fc.constantFrom('delete', 'reimage'),
    failed: fc.constantFrom('creation-failed', 'extension-failed', 'stopped'),
    agent: fc.constantFrom('as usual', 'online', 'offline', 'off'),
    after: fc.constantFrom('create', 'reimage'),
  })
  .map(({ stage, forMs, generation, asked, warm, oldModel, unseen, requestId, cause, next, failed, agent, after }) =>
    Object.fromEntries(
      Object.entries({
        stage,
        forMs,
        generation,
        asked,
        warm,
        oldModel,
        requestId: mayHaveJob.has(stage) && !(mayLackAgent.has(stage) && agent === 'as usual') ? requestId : undefined,
        agent: mayLackAgent.has(stage) ? agentStates[agent] : undefined,
        ...(stage === 'draining' || stage === 'unregistered' ? { cause, next } : {}),
        ...(stage === 'draining' ? { unseen } : {}),
        ...(stage === 'failed' ? { cause: failed } : {}),
        ...(stage === 'starting' ? { after } : {}),
      }).filter(([, value]) => value !== undefined),
    ),
  ) as fc.Arbitrary<MachineOver>

const mayHaveJob: ReadonlySet<Stage> = new Set(['draining', 'disabled', 'offline', 'failed', 'saved', 'busy'])
const mayLackAgent: ReadonlySet<Stage> = new Set(['starting', 'failed', 'saved'])
const agentStates: Readonly<Record<string, MachineOver['agent']>> = {
  'as usual': undefined,
  online: { online: true, enabled: true },
  offline: { online: false, enabled: true },
  off: { online: true, enabled: false },
}

const machines: fc.Arbitrary<readonly Machine[]> = fc
  .array(machine, { maxLength: 14 })
  .map((overs) => overs.map((over, index) => aMachine({ n: index + 1, ...over })))

const job = fc.record({
  demands: fc.constantFrom<readonly string[]>([], [], ['Agent.OS -equals Linux'], ['maven']),
  agentId: rarely(fc.integer({ min: 101, max: 110 })),
  passedOverSince: rarely(times.map((ms) => now - ms)),
})

const jobs = fc
  .array(job, { maxLength: 8 })
  .map((overs) =>
    overs.map((over, index) =>
      aJob({ ...Object.fromEntries(Object.entries(over).filter(([, each]) => each !== undefined)), requestId: index + 1 }),
    ),
  )

const parts: readonly Part[] = ['jobs', 'agents', 'scaleSet', 'machines']
const someTimes = fc
  .array(fc.integer({ min: 0, max: 90 * second }), { maxLength: 5 })
  .map((ages) => ages.toSorted((a, b) => b - a).map((age) => now - age))

const other = fc.record({ online: fc.boolean(), enabled: fc.boolean(), busy: fc.boolean() })
const orphan = fc.record({
  online: fc.boolean(),
  enabled: fc.boolean(),
  since: times.map((ms) => now - ms),
  requestId: rarely(fc.constant(77)),
})

const settings: fc.Arbitrary<PoolSettings> = fc
  .record({
    tearDownAfterUse: fc.boolean(),
    savedMax: fc.integer({ min: 0, max: 3 }),
    machinesMax: fc.integer({ min: 1, max: 16 }),
    standby: fc.integer({ min: 0, max: 5 }),
    startMinutesMax: fc.constantFrom(5, 10, 20),
    paused: fc.constantFrom(false, false, false, false, false, false, true),
    deleting: fc.constantFrom(false, false, false, false, true),
  })
  .map((over) => someSettings({ ...over, standby: Math.min(over.standby, over.machinesMax) }))

const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.constantFrom(usual, usual, usual, usual, usual, usual, ...others)

const scaleSet = fc.record({
  surplusCapacity: mostly(0, 1, 3, -1),
  claim: mostly('ours' as const, 'free' as const, 'other' as const, 'built-in' as const),
  extension: mostly('current' as const, 'outdated' as const, 'absent' as const),
  blockers: mostly<readonly string[]>([], ['The upgrade policy is Automatic, not Manual.']),
  claimRefreshedAt: times.map((ms) => now - ms),
})

/** Anything that `decide` may be asked about. */
export const situation: fc.Arbitrary<Situation> = fc
  .record({
    machines,
    jobs,
    settings,
    scaleSet,
    others: fc.array(other, { maxLength: 2 }),
    orphans: fc.array(orphan, { maxLength: 2 }),
    held: mostly<typeof placeholder | null>(placeholder, null, { ...placeholder, version: '3.0.0' }),
    capabilities: mostly<Readonly<Record<string, string>> | null>(placeholder.capabilities, null, { maven: '3' }),
    unknown: mostly<readonly Part[]>([], ...parts.map((each) => [each])),
    old: mostly<readonly (readonly [Part, number])[]>(
      [],
      ...parts.flatMap((each) => [[[each, minute] as const], [[each, 2 * minute] as const]]),
    ),
    asked: mostly(0, 1, 3),
    owed: mostly(0, 1, 2),
    deleteInFlight: fc.boolean(),
    azureBusyAt: rarely(times.map((ms) => now - ms)),
    recentUpdates: someTimes,
    rooms: mostly<PoolSnapshot['rooms']>(
      [],
      [{ kind: 'quota', machines: 1, detail: '2 of 100 cores are free.' }],
      [
        { kind: 'subnet', machines: 0, detail: 'the subnet is full' },
        { kind: 'quota', machines: 3, detail: '6 of 100 cores are free.' },
      ],
    ),
    growthTrouble: rarely(
      fc.record({
        code: fc.constant('AllocationFailed'),
        message: fc.constant('no capacity'),
        times: fc.integer({ min: 1, max: 8 }),
        lastAt: times.map((ms) => now - ms),
      }),
    ),
    bootTrouble: rarely(
      fc
        .record({ times: fc.integer({ min: 3, max: 8 }), tryInMs: fc.constantFrom(-minute, 0, 20 * minute) })
        .map(({ times: row, tryInMs }) => ({
          cause: 'hash-mismatch' as const,
          phase: 'package' as const,
          times: row,
          lastAt: now - minute,
          paused: { since: now - hour, tries: row - 3, tryAt: now + tryInMs },
        })),
    ),
    parallelJobsFree: rarely(fc.integer({ min: 0, max: 4 })),
    lowestSurplus: fc.option(fc.integer({ min: -3, max: 8 }), { nil: undefined }),
    peakDemand: fc.integer({ min: 0, max: 12 }),
    reimage: mostly<PoolSnapshot['reimage']>({}, { p50Ms: 10 * minute }),
    boot: mostly<PoolSnapshot['boot']>({}, { p50Ms: 2 * minute, p95Ms: 4 * minute }),
  })
  .map(({ settings: chosen, scaleSet: { surplusCapacity, ...set }, others, orphans, held, old, ...over }) => ({
    settings: chosen,
    snapshot: aSnapshot({
      ...over,
      placeholder: held,
      newestVersion: '4.248.0',
      ageMs: Object.fromEntries(old),
      scaleSet: {
        ...set,
        capacity: Math.max(0, over.machines.length + surplusCapacity),
        ...(set.claim === 'ours' ? {} : { claimedBy: 'somebody' }),
      },
      others: others.map((each, index) => ({ id: 800 + index, name: `other-${index}`, ...each })),
      orphans: orphans.map(({ requestId, ...each }, index) => ({
        id: 900 + index,
        name: `orphan-${index}`,
        ...each,
        ...(requestId === undefined ? {} : { requestId }),
      })),
    }),
  }))

/** A situation whose picture is complete, fresh, ours and not paused: the one in which most is decided. */
export const clearSituation: fc.Arbitrary<Situation> = situation.map(({ snapshot, settings: chosen }) => ({
  settings: { ...chosen, paused: false },
  snapshot: {
    ...snapshot,
    ...Object.fromEntries(
      (['jobs', 'agents', 'scaleSet', 'machines'] as const).map((part) => [
        part,
        snapshot[part].known ? { ...snapshot[part], at: now } : aSnapshot()[part],
      ]),
    ),
  },
}))

/** Many machines lost at once, and many out of the pool for being unhealthy. */
export const troubled: fc.Arbitrary<Situation> = fc
  .record({
    given: clearSituation,
    lost: fc.integer({ min: 0, max: 8 }),
    forMs: fc.constantFrom(6 * minute, 20 * minute, 40 * minute),
    out: fc.integer({ min: 0, max: 5 }),
  })
  .map(({ given: { snapshot, settings: chosen }, lost, forMs, out }) => ({
    settings: { ...chosen, machinesMax: 40, deleting: false },
    snapshot: aSnapshot({
      lowestSurplus: snapshot.lowestSurplus,
      jobs: snapshot.jobs.known ? snapshot.jobs.value : [],
      machines: [
        ...Array.from({ length: lost }, (_each, index) => aMachine({ n: index + 1, stage: 'offline', forMs })),
        ...Array.from({ length: out }, (_each, index) => aMachine({ n: index + 20, stage: 'unregistered', cause: 'went-offline' })),
        aMachine({ n: 30, stage: 'busy' }),
        aMachine({ n: 31, stage: 'idle' }),
      ],
    }),
  }))

const refusal = { code: 'ScopeLocked', message: 'locked', times: 2, freeAt: now + minute } as const
const steps = ['delete', 'reimage', 'refresh-claim', 'put-extension', 'unregister 101', 'drain 102', 'unregister 103'] as const

/** A pool one of whose steps was refused. */
export const refused: fc.Arbitrary<Situation> = fc
  .tuple(clearSituation, fc.constantFrom(...steps))
  .map(([{ snapshot, settings: chosen }, step]) => ({ settings: chosen, snapshot: { ...snapshot, refused: { [step]: refusal } } }))

/** A pool that wants to grow. */
export const hungry: fc.Arbitrary<Situation> = fc
  .tuple(clearSituation, fc.constantFrom(4, 40))
  .map(([{ snapshot, settings: chosen }, machinesMax]) => ({
    settings: { ...chosen, machinesMax, standby: 15, deleting: false },
    snapshot,
  }))
