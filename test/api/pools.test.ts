import { Check } from 'typebox/value'
import * as contract from '../../backend/api/contract.ts'
import type { Job, Machine } from '../../backend/core/snapshot.ts'
import type { StoredPass } from '../../backend/loop/ports.ts'
import { aScaleSet } from '../support/build.ts'
import {
  apiOf,
  asOperator,
  azureMachine,
  historyOf,
  idle,
  known,
  logEntry,
  nothingToDo,
  nowMs,
  pass,
  pool,
  scaleSet,
  scaleSetId,
  snapshot,
  world,
  type World,
} from './fixture.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
async function call(state: World, method: Method, path: string, payload?: object) {
  const app = await apiOf(state)
  const answer = await app.inject({ method, url: `/api/v1${path}`, headers: asOperator, ...(payload && { payload }) })
  return { status: answer.statusCode, body: answer.json() }
}

const creation = { scaleSetId, poolName: 'linux', settings: { machinesMax: 4 } }

describe('creating a pool', () => {
  test('makes the agent pool, the queue and the record, and wakes the loop', async () => {
    const state = world({ empty: true })
    const { status, body } = await call(state, 'POST', '/pools', { ...creation, project: 'Web', authorizeAllPipelines: true })
    expect([status, body.agentPool, body.pool.name, body.pool.state]).toEqual([201, 'made', 'linux', 'new'])
    expect(state.records.get(40)?.settings).toMatchObject({ machinesMax: 4, standby: 1 })
    expect([state.queues, state.authorized, state.nudges]).toEqual([['linux'], [5], [40]])
  })

  test('cut off before the record, it is taken up by the same call', async () => {
    const state = world({ empty: true })
    state.crashBeforeRecord = true
    expect((await call(state, 'POST', '/pools', creation)).status).toBe(500)
    state.crashBeforeRecord = false
    const { status, body } = await call(state, 'POST', '/pools', creation)
    expect([status, body.agentPool, state.agentPools.length, [...state.records.keys()]]).toEqual([201, 'taken', 1, [40]])
  })

  test('nothing runs when the queue is refused; the repeated call goes on', async () => {
    const state = world({ empty: true })
    state.failAddQueue = true
    const refused = await call(state, 'POST', '/pools', { ...creation, project: 'Web' })
    expect([refused.status, refused.body.message]).toEqual([
      422,
      'The queue of pool linux in project Web was not made: no right (AccessDeniedException).',
    ])
    expect(state.records.size).toBe(0)
    state.failAddQueue = false
    expect((await call(state, 'POST', '/pools', { ...creation, project: 'Web' })).status).toBe(201)
  })

  test('names the machines that are there and replaces them only when confirmed', async () => {
    const state = world({ empty: true })
    state.azure.machines = known([azureMachine('0'), azureMachine('1')])
    const { body } = await call(state, 'POST', '/pools', creation)
    expect(body.present).toEqual(['linux000000', 'linux000001'])
    expect(body.message).toContain('left alone until replacing them is confirmed: scale-set-agents pool confirm linux replace')
    expect(state.records.get(40)?.replaceConfirmed).toBe(false)
    expect((await call(state, 'POST', '/pools/40/confirm', { what: 'replace' })).status).toBe(202)
    expect(state.records.get(40)?.replaceConfirmed).toBe(true)
  })

  test('is refused with every finding when the scale set does not fit', async () => {
    const state = world({ empty: true })
    state.azure.set = known(scaleSet({ overprovision: true, upgradePolicy: 'Automatic' }))
    const { status, body } = await call(state, 'POST', '/pools', creation)
    expect([status, body.code, body.message]).toEqual([
      422,
      'refused',
      'The upgrade policy is Automatic, not Manual. Overprovisioning is on.',
    ])
    expect(body.findings.length).toBeGreaterThan(10)
    expect(state.agentPools).toEqual([])
  })

  test('is refused with every problem of the settings', async () => {
    const { status, body } = await call(world({ empty: true }), 'POST', '/pools', {
      ...creation,
      settings: { standby: -1, machinesMax: 0 },
    })
    expect(status).toBe(400)
    expect(body.problems.map((problem: { field: string }) => problem.field).sort()).toEqual(['machinesMax', 'standby'])
  })

  test('is put off when the scale set cannot be read', async () => {
    const state = world({ empty: true })
    state.azure.set = { known: false, why: 'Azure answered 500' }
    const { status, body } = await call(state, 'POST', '/pools', creation)
    expect([status, body.message]).toEqual([503, 'The scale set could not be read: Azure answered 500. Try again.'])
    expect(state.agentPools).toEqual([])
  })

  test.each([
    ['/pools', { ...creation, poolName: 'second' }],
    ['/check', { scaleSetId, forNewPool: true }],
  ])('a scale set of another pool is refused: %s', async (path, sent) => {
    const { status, body } = await call(world(), 'POST', path, sent)
    expect([status, body.message]).toEqual([
      409,
      'This virtual machine scale set is already in use by pool linux. Choose another, or delete that pool first.',
    ])
  })

  test('an agent pool with agents is taken only when asked for', async () => {
    const state = world({ empty: true })
    state.agentPools.push(pool(9, 'Linux'))
    state.agents = [{ id: 1, name: 'a', online: true, enabled: true }]
    expect((await call(state, 'POST', '/pools', creation)).status).toBe(409)
    expect((await call(state, 'POST', '/pools', { ...creation, existingPool: true })).body.agentPool).toBe('taken')
    expect([...state.records.keys()]).toEqual([9])
  })

  test('an agent pool that Azure DevOps sizes itself is refused', async () => {
    const state = world({ empty: true })
    state.agentPools.push({ ...pool(9, 'linux'), builtIn: true })
    const { status, body } = await call(state, 'POST', '/pools', { ...creation, existingPool: true })
    expect([status, body.message]).toEqual([
      409,
      'The agent pool linux is sized by Azure DevOps itself. Choose another name, or delete that pool first.',
    ])
  })

  test.each([
    ['no name', { scaleSetId }, /lacks poolName/],
    ['a field too many', { ...creation, colour: 'red' }, /not known: colour/],
    ['an id that does not parse', { ...creation, scaleSetId: 'vmss' }, /"vmss" does not parse/],
    ['a number for a name', { ...creation, poolName: 4 }, /poolName in the body must be string/],
    ['the field of the service', { ...creation, settings: { deleting: true } }, /Use DELETE on the pool/],
    ['pipelines without a project', { ...creation, authorizeAllPipelines: true }, /needs a project/],
  ])('%s is a bad request', async (_, payload, message) => {
    const { status, body } = await call(world({ empty: true }), 'POST', '/pools', payload)
    expect(status).toBe(400)
    expect(body.message).toMatch(message)
  })
})

