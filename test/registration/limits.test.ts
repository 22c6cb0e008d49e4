import { openDatabase } from '../../backend/store/database.ts'
import { createLimiter } from '../../backend/registration/limits.ts'
import { poolId } from '../store/support.ts'
import { claim, nonceFor, registrarOf } from './support.ts'

test('a window lets so many in, tells how long the rest waits, and begins anew', () => {
  const clock = { at: 0, now: () => clock.at }
  const limiter = createLimiter(clock, { times: 2, ms: 1_000 })
  expect([limiter.waitMs('a'), limiter.waitMs('a'), limiter.waitMs('b')]).toEqual([0, 0, 0])
  clock.at = 400
  expect([limiter.waitMs('a'), limiter.waitMs('b'), limiter.waitMs('b')]).toEqual([600, 0, 600])
  clock.at = 1_000
  expect(limiter.waitMs('a')).toBe(0)
})

test('names that a flood invents push out the oldest, and do not fill the memory', () => {
  const clock = { at: 0, now: () => clock.at }
  const limiter = createLimiter(clock, { times: 1, ms: 1_000 })
  limiter.waitMs('first')
  for (let name = 0; name < 9_999; name += 1) limiter.waitMs(`made up ${name}`)
  expect(limiter.waitMs('first')).toBe(1_000)
  limiter.waitMs('one more')
  expect(limiter.waitMs('first')).toBe(0)
})

describe('the door for machines', () => {
  test('slows down one machine, and no other', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    const { registrar, state } = registrarOf(database)
    for (let times = 0; times < 20; times += 1) await nonceFor(registrar)
    expect(await registrar.nonce({ poolId, machine: 'VMSS000003' }, '10.0.0.3')).toEqual({
      status: 429,
      error: 'Too many requests. Ask again later.',
      retryAfterMs: 60_000,
    })
    expect(await nonceFor(registrar, 'vmss000004')).toMatch(/^[0-9a-f]{32}$/)
    // Somebody else who takes its name does not shut it out.
    expect(await nonceFor(registrar, 'vmss000003', '10.0.0.4')).toMatch(/^[0-9a-f]{32}$/)
    state.nowMs += 60_000
    expect((await claim(registrar)).status).toBe(200)
    await database.close()
  })

  test('no address uses up a pool', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    const { registrar } = registrarOf(database)
    for (let at = 0; at < 700; at += 1) await registrar.nonce({ poolId, machine: `m${at}` }, '6.6.6.6')
    expect((await claim(registrar)).status).toBe(200)
    await database.close()
  })

  test('a flood from one address uses up nothing of the others, and reads nothing', async () => {
    const database = await openDatabase({ kind: 'sqlite-memory' })
    let reads = 0
    const { registrar } = registrarOf(database, undefined, {
      async pool() {
        reads += 1
        return undefined
      },
    })
    const flood = Array.from({ length: 5_000 }, (_, at) => registrar.nonce({ poolId: at, machine: `m${at}` }, '6.6.6.6'))
    const statuses = (await Promise.all(flood)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 429)).toHaveLength(4_400)
    expect(reads).toBe(600)
    expect((await registrar.nonce({ poolId, machine: 'vmss000003' }, '10.0.0.3')).status).toBe(403)
    await database.close()
  })
})
