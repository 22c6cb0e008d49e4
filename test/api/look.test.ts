/** What a person looks at before a pool is made, and to get to a machine; and the switch of an agent. */
import type { Machine } from '../../backend/core/snapshot.ts'
import type { BuiltInPool } from '../../backend/core/take-over.ts'
import { asOperator, apiOf, known, idle, nothingToDo, nowMs, scaleSet, scaleSetId, snapshot, world, type World } from './fixture.ts'
import { accessTokenOf, manager, sessionOf, signInApi } from './people.ts'

const builtIn = (poolId: number): BuiltInPool => ({
  poolId,
  name: `old-${poolId}`,
  scaleSetId,
  os: 'linux',
  serviceEndpointId: 'e',
  serviceEndpointScope: 'p',
  settings: {
    maxCapacity: 8,
    desiredIdle: 2,
    recycleAfterEachUse: true,
    maxSavedNodeCount: 0,
    agentInteractiveUI: false,
    timeToLiveMinutes: 15,
  },
})

async function get(state: World, path: string) {
  const app = await apiOf(state)
  return app.inject({ url: `/api/v1${path}`, headers: asOperator })
}

describe('scale sets', () => {
  const listed = (name: string) => ({
    id: scaleSetId.replace(/linux$/, name).replace('resourceGroups', 'resourcegroups'),
    name,
    resourceGroup: 'ci',
    location: 'westeurope',
    size: 'Standard_D2s_v5',
    capacity: 0,
  })

  test('are listed by name, with the pool that has them', async () => {
    const state = world()
    state.scaleSets = known([listed('windows'), listed('linux')])
    const answer = await get(state, '/scale-sets')
    expect(answer.json().scaleSets.map(({ name, usedBy }: { name: string; usedBy?: string }) => [name, usedBy])).toEqual([
      ['linux', 'linux'],
      ['windows', undefined],
    ])
  })

  test('that cannot be listed say why', async () => {
    const state = world()
    state.scaleSets = { known: false, why: 'Azure did not answer' }
    const answer = await get(state, '/scale-sets')
    expect([answer.statusCode, answer.json().message]).toEqual([
      503,
      'The scale sets could not be listed: Azure did not answer. Try again.',
    ])
  })
})

describe('pools of Azure DevOps', () => {
  test('are those that the person manages, with settings in our names, the steps, and the way back', async () => {
    const state = world()
    state.builtIn = [builtIn(90), builtIn(91)]
    const { app } = await signInApi(state)
    const headers = { ...(await sessionOf(app, manager)), 'x-azure-devops-token': accessTokenOf(manager) }
    const answer = await app.inject({ url: '/api/v1/built-in-pools', headers })
    expect(answer.json().pools).toMatchObject([
      {
        poolId: 90,
        name: 'old-90',
        scaleSetId,
        settings: { machinesMax: 8, standby: 2, tearDownAfterUse: true, savedMax: 0, interactive: false, idleDelayMinutes: 15 },
      },
    ])
    expect(JSON.stringify(answer.json().pools[0].wayBack)).toContain(
      'https://dev.azure.com/fabrikam/_apis/distributedtask/elasticpools?poolName=old-90',
    )
  })

  test('are never read with the rights of the service for a person', async () => {
    const { app } = await signInApi()
    const answer = await app.inject({ url: '/api/v1/built-in-pools', headers: await sessionOf(app, manager) })
    expect([answer.statusCode, answer.json().code]).toEqual([403, 'personToken'])
  })
})

function withMachines(...machines: readonly Machine[]): World {
  const state = world()
  const others = [{ id: 40, name: 'build-box', online: true, enabled: true, busy: false }]
  const seen = snapshot({ machines: known(machines), agents: known({ others, orphans: [] }) })
  state.latest.set(7, { snapshot: seen, decision: nothingToDo, at: nowMs })
  return state
}

