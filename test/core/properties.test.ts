import fc from 'fast-check'
import { ageMsMax, decide } from '../../backend/core/decide.ts'
import type { Action, Decision } from '../../backend/core/decision.ts'
import { idleAgents } from '../../backend/core/demand.ts'
import { explain } from '../../backend/core/explain.ts'
import { breachOf, namedMachines } from '../../backend/core/invariants.ts'
import { totalMachines, updatesLeft } from '../../backend/core/limits.ts'
import { standbyAt } from '../../backend/core/schedule.ts'
import type { Machine } from '../../backend/core/snapshot.ts'
import { lineOf, minute, now } from '../support/build.ts'
import { clearSituation, situation } from './arbitrary.ts'
import type { Situation } from './arbitrary.ts'

/** One seed for all runs in CI; FC_SEED=N draws other situations. */
const runs = { numRuns: 1_200, seed: Number(process.env['FC_SEED'] ?? 20_261_121) }
const removing: ReadonlySet<Action['kind']> = new Set(['drain', 'unregister', 'delete', 'reimage', 'save'])

const decided = ({ snapshot, settings }: Situation): Decision => decide(snapshot, settings, now)
const machinesOf = ({ snapshot }: Situation): readonly Machine[] => (snapshot.machines.known ? snapshot.machines.value : [])

/** Holds for every situation; `arbitrary` narrows it down. */
function always(name: string, check: (given: Situation) => void, arbitrary: fc.Arbitrary<Situation> = situation): void {
  test(name, () => fc.assert(fc.property(arbitrary, check), runs))
}

describe('whatever the situation', () => {
  always('the same arguments give the same decision', (given) => {
    const before = JSON.stringify(given)
    expect(decided(given)).toEqual(decided(given))
    expect(JSON.stringify(given)).toBe(before)
  })

  always('every step keeps every invariant', (given) => {
    for (const step of decided(given).steps)
      expect([lineOf(step.action), breachOf(step, given.snapshot, given.settings, now)]).toEqual([lineOf(step.action), undefined])
  })

  always('no step names a machine that is foreign, unclear, or saved without an order', (given) => {
    const machines = new Map(machinesOf(given).map((machine) => [machine.id, machine]))
    for (const { action } of decided(given).steps)
      for (const { id } of namedMachines(action)) {
        const machine = machines.get(id)!
        expect(['foreign', 'unclear', 'deleting']).not.toContain(machine.stage)
        if (machine.stage === 'saved') expect(machine.asked !== undefined || given.settings.deleting || action.kind === 'save').toBe(true)
      }
  })

  always('no machine is named twice', (given) => {
    const names = decided(given).steps.flatMap(({ action }) => namedMachines(action).map(({ name }) => name))
    expect(names).toEqual([...new Set(names)])
  })

  always('a part that is unknown or too old stops every removal (S6)', (given) => {
    const { jobs, agents, scaleSet, machines } = given.snapshot
    const blind =
      [jobs, agents, scaleSet, machines].some((part) => !part.known) ||
      [jobs, agents, machines].some((part) => part.known && now - part.at > ageMsMax.removal)
    if (blind) expect(decided(given).steps.filter(({ action }) => removing.has(action.kind))).toEqual([])
  })

  always('growth ends at the maximum (S2)', (given) => {
    for (const { action } of decided(given).steps) {
      if (action.kind === 'grow') expect(totalMachines(given.snapshot) + action.by).toBeLessThanOrEqual(given.settings.machinesMax)
    }
  })

  always('a surplus leaves the standby and the waiting jobs their agents', (given) => {
    if (given.settings.deleting) return
    const { steps } = decided(given)
    const surplus = steps.filter(({ action }) => action.kind === 'drain' && action.cause === 'surplus').length
    if (surplus === 0) return
    const leaving = new Set(
      steps.filter(({ action }) => removing.has(action.kind)).flatMap(({ action }) => namedMachines(action).map(({ id }) => id)),
    )
    const stillIdle =
      idleAgents(given.snapshot) - machinesOf(given).filter((machine) => machine.stage === 'idle' && leaving.has(machine.id)).length
    expect(stillIdle).toBeGreaterThanOrEqual(standbyAt(given.settings, given.snapshot.wallTimeMs))
  })

  always('every step and every reason is one sentence', (given) => {
    const { steps, reasons } = decided(given)
    for (const reason of [...steps.map((step) => step.reason), ...reasons]) expect(explain(reason, now)).toMatch(/^\S.*[^.\s]\.$/s)
  })

  always('nothing but the claim is kept while the pool is paused', (given) => {
    const { steps, reasons } = decided({ ...given, settings: { ...given.settings, paused: true } })
    expect([steps.filter(({ action }) => action.kind !== 'refresh-claim'), reasons]).toEqual([[], [{ code: 'paused' }]])
  })

  always('a live claim is renewed in time, whatever grows and is recycled', (given) => {
    const { scaleSet } = given.snapshot
    const left = updatesLeft(given.snapshot, now)
    if (!scaleSet.known || scaleSet.value.claim !== 'ours' || left < 2) return
    const late = { ...scaleSet, value: { ...scaleSet.value, claimRefreshedAt: now - 6 * minute } }
    const { steps } = decided({ ...given, snapshot: { ...given.snapshot, scaleSet: late } })
    expect(steps.map(({ action }) => action.kind)).toContain('refresh-claim')
  })

  always('no more than four updates of the scale set leave in a minute', (given) => {
    const updates = new Set<Action['kind']>(['grow', 'ask-again', 'reimage', 'claim', 'refresh-claim', 'put-extension'])
    const sent = given.snapshot.recentUpdates.filter((at) => now - at < 60_000).length
    const sending = decided(given).steps.filter(({ action }) => updates.has(action.kind)).length
    if (sending > 0) expect(sent + sending).toBeLessThanOrEqual(4)
  })

  always(
    'the order of the lists does not change how much is done',
    (given) => {
      const turned = {
        ...given,
        snapshot: { ...given.snapshot, jobs: reversed(given.snapshot.jobs), machines: reversed(given.snapshot.machines) },
      }
      expect(amounts(decided(turned))).toEqual(amounts(decided(given)))
    },
    clearSituation.map(({ snapshot, settings }) => ({
      settings: { ...settings, tearDownAfterUse: false, deleting: false },
      snapshot: { ...snapshot, deleteInFlight: false, recentUpdates: [] },
    })),
  )

  always('a pool that is being deleted does not grow', (given) => {
    const { steps } = decided({ ...given, settings: { ...given.settings, deleting: true } })
    expect(steps.filter(({ action }) => action.kind === 'grow' || action.kind === 'restore' || action.kind === 'ask-again')).toEqual([])
  })
})

/** Machines to add, to take back, to take away. */
function amounts({ steps }: Decision): readonly number[] {
  const named = (kinds: ReadonlySet<Action['kind']>): number =>
    steps.reduce((sum, { action }) => sum + (kinds.has(action.kind) ? namedMachines(action).length : 0), 0)
  return [
    steps.reduce((sum, { action }) => sum + (action.kind === 'grow' ? action.by : 0), 0),
    named(new Set(['restore'])),
    named(removing),
  ]
}

function reversed<T>(part: T): T {
  const reading = part as { readonly known: boolean; readonly value: readonly unknown[] }
  return reading.known ? { ...part, value: reading.value.toReversed() } : part
}
