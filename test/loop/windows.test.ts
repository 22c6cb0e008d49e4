import fc from 'fast-check'
import { pushHighest, pushLowest } from '../../backend/loop/windows.ts'
import type { Queue } from '../../backend/loop/windows.ts'

const steps = fc.array(fc.record({ gapMs: fc.integer({ min: 1, max: 40 }), value: fc.integer({ min: -5, max: 5 }) }), {
  minLength: 1,
  maxLength: 60,
})
type Value = readonly [at: number, value: number]

/** Every value that held at some instant after `now − span`: each holds from its instant until the next one's. */
function held(values: readonly Value[], now: number, spanMs: number): readonly number[] {
  return values.filter((_value, index) => (values[index + 1]?.[0] ?? Infinity) > now - spanMs).map(([, value]) => value)
}

test.each([
  ['lowest', pushLowest, Math.min],
  ['highest', pushHighest, Math.max],
] as const)('the front is the %s value of the span, whatever came when', (_name, push, best) => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 120 }), (given, spanMs) => {
      let queue: Queue = []
      const values: Value[] = []
      let now = 0
      for (const { gapMs, value } of given) {
        now += gapMs
        values.push([now, value])
        queue = push(queue, now, value, spanMs)
        expect(queue[0]?.[1]).toBe(best(...held(values, now, spanMs)))
        expect(queue.length).toBeLessThanOrEqual(11)
      }
    }),
  )
})

test('a value that changes nothing gives the same queue back, so that nothing is written', () => {
  const queue = pushLowest(pushLowest([], 0, 3, 1_000), 10, 5, 1_000)
  expect(pushLowest(queue, 20, 5, 1_000)).toBe(queue)
  expect(pushLowest(queue, 20, 4, 1_000)).not.toBe(queue)
})
