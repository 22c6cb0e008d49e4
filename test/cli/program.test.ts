import { exitCodes } from '../../backend/cli/exit.ts'
import { onePool, run } from './support.ts'

describe('a command line that is wrong ends with 2, one sentence and the next step', () => {
  it.each([
    ['statsu', "unknown command 'statsu'\n(Did you mean status?)"],
    ['pool lst', "unknown command 'lst'\n(Did you mean list?)"],
    ['status --jsn', "unknown option '--jsn'\n(Did you mean --json?)"],
    ['why', "missing required argument 'job|machine'"],
    ['pool create linux', "required option '--scale-set <id>' not specified"],
    ['pool set linux --max many', "'many' is not a whole number of 0 or more."],
    ['pool confirm linux all', 'Allowed choices are replace, take-over.'],
    ['demo --for soon', "'soon' is not a span of time; write it as 30m, 2h, 1h30m or 1d."],
    ['demo --for 0h', "'0h' is not a span of time"],
    ['demo --speed 0', "'0' is not a speed; give a number from 1 to 3600."],
    ['demo --port 70000', "'70000' is not a port; give a number from 0 to 65535."],
    ['demo --seed -1', "'-1' is not a whole number"],
  ])('%s', async (args, message) => {
    const { code, out, err, calls } = await run(args, onePool)
    expect(code).toBe(exitCodes.usage)
    expect(err).toContain(message)
    expect(err).toContain('See scale-set-agents --help.')
    expect([out, calls]).toEqual(['', []])
  })
})

it('explains itself on stdout', async () => {
  const { code, out, err } = await run('--help')
  expect([code, err]).toEqual([exitCodes.ok, ''])
  for (const command of ['serve', 'demo', 'sandbox', 'status', 'why', 'doctor', 'events', 'pool'])
    expect(out).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
  expect((await run('--version')).out).toBe('1.2.3\n')
})

it('stops at a wrong configuration', async () => {
  const { code, err, calls } = await run('status', onePool, { env: { SCALE_SET_AGENTS_URL: 'here', HOME: '/home/ada' } })
  expect(code).toBe(exitCodes.configuration)
  expect(err).toContain("SCALE_SET_AGENTS_URL is 'here'")
  expect(calls).toEqual([])
})

it.each(['serve', 'serve --json'])('stops the service at a wrong configuration, with all problems: %s', async (args) => {
  const { code, err } = await run(args, {}, { env: { HOME: '/home/ada', SCALE_SET_AGENTS_HOST: '0.0.0.0' } })
  expect(code).toBe(exitCodes.configuration)
  expect(err).toContain('2 settings are wrong; nothing was started.')
})

it('names a trace that is not there before it starts anything', async () => {
  const { code, out, err } = await run('demo --trace /nowhere/ci.csv --json')
  expect(code).toBe(exitCodes.noInput)
  expect(err).toBe('The trace /nowhere/ci.csv cannot be read. Check the path given with --trace.\n')
  expect(out).toBe('')
})

it('says when the sandbox was not built', async () => {
  const { code, err } = await run('sandbox')
  expect(code).toBe(exitCodes.noInput)
  expect(err).toMatch(/^The sandbox is not built: .*sandbox\.js does not exist\. Run npm run build\.\n$/)
})
