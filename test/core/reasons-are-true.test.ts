/** A reason that names a limit is the truth: lift that limit alone, and something else is decided. */
import fc from 'fast-check'
import { decide } from '../../backend/core/decide.ts'
import type { Decision, Reason, ReasonCode } from '../../backend/core/decision.ts'
import type { Machine } from '../../backend/core/snapshot.ts'
import { aMachine, aSnapshot, lineOf, minute, now } from '../support/build.ts'
import { hungry, refused, situation, troubled } from './arbitrary.ts'
import type { Situation } from './arbitrary.ts'

type Lift = (given: Situation, reason: never) => Situation
type Of<C extends ReasonCode> = Extract<Reason, { readonly code: C }>

const withSnapshot = (given: Situation, change: Partial<Situation['snapshot']>): Situation => ({
  ...given,
  snapshot: { ...given.snapshot, ...change },
})
const without = (given: Situation, part: 'growthTrouble' | 'bootTrouble' | 'parallelJobsFree' | 'azureBusyAt' | 'refused'): Situation => {
  const { [part]: _lifted, ...snapshot } = given.snapshot
  return { ...given, snapshot }
}
const withScaleSet = (given: Situation, change: object): Situation => {
  const { scaleSet } = given.snapshot
  return scaleSet.known ? withSnapshot(given, { scaleSet: { ...scaleSet, value: { ...scaleSet.value, ...change } } }) : given
}
const withMachines = (given: Situation, change: (machine: Machine, index: number) => readonly Machine[]): Situation => {
  const { machines } = given.snapshot
  return machines.known ? withSnapshot(given, { machines: { ...machines, value: machines.value.flatMap(change) } }) : given
}
const withJob = (given: Situation, requestId: number, change: object): Situation => {
  const { jobs } = given.snapshot
  return jobs.known
    ? withSnapshot(given, {
        jobs: { ...jobs, value: jobs.value.map((job) => (job.requestId === requestId ? { ...job, ...change } : job)) },
      })
    : given
}
const partOf = { jobs: 'jobs', agents: 'agents', 'scale-set': 'scaleSet', machines: 'machines' } as const

/** Reasons for what is done, or for one machine; every other names a limit. */
type NoLimit =
  | 'need'
  | 'enough'
  | 'learn-capabilities'
  | 'owed'
  | 'leaves'
  | 'leave-together'
  | 'saved'
  | 'restored'
  | 'orphan'
  | 'stays'
  | 'upkeep'
  | 'placeholder'
  | 'invariant'

/** How each limit is lifted, everything else left as it is. A new reason is a limit unless it is named above. */
const lifts = {
  paused: (given) => ({ ...given, settings: { ...given.settings, paused: false } }),
  maximum: (given) => ({ ...given, settings: { ...given.settings, machinesMax: 1_000 } }),
  room: (given, reason: Of<'room'>) => withSnapshot(given, { rooms: given.snapshot.rooms.filter(({ kind }) => kind !== reason.kind) }),
  'update-rate': (given) => withSnapshot(given, { recentUpdates: [] }),
  'backing-off': (given) => without(given, 'growthTrouble'),
  'boot-trouble': (given) => without(given, 'bootTrouble'),
  'scale-set-blocked': (given) => withScaleSet(given, { blockers: [] }),
  'not-ours': (given) => withScaleSet(given, { claim: 'ours' }),
  unknown: (given, reason: Of<'unknown'>) =>
    withSnapshot(given, { [partOf[reason.part]]: aSnapshot({ machines: [leaver] })[partOf[reason.part]] }),
  'too-old': (given, reason: Of<'too-old'>) =>
    withSnapshot(given, { [partOf[reason.part]]: { ...given.snapshot[partOf[reason.part]], at: now } }),
  'parallel-jobs': (given) => without(given, 'parallelJobsFree'),
  'passed-over': (given, reason: Of<'passed-over'>) => withJob(given, reason.requestId, { passedOverSince: now }),
  'no-agent-could-take': (given, reason: Of<'no-agent-could-take'>) => withJob(given, reason.requestId, { demands: [] }),
  'azure-busy': (given) => without(given, 'azureBusyAt'),
  refused: (given) => without(given, 'refused'),
  'delete-in-flight': (given) => withSnapshot(given, { deleteInFlight: false }),
  // The budget is a share of the machines: with many more healthy ones, more may go.
  'unhealthy-budget': (given) => withMachines(given, (machine, index) => (index === 0 ? [machine, ...crowd] : [machine])),
  'mass-failure': (given) =>
    withMachines(given, (machine) => [
      machine.stage === 'offline' || machine.stage === 'failed' ? { ...machine, since: now - 60 * minute } : machine,
    ]),
} satisfies Record<Exclude<ReasonCode, NoLimit>, Lift>

const crowd: readonly Machine[] = Array.from({ length: 200 }, (_each, index) => ({
  id: `c${index}`,
  name: `c${index}`,
  generation: 1,
  since: now,
  stage: 'saved',
}))

const leaver = aMachine({ n: 90, stage: 'disabled' })

/** "No machine leaves" is only true or false when one is due to: where the reason says so, one is. */
function asked(given: Situation, reason: Reason): Situation {
  if (!('stops' in reason) || reason.stops === 'growth') return given
  const { machines } = given.snapshot
  return machines.known ? withSnapshot(given, { machines: { ...machines, value: [...machines.value, leaver] } }) : given
}

/** The decision without the reasons of the lifted limit: that they are gone is no change yet. */
function said({ steps, reasons, wanted }: Decision, lifted: Reason): string {
  const limit = (reason: Reason): string => (reason.code === 'room' ? reason.kind : reason.code)
  const others = reasons.filter((reason) => limit(reason) !== limit(lifted))
  return JSON.stringify([wanted, steps.map(({ action, reason }) => [lineOf(action), reason]), others])
}

describe.each(Object.entries(lifts) as [keyof typeof lifts, Lift][])('"%s" lifted', (code, lift) => {
  test('changes the decision', () => {
    let met = 0
    fc.assert(
      fc.property(fc.oneof(situation, troubled, hungry, refused), (given) => {
        for (const reason of decide(given.snapshot, given.settings, now).reasons.filter((each) => each.code === code)) {
          const bound = asked(given, reason)
          const decision = decide(bound.snapshot, bound.settings, now)
          // A machine more may bring another limit to the fore.
          if (!decision.reasons.some((each) => each.code === code)) continue
          met += 1
          const lifted = lift(bound, reason as never)
          const after = decide(lifted.snapshot, lifted.settings, now)
          expect(said(after, reason)).not.toBe(said(decision, reason))
          expect(after.reasons).not.toContainEqual(reason)
        }
      }),
      { numRuns: 900, seed: Number(process.env['FC_SEED'] ?? 20_261_121) },
    )
    expect(met).toBeGreaterThan(0)
  })
})
