import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes, Failure } from '../../backend/cli/exit.ts'
import { busiestStart, cutReplay, readReplay } from '../../backend/cli/trace.ts'

const hour = 3_600_000
const at = (...hours: readonly number[]) => hours.map((each) => ({ atMs: each * hour, durationMs: 60_000 }))

it('begins where the window holds the most jobs', () => {
  expect(busiestStart(at(0, 5, 9, 9.5, 10, 20), 2 * hour)).toBe(9 * hour)
  expect(busiestStart(at(3), 2 * hour)).toBe(3 * hour)
})

it('leaves a job at the end of the window out of it', () => {
  expect(busiestStart(at(0, 2, 5, 6), 2 * hour)).toBe(5 * hour)
})

it('counts times from the start of the replay', () => {
  const replay = cutReplay('ci.csv', at(1, 31, 32, 40), { fromMs: 31 * hour, forMs: 5 * hour })
  expect(replay.source).toBe('ci.csv from day 2, 07:00')
  expect(replay.arrivals.map((arrival) => arrival.atMs)).toEqual([0, hour])
})

it('says when the part asked for has no job', () => {
  expect(() => cutReplay('ci.csv', at(1, 2), { fromMs: 30 * hour })).toThrow(
    'The trace ci.csv has no job in the part asked for; it ends after 2 h. Choose an earlier --from or a longer --for.',
  )
})

describe('a file that is no trace', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'trace-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it.each([
    ['missing.csv', undefined, exitCodes.noInput, 'cannot be read. Check the path given with --trace.'],
    ['columns.csv', 'queued_at,seconds\n1,2\n', exitCodes.usage, "Line 1 of the trace has the unknown column 'seconds'"],
    ['empty.csv', 'queued_at,duration_s\n', exitCodes.usage, 'The trace has no job'],
  ])('%s', (name, text, exitCode, sentence) => {
    if (text !== undefined) writeFileSync(join(folder, name), text)
    const failure = failureOf(() => readReplay(join(folder, name), {}))
    expect(failure.exitCode).toBe(exitCode)
    expect(failure.message).toContain(join(folder, name))
    expect(failure.message).toContain(sentence)
  })
})

function failureOf(run: () => unknown): Failure {
  try {
    run()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('It did not fail.')
}
