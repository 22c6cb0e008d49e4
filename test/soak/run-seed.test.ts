/** Short runs of the soak itself: seeds are clean, repeat exactly, and a broken service is caught. */
import { drawPlan, hourMs } from './plan.ts'
import { runSeed } from './run-seed.ts'
import { runSabotage } from './sabotage.ts'
import { judgeSeed } from './seeds.ts'

test.each([1, 2, 5])('seed %i breaks nothing and gets work done', async (seed) => {
  const report = await judgeSeed(seed, 2)
  expect(report.violations).toEqual([])
  expect(report.simulatedMs).toBe(2 * hourMs)
  expect(report.jobs).toBeGreaterThan(10)
})

test('a seed runs the same way twice, and another one differently', async () => {
  const [first, again, other] = [await runSeed(drawPlan(11, 2)), await runSeed(drawPlan(11, 2)), await runSeed(drawPlan(12, 2))]
  expect(again.hash).toBe(first.hash)
  expect(again.actions).toEqual(first.actions)
  expect(other.hash).not.toBe(first.hash)
})

test.each(['S1', 'S4', 'S7', 'boot-trouble'])('a service that breaks %s on purpose is caught', async (name) => {
  const result = await runSabotage([name])
  expect(result[name]).toMatchObject({ caught: true })
})
