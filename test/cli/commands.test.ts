import { exitCodes } from '../../backend/cli/exit.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import { onePool, run, status, summary } from './support.ts'

const finding = {
  id: 'overprovision',
  severity: 'error',
  cause: 'The scale set overprovisions machines.',
  effect: 'Machines appear that nobody asked for.',
  fix: 'az vmss update --set overprovision=false',
}
const entry = {
  id: 4,
  poolId: 7,
  level: 'info',
  operation: 'increaseCapacity',
  message: 'Raised the capacity from 5 to 7.',
  atMs: 1_790_000_000_000,
}

describe('why', () => {
  const machine = { poolId: 7, subject: 'linux000003', sentences: ['It is kept on standby.'], from: 'latest' }

  const job = { poolId: 7, subject: '3', sentences: ['All agents are busy.'], estimatedStartMs: 90_000, from: 'latest' }
  const ofJob = { 'GET /pools/7/jobs/3/why': job }
  const ofMachine = { 'GET /pools/7/machines/3/why': machine }
  const jobWords = 'Job request 3\n  All agents are busy.\n  Expected to start in 1 min 30 s.\n'
  const machineWords = 'Machine linux000003\n  It is kept on standby.\n'
  const ended =
    'Job request 3 is not waiting or running in any pool of this service: it has finished, was cancelled, or belongs to another pool.'

  it.each([
    ['why 3', ofJob, jobWords],
    ['why 3', { ...ofJob, ...ofMachine }, jobWords + machineWords],
    ['why job 3', { ...ofJob, ...ofMachine }, jobWords],
    ['why machine 3', { ...ofJob, ...ofMachine }, machineWords],
    ['why machine linux000003', { 'GET /pools/7/machines/linux000003/why': machine }, machineWords],
  ])('%s answers for what the number means', async (args, answers, words) => {
    const { code, out } = await run(args, { ...onePool, ...answers })
    expect([code, out]).toEqual([exitCodes.ok, words])
  })

  it('says that a job has ended beside the machine of the same number, and alone', async () => {
    const both = await run('why 3', { ...onePool, ...ofMachine })
    expect(both.code).toBe(exitCodes.ok)
    expect(both.out).toBe(`${ended} Look at its run in Azure DevOps.\n${machineWords}`)
    for (const args of ['why 3', 'why job 3']) {
      const alone = await run(args, onePool)
      expect([alone.code, alone.out]).toEqual([exitCodes.no, ''])
      expect(alone.err).toContain(ended)
    }
  })

  it('is a list with --json', async () => {
    expect(JSON.parse((await run('why 3 --json', { ...onePool, ...ofJob, ...ofMachine })).out)).toEqual([job, machine])
  })

  it('names the pool where there are several, and prefers what is there now to what is remembered', async () => {
    const pools = { 'GET /pools': { pools: [summary, { ...summary, poolId: 8, name: 'other' }] } }
    const remembered = { ...machine, sentences: ['It was deleted.'], from: 'history' }
    const answers = { ...pools, 'GET /pools/7/machines/linux000003/why': remembered, 'GET /pools/8/machines/linux000003/why': machine }
    expect((await run('why linux000003', answers)).out).toBe('Machine linux000003 of pool other\n  It is kept on standby.\n')
    expect((await run('why linux000003 --pool 7', answers)).out).toBe('Machine linux000003: what was recorded\n  It was deleted.\n')
  })

  it('shows the timeline of the newest boot, with cause and fix of what failed', async () => {
    const phase = { phase: 'package', result: 'ok', durationMs: 12_300, atMs: 1_700_000_000_000, detail: '' }
    const warned = { ...phase, phase: 'user', detail: 'sudo is not installed.\nThe password was not changed.\n' }
    const failure = {
      ...phase,
      ...{
        phase: 'configure',
        result: 'failed',
        cause: 'pool-permission',
        causeText: 'It may not add agents.',
        fix: 'Make it an administrator.',
      },
      detail: 'enableagent failed in configure [pool-permission]: Access denied.\u001b[31m\nmore',
    }
    const life = { machineId: '3', createdAt: '2026-11-21T07:00:00Z', generation: 3, phases: [phase, warned, failure] }
    const boot = { poolId: 7, machine: 'linux000003', lives: [life, { ...life, generation: 2 }] }
    const answers = { ...onePool, ...ofMachine, 'GET /pools/7/machines/3/boot': boot }
    const { out } = await run('why machine 3', answers)
    expect(out.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')).toBe(
      [
        machineWords.trimEnd(),
        '  Boot since its 2nd reimage; 1 earlier: --json',
        '    package        ok             12 s  TIME',
        '    user           ok             12 s  TIME',
        '      Warning: sudo is not installed.',
        '      Warning: The password was not changed.',
        '    configure      failed         12 s  TIME',
        '      pool-permission: It may not add agents.',
        '      Fix: Make it an administrator.',
        '      The machine said: enableagent failed in configure [pool-permission]: Access denied. [31m',
        '',
      ].join('\n'),
    )
    expect(JSON.parse((await run('why machine 3 --json', answers)).out)).toEqual([{ ...machine, boot }])
  })

  it('takes only a job or a machine', async () => {
    const { code, err } = await run('why agent 3', onePool)
    expect([code, err]).toEqual([exitCodes.usage, "'agent 3' names no job or machine. Write 'job 3', 'machine 3' or a machine's name.\n"])
  })

  it('ends with 1 when nobody knows it', async () => {
    const { code, err } = await run('why nobody', onePool)
    expect(code).toBe(exitCodes.no)
    expect(err).toContain("There is no job or machine 'nobody' in any pool of this service")
  })
})

