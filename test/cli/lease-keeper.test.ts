import type { ServiceClock } from '../../backend/adapters/clock.ts'
import { createLeaseKeeper, paces } from '../../backend/cli/lease-keeper.ts'
import type { Holding, Leases } from '../../backend/store/lease.ts'

const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const pools = async (): Promise<readonly number[]> => [7]
const never = (): boolean => false
const pace = paces.sqlite

/** A clock that only moves when the keeper sleeps; `rounds` sleeps later it stops the keeper. */
function fakeClock(rounds: number, speed = 1) {
  const stop = new AbortController()
  let now = 0
  let left = rounds
  let wall = 1_700_000_000_000
  const clock = {
    speed,
    now: () => now,
    catchUp: (at: number) => void (now = Math.max(now, at)),
    real: {
      wallTimeMs: () => wall,
      sleep: async (ms: number) => {
        wall += ms
        now += ms * speed
        left -= 1
        if (left === 0) stop.abort()
      },
    },
  } as unknown as ServiceClock
  const advance = (ms: number): void => {
    now += ms
    wall += ms / speed
  }
  return { clock, stop: stop.signal, advance, setWall: (ms: number) => void (wall += ms) }
}

type Held = Leases & { released: number }

/** Leases that hold pool 7, unless told otherwise. */
function fakeLeases(clock: ServiceClock, look?: (hold: () => Holding) => Promise<Holding>): Held {
  const lease = { scope: 'pool/7', epoch: 4, holder: 'us' }
  const hold = (): Holding => ({
    validUntil: clock.now() + pace.leaseMs * clock.speed,
    lease: (poolId) => (poolId === 7 ? lease : undefined),
  })
  const leases: Held = {
    released: 0,
    look: async () => (look === undefined ? hold() : look(hold)),
    release: async () => void (leases.released += 1),
  }
  return leases
}

const elsewhere = (clock: ServiceClock): Holding => ({
  validUntil: clock.now(),
  lease: () => undefined,
  heldBy: { holder: 'them', forMs: 12_300 },
})

it('holds what it got from the start, renews it, and gives it back once', async () => {
  const { clock, stop } = fakeClock(10)
  const leases = fakeLeases(clock)
  const keeper = await createLeaseKeeper({ leases, pools, pace, clock, log })
  await keeper.run(stop, never)
  expect([keeper.current(7), keeper.problem()]).toEqual([{ scope: 'pool/7', epoch: 4, holder: 'us', leftMs: 15_000 }, undefined])
  expect(keeper.current(8)).toBeUndefined()
  await keeper.release()
  await keeper.release()
  expect([keeper.current(7), leases.released]).toEqual([undefined, 1])
})

it('trusts the lease no longer than it certainly holds, however fast the clock runs', async () => {
  for (const speed of [1, 60]) {
    const { clock, advance } = fakeClock(1, speed)
    const keeper = await createLeaseKeeper({ leases: fakeLeases(clock), pools, pace, clock, log })
    advance(24_999 * speed)
    expect(keeper.current(7)?.leftMs).toBeCloseTo(1)
    advance(2 * speed)
    expect([keeper.current(7), keeper.problem()]).toEqual([
      undefined,
      'The lease has run out, because it was not renewed in time; it is asked for again.',
    ])
  }
})

it('trusts no lease after its computer was suspended, until it has looked again; a clock that is set back changes nothing', async () => {
  const { clock, stop, setWall } = fakeClock(2)
  const keeper = await createLeaseKeeper({ leases: fakeLeases(clock), pools, pace: { ...pace, elsewhere: true }, clock, log })
  setWall(-3_600_000)
  expect(keeper.current(7)?.leftMs).toBe(25_000)
  setWall(3_600_000 + 24_000)
  expect(keeper.current(7)?.leftMs).toBe(1_000)
  setWall(1_000)
  expect([keeper.current(7), keeper.problem()]).toEqual([undefined, expect.stringContaining('it is asked for again')])
  await keeper.run(stop, never)
  expect(keeper.current(7)?.leftMs).toBe(25_000 - pace.renewMs)
})

it('asks no wall clock where no other computer can take over', async () => {
  const { clock, setWall } = fakeClock(2)
  const keeper = await createLeaseKeeper({ leases: fakeLeases(clock), pools, pace, clock, log })
  setWall(3_600_000)
  expect(keeper.current(7)?.leftMs).toBe(25_000)
})

it('says who holds it while it stands by, and takes it when it is free', async () => {
  const { clock, stop } = fakeClock(3)
  let asked = 0
  const leases = fakeLeases(clock, async (hold) => (++asked < 3 ? elsewhere(clock) : hold()))
  const keeper = await createLeaseKeeper({ leases, pools, pace, clock, log })
  expect(keeper.problem()).toBe('Replica them holds the lease for 13 s more; this one stands by.')
  await keeper.run(stop, never)
  expect([keeper.current(7)?.epoch, keeper.problem()]).toEqual([4, undefined])
})

it('survives two looks that fail, and stops changing things after the third', async () => {
  const { clock, stop } = fakeClock(2)
  let asked = 0
  const leases = fakeLeases(clock, async (hold) => (++asked === 1 ? hold() : Promise.reject(new Error('disk full'))))
  const keeper = await createLeaseKeeper({ leases, pools, pace, clock, log })
  await keeper.run(stop, never)
  expect(keeper.current(7)).toBeDefined()
  await clock.real.sleep(pace.renewMs, stop)
  expect(keeper.problem()).toBe('The lease could not be renewed: disk full')
})

it('holds nothing once another replica has taken it', async () => {
  const { clock, stop } = fakeClock(2)
  let asked = 0
  const leases = fakeLeases(clock, async (hold) => (++asked === 1 ? hold() : elsewhere(clock)))
  const keeper = await createLeaseKeeper({ leases, pools, pace, clock, log })
  await keeper.run(stop, never)
  expect(keeper.current(7)).toBeUndefined()
})

it('catches up with the line of the replica that is ahead', async () => {
  const { clock } = fakeClock(1)
  await createLeaseKeeper({ leases: fakeLeases(clock, async (hold) => ({ ...hold(), othersAt: 7_000 })), pools, pace, clock, log })
  expect(clock.now()).toBe(7_000)
})

it('looks at the pools there are, and says which of them pass and whether it is well', async () => {
  const { clock, stop } = fakeClock(3)
  const asked: unknown[] = []
  const leases: Leases = {
    ...fakeLeases(clock),
    async look(of, { isPassing, isUnwell } = {}) {
      asked.push([of, isPassing?.(7), isUnwell])
      return elsewhere(clock)
    },
  }
  const keeper = await createLeaseKeeper({ leases, pools, pace, clock, log, isUnwell: () => clock.now() > 0 })
  await keeper.run(stop, (poolId) => poolId === 7)
  expect(asked).toEqual([
    [[7], undefined, false],
    // Not at the first sign.
    [[7], true, false],
    [[7], true, true],
  ])
})

it('takes over within 30 seconds, and each lease outlives two looks that fail', () => {
  const { leaseMs, renewMs, marginMs } = paces.postgres
  expect(leaseMs + 2 * renewMs).toBeLessThanOrEqual(30_000)
  for (const each of Object.values(paces)) expect(each.leaseMs - each.marginMs).toBeGreaterThan(2 * each.renewMs)
  expect(marginMs).toBeGreaterThan(0)
})
