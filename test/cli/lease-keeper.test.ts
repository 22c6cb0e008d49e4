import type { ServiceClock } from '../../backend/adapters/clock.ts'
import { createLeaseKeeper, leaseMs, renewMs } from '../../backend/cli/lease-keeper.ts'
import type { HeldLease, Leases } from '../../backend/store/lease.ts'

const log = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** A clock that only moves when the keeper sleeps; `rounds` sleeps later it stops the keeper. */
function fakeClock(rounds: number, speed = 1) {
  const stop = new AbortController()
  let now = 0
  let left = rounds
  const clock = {
    speed,
    now: () => now,
    real: {
      sleep: async (ms: number) => {
        now += ms * speed
        left -= 1
        if (left === 0) stop.abort()
      },
    },
  } as unknown as ServiceClock
  return { clock, stop: stop.signal, advance: (ms: number) => (now += ms) }
}

function fakeLeases(clock: ServiceClock, change: Partial<Leases> = {}): Leases & { readonly released: number[] } {
  const released: number[] = []
  const until = (): number => clock.now() + leaseMs * clock.speed
  return {
    released,
    acquire: async (): Promise<HeldLease> => ({ epoch: 4, holder: 'us', validUntil: until() }),
    renew: async () => until(),
    release: async (lease) => void released.push(lease.epoch),
    heldBy: async () => ({ epoch: 3, holder: 'them', forMs: 12_300 }),
    ...change,
  }
}

it('holds the lease from the start, renews it, and gives it back once', async () => {
  const { clock, stop } = fakeClock(10)
  const leases = fakeLeases(clock)
  const keeper = await createLeaseKeeper({ leases, clock, log })
  await keeper.run(stop)
  expect([keeper.current(), keeper.problem()]).toEqual([{ epoch: 4, holder: 'us' }, undefined])
  await keeper.release()
  await keeper.release()
  expect([keeper.current(), leases.released]).toEqual([undefined, [4]])
})

it('trusts the lease no longer than it certainly holds, however fast the clock runs', async () => {
  for (const speed of [1, 60]) {
    const { clock, advance } = fakeClock(1, speed)
    const keeper = await createLeaseKeeper({ leases: fakeLeases(clock), clock, log })
    advance(24_999 * speed)
    expect(keeper.current()).toBeDefined()
    advance(2 * speed)
    expect(keeper.current()).toBeUndefined()
  }
})

it('says who holds it while it stands by, and takes it when it is free', async () => {
  const { clock, stop } = fakeClock(3)
  let asked = 0
  const acquire: Leases['acquire'] = async () => (++asked < 3 ? undefined : { epoch: 9, holder: 'us', validUntil: clock.now() + leaseMs })
  const keeper = await createLeaseKeeper({ leases: fakeLeases(clock, { acquire }), clock, log })
  expect(keeper.problem()).toBe('Replica them holds the lease for 13 s more; this one stands by.')
  await keeper.run(stop)
  expect(keeper.current()?.epoch).toBe(9)
})

it('survives two renewals that fail, and stops changing things after the third', async () => {
  const { clock, stop } = fakeClock(2)
  const renew = () => Promise.reject(new Error('disk full'))
  const keeper = await createLeaseKeeper({ leases: fakeLeases(clock, { renew }), clock, log })
  await keeper.run(stop)
  expect(keeper.current()).toBeDefined()
  await clock.real.sleep(renewMs, stop)
  expect(keeper.problem()).toBe('The lease could not be renewed: disk full')
})

it('holds nothing once another replica has taken it', async () => {
  const { clock, stop } = fakeClock(2)
  let taken = 0
  const acquire: Leases['acquire'] = async () => (taken++ === 0 ? { epoch: 4, holder: 'us', validUntil: clock.now() + leaseMs } : undefined)
  const keeper = await createLeaseKeeper({ leases: fakeLeases(clock, { acquire, renew: async () => undefined }), clock, log })
  await keeper.run(stop)
  expect(keeper.current()).toBeUndefined()
})
