/** Incidents of autoscalers that wrote a capacity they had not read, or waited for what does not end. */
import { capacityOf, capacityWrites, machinesOf, minute, queue, replay, stateOf, stopReplays, tally, type Replay } from './replay.ts'

jest.setTimeout(60_000)
afterEach(stopReplays)

/** A pool whose machines all run a job of a day. */
async function busyPool(machines: number, options: Parameters<typeof replay>[0] = {}): Promise<{ pool: Replay; jobs: readonly number[] }> {
  const pool = await replay({ ...options, settings: { standby: 0, machinesMax: 300, ...options.settings } })
  const jobs = queue(pool, machines, 24 * 60)
  await pool.forMinutes(10)
  expect([capacityOf(pool), stateOf(pool, jobs)]).toEqual([machines, { running: machines }])
  return { pool, jobs }
}

test('kubernetes/autoscaler #3240: restarted while reads are throttled and writes are not, with 200 machines and 4 jobs more', async () => {
  const { pool, jobs } = await busyPool(200)
  const from = pool.time.now()
  pool.throttleReads('azure')
  pool.restart()
  const more = queue(pool, 4, 5)
  await pool.forMinutes(30)
  expect([capacityWrites(pool, from), capacityOf(pool), machinesOf(pool).length]).toEqual([[], 200, 200])
  pool.throttleReads(undefined)
  await pool.forMinutes(10)
  expect(capacityWrites(pool, from)).toEqual(['200 → 204'])
  expect([pool.killed, stateOf(pool, jobs), stateOf(pool, more)]).toEqual([[], { running: 200 }, { succeeded: 4 }])
})

test('kubernetes/autoscaler #7432: of 86 machines 38 are deleted without an end; 5 jobs more never write a capacity of 53', async () => {
  const pool = await replay({
    settings: { standby: 0, machinesMax: 300, idleDelayMinutes: 5 },
    world: { behaviours: { capacityFalls: 'completion' } },
  })
  const short = queue(pool, 38, 10)
  const long = queue(pool, 48, 24 * 60)
  await pool.forMinutes(6)
  expect([capacityOf(pool), stateOf(pool, short), stateOf(pool, long)]).toEqual([86, { running: 38 }, { running: 48 }])
  // Azure takes the deletes, never ends them, and tells nothing of their operations.
  pool.world.setFault('stuck-deleting', { rate: 1, sizeMs: 12 * 60 * minute })
  pool.world.setFault('operation-gone', { rate: 1 })
  await pool.forMinutes(40)
  expect(tally(machinesOf(pool).map(({ provisioningState }) => provisioningState))).toEqual({ Succeeded: 48, Deleting: 38 })
  const from = pool.time.now()
  const more = queue(pool, 5, 24 * 60)
  await pool.forMinutes(10)
  expect(tally(machinesOf(pool).map(({ provisioningState }) => provisioningState))).toEqual({ Succeeded: 53, Deleting: 38 })
  expect(capacityWrites(pool, from)).toEqual(['86 → 91'])
  expect([pool.killed, stateOf(pool, long), stateOf(pool, more)]).toEqual([[], { running: 48 }, { running: 5 }])
})

test('kubernetes/autoscaler #9452: the capacity of 90 machines is answered as 0 for a while, with a job more', async () => {
  const { pool, jobs } = await busyPool(90)
  const from = pool.time.now()
  pool.world.setFault('capacity-read-zero', { rate: 1 })
  const more = queue(pool, 1, 5)
  await pool.forMinutes(15)
  expect([capacityWrites(pool, from), machinesOf(pool).length]).toEqual([[], 90])
  pool.world.setFault('capacity-read-zero', undefined)
  await pool.forMinutes(10)
  expect(capacityWrites(pool, from)).toEqual(['90 → 91'])
  expect([pool.killed, stateOf(pool, jobs), stateOf(pool, more)]).toEqual([[], { running: 90 }, { succeeded: 1 }])
})

test('kubernetes/autoscaler #2620: after a scale-in the count stays one above the list; jobs are served without a restart', async () => {
  const pool = await replay({
    settings: { standby: 0, machinesMax: 40, idleDelayMinutes: 2 },
    world: { behaviours: { capacityFalls: 'late' } },
  })
  queue(pool, 9, 3)
  await pool.forMinutes(6)
  expect(capacityOf(pool)).toBe(9)
  // The answers of the deletes are lost, and the capacity falls later than the machines go.
  pool.world.setFault('azure-lost-after', { rate: 1, untilMs: pool.time.now() + 8 * minute })
  await pool.forMinutes(10)
  expect(pool.events.some(({ kind }) => kind === 'delete-accepted')).toBe(true)
  const pileUp = queue(pool, 22, 20)
  await pool.forMinutes(8)
  expect(stateOf(pool, pileUp)).toEqual({ running: 22 })
})

test('kubernetes/autoscaler #4051: three deletes hang for hours, and 200 machines are needed meanwhile', async () => {
  const pool = await replay({ settings: { standby: 0, machinesMax: 250, idleDelayMinutes: 2 } })
  queue(pool, 3, 2)
  await pool.forMinutes(4)
  pool.world.setFault('stuck-deleting', { rate: 1, sizeMs: 3 * 60 * minute })
  await pool.forMinutes(6)
  expect(tally(machinesOf(pool).map(({ provisioningState }) => provisioningState))).toEqual({ Deleting: 3 })
  const from = pool.time.now()
  const jobs = queue(pool, 200, 60)
  await pool.forMinutes(1)
  expect(capacityWrites(pool, from)).toEqual(['0 → 200'])
  await pool.forMinutes(4)
  expect(stateOf(pool, jobs)).toEqual({ running: 200 })
  expect(machinesOf(pool).filter(({ provisioningState }) => provisioningState === 'Deleting')).toHaveLength(3)
})

test('taskcluster #6641: more machines stopping than wanted, and the jobs that wait get theirs; none twice', async () => {
  const pool = await replay({ settings: { standby: 0, machinesMax: 60, idleDelayMinutes: 2 } })
  queue(pool, 20, 2)
  await pool.forMinutes(4)
  pool.world.setFault('slow-delete', { rate: 1, sizeMs: 60 * minute })
  await pool.forMinutes(8)
  expect(machinesOf(pool).filter(({ provisioningState }) => provisioningState === 'Deleting').length).toBeGreaterThanOrEqual(19)
  const from = pool.time.now()
  const jobs = queue(pool, 8, 3)
  await pool.forMinutes(10)
  expect(stateOf(pool, jobs)).toEqual({ succeeded: 8 })
  expect(capacityWrites(pool, from).length).toBe(1)
})

test('kedacore/keda #7747: a job that runs is not asked for again', async () => {
  const pool = await replay({ settings: { standby: 0, machinesMax: 20 } })
  const jobs = queue(pool, 3, 90)
  await pool.forMinutes(60)
  expect([capacityWrites(pool), machinesOf(pool).length, stateOf(pool, jobs)]).toEqual([['0 → 1', '1 → 3'], 3, { running: 3 }])
})