describe('doctor', () => {
  it('shows cause, effect and fix, and ends with 1 when something is not ready', async () => {
    const report = {
      ready: false,
      findings: [finding],
      problems: [{ field: 'standby', message: 'Standby is above the maximum.' }],
      present: ['vm1'],
    }
    const { code, out } = await run('doctor', { ...onePool, 'GET /pools/7/check': report })
    expect(code).toBe(exitCodes.no)
    expect(out).toContain(
      'error    The scale set overprovisions machines.\n         Machines appear that nobody asked for.\n         Fix: az vmss update --set overprovision=false',
    )
    expect(out).toContain('error    standby: Standby is above the maximum.')
    expect(out).toContain('Not ready')
  })

  it('checks a scale set before it has a pool', async () => {
    const { code, out, calls } = await run('doctor --scale-set /subscriptions/x', {
      'POST /check': { ready: true, findings: [], problems: [], present: [] },
    })
    expect([code, out]).toEqual([exitCodes.ok, '/subscriptions/x\nReady.\n'])
    expect(calls[0]?.body).toEqual({ scaleSetId: '/subscriptions/x' })
  })
})

describe('pool', () => {
  it('creates with the settings that were given, and no other', async () => {
    const created = { pool: summary, agentPool: 'made', findings: [], present: [], message: 'The agent pool linux-agents was made.' }
    const { code, out, calls } = await run(
      'pool create linux-agents --scale-set /subscriptions/x --max 20 --no-tear-down --project Fabrikam --authorize-all-pipelines',
      { 'POST /pools': created },
    )
    expect([code, out]).toEqual([exitCodes.ok, 'The agent pool linux-agents was made.\n'])
    expect(calls[0]?.body).toEqual({
      poolName: 'linux-agents',
      scaleSetId: '/subscriptions/x',
      settings: { machinesMax: 20, tearDownAfterUse: false },
      project: 'Fabrikam',
      authorizeAllPipelines: true,
    })
  })

  it('takes what machines do at their start', async () => {
    const { calls } = await run(
      'pool create linux --scale-set /subscriptions/x --agent-version 4.255.0 --proxy http://proxy:3128 --no-sudo --no-hold-upgrades',
      { 'POST /pools': { pool: summary, agentPool: 'made', findings: [], present: [], message: 'Made.' } },
    )
    expect(calls[0]?.body).toMatchObject({
      settings: { agentVersion: '4.255.0', proxy: 'http://proxy:3128', sudo: false, holdUpgrades: false },
    })
  })

  it('tells every problem of a refusal, and the findings that are not ok', async () => {
    const refusal = {
      code: 'refused',
      message: 'The scale set is not ready.',
      problems: [{ field: 'standby', message: 'Too many.' }],
      findings: [{ ...finding, severity: 'ok', cause: 'The image is Linux.', fix: '' }, finding],
    }
    const { code, out, err } = await run('pool create linux --scale-set /subscriptions/x', { 'POST /pools': status(422, refusal) })
    expect([code, out]).toEqual([exitCodes.no, ''])
    expect(err).toBe(
      'The scale set is not ready.\n  standby: Too many.\n  error: The scale set overprovisions machines. Fix: az vmss update --set overprovision=false\n',
    )
  })

  it('changes settings at the version that was read', async () => {
    const view = { poolId: 7, version: 3, settings: defaultSettings }
    const { out, calls } = await run('pool set linux-agents --standby 5 --delay 10', {
      ...onePool,
      'GET /pools/7/settings': view,
      'PUT /pools/7/settings': { ...view, version: 4 },
    })
    expect(calls.at(-1)).toMatchObject({ method: 'PUT', body: { version: 3, settings: { standby: 5, idleDelayMinutes: 10 } } })
    expect(out).toContain('Settings of linux-agents are now version 4.')
  })

  it('only shows them when nothing is given', async () => {
    const { out, calls } = await run('pool set 7', {
      ...onePool,
      'GET /pools/7/settings': { poolId: 7, version: 3, settings: defaultSettings },
    })
    expect(calls.map((call) => call.method)).toEqual(['GET', 'GET'])
    expect(out).toMatch(/^idleDelayMinutes +30$/m)
  })

  it('deletes only when it is meant', async () => {
    const answers = { ...onePool, 'DELETE /pools/7': { message: 'Pool linux-agents is being deleted.' } }
    const unsure = await run('pool delete linux-agents', answers)
    expect([unsure.code, unsure.calls.map((call) => call.method)]).toEqual([exitCodes.usage, ['GET']])
    expect(unsure.err).toContain('Run it again with --yes')
    expect((await run('pool delete linux-agents --yes', answers)).out).toBe('Pool linux-agents is being deleted.\n')
  })

  it.each(['pause', 'resume', 'try-again'])('%s', async (order) => {
    const { out } = await run(`pool ${order} linux-agents`, { ...onePool, [`POST /pools/7/${order}`]: { message: 'Done.' } })
    expect(out).toBe('Done.\n')
  })

  it('confirms what a person decides', async () => {
    const { calls } = await run('pool confirm 7 take-over', { ...onePool, 'POST /pools/7/confirm': { message: 'Confirmed.' } })
    expect(calls.at(-1)?.body).toEqual({ what: 'takeOver' })
  })
})

