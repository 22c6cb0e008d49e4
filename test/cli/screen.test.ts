import { renderScreen, type ScreenState } from '../../backend/cli/screen.ts'
import { widthOf } from '../../backend/cli/text.ts'

const hour = 3_600_000
const state: ScreenState = {
  pool: 'linux-agents',
  scaleSet: 'linux',
  page: 'http://127.0.0.1:7300/sandbox/Sandbox/_settings/scale-set-agents',
  address: 'http://127.0.0.1:7200',
  source: 'bitcoin-core-ci.linux.csv from day 41, 07:00',
  elapsedMs: 1.7 * hour,
  forMs: 2 * hour,
  startMs: 40 * 24 * hour + 7 * hour,
  speed: 60,
  jobs: { waiting: 12, running: 9, finished: 87 },
  history: [0, 0, 1, 2, 5, 9, 12, 14, 9, 5, 6, 7, 12].map((waiting, at) => ({ waiting, running: Math.min(9, at) })),
  stages: [...Array<'busy'>(9).fill('busy'), 'idle', 'idle', 'starting', 'creating', 'creating', 'deleting'],
  machinesMax: 20,
  standby: 2,
  wanted: 14,
  reasons: [
    {
      about: 'need',
      atMs: 40 * 24 * hour + 8.5 * hour,
      text: '9 more machines needed: 12 jobs waiting and 2 on standby, with 2 idle and 3 coming; this one is so long that it needs a second line and then does not fit.',
    },
    { about: 'no-agent', atMs: 40 * 24 * hour + 8.6 * hour, text: 'A job has\u001b[31m a name that steers terminals.' },
  ],
  diagnostics: [{ atMs: 40 * 24 * hour + 8.5 * hour, text: 'Azure refused: the quota of the region is used up.', level: 'error' }],
  waits: { p50Ms: 24_000, p95Ms: 192_000, longestMs: 300_000 },
  machineMs: 14.25 * hour,
}

it('draws the whole picture', () => {
  expect(`\n${renderScreen(state, 80, 28, false)}\n`).toBe(`
 Scale Set Agents  pool linux-agents on scale set linux   08:42  60 × real time 
 bitcoin-core-ci.linux.csv from day 41, 07:00, 1 h 42 min of 2 h replayed
 In a browser: http://127.0.0.1:7300/sandbox/Sandbox/_settings/scale-set-agents

┌─ Jobs ───────────────────────────────────────┐ ┌─ Waits so far ──────────────┐
│ waiting     12    ▁▁▃▅▇█▅▃▃▄▇                │ │ half (p50)  24 s            │
│ running      9   ▁▁▂▂▃▃▄▅▅▅▅▅                │ │ 95 % (p95)  3 min 12 s      │
│ finished    87                               │ │ longest     5 min           │
└──────────────────────────────────────────────┘ └─────────────────────────────┘
┌─ Machines  15, 14 wanted, at most 20, 2 on standby, 14.3 machine-hours ──────┐
│ ■ ■ ■ ■ ■ ■ ■ ■ ■ □ □ ▲ △ △ ▽                                                │
│                                                                              │
│ ■ 9 busy   □ 2 idle   ▲ 1 starting   △ 2 creating   ▽ 1 leaving              │
└──────────────────────────────────────────────────────────────────────────────┘
┌─ Why ────────────────────────────────────────────────────────────────────────┐
│ 08:30  9 more machines needed: 12 jobs waiting and 2 on standby, with 2 idle │
│        and 3 coming; this one is so long that it needs a second line and th… │
│ 08:36  A job has [31m a name that steers terminals.                          │
│                                                                              │
│                                                                              │
└──────────────────────────────────────────────────────────────────────────────┘
┌─ Diagnostics ────────────────────────────────────────────────────────────────┐
│ 08:30  Azure refused: the quota of the region is used up.                    │
│                                                                              │
│                                                                              │
│                                                                              │
└──────────────────────────────────────────────────────────────────────────────┘
 API http://127.0.0.1:7200                           Ctrl-C ends with a summary 
`)
})

it.each([
  [80, 24],
  [120, 50],
  [200, 60],
  [40, 12],
])('fits a terminal of %d × %d, in colour and without', (width, height) => {
  for (const colour of [true, false]) {
    const lines = renderScreen(state, width, height, colour).split('\n')
    expect(lines).toHaveLength(height)
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(width)
  }
})

it('says the same in colour', () => {
  const plain = renderScreen(state, 100, 30, true).replace(/\u001b\[\d+m/g, '')
  expect(plain).toBe(renderScreen(state, 100, 30, false))
})

it('draws every machine of a large pool while there is room', () => {
  const glyphs = (machines: number): number => {
    const stages = Array<'busy'>(machines).fill('busy')
    // One more stands in the legend.
    return [...renderScreen({ ...state, stages }, 80, 28, false)].filter((character) => character === '■').length - 1
  }
  expect([5, 70, 76, 140].map(glyphs)).toEqual([5, 70, 76, 140])
})

it('keeps the newest entries and the first reasons when there are many', () => {
  const lines = (name: string) => Array.from({ length: 30 }, (_, at) => ({ about: `${at}`, atMs: at * 60_000, text: `${name} ${at}.` }))
  const picture = renderScreen({ ...state, reasons: lines('reason'), diagnostics: lines('entry') }, 80, 28, false)
  expect(picture).toContain('00:29  entry 29.')
  expect(picture).not.toContain('entry 24.')
  expect(picture).toContain('00:00  reason 0.')
  expect(picture).not.toContain('reason 5.')
})

it('leaves the room of a large terminal to Diagnostics', () => {
  const lines = renderScreen(state, 80, 60, false).split('\n')
  expect(lines.findIndex((line) => line.includes('Diagnostics')) - lines.findIndex((line) => line.includes('─ Why'))).toBe(8)
})

it('has a line for a note about the run', () => {
  expect(renderScreen({ ...state, note: 'Faults: throttled.' }, 80, 28, false).split('\n')[3]).toBe(' Faults: throttled.')
})
