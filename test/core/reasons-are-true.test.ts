/** A reason that names a limit is the truth: lift that limit alone, and something else is decided. */
import fc from 'fast-check'
import { decide } from '../../backend/core/decide.ts'
import type { Decision, Reason, ReasonCode } from '../../backend/core/decision.ts'
import type { Machine } from '../../backend/core/snapshot.ts'
import { aSnapshot, lineOf, minute, now, unknown } from '../support/build.ts'
import { situation } from './arbitrary.ts'
import type { Situation } from './arbitrary.ts'

type Lift = (given: Situation, reason: never) => Situation
type Of<C extends ReasonCode> = Extract<Reason, { readonly code: C }>

const withSnapshot = (given: Situation, change: Partial<Situation['snapshot']>): Situation => ({ ...given, snapshot: { ...given.snapshot, ...change } })
const without = (given: Situation, part: 'growthTrouble' | 'parallelJobsFree'): Situation => {
  const { [part]: _lifted, ...snapshot } = given.snapshot
  return { ...given, snapshot }
}
const withScaleSet = (given: Situation, change: object): Situation => {
  const { scaleSet } = given.snapshot
  return scaleSet.known ? withSnapshot(given, { scaleSet: { ...scaleSet, value: { ...scaleSet.value, ...change } } }) : given
}
const withMachines = (given: Situation, change: (machine: Machine) => readonly Machine[]): Situation => {
  const { machines } = given.snapshot
  return machines.known ? withSnapshot(given, { machines: { ...machines, value: machines.value.flatMap(change) } }) : given
}
const withJob = (given: Situation, requestId: number, change: object): Situation => {
  const { jobs } = given.snapshot
  return jobs.known ? withSnapshot(given, { jobs: { ...jobs, value: jobs.value.map((job) => (job.requestId === requestId ? { ...job, ...change } : job)) } }) : given
}
const partOf = { jobs: 'jobs', agents: 'agents', 'scale-set': 'scaleSet', machines: 'machines' } as const

/** How each limit is lifted, everything else left as it is. */
const lifts = {
  paused: (given) => ({ ...given, settings: { ...given.settings, paused: false } }),
  maximum: (given) => ({ ...given, settings: { ...given.settings, machinesMax: 1_000 } }),
  room: (given, reason: Of<'room'>) => withSnapshot(given, { rooms: given.snapshot.rooms.filter(({ kind }) => kind !== reason.kind) }),
  'update-rate': (given) => withSnapshot(given, { recentUpdates: [] }),
  'backing-off': (given) => without(given, 'growthTrouble'),
  'scale-set-blocked': (given) => withScaleSet(given, { blockers: [] }),
  'not-ours': (given) => withScaleSet(given, { claim: 'ours' }),
  unknown: (given, reason: Of<'unknown'>) => withSnapshot(given, { [partOf[reason.part]]: aSnapshot()[partOf[reason.part]] }),
  'too-old': (given, reason: Of<'too-old'>) => withSnapshot(given, { [partOf[reason.part]]: { ...given.snapshot[partOf[reason.part]], at: now } }),
  'parallel-jobs': (given) => without(given, 'parallelJobsFree'),
  'passed-over': (given, reason: Of<'passed-over'>) => withJob(given, reason.requestId, { passedOverSince: now }),
  'no-agent-could-take': (given, reason: Of<'no-agent-could-take'>) => withJob(given, reason.requestId, { demands: [] }),
  'delete-in-flight': (given) => withSnapshot(given, { deleteInFlight: false }),
  // The budget is a share of the machines: with many more healthy ones, more may go.
  'unhealthy-budget': (given) => withMachines(given, (machine) => [machine, ...crowd(machine)]),
  'mass-failure': (given) => withMachines(given, (machine) => [machine.stage === 'offline' || machine.stage === 'failed' ? { ...machine, since: now - 60 * minute } : machine]),
} satisfies Partial<Record<ReasonCode, Lift>>

function crowd(machine: Machine): readonly Machine[] {
  if (machine.id !== '1') return []
  return Array.from({ length: 200 }, (_each, index) => ({ id: `c${index}`, name: `c${index}`, generation: 1, since: now, stage: 'saved' }))
}

const said = ({ steps, reasons }: Decision): string => JSON.stringify([steps.map(({ action, reason }) => [lineOf(action), reason]), reasons])

describe.each(Object.entries(lifts) as [keyof typeof lifts, Lift][])('"%s" lifted', (code, lift) => {
  test('changes what is decided or said', () => {
    let met = 0
    fc.assert(
      fc.property(situation, (given) => {
        const decision = decide(given.snapshot, given.settings, now)
        for (const reason of decision.reasons.filter((each) => each.code === code)) {
          met += 1
          const lifted = lift(given, reason as never)
          const after = decide(lifted.snapshot, lifted.settings, now)
          expect(said(after)).not.toBe(said(decision))
          expect(after.reasons).not.toContainEqual(reason)
        }
      }),
      { numRuns: 1_500 },
    )
    expect(met).toBeGreaterThan(5)
  })
})

void unknown
