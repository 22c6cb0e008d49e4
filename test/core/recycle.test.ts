import { nextLives } from '../../backend/core/recycle.ts'
import { aSnapshot, minute, now, someMachines, someSettings } from '../support/build.ts'
import type { MachineOver, SnapshotOver } from '../support/build.ts'

const used: MachineOver = { stage: 'used' }
const lives = (machines: readonly MachineOver[], over: SnapshotOver = {}, standby = 0, settings = {}): string =>
  [
    ...nextLives(
      aSnapshot({ ...over, machines: someMachines(...machines) }),
      someSettings({ tearDownAfterUse: true, ...settings }),
      standby,
      now,
    ).entries(),
  ]
    .map(([id, life]) => `${id} ${life}`)
    .join(', ')

test('machines whose job is over are those used, drained after their job, or out of the pool for it', () => {
  const machines: MachineOver[] = [
    used,
    { stage: 'draining', cause: 'used' },
    { stage: 'unregistered', cause: 'used' },
    { stage: 'draining', cause: 'used', requestId: 3 },
    { stage: 'draining' },
    { stage: 'unregistered' },
    { stage: 'used', asked: { order: 'delete', by: 'Ada', force: false } },
    { stage: 'busy' },
  ]
  expect(lives(machines, { peakDemand: 20 }, 0, { machinesMax: 40 })).toBe('1 reimage, 2 reimage, 3 reimage')
})

test('they come back while the pool is within the peak demand and the standby', () => {
  expect(lives([used, used, used, { stage: 'idle' }], { peakDemand: 2 }, 1)).toBe('1 reimage, 2 reimage, 3 delete')
})

test('what is coming and what is owed counts as the pool', () => {
  const around: MachineOver[] = [
    used,
    { stage: 'creating' },
    { stage: 'starting' },
    { stage: 'reimaging' },
    { stage: 'busy' },
    { stage: 'draining', cause: 'used', requestId: 3 },
  ]
  expect(lives(around, { peakDemand: 5 })).toBe('1 delete')
  expect(lives(around, { peakDemand: 6 })).toBe('1 reimage')
  expect(lives(around, { peakDemand: 7, asked: 1, owed: 1 })).toBe('1 delete')
})

test('what leaves for another reason does not count as the pool, and nothing counts twice', () => {
  expect(lives([used, { stage: 'draining', requestId: 3 }], { peakDemand: 1 })).toBe('1 reimage')
  expect(lives([{ stage: 'draining', cause: 'used' }, used], { peakDemand: 2 })).toBe('1 reimage, 2 reimage')
})

test('the maximum bounds it', () => expect(lives([used, { stage: 'idle' }], { peakDemand: 5 }, 0, { machinesMax: 1 })).toBe('1 delete'))
test('a pool that is deleted brings nothing back', () => expect(lives([used], { peakDemand: 5 }, 0, { deleting: true })).toBe('1 delete'))
test('nothing is known without a list', () => expect(nextLives(aSnapshot({ unknown: ['machines'] }), someSettings(), 0, now).size).toBe(0))

test('a reimage that takes more than a minute longer than a new machine is not worth it', () => {
  const measured = (bootMin: number, reimageMin: number): string =>
    lives([used], { peakDemand: 5, boot: { p50Ms: bootMin * minute }, reimage: { p50Ms: reimageMin * minute } })
  expect([measured(3, 4), measured(3, 5), lives([used], { peakDemand: 5, boot: { p50Ms: 1 } })]).toEqual([
    '1 reimage',
    '1 delete',
    '1 reimage',
  ])
})
