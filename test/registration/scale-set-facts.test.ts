import { createScaleSetFacts } from '../../backend/registration/scale-set-facts.ts'

const never = new AbortController().signal

function start() {
  const state = {
    at: 0,
    reads: 0,
    fault: undefined as Error | undefined,
    answer: { known: true, value: undefined, at: 0 } as { known: true; value: undefined; at: number } | { known: false; why: string },
  }
  const clock = { now: () => state.at, deadline: () => never }
  const read = async () => {
    state.reads += 1
    if (state.fault !== undefined) throw state.fault
    return state.answer
  }
  return { state, facts: createScaleSetFacts(clock, () => ({ read })) }
}

test('fifty who ask at once, and everybody for ten minutes, share one read', async () => {
  const { state, facts } = start()
  await Promise.all(Array.from({ length: 50 }, () => facts('/a')))
  state.at = 10 * 60_000 - 1
  await facts('/a')
  expect(state.reads).toBe(1)
  state.at += 1
  await facts('/a')
  await facts('/b')
  expect(state.reads).toBe(3)
})

test('a read that threw is told as unknown, and made again', async () => {
  const { state, facts } = start()
  state.fault = new Error('no route')
  expect(await facts('/a')).toEqual({ known: false, why: 'no route' })
  state.fault = undefined
  expect(await facts('/a')).toEqual(state.answer)
})

test('a read that failed is made again', async () => {
  const { state, facts } = start()
  const good = state.answer
  state.answer = { known: false, why: 'silence' }
  expect(await facts('/a')).toEqual({ known: false, why: 'silence' })
  state.answer = good
  expect(await facts('/a')).toEqual(good)
})
