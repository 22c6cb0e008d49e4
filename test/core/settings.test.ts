import fc from 'fast-check'
import { checkSettings, defaultSettings } from '../../backend/core/settings.ts'

const problems = (input: unknown, image?: Parameters<typeof checkSettings>[1]): readonly string[] =>
  checkSettings(input, image).problems.map(({ field, message }) => `${field}: ${message}`)
const fields = (input: unknown, image?: Parameters<typeof checkSettings>[1]): readonly string[] =>
  checkSettings(input, image).problems.map(({ field }) => field)
const window = { days: [1], from: '08:00', to: '18:00', standby: 1 }

test("the defaults are the built-in feature's", () => {
  expect(checkSettings({})).toEqual({ settings: defaultSettings, problems: [] })
  expect(defaultSettings).toMatchObject({
    tearDownAfterUse: false,
    savedMax: 1,
    idleDelayMinutes: 30,
    startMinutesMax: 10,
    interactive: false,
  })
})

test('what is given goes over the defaults', () => {
  const given = { standby: 0, machinesMax: 9, standbyWindows: [window], timeZone: 'Europe/Berlin', capabilities: { docker: '24' } }
  expect(checkSettings(given).settings).toEqual({ ...defaultSettings, ...given })
})

test.each([[null], ['text'], [[]], [undefined]])('%j is no object of settings', (input) => expect(fields(input)).toEqual(['']))

test.each(['toString', 'standbys', '__proto__x'])('%s is not a setting', (field) =>
  expect(fields(JSON.parse(`{"${field}":1}`))).toEqual([field]),
)

const wrong: readonly (readonly [string, object])[] = [
  ['machinesMax', { machinesMax: 0 }],
  ['machinesMax', { machinesMax: 1_001 }],
  ['standby', { standby: -1 }],
  ['standby', { standby: 1.5 }],
  ['savedMax', { savedMax: '1' }],
  ['idleDelayMinutes', { idleDelayMinutes: 10_081 }],
  ['startMinutesMax', { startMinutesMax: Number.NaN }],
  ['tearDownAfterUse', { tearDownAfterUse: 'yes' }],
  ['interactive', { interactive: 1 }],
  ['paused', { paused: null }],
  ['deleting', { deleting: undefined }],
  ['timeZone', { timeZone: 'Middle/Earth' }],
  ['timeZone', { timeZone: 3 }],
  ['capabilities', { capabilities: ['docker'] }],
  ['capabilities', { capabilities: { docker: 24 } }],
  ['capabilities', { capabilities: null }],
  ['standbyWindows', { standbyWindows: {} }],
  ['standbyWindows[0]', { standbyWindows: ['monday'] }],
  ['standbyWindows[0]', { standbyWindows: [null] }],
  ['standbyWindows[0].days', { standbyWindows: [{ ...window, days: [7] }] }],
  ['standbyWindows[0].days', { standbyWindows: [{ ...window, days: [] }] }],
  ['standbyWindows[0].days', { standbyWindows: [{ ...window, days: 'daily' }] }],
  ['standbyWindows[0].from', { standbyWindows: [{ ...window, from: '24:00' }] }],
  ['standbyWindows[1].to', { standbyWindows: [window, { ...window, to: 8 }] }],
  ['standbyWindows[0].standby', { standbyWindows: [{ ...window, standby: -1 }] }],
  ['standby', { standby: 3, machinesMax: 2 }],
  ['savedMax', { savedMax: 3, machinesMax: 2 }],
  ['standbyWindows[0].standby', { standbyWindows: [{ ...window, standby: 5 }], machinesMax: 2 }],
  ['agentVersion', { agentVersion: '3.226.9' }],
  ['agentVersion', { agentVersion: 'latest' }],
  ['agentVersion', { agentVersion: 4 }],
  ['sudo', { sudo: 'no' }],
  ['holdUpgrades', { holdUpgrades: 1 }],
  ['saveCreationFailed', { saveCreationFailed: null }],
  ['tokenInModel', { tokenInModel: 'false' }],
  ['proxy', { proxy: 'proxy.example.com:3128' }],
  ['proxy', { proxy: 'http://ada:secret@proxy.example.com' }],
  ['proxy', { proxy: 'http://proxy.example.com/path' }],
  ['proxy', { proxy: 'http://proxy.example.com\nsudo=yes' }],
  ['proxy', { proxy: 3128 }],
  ['proxy', { proxy: 'over http://proxy.example.com' }],
  ['agentVersion', { agentVersion: 'v4.255.0' }],
  ['agentVersion', { agentVersion: '4.255.0-rc' }],
  ['standbyWindows[0].days', { standbyWindows: [{ ...window, days: [1, 7] }] }],
  ['standbyWindows[0].from', { standbyWindows: [{ ...window, from: '108:00' }] }],
  ['standbyWindows[0].to', { standbyWindows: [{ ...window, to: '18:000' }] }],
]

