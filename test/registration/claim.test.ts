import type { BootPhase } from '../../backend/core/boot.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { forEachDialect } from '../store/dialects.ts'
import { poolId } from '../store/support.ts'
import { azureMachine, claim, genericError, key, memory, nonceFor, registrarOf, scene, token, type Scene } from './support.ts'

let database: Database
beforeEach(async () => {
  database = await openDatabase({ kind: 'sqlite-memory' })
})
afterEach(() => database.close())

const otherKey = 'b'.repeat(64)
const refused = { status: 403, error: genericError }
const reasons = (state: Scene) => state.told.map(({ message }) => message)

test('a machine that proves itself is told all it needs, once', async () => {
  const { registrar, state } = registrarOf(database)
  expect(await claim(registrar)).toEqual({
    status: 200,
    lines: {
      organizationUrl: 'https://dev.azure.com/fabrikam',
      pool: 'linux',
      agent: 'vmss000003',
      token,
      packageUrl: 'https://agents.example/a.tar.gz',
      packageSha256: 'f'.repeat(64),
      packageVersion: '4.255.0',
      runMode: 'once',
      proxy: '',
      sudo: 'yes',
      holdUpgrades: 'yes',
      interactive: 'no',
    },
  })
  expect(state.platforms).toEqual(['linux-arm64'])
  expect(await claim(registrar, { key: otherKey })).toEqual(refused)
  expect(reasons(state)).toEqual([
    expect.stringContaining('Machine vmss000003 asked for a credential and was refused: a credential was handed out already'),
  ])
})

test('a paused pool accepts its machines too', async () => {
  const state = scene()
  state.record = { ...state.record!, settings: { ...state.record!.settings, paused: true, tearDownAfterUse: false } }
  const { registrar } = registrarOf(database, state)
  expect(await claim(registrar)).toMatchObject({ status: 200, lines: { runMode: 'service' } })
})

test('a script that is run again repeats its own claim, twenty times at most', async () => {
  const { registrar, state } = registrarOf(database)
  for (let times = 0; times < 20; times += 1) {
    state.nowMs += 61_000
    expect((await claim(registrar)).status).toBe(200)
  }
  expect(await claim(registrar)).toEqual(refused)
})

test('the next life of the machine gets a credential of its own', async () => {
  const { registrar, state } = registrarOf(database)
  await claim(registrar)
  state.remembered = [memory('3', { generation: 2 })]
  expect((await claim(registrar, { key: otherKey })).status).toBe(200)
})

test('another machine under the same instance id gets one as well', async () => {
  const { registrar, state } = registrarOf(database)
  await claim(registrar)
  const createdAt = '2026-11-22T08:00:00Z'
  state.listed = [azureMachine('3', { createdAt })]
  state.remembered = [memory('3', { createdAt })]
  expect((await claim(registrar, { key: otherKey })).status).toBe(200)
})

describe('refused with one sentence for all, and its own reason in Diagnostics:', () => {
  const cases: readonly (readonly [string, Parameters<typeof claim>[1], (state: Scene) => void, RegExp])[] = [
    ['a nonce that was never given', { nonce: '0'.repeat(32) }, () => undefined, /its nonce was never given to it/],
    [
      'a document that is not signed right',
      { vmId: 'forged' },
      () => undefined,
      /its proof of identity does not hold. The signature does not fit/,
    ],
    ['a recorded document', { inDocument: 'older' }, () => undefined, /holds another nonce/],
    ['another subscription', { subscription: 'elsewhere' }, () => undefined, /is of subscription elsewhere/],
    [
      'the document of another machine of the scale set',
      { vmId: 'vm-4' },
      (state) => (state.listed = [azureMachine('3'), azureMachine('4')]),
      /is that of machine vmss000004/,
    ],
    ['the document of a machine elsewhere in the subscription', { vmId: 'vm-99' }, () => undefined, /Azure lists vm-3 under that name/],
    [
      'a saved machine',
      {},
      (state) => (state.remembered = [memory('3', { saved: { cause: 'failed-to-start', by: 'Ada' } as never })]),
      /is saved/,
    ],
    [
      'a leaving machine',
      {},
      (state) => (state.remembered = [memory('3', { leaving: { cause: 'surplus', next: 'delete' } as never })]),
      /about to leave/,
    ],
    [
      'a machine that a person ordered away',
      {},
      (state) => (state.remembered = [memory('3', { asked: { order: 'delete', by: 'Ada', force: false } })]),
      /about to leave/,
    ],
    ['a machine that Azure deletes', {}, (state) => (state.listed = [azureMachine('3', { provisioning: 'deleting' })]), /being deleted/],
    ['a machine whose agent was online', {}, (state) => (state.remembered = [memory('3', { onlineAt: 5 })]), /agent was seen already/],
    [
      'a pool that keeps its credential in the model',
      {},
      (state) => (state.record = { ...state.record!, settings: { ...state.record!.settings, tokenInModel: true } }),
      /tokenInModel is on/,
    ],
    [
      'a pool that is being deleted',
      {},
      (state) => (state.record = { ...state.record!, settings: { ...state.record!.settings, deleting: true } }),
      /pool is being deleted/,
    ],
  ]
  test.each(cases)('%s', async (_name, asked, arrange, reason) => {
    const { registrar, state } = registrarOf(database)
    arrange(state)
    expect(await claim(registrar, asked)).toEqual(refused)
    expect(state.told).toEqual([
      expect.objectContaining({ level: 'warning', machine: 'vmss000003', message: expect.stringMatching(reason) }),
    ])
  })

  test('a pool that is not there, which has no Diagnostics', async () => {
    const { registrar, state } = registrarOf(database)
    state.record = undefined
    expect(await claim(registrar, { nonce: '0'.repeat(32) })).toEqual(refused)
    expect(state.told).toEqual([])
  })
})

