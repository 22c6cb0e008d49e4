import { createClock } from '../../backend/adapters/clock.ts'

const never = new AbortController().signal

test('the service’s line goes on from where it stood, faster in the sandbox', async () => {
  const clock = createClock({ startAt: 1_000_000, speed: 1000 })
  const [before, wallBefore, realBefore] = [clock.now(), clock.wallTimeMs(), clock.real.nowMs()]
  expect(before).toBeGreaterThanOrEqual(1_000_000)
  await clock.sleep(20_000, never)
  const realMs = clock.real.nowMs() - realBefore
  expect(clock.now() - before).toBeGreaterThanOrEqual(19_000)
  expect(clock.wallTimeMs() - wallBefore).toBeGreaterThanOrEqual(19_000)
  expect(realMs).toBeLessThan(10_000)
})

test('a sleep ends at once when it is stopped, before or during it', async () => {
  const clock = createClock({ startAt: 0 })
  const stop = new AbortController()
  const asleep = clock.sleep(60_000, stop.signal)
  stop.abort()
  await asleep
  await clock.sleep(60_000, stop.signal)
  expect(clock.real.nowMs()).toBeLessThan(10_000)
})

test('a deadline is real time, whatever the speed', async () => {
  const clock = createClock({ startAt: 0, speed: 1e9 })
  const signal = clock.deadline(30)
  await clock.real.sleep(5, never)
  expect(signal.aborted).toBe(false)
  await new Promise((resolve) => signal.addEventListener('abort', resolve))
  expect((signal.reason as Error).name).toBe('TimeoutError')
})

test('a deadline ends with its parent and for its parent’s reason', () => {
  const clock = createClock({ startAt: 0 })
  const parent = new AbortController()
  const signal = clock.deadline(60_000, parent.signal)
  parent.abort(new Error('shutting down'))
  expect(signal.reason).toEqual(new Error('shutting down'))
  expect(clock.deadline(60_000, parent.signal).aborted).toBe(true)
})

test('ids are UUIDs that sort by their making', () => {
  const clock = createClock({ startAt: 0 })
  const ids = Array.from({ length: 10_000 }, () => clock.newId())
  expect(new Set(ids).size).toBe(10_000)
  expect([...ids].sort()).toEqual(ids)
  for (const id of ids.slice(0, 100)) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test("a line that is behind another replica's goes on from there; one that is ahead goes on as it is", () => {
  const clock = createClock({ startAt: 1_000 })
  clock.catchUp(500)
  expect(clock.now()).toBeLessThan(50_000)
  clock.catchUp(90_000)
  expect(clock.now()).toBeGreaterThanOrEqual(90_000)
  expect(clock.now()).toBeLessThan(120_000)
})