describe('a pool that runs', () => {
  test('tells of assignments lost to the race before a wait was measured', async () => {
    const waits = async () => ({ jobs: 0, startedJobs: 0, lostToOnceRace: 2 })
    const state = world()
    const app = await apiOf(state, { ...historyOf(state), waits })
    const body = (await app.inject({ url: '/api/v1/pools/7', headers: asOperator })).json()
    expect([body.waits, body.lostToOnceRace]).toEqual([undefined, 2])
  })

  test('takes the scale set over from the owner whom the person confirmed, and from nobody else', async () => {
    const state = world()
    const confirm = () => call(state, 'POST', '/pools/7/confirm', { what: 'takeOver' })
    expect(await confirm()).toMatchObject({ status: 409, body: { message: expect.stringMatching(/nothing to take over\.$/) as string } })
    state.azure.set = { known: false, why: 'Azure answered 500' }
    expect((await confirm()).status).toBe(503)
    state.azure.set = known(scaleSet({ tags: { ScaleSetAgentsOwner: 'them/3/17' } }))
    expect((await confirm()).body.message).toBe(
      'Confirmed for pool linux: the claim of them/3 is taken over once it has stood still for 10 minutes.',
    )
    expect(state.records.get(7)?.takeOverFrom).toBe('them/3')
    const confirmed = async (claimedBy: string): Promise<boolean> => {
      state.latest.set(7, { ...state.latest.get(7)!, snapshot: snapshot({ scaleSet: known(aScaleSet({ claim: 'other', claimedBy })) }) })
      return (await call(state, 'GET', '/pools/7')).body.takeOverConfirmed as boolean
    }
    expect([await confirmed('them/3'), await confirmed('others/3')]).toEqual([true, false])
  })

  test('settings change at the version that was read, and the change is remembered', async () => {
    const state = world()
    expect((await call(state, 'PUT', '/pools/7/settings', { version: 1, settings: { standby: 3 } })).body).toMatchObject({
      version: 2,
      settings: { standby: 3, machinesMax: 10 },
    })
    const late = await call(state, 'PUT', '/pools/7/settings', { version: 1, settings: { standby: 4 } })
    expect([late.status, late.body.message]).toEqual([409, expect.stringContaining('they are at version 2, not 1')])
    expect((await call(state, 'GET', '/pools/7/settings/history')).body.changes).toMatchObject([
      { version: 2, by: 'ada', settings: { standby: 3 } },
    ])
  })

  test('the image decides on settings too', async () => {
    const state = world()
    const { status, body } = await call(state, 'PUT', '/pools/7/settings', { version: 1, settings: { interactive: true } })
    expect([status, body.problems]).toEqual([400, [expect.objectContaining({ field: 'interactive' })]])
  })

  test('is paused and resumed', async () => {
    const state = world()
    expect((await call(state, 'POST', '/pools/7/pause')).status).toBe(202)
    expect(state.records.get(7)?.settings.paused).toBe(true)
    await call(state, 'POST', '/pools/7/resume')
    expect(state.records.get(7)?.settings.paused).toBe(false)
  })

  test('tries a machine again on request', async () => {
    const state = world()
    expect((await call(state, 'POST', '/pools/7/try-again')).status).toBe(202)
    expect(state.records.get(7)?.orders).toMatchObject([{ machineId: '', order: 'try-again' }])
    expect((await call(state, 'POST', '/pools/8/try-again')).status).toBe(404)
  })

  test('deleting only marks it, and nothing changes it after that', async () => {
    const state = world()
    expect((await call(state, 'DELETE', '/pools/7')).status).toBe(202)
    expect(state.records.get(7)?.settings.deleting).toBe(true)
    expect((await call(state, 'POST', '/pools/7/pause')).status).toBe(409)
    expect((await call(state, 'PUT', '/pools/7/settings', { version: 2, settings: {} })).status).toBe(409)
    expect((await call(state, 'DELETE', '/pools/7')).status).toBe(202)
  })

  test('a person orders machines by name or id', async () => {
    const state = world()
    state.latest.set(7, {
      snapshot: snapshot({ machines: known([idle('1'), { stage: 'foreign', id: '2', name: 'stranger', generation: 1, since: 0 }]) }),
      decision: nothingToDo,
      at: nowMs,
    })
    expect((await call(state, 'POST', '/pools/7/machines/linux000001/orders', { order: 'delete', force: true })).status).toBe(202)
    expect((await call(state, 'POST', '/pools/7/machines/2/orders', { order: 'adopt' })).status).toBe(202)
    expect(state.records.get(7)?.orders).toMatchObject([
      { machineId: '1', order: 'delete', by: 'ada', force: true },
      { machineId: '2', order: 'adopt', force: false },
    ])
    expect((await call(state, 'POST', '/pools/7/machines/2/orders', { order: 'delete' })).body.message).toBe(
      'Machine stranger is not ours. Adopt it first.',
    )
    expect((await call(state, 'POST', '/pools/7/machines/9/orders', { order: 'delete' })).status).toBe(404)
    expect((await call(state, 'POST', '/pools/7/machines/1/orders', { order: 'explode' })).status).toBe(400)
  })

  test('its queue is told with the longest wait and the reason', async () => {
    const state = world()
    const job: Job = { requestId: 31, name: 'build', pipeline: 'ci', demands: [], seenAt: nowMs - 45_000 }
    state.latest.set(7, { snapshot: snapshot({ jobs: known([job]) }), decision: nothingToDo, at: nowMs })
    expect((await call(state, 'GET', '/pools')).body.pools[0]).toMatchObject({
      waiting: 1,
      running: 0,
      longestWaitMs: 45_000,
      state: 'online',
    })
    expect((await call(state, 'GET', '/pools/7/jobs')).body.jobs[0].why[0]).toContain('has waited 45 s')
    const ended = await call(state, 'GET', '/pools/7/jobs/30/why')
    expect([ended.status, ended.body.message]).toEqual([
      404,
      expect.stringContaining('Job request 30 is not waiting or running in pool linux: it has finished, was cancelled,'),
    ])
  })

  test('what could not be read is absent, not empty', async () => {
    const state = world()
    const unread = { known: false, why: 'a sign-in page' } as const
    state.latest.set(7, { snapshot: snapshot({ jobs: unread, machines: unread }), decision: nothingToDo, at: nowMs })
    const [shown] = (await call(state, 'GET', '/pools')).body.pools
    expect(Object.keys(shown)).not.toEqual(expect.arrayContaining(['waiting', 'stages']))
    const { status, body } = await call(state, 'GET', '/pools/7/machines')
    expect([status, body.message]).toEqual([503, 'The machines of pool linux could not be read: a sign-in page'])
  })

  test('machines that are not ours are told with the next step', async () => {
    const state = world()
    const stranger: Machine = { stage: 'foreign', id: '2', name: 'stranger', generation: 1, since: 0 }
    state.latest.set(7, { snapshot: snapshot({ machines: known([idle('1'), stranger]) }), decision: nothingToDo, at: nowMs })
    const problems = async () => (await call(state, 'GET', '/pools')).body.pools[0].problems
    expect(await problems()).toEqual([expect.stringMatching(/^1 machine is not ours .*: scale-set-agents pool confirm linux replace$/)])
    state.records.set(7, { ...state.records.get(7)!, replaceConfirmed: true })
    expect(await problems()).toEqual([expect.stringContaining('Those found when the pool was made are replaced')])
  })

  test('a machine is found by its name before its id', async () => {
    const state = world()
    const machines = known([idle('1'), { ...idle('2'), name: '1' }])
    state.latest.set(7, { snapshot: snapshot({ machines }), decision: nothingToDo, at: nowMs })
    await call(state, 'POST', '/pools/7/machines/1/orders', { order: 'delete' })
    expect(state.records.get(7)?.orders).toMatchObject([{ machineId: '2' }])
  })

  test('a machine asked for by its id is answered for by its name', async () => {
    const state = world()
    state.latest.set(7, { snapshot: snapshot({ machines: known([idle('1')]) }), decision: nothingToDo, at: nowMs })
    expect((await call(state, 'GET', '/pools/7/machines/1/why')).body).toMatchObject({ subject: 'linux000001', from: 'latest' })
  })

  test('a machine that left is explained from Diagnostics', async () => {
    const state = world()
    state.gone = [{ memory: { name: 'linux000004', generation: 1 }, goneAt: nowMs }]
    state.log = [logEntry(1, { machine: 'linux000004', message: 'Deleted as surplus.' }), logEntry(2)]
    expect((await call(state, 'GET', '/pools/7/machines/4/why')).body).toMatchObject({
      from: 'history',
      sentences: ['linux000004 is gone.', 'Deleted as surplus.'],
    })
  })

  test('a pass tells the longest wait that it saw', async () => {
    const state = world()
    const waiting = { requestId: 1, name: 'build', demands: [], seenAt: 1_000 } as unknown as Job
    const seen = (jobs: readonly Job[]): StoredPass => ({ ...pass(1), at: 61_000, snapshot: snapshot({ jobs: known(jobs) }) })
    const longest = async () => (await call(state, 'GET', '/pools/7/passes')).body.passes[0].longestWaitMs
    state.passes = [seen([waiting, { ...waiting, seenAt: 31_000 }, { ...waiting, seenAt: 0, agentId: 4 }])]
    expect(await longest()).toBe(60_000)
    state.passes = [seen([])]
    expect(await longest()).toBeUndefined()
  })

  test('passes and log are paged', async () => {
    const state = world()
    state.passes = [pass(1), pass(2), pass(3)]
    state.log = [logEntry(1), logEntry(2, { level: 'error' }), logEntry(3)]
    const ids = (rows: { id: number }[]) => rows.map(({ id }) => id)
    const first = (await call(state, 'GET', '/pools/7/passes?top=2')).body
    expect([ids(first.passes), first.next]).toEqual([[3, 2], 2])
    expect(ids((await call(state, 'GET', '/pools/7/passes?top=2&before=2')).body.passes)).toEqual([1])
    expect((await call(state, 'GET', '/pools/7/passes/2')).body.pass.id).toBe(2)
    expect((await call(state, 'GET', '/pools/7/passes/8')).status).toBe(404)
    expect(ids((await call(state, 'GET', '/pools/7/log?level=error')).body.entries)).toEqual([2])
    expect((await call(state, 'GET', '/pools/7/log?top=many')).status).toBe(400)
  })

  test('every answer is as the contract describes it', async () => {
    const state = world()
    const job: Job = { requestId: 31, name: 'build', pipeline: 'ci', demands: ['maven'], seenAt: nowMs - 45_000 }
    state.latest.set(7, { snapshot: snapshot({ jobs: known([job]), machines: known([idle('1')]) }), decision: nothingToDo, at: nowMs })
    state.passes = [pass(1)]
    state.log = [logEntry(1)]
    const answers = {
      '/pools': contract.poolList,
      '/pools/7': contract.poolDetail,
      '/pools/7/settings': contract.settingsView,
      '/pools/7/settings/history': contract.settingsHistory,
      '/pools/7/check': contract.checkReport,
      '/pools/7/machines': contract.machineList,
      '/pools/7/machines/1/why': contract.whyView,
      '/pools/7/jobs': contract.jobList,
      '/pools/7/jobs/31/why': contract.whyView,
      '/pools/7/passes': contract.passList,
      '/pools/7/passes/1': contract.passDetail,
      '/pools/7/log': contract.logList,
    }
    for (const [path, schema] of Object.entries(answers)) {
      const { status, body } = await call(state, 'GET', path)
      expect([path, status, Check(schema, body)]).toEqual([path, 200, true])
    }
  })

  test('no odd input is a fault of the service', async () => {
    const app = await apiOf(world())
    const odd = [
      '/api/v1/pools/x',
      '/api/v1/pools/-1',
      '/api/v1/pools/99999999999',
      '/api/v1/pools/8',
      '/api/v1/nothing',
      '/api/v1/pools/7/machines/%00/why',
      '/api/v1/pools/7/log?before=-3',
      '/_apis/distributedtask/elasticpools/x',
      '/%zz',
    ]
    for (const url of odd) {
      const answer = await app.inject({ url, headers: asOperator })
      expect([400, 404]).toContain(answer.statusCode)
      expect(answer.json().message).toMatch(/\S+ .*\.$/)
    }
    for (const payload of ['{', 'null', '[]', '"text"', '{"settings":{}}']) {
      const answer = await app.inject({
        method: 'PUT',
        url: '/api/v1/pools/7/settings',
        headers: { ...asOperator, 'content-type': 'application/json' },
        payload,
      })
      expect([payload, answer.statusCode]).toEqual([payload, 400])
    }
    const large = await app.inject({
      method: 'POST',
      url: '/api/v1/check',
      headers: asOperator,
      payload: { scaleSetId: 'x'.repeat(300_000) },
    })
    expect(large.statusCode).toBe(413)
  })
})