describe('a script that was killed in its registration', () => {
  test('claims again as itself, although its agent is listed by now; nobody else does', async () => {
    const { registrar, state } = registrarOf(database)
    await claim(registrar)
    state.remembered = [memory('3', { agentId: 9 })]
    expect((await claim(registrar)).status).toBe(200)
    expect(await claim(registrar, { key: otherKey })).toEqual(refused)
  })

  test.each<[string, BootPhase, 'ok' | 'failed', number]>([
    ['had not reported that it was registered', 'configure', 'failed', 200],
    ['had reported that it was registered: a job may ask', 'configure', 'ok', 403],
    ['had started its agent, whatever came of it', 'start', 'failed', 403],
    ['had ended its one job before any pass saw it', 'finished', 'ok', 403],
  ])('and %s', async (_what, phase, result, status) => {
    const { registrar } = registrarOf(database)
    await claim(registrar)
    await registrar.report({ poolId, machine: 'VMSS000003', key, phase, result, durationMs: 1, detail: '' }, '10.0.0.3')
    expect((await claim(registrar)).status).toBe(status)
  })

  test('in the life before does not matter', async () => {
    const { registrar, state } = registrarOf(database)
    await claim(registrar)
    await registrar.report({ poolId, machine: 'vmss000003', key, phase: 'online', result: 'ok', durationMs: 1, detail: '' }, '10.0.0.3')
    state.remembered = [memory('3', { generation: 2 })]
    expect((await claim(registrar, { key: otherKey })).status).toBe(200)
  })
})

test('an offline agent that had the name before leaves the machine its claim', async () => {
  const { registrar, state } = registrarOf(database)
  state.remembered = [memory('3', { agentId: 9, formerJob: 4 })]
  expect((await claim(registrar)).status).toBe(200)
})

describe('a nonce', () => {
  test('serves one claim, whatever becomes of it', async () => {
    const { registrar, state } = registrarOf(database)
    const nonce = await nonceFor(registrar)
    state.listed = []
    expect((await claim(registrar, { nonce })).status).toBe(503)
    state.listed = [azureMachine('3')]
    expect(await claim(registrar, { nonce })).toEqual(refused)
  })

  test('is of no use to another machine', async () => {
    const { registrar } = registrarOf(database)
    const nonce = await nonceFor(registrar, 'vmss000004')
    expect(await claim(registrar, { nonce })).toEqual(refused)
  })

  test('ends after five minutes', async () => {
    const { registrar, state } = registrarOf(database)
    const [early, late] = [await nonceFor(registrar), await nonceFor(registrar)]
    state.nowMs += 5 * 60_000 - 1
    expect((await claim(registrar, { nonce: early })).status).toBe(200)
    state.nowMs += 1
    expect(await claim(registrar, { nonce: late })).toEqual(refused)
  })

  test('is 32 hexadecimal digits by chance', async () => {
    const { registrar } = registrarOf(database)
    const nonces = [await nonceFor(registrar), await nonceFor(registrar)]
    for (const nonce of nonces) expect(nonce).toMatch(/^[0-9a-f]{32}$/)
    expect(nonces[0]).not.toBe(nonces[1])
  })
})

