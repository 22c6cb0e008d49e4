import { clockTime, formatDuration, parseDuration } from '../../backend/cli/duration.ts'

it.each([
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
  ['1h30m', 5_400_000],
  ['40d7h', 40 * 86_400_000 + 7 * 3_600_000],
  ['0.5h', 1_800_000],
])('%s is a span of time', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

it.each(['', '30', 'm', '-5m', '0h', '2 h', '2h!', '2hours', '1e3s', 'h2', '1.h', '٣m'])('"%s" is none', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})

it.each([
  [0, '0 ms'],
  [850, '850 ms'],
  [24_400, '24 s'],
  [59_600, '1 min'],
  [192_000, '3 min 12 s'],
  [3_599_700, '1 h'],
  [6_120_000, '1 h 42 min'],
  [86_399_999, '1 d'],
  [183_600_000, '2 d 3 h'],
])('%d ms reads %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

it('shows the time of day of a day long gone', () => {
  expect([0, 25_620_000, 40 * 86_400_000 + 61_000].map(clockTime)).toEqual(['00:00', '07:07', '00:01'])
})
