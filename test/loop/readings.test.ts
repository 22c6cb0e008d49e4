import { createReadings } from '../../backend/loop/readings.ts'
import { minute, now, second } from '../support/build.ts'
import { anOutside, aPipelinesAgent, aPipelinesJob } from '../support/loop.ts'
import type { Answers, Outside } from '../support/loop.ts'

const signal = new AbortController().signal
const start = (over: Partial<Answers> = {}): { readonly outside: Outside; readonly readings: ReturnType<typeof createReadings> } => {
  const outside = anOutside(over)
  return { outside, readings: createReadings(7, outside.pipelines, outside.scaleSet, outside.clock) }
}

/** Passes each `everyMs` for `forMs`; the calls of that time by name. */
async function passFor(
  { outside, readings }: ReturnType<typeof start>,
  everyMs: number,
  forMs: number,
  active: boolean,
): Promise<Readonly<Record<string, number>>> {
  outside.calls.length = 0
  for (const until = outside.clock.at + forMs; outside.clock.at < until; outside.clock.at += everyMs) await readings.refresh(active, signal)
  return Object.fromEntries(
    ['jobs', 'agents', 'machines', 'scaleSet'].map((name) => [name, outside.calls.filter((call) => call === name).length]),
  )
}

test('the first pass reads everything', async () => {
  const { outside, readings } = start()
  expect(readings.get('jobs')).toEqual({ known: false, why: 'it has not been read yet' })
  await readings.refresh(false, signal)
  expect(outside.calls.toSorted()).toEqual(['agents', 'jobs', 'machines', 'scaleSet'])
  expect(readings.get('machines')).toEqual({ known: true, value: [], at: now })
})

test('pace: quiet, jobs each 12 s and the rest each minute', async () =>
  expect(await passFor(start(), 12 * second, 2 * minute, false)).toEqual({ jobs: 10, agents: 2, machines: 2, scaleSet: 2 }))
test('pace: active, jobs and agents each 10 s, machines each 30 s', async () =>
  expect(await passFor(start(), 10 * second, 2 * minute, true)).toEqual({ jobs: 12, agents: 12, machines: 4, scaleSet: 2 }))

test('a job makes the rest of the same pass active', async () => {
  const scene = start()
  await scene.readings.refresh(false, signal)
  scene.outside.clock.at += 30 * second
  scene.outside.answers.jobs = [aPipelinesJob(1)]
  expect(await passFor(scene, second, second, false)).toEqual({ jobs: 1, agents: 1, machines: 1, scaleSet: 0 })
})

test('a wait that the organization asked for stretches the pace', async () =>
  expect(await passFor(start({ slowDownMs: 20 * second }), second, 2 * minute, true)).toMatchObject({ jobs: 4, agents: 4 }))

test('budget: failing reads are repeated, but no more than 12 and 4 a minute', async () => {
  const calls = await passFor(start({ jobs: '500', agents: '500', machines: '500', scaleSet: '500' }), second, minute, true)
  expect(calls['jobs']! + calls['agents']!).toBeLessThanOrEqual(12)
  expect(calls['machines']! + calls['scaleSet']!).toBeLessThanOrEqual(4)
})

test('a failing read keeps the last answer with its age for 45 s, then the part is unknown', async () => {
  const { outside, readings } = start({ agents: [aPipelinesAgent(1)] })
  await readings.refresh(true, signal)
  outside.answers.agents = '503 busy'
  outside.clock.at += 45 * second
  await readings.refresh(true, signal)
  expect(readings.get('agents')).toMatchObject({ known: true, at: now })
  outside.clock.at += 1
  expect(readings.get('agents')).toEqual({ known: false, why: '503 busy' })
  outside.answers.agents = []
  outside.clock.at += minute
  await readings.refresh(true, signal)
  expect(readings.get('agents')).toMatchObject({ known: true, value: [] })
})

test('a part that was never read says why', async () => {
  const { readings } = start({ machines: '203 sign-in page' })
  await readings.refresh(true, signal)
  expect(readings.get('machines')).toEqual({ known: false, why: '203 sign-in page' })
})

test('an expired part is read in the next pass, whatever the budget', async () => {
  const scene = start()
  for (let each = 0; each < 4; each += 1) await scene.readings.fresh('scaleSet', signal)
  await scene.readings.fresh('machines', signal)
  scene.outside.calls.length = 0
  await scene.readings.refresh(false, signal)
  expect(scene.outside.calls).not.toContain('machines')
  scene.readings.expire('machines')
  await scene.readings.refresh(false, signal)
  expect(scene.outside.calls).toContain('machines')
})

test('the answer to a change of ours is learned, and the list keeps its age', async () => {
  const { outside, readings } = start({ agents: [aPipelinesAgent(1), aPipelinesAgent(2)] })
  readings.learnAgent(101, { enabled: false })
  expect(readings.get('agents').known).toBe(false)
  await readings.refresh(true, signal)
  outside.clock.at += second
  readings.learnAgent(101, { enabled: false })
  readings.learnAgent(102, undefined)
  expect(readings.get('agents')).toEqual({ known: true, at: now, value: [aPipelinesAgent(1, { enabled: false })] })
})
