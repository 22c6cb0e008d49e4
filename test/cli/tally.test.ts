import { createTally } from '../../backend/cli/tally.ts'
import type { WorldEvent } from '../../backend/simulator/facts.ts'

const scaleSetId = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/linux'
type JobKind = Extract<WorldEvent, { readonly requestId: number }>['kind']
const job = (at: number, kind: JobKind, requestId: number, machine?: string): WorldEvent => ({
  at,
  kind,
  poolId: 1,
  requestId,
  ...(machine !== undefined && { machine }),
})
const removal = (at: number, kind: 'delete-accepted' | 'reimage-accepted', ...machines: readonly string[]): WorldEvent => ({
  at,
  kind,
  scaleSetId,
  machines,
})

function score(...events: readonly WorldEvent[]) {
  const tally = createTally(1)
  events.forEach(tally.add)
  return tally.score()
}

it('measures waits from queued to started', () => {
  const jobs = [10, 20, 30, 1_000].flatMap((wait, at) => [
    job(0, 'job-queued', at),
    job(wait, 'job-started', at, `${at}`),
    job(wait + 5, 'job-finished', at, `${at}`),
  ])
  expect(score(...jobs)).toEqual({ queued: 4, finished: 4, waits: { jobs: 4, p50Ms: 20, p95Ms: 1_000, longestMs: 1_000 }, busyKills: 0 })
})

it('has no quantile before a job has started', () => {
  expect(score(job(0, 'job-queued', 1))).toEqual({ queued: 1, finished: 0, waits: { jobs: 0 }, busyKills: 0 })
})

it.each(['delete-accepted', 'reimage-accepted'] as const)('counts a running job whose machine met %s', (kind) => {
  const begun = [job(0, 'job-queued', 1), job(5, 'job-started', 1, '3')]
  expect(score(...begun, removal(9, kind, '2', '3')).busyKills).toBe(1)
  expect(score(...begun, removal(9, kind, '2', '3'), job(600, 'job-abandoned', 1, '3')).busyKills).toBe(1)
})

it('counts an assigned job that had not started', () => {
  expect(score(job(0, 'job-queued', 1), job(5, 'job-assigned', 1, '3'), removal(9, 'delete-accepted', '3')).busyKills).toBe(1)
})

it('does not count a job that finished before or all the same', () => {
  const begun = [job(0, 'job-queued', 1), job(5, 'job-started', 1, '3')]
  expect(score(...begun, job(8, 'job-finished', 1, '3'), removal(9, 'delete-accepted', '3')).busyKills).toBe(0)
  expect(score(...begun, removal(9, 'delete-accepted', '3'), job(10, 'job-finished', 1, '3')).busyKills).toBe(0)
})

it('does not count a job that lost its agent to something else', () => {
  expect(
    score(job(0, 'job-queued', 1), job(5, 'job-started', 1, '3'), job(600, 'job-abandoned', 1, '3'), removal(700, 'delete-accepted', '3'))
      .busyKills,
  ).toBe(0)
})

it('counts its own pool only', () => {
  expect(score({ at: 0, kind: 'job-queued', poolId: 2, requestId: 9 }).queued).toBe(0)
})
