import { exitCodes } from '../../backend/cli/exit.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import { onePool, run, summary } from './support.ts'

describe('status', () => {
  it('shows every pool on one line and what comes next', async () => {
    const { code, out } = await run('status', onePool)
    expect(code).toBe(exitCodes.ok)
    expect(out).toBe(
      [
        'POOL          ID  STATE   WAITING  RUNNING  WANTED  MAX  STANDBY  LONGEST WAIT  MACHINES',
        'linux-agents   7  online        3        4       8   20        2  1 min 5 s     4 busy, 2 idle, 1 creating',
        '',
        'linux-agents: It looks again in 10 s.',
        '',
      ].join('\n'),
    )
  })

  it('is as the service answered with --json', async () => {
    expect(JSON.parse((await run('status --json', onePool)).out)).toEqual({ pools: [summary] })
  })

  it('ends with 1 when a pool is not well', async () => {
    const { code, out } = await run('status', {
      'GET /pools': { pools: [{ ...summary, state: 'offline', problems: ['The scale set cannot be read.'] }] },
    })
    expect(code).toBe(exitCodes.no)
    expect(out).toContain('linux-agents: The scale set cannot be read.')
  })

  it('tells the last decision of one pool', async () => {
    const decision = {
      wanted: 8,
      steps: [{ action: { kind: 'grow' }, reason: { code: 'need' }, sentence: '1 more machine needed.' }],
      reasons: [],
      lookAgainInMs: 10_000,
    }
    const detail = {
      pool: summary,
      settings: defaultSettings,
      decision,
      openActions: [],
      replaceConfirmed: false,
      takeOverConfirmed: false,
      lostToOnceRace: 0,
    }
    const { out } = await run('status --pool linux-agents', { ...onePool, 'GET /pools/7': detail })
    expect(out).toContain('Last decision\n  1 more machine needed.')
  })

  it('tells of assignments that were lost, once there are some, with or without measured waits', async () => {
    const lines = async (lostToOnceRace: number): Promise<string> => {
      const confirmed = { replaceConfirmed: false, takeOverConfirmed: false }
      const detail = { pool: summary, settings: defaultSettings, openActions: [], ...confirmed, lostToOnceRace }
      return (await run('status --pool 7', { ...onePool, 'GET /pools/7': detail })).out
    }
    expect(await lines(3)).toContain(
      '\n\nAssignments lost because an agent ended after its one job: 3. Azure DevOps gave these jobs out again.\n',
    )
    expect(await lines(0)).not.toContain('Assignments lost')
  })

  it('says no sentence twice', async () => {
    const grown = { action: { kind: 'grow' }, reason: { code: 'need' }, sentence: '1 more machine needed.' }
    const stands = { reason: { code: 'unknown' }, sentence: 'The machines could not be read.' }
    const detail = {
      pool: { ...summary, next: grown.sentence, problems: [stands.sentence, '2 machines are not ours.'] },
      settings: defaultSettings,
      decision: { wanted: 8, steps: [grown], reasons: [grown, stands], lookAgainInMs: 10_000 },
      openActions: [{ id: 'a', action: { kind: 'grow' }, state: 'accepted', sentence: grown.sentence, forMs: 9_000 }],
      replaceConfirmed: false,
      takeOverConfirmed: false,
      lostToOnceRace: 0,
    }
    const { out } = await run('status --pool 7', { ...onePool, 'GET /pools/7': detail })
    expect(out.split('\n').slice(2)).toEqual([
      '',
      'Last decision',
      '  The machines could not be read.',
      '  2 machines are not ours.',
      '',
      'Under way',
      '  1 more machine needed. (accepted for 9 s)',
      '',
    ])
    const list = await run('status', { 'GET /pools': { pools: [{ ...summary, next: 'Paused.', problems: ['Paused.'] }] } })
    expect(list.out.match(/Paused\./g)).toHaveLength(1)
  })

  it('says what to do when there is no such pool', async () => {
    const { code, err } = await run('status --pool windows', onePool)
    expect(code).toBe(exitCodes.no)
    expect(err).toBe("There is no pool 'windows' in this service. It runs linux-agents.\n")
  })
})
