import { decide } from '../../backend/core/decide.ts'
import { aSnapshot, lineOf, minute, now, second, someJobs, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'

test('after Azure refused a removal because it was busy, removals wait for 30 s; growth does not', () => {
  const at = (agoMs: number) => {
    const machines = someMachines({ stage: 'unregistered' }, { stage: 'unregistered' })
    const { steps, reasons } = decide(aSnapshot({ machines, jobs: someJobs(1), azureBusyAt: now - agoMs }), someSettings(), now)
    return { steps: steps.map(({ action }) => lineOf(action)), why: reasons.find(({ code }) => code === 'azure-busy') }
  }
  expect(at(30 * second - 1)).toEqual({ steps: ['grow 1'], why: { code: 'azure-busy', waiting: 2, freeAt: now + 1 } })
  expect(at(30 * second)).toEqual({ steps: ['grow 1', 'delete m1 m2'], why: undefined })
})

describe('removals of one pass', () => {
  const at = (machines: readonly MachineOver[], over: SnapshotOver = {}, settings = {}) => {
    const { steps, reasons } = decide(aSnapshot({ machines: someMachines(...machines), ...over }), someSettings(settings), now)
    return { steps: steps.map(({ action }) => lineOf(action)), reasons: reasons.map(({ code }) => code) }
  }
  const lost: MachineOver = { stage: 'unregistered', cause: 'went-offline' }

  test('are one in ten for being unhealthy; the others wait and it is said', () =>
    expect(at([lost, lost, lost])).toEqual({ steps: ['delete m1'], reasons: ['enough', 'unhealthy-budget'] }))

  test('do not count what comes back', () =>
    expect(at([lost, { ...lost, next: 'reimage' }])).toEqual({ steps: ['reimage m2', 'delete m1'], reasons: ['enough'] }))

  test('begin with the kind that has waited longest', () => {
    const used = (forMs: number): MachineOver => ({ stage: 'unregistered', cause: 'used', next: 'reimage', forMs })
    const surplus: MachineOver = { stage: 'unregistered', forMs: minute }
    const tearDown = { tearDownAfterUse: true, standby: 1 }
    expect(at([used(2 * minute), surplus], {}, tearDown).steps).toEqual(['reimage m1', 'delete m2'])
    expect(at([used(second), surplus], {}, tearDown).steps).toEqual(['delete m2', 'reimage m1'])
    expect(at([used(second), used(2 * minute), surplus], {}, { ...tearDown, standby: 2 }).steps).toEqual(['reimage m1 m2', 'delete m3'])
  })
})

test('what Azure owes is not asked for again before another update may be sent', () => {
  const steps = (updates: number) =>
    decide(aSnapshot({ owed: 2, recentUpdates: Array.from({ length: updates }, () => now) }), someSettings(), now).steps
  expect(steps(3).map(({ action }) => action.kind)).toEqual(['ask-again'])
  expect(steps(4)).toEqual([])
})

describe('a machine that is saved', () => {
  const saving = (over: MachineOver) =>
    decide(aSnapshot({ machines: someMachines(over) }), someSettings({ savedMax: 1 }), now).steps.map(({ action }) => action)
  const late: MachineOver = { stage: 'starting', forMs: 20 * minute }

  test('has its agent disabled, if it has one', () => {
    expect(saving(late)).toMatchObject([{ kind: 'save', cause: 'failed-to-start' }])
    expect(saving(late)[0]).not.toHaveProperty('agentId')
    expect(saving({ ...late, agent: { online: false } })).toMatchObject([{ kind: 'save', agentId: 101 }])
  })

  test('has it disabled again when it comes back enabled', () => {
    expect(saving({ stage: 'saved', agent: {} })).toMatchObject([{ kind: 'save', agentId: 101, cause: 'asked-by-person' }])
    expect(saving({ stage: 'saved', agent: { enabled: false } })).toEqual([])
    expect(saving({ stage: 'saved', agent: { online: false } })).toEqual([])
  })
})