describe('the way to a machine', () => {
  test('comes from the network of the scale set, and holds no password', async () => {
    const state = withMachines(idle('1'))
    state.azure.set = known(scaleSet({ adminUsername: 'azureuser' }))
    state.azure.reach = known({ publicAddress: true, natPool: false })
    const answer = await get(state, '/pools/7/machines/linux000001/connect')
    expect(answer.json()).toMatchObject({ poolId: 7, machine: 'linux000001', ways: [{ way: 'publicAddress' }, { way: 'jumpHost' }] })
    expect(answer.body).toContain('ssh azureuser@ADDRESS')
  })

  test.each<[string, Partial<World['azure']>, number, string]>([
    [
      'network',
      { reach: { known: false, why: 'Azure did not answer' } },
      503,
      'The network of the scale set of pool linux could not be read: Azure did not answer. Try again.',
    ],
    [
      'scale set',
      { set: { known: false, why: 'Azure did not answer' } },
      503,
      'The scale set of pool linux could not be read: Azure did not answer. Try again.',
    ],
    ['scale set any more', { set: known(undefined) }, 422, 'The scale set of pool linux does not exist any more.'],
  ])('is not known without the %s', async (_, azure, status, message) => {
    const state = withMachines(idle('1'))
    Object.assign(state.azure, azure)
    const answer = await get(state, '/pools/7/machines/1/connect')
    expect([answer.statusCode, answer.json().message]).toEqual([status, message])
  })
})

describe('an agent', () => {
  const turn = async (state: World, agentId: number, way: 'enable' | 'disable') => {
    const app = await apiOf(state)
    return app.inject({ method: 'POST', url: `/api/v1/pools/7/agents/${agentId}/${way}`, headers: asOperator })
  }

  test('of ours is disabled in Azure DevOps, and the pool looks at once', async () => {
    const state = withMachines(idle('1'))
    const answer = await turn(state, 101, 'disable')
    expect([answer.statusCode, answer.json().message]).toEqual([
      202,
      'Agent linux000001 is disabled and takes no more jobs. Its machine leaves the pool once no job runs on it.',
    ])
    expect([state.asked, state.nudges]).toEqual([['the service: disable agent 101 of pool 7'], [7]])
  })

  test('that is not ours is switched, and nothing is said of a machine', async () => {
    const state = withMachines()
    expect((await turn(state, 40, 'disable')).json().message).toBe('Agent build-box is disabled and takes no more jobs.')
    expect((await turn(state, 40, 'enable')).json().message).toBe('Agent build-box is enabled and takes jobs again.')
    expect(state.records.get(7)?.orders.map(({ machineId, order }) => [machineId, order])).toEqual([
      ['build-box', 'disable'],
      ['build-box', 'enable'],
    ])
  })

  test('that the pool itself let go is not enabled', async () => {
    const state = withMachines({
      ...idle('1'),
      stage: 'draining',
      agent: { id: 101, name: 'linux000001', online: true, enabled: false },
      cause: 'surplus',
      next: 'delete',
    })
    const answer = await turn(state, 101, 'enable')
    expect([answer.statusCode, state.asked]).toEqual([409, []])
  })

  test('of another pool is not touched', async () => {
    const state = withMachines(idle('1'))
    const answer = await turn(state, 999, 'disable')
    expect([answer.statusCode, answer.json().message, state.asked]).toEqual([
      404,
      expect.stringContaining('Pool linux has no agent 999.'),
      [],
    ])
  })

  test('that Azure DevOps does not switch is told with its words, and nothing is recorded', async () => {
    const state = withMachines(idle('1'))
    state.refuseEnabled = { kind: 'refused', status: 403, code: 'AccessDeniedException', message: 'no right' }
    const answer = await turn(state, 101, 'disable')
    expect([answer.statusCode, answer.json().message]).toEqual([
      422,
      'Agent linux000001 was not disabled: no right (AccessDeniedException).',
    ])
    expect(state.records.get(7)?.orders).toEqual([])
  })

  test('that is not ours is listed beside the machines', async () => {
    expect((await get(withMachines(idle('1')), '/pools/7/machines')).json().others).toEqual([
      { id: 40, name: 'build-box', online: true, enabled: true, busy: false },
    ])
  })
})

test('an entry of Diagnostics that tells of a failure has its cause and its fix apart', async () => {
  const state = world()
  const message = 'linux000001 failed to start in package: hash mismatch. x'
  state.log.push({ id: 1, poolId: 7, level: 'warning', operation: 'sizingJob', message, at: nowMs, wallTimeMs: 0, machine: 'linux000001' })
  const [entry] = (await get(state, '/pools/7/log')).json().entries
  expect(entry.failure).toMatchObject({ name: 'hash mismatch', fix: expect.stringMatching(/.+/) })
})
