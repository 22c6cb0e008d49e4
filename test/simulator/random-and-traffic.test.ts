import { createRandom } from '../../backend/simulator/random.ts'
import { parseTrace, seededTraffic } from '../../backend/simulator/traffic.ts'

describe('random', () => {
  const draws = (seed: number): number[] => {
    const random = createRandom(seed)
    return Array.from({ length: 5 }, () => random.next())
  }

  test('one seed is one line; another seed is another', () => {
    expect(draws(7)).toEqual(draws(7))
    expect(draws(7)).not.toEqual(draws(8))
    expect(draws(1)).not.toEqual(draws(1 + 2 ** 32))
  })

  test('a fork depends on seed and label, not on earlier draws', () => {
    const [early, late] = [createRandom(1), createRandom(1)]
    late.next()
    expect(early.fork('a').next()).toBe(late.fork('a').next())
    expect(early.fork('a').next()).not.toBe(early.fork('b').next())
  })

  test('a log-normal has the median and the 95th percentile it was given', () => {
    const random = createRandom(3)
    const sorted = Array.from({ length: 20_000 }, () => random.logNormal({ p50: 1_000, p95: 4_000 })).sort((a, b) => a - b)
    expect(sorted[10_000]! / 1_000).toBeCloseTo(1, 1)
    expect(Math.abs(sorted[19_000]! - 4_000)).toBeLessThan(300)
  })

  test('chance keeps to its probability and its ends', () => {
    const random = createRandom(4)
    const hits = Array.from({ length: 10_000 }, () => random.chance(0.3)).filter(Boolean).length
    expect(Math.abs(hits - 3_000)).toBeLessThan(200)
    expect([random.chance(0), random.chance(1)]).toEqual([false, true])
    expect(random.guid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

describe('a trace', () => {
  test('is read in any order of columns, with optional ones', () => {
    expect(parseTrace('label,duration_s,queued_at,observed_start_delay_s\nlinux,1.5,0,4\n,2,3.25,\n')).toEqual([
      { atMs: 0, durationMs: 1_500, label: 'linux', observedStartDelayMs: 4_000 },
      { atMs: 3_250, durationMs: 2_000 },
    ])
  })

  test.each([
    ['queued_at,duration_s,colour\n0,1,red', "Line 1 of the trace has the unknown column 'colour'"],
    ['queued_at\n0', "Line 1 of the trace lacks the column 'duration_s'"],
    ['', "Line 1 of the trace has the unknown column ''"],
    ['queued_at,queued_at,duration_s\n0,0,1', "Line 1 of the trace has the column 'queued_at' twice"],
    ['queued_at,duration_s\n0,soon', "Line 2 of the trace has 'soon' as duration_s"],
    ['queued_at,duration_s\n0,', "Line 2 of the trace has '' as duration_s"],
    ['queued_at,duration_s\n0,-1', 'Line 2 of the trace has the negative duration_s -1'],
    ['queued_at,duration_s\n5,1\n4,1', 'Line 3 of the trace is queued before'],
    ['queued_at,duration_s\n5,1,2', 'Line 2 of the trace has 3 values for 2 columns'],
    ['queued_at,duration_s\n', 'The trace has no job'],
  ])('that is wrong is refused with its line and the next step: %j', (text, message) => {
    expect(() => parseTrace(text)).toThrow(message)
    expect(() => parseTrace(text)).toThrow(/^[^;]+; [^.]+\.$/)
  })
})

test('seeded traffic keeps its rate, its order and its end', () => {
  const untilMs = 100 * 3_600_000
  const traffic = (seed: number) => seededTraffic(createRandom(seed), { perHour: 30, durationMs: { p50: 60_000, p95: 300_000 }, untilMs })
  const arrivals = traffic(1)
  expect(Math.abs(arrivals.length - 3_000)).toBeLessThan(250)
  expect(arrivals.every(({ atMs }, i) => atMs <= untilMs && atMs >= (arrivals[i - 1]?.atMs ?? 0))).toBe(true)
  expect(traffic(1)).toEqual(arrivals)
  expect(seededTraffic(createRandom(1), { perHour: 0, durationMs: { p50: 1, p95: 1 }, untilMs })).toEqual([])
})