describe('told to ask again:', () => {
  const cases: readonly (readonly [string, (state: Scene) => void, number])[] = [
    ['a machine that Azure does not list yet', (state) => (state.listed = []), 5_000],
    ['a machine that Azure lists without its id', (state) => (state.listed = [azureMachine('3', { vmId: '' })]), 5_000],
    ['machines that could not be read', (state) => (state.listUnread = 'Azure was silent'), 10_000],
    ['a machine that the pool has not taken in', (state) => (state.remembered = []), 5_000],
    [
      'a new machine under an instance id of which the old one is remembered',
      (state) => (state.remembered = [memory('3', { createdAt: 'before' })]),
      5_000,
    ],
    [
      'a machine whose reimage was accepted 8 s ago',
      (state) => (state.remembered = [memory('3', { generation: 2, reimagingSince: state.nowMs - 8_000 })]),
      12_000,
    ],
    [
      'a reimage on the clock of a replica that is ahead',
      (state) => (state.remembered = [memory('3', { generation: 2, reimagingSince: state.nowMs + 900 })]),
      20_000,
    ],
  ]
  test.each(cases)('%s', async (_name, arrange, retryAfterMs) => {
    const { registrar, state } = registrarOf(database)
    arrange(state)
    expect(await claim(registrar)).toEqual({ status: 503, error: 'The machine cannot be accepted yet. Ask again later.', retryAfterMs })
    expect(state.told).toEqual([])
  })

  test('again and again: after three minutes the operator is told why, once', async () => {
    const { registrar, state } = registrarOf(database)
    state.remembered = []
    const seconds = Array.from({ length: 12 }, () => 30)
    for (const each of seconds) {
      await claim(registrar)
      state.nowMs += each * 1_000
    }
    expect(state.told).toMatchObject([
      {
        level: 'warning',
        message:
          'Machine vmss000003 waits for its credential: the pool has not taken the machine in yet. It took minutes by now: if it does not end, run scale-set-agents doctor.',
      },
    ])
  })

  test('in two lives, each for a short while: nobody is told', async () => {
    const { registrar, state } = registrarOf(database)
    for (const generation of [1, 2]) {
      state.remembered = []
      expect((await claim(registrar)).status).toBe(503)
      state.remembered = [memory('3', { generation })]
      expect((await claim(registrar)).status).toBe(200)
      state.nowMs += 4 * 60_000
    }
    expect(state.told).toEqual([])
  })

  test('a reimaged machine is accepted 20 s after its reimage was', async () => {
    const { registrar, state } = registrarOf(database)
    state.remembered = [memory('3', { generation: 2, reimagingSince: state.nowMs - 20_000 })]
    expect((await claim(registrar)).status).toBe(200)
  })

  test('a claim for which there is no package or no credential, and the operator is told', async () => {
    const { registrar, state } = registrarOf(database)
    const [known, credential] = [state.package, state.credential]
    state.package = { known: false, why: 'no package was ever read' }
    expect(await claim(registrar)).toMatchObject({ status: 503, retryAfterMs: 30_000 })
    state.package = known
    state.credential = { known: false, why: 'the identity is gone' }
    expect(await claim(registrar)).toMatchObject({ status: 503, retryAfterMs: 30_000 })
    expect(state.told.map(({ level, message }) => [level, message])).toEqual([
      ['error', 'Machine vmss000003 waits for its credential: no package was ever read.'],
      ['error', 'Machine vmss000003 waits for its credential: there is no credential to hand out: the identity is gone.'],
    ])
    state.credential = credential
    expect((await claim(registrar)).status).toBe(200)
  })
})

test('the computer name and the ids are compared without regard to capitals', async () => {
  const { registrar, state } = registrarOf(database)
  state.listed = [azureMachine('3', { vmId: 'VM-3' })]
  expect(await claim(registrar, { machine: 'VMSS000003' })).toMatchObject({ status: 200, lines: { agent: 'vmss000003' } })
})

test('a flood of refusals leaves a bounded number of entries', async () => {
  const { registrar, state } = registrarOf(database)
  for (let at = 0; at < 300; at += 1) await claim(registrar, { machine: `made-up-${at % 100}`, nonce: '0'.repeat(32) }, `10.0.${at}.1`)
  expect(state.told).toHaveLength(20)
})

forEachDialect('a hundred claims of one life at once', (host) => {
  test('have exactly one winner, also with two replicas', async () => {
    const place = await host.newPlace()
    const replicas = [await openDatabase(place), ...(host.dialect === 'postgres' ? [await openDatabase(place)] : [])]
    // A door for each: the limit for one machine is not what this is about.
    const doorOf = (at: number) => registrarOf(replicas[at % replicas.length]!).registrar
    const answers = await Promise.all(Array.from({ length: 100 }, (_, at) => claim(doorOf(at), { key: at.toString(16).padStart(64, '0') })))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter((answer) => answer.status === 403)).toHaveLength(99)
    await Promise.all(replicas.map((replica) => replica.close()))
  }, 30_000)
})