describe('events', () => {
  const newest = { ...entry, id: 5, message: 'Deleted \u001b[2Jlinux000003.', level: 'error' }

  it('shows the past, newest last, and lets nobody steer the terminal', async () => {
    const { out } = await run('events --top 2', { ...onePool, 'GET /pools/7/log?top=2': { entries: [newest, entry] } })
    expect(out.split('\n').map((line) => line.slice(21))).toEqual([
      'info     increaseCapacity  Raised the capacity from 5 to 7.',
      'error    increaseCapacity  Deleted  [2Jlinux000003.',
      '',
    ])
  })

  it('goes on with what comes, one JSON object a line', async () => {
    const stream = `: heartbeat\n\nevent: pass\ndata: {"poolId":7}\n\nevent: log\nid: 5\ndata: ${JSON.stringify(newest)}\n\n`
    const answers = { ...onePool, 'GET /pools/7/log?top=20': { entries: [entry] }, 'GET /events?poolId=7&after=4': new Response(stream) }
    const { code, out, err } = await run('events -f --json', answers)
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([entry, newest])
    expect([code, err]).toEqual([
      exitCodes.unreachable,
      'The service at http://127.0.0.1:7200 ended the stream. Run the command again once it is back.\n',
    ])
  })
})

describe('a service that is not there or not ours', () => {
  const refused = () =>
    Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) }))

  it.each([
    [
      'no service',
      { fetch: refused },
      exitCodes.unreachable,
      'No service answers at http://127.0.0.1:7200 (connection refused). Start one with scale-set-agents serve, or name another with --url.',
    ],
    [
      'a port that fetch refuses',
      { fetch: () => Promise.reject(new TypeError('fetch failed', { cause: new Error('bad port') })) },
      exitCodes.unreachable,
      'Port 7200 is reserved for another protocol, and HTTP clients refuse to call it, so http://127.0.0.1:7200 cannot be used. Choose another with --port',
    ],
    [
      'a broken line',
      { fetch: () => Promise.reject(new TypeError('fetch failed', { cause: new Error('other side closed') })) },
      exitCodes.unreachable,
      'No service answers at http://127.0.0.1:7200 (other side closed).',
    ],
    [
      'a late one',
      { fetch: () => Promise.reject(new DOMException('late', 'TimeoutError')) },
      exitCodes.unreachable,
      'did not answer in time',
    ],
    [
      'another program',
      { fetch: async () => new Response('<html>') },
      exitCodes.unreachable,
      'What answers at http://127.0.0.1:7200 is not Scale Set Agents',
    ],
    [
      'a gateway',
      { fetch: async () => new Response('Bad gateway', { status: 502 }) },
      exitCodes.unreachable,
      'is not Scale Set Agents (status 502)',
    ],
    [
      'a closed door',
      { fetch: async () => status(401, { code: 'unauthorized', message: 'No.' }) },
      exitCodes.notAllowed,
      'lets nobody in with this operator key',
    ],
    [
      'a busy one',
      { fetch: async () => status(503, { code: 'unavailable', message: 'Azure DevOps does not answer.' }) },
      exitCodes.unreachable,
      'Azure DevOps does not answer.',
    ],
  ])('%s', async (_, change, code, sentence) => {
    const result = await run('status', {}, change)
    expect(result.code).toBe(code)
    expect(result.err).toContain(sentence)
    expect(result.err).not.toContain('a-key-of-sixteen-characters')
    expect(result.out).toBe('')
  })

  it('sends the operator key as the Basic password', async () => {
    const { calls } = await run('status', onePool)
    expect(calls[0]?.authorization).toBe(`Basic ${Buffer.from(':a-key-of-sixteen-characters').toString('base64')}`)
  })
})