test.each(wrong)('a problem with %s: %j', (field, input) => expect(fields(input)).toEqual([field]))

test('what people read of a problem is in settings.test.ts.snap', () => {
  const ofImage = problems({ interactive: true, tearDownAfterUse: true }, { os: 'windows', client: true })
  expect([...problems(null), ...wrong.flatMap(([, input]) => problems(input)), ...ofImage].join('\n')).toMatchSnapshot()
})

test('the largest values are no problem', () =>
  expect(fields({ machinesMax: 1_000, standby: 1_000, savedMax: 100, idleDelayMinutes: 10_080, startMinutesMax: 120 })).toEqual([]))

test('all problems are told at once, each with its value and the next step', () => {
  expect(problems({ standby: -1, paused: 'no', colour: 'red' })).toEqual([
    expect.stringContaining('colour: There is no setting "colour". The settings are: tearDownAfterUse, '),
    'standby: standby is -1; give a whole number from 0 to 1000.',
    'paused: paused is "no"; give true or false.',
  ])
  expect(problems({ timeZone: undefined })).toEqual(['timeZone: timeZone is missing; give an IANA name such as Europe/Berlin or UTC.'])
})

test('relations are judged over all values that have the right type', () => {
  expect(fields({ machinesMax: 0, standby: 5, standbyWindows: [window] })).toEqual(['machinesMax'])
  expect(fields({ machinesMax: 2, standby: 5, savedMax: '9', paused: 1 })).toEqual(['savedMax', 'paused', 'standby'])
  const windows = [{ ...window, standby: 5 }, null, { ...window, from: '8', standby: 4 }]
  expect(fields({ machinesMax: 2, standbyWindows: windows })).toEqual([
    'standbyWindows[1]',
    'standbyWindows[2].from',
    'standbyWindows[0].standby',
    'standbyWindows[2].standby',
  ])
  expect(fields({ standby: -1, interactive: true }, { os: 'linux' })).toEqual(['standby', 'interactive'])
  expect(fields({ standbyWindows: 'always', standby: 9 })).toEqual(['standbyWindows', 'standby'])
})

test.each(['', '3.227.1', '4.255.0', '13.1.10'])('agentVersion may be "%s"', (agentVersion) => expect(fields({ agentVersion })).toEqual([]))

test.each(['', 'http://10.0.0.4:3128', 'https://proxy.example.com/', 'http://[fd00::1]:8080'])('proxy may be "%s"', (proxy) =>
  expect(fields({ proxy })).toEqual([]),
)

test('a proxy with a password is refused without showing it', () => {
  const [problem] = problems({ proxy: 'http://ada:secret@proxy.example.com' })
  expect(problem).toContain('carries a user or a password')
  expect(problem).not.toContain('secret')
})

test.each<[string, object, Parameters<typeof checkSettings>[1], readonly string[]]>([
  ['interactive on Linux', { interactive: true }, { os: 'linux' }, ['interactive']],
  ['interactive on a Windows client', { interactive: true }, { os: 'windows', client: true }, ['interactive']],
  ['interactive on Windows Server', { interactive: true }, { os: 'windows', client: false }, []],
  ['interactive on an image that does not say', { interactive: true }, { os: 'windows' }, []],
  ['tear-down on a Windows client', { tearDownAfterUse: true }, { os: 'windows', client: true }, ['tearDownAfterUse']],
  ['tear-down on Linux', { tearDownAfterUse: true }, { os: 'linux' }, []],
  ['anything on an unknown image', { interactive: true, tearDownAfterUse: true }, undefined, []],
])('%s', (_what, input, image, expected) => expect(fields(input, image)).toEqual(expected))

test('whatever comes in, settings or problems come out', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.record(Object.fromEntries(Object.keys(defaultSettings).map((key) => [key, fc.anything()])))),
      (input) => {
        const { settings, problems: found } = checkSettings(input)
        expect(settings === undefined).toBe(found.length > 0)
      },
    ),
  )
})
