import { createHash } from 'node:crypto'
import type { BootReport } from '../../backend/loop/ports-boot.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { azureMachine, genericError, key, registrarOf, scene, token } from '../registration/support.ts'
import { apiOf, asOperator, world } from './fixture.ts'

let database: Database
beforeEach(async () => {
  database = await openDatabase({ kind: 'sqlite-memory' })
})
afterEach(() => database.close())

async function start(state = scene()) {
  const { registrar } = registrarOf(database, state)
  const app = await apiOf({ ...world(), registrar })
  const post = async (path: string, form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await app.inject({
      method: 'POST',
      url: `/api/v1/registration/${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(form).toString(),
    })
    return { status: answer.statusCode, text: answer.body, headers: answer.headers }
  }
  return { app, post, state }
}

const machine = { poolId: '7', machine: 'vmss000003' }
const lines = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    text
      .trimEnd()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )

test('nonce, claim and report, as the script sends them', async () => {
  const { post } = await start()
  const given = await post('nonce', machine)
  expect(given).toMatchObject({ status: 200, text: expect.stringMatching(/^nonce=[0-9a-f]{32}\n$/) })
  expect(given.headers['content-type']).toBe('text/plain; charset=utf-8')
  const { nonce = '' } = lines(given.text)
  const claimed = await post('claim', { ...machine, nonce, key, document: `vm-3 ${nonce}`, certificates: '' })
  expect(Object.keys(lines(claimed.text))).toEqual([
    ...['organizationUrl', 'pool', 'agent', 'token', 'packageUrl', 'packageSha256', 'packageVersion', 'runMode'],
    ...['proxy', 'sudo', 'holdUpgrades', 'interactive'],
  ])
  expect(lines(claimed.text)).toMatchObject({ token, runMode: 'once', sudo: 'yes' })
  const report = { ...machine, phase: 'proof', result: 'ok', durationMs: '900', detail: '' }
  expect(await post('report', report, { authorization: `Bearer ${key}` })).toMatchObject({ status: 204, text: '' })
})

test('refusals, waits and limits are one line, with the time to wait', async () => {
  const state = scene()
  const { post } = await start(state)
  const claim = async () => {
    const { nonce = '' } = lines((await post('nonce', machine)).text)
    return post('claim', { ...machine, nonce, key, document: `vm-3 ${nonce}` })
  }
  state.listed = []
  expect(await claim()).toMatchObject({
    status: 503,
    text: 'error=The machine cannot be accepted yet. Ask again later.\n',
    headers: { 'retry-after': '5' },
  })
  state.listed = [azureMachine('3', { provisioning: 'deleting' })]
  expect(await claim()).toMatchObject({ status: 403, text: `error=${genericError}\n` })
  for (let times = 0; times < 20; times += 1) await post('nonce', machine)
  expect(await post('nonce', machine)).toMatchObject({ status: 429, headers: { 'retry-after': '58' } })
  expect(
    (await post('report', { ...machine, phase: 'online', result: 'ok', durationMs: '1' }, { authorization: 'Bearer guess' })).status,
  ).toBe(401)
})

test.each([
  ['a name that is no computer name', 'nonce', { ...machine, machine: 'a b' }],
  ['a pool that is no number', 'nonce', { ...machine, poolId: '7; drop' }],
  ['a missing field', 'nonce', { poolId: '7' }],
  ['a short key', 'claim', { ...machine, nonce: '0'.repeat(32), key: 'short', document: 'x' }],
  ['a phase that is none', 'report', { ...machine, phase: 'coffee', result: 'ok', durationMs: '1' }],
  ['a duration that is none', 'report', { ...machine, phase: 'online', result: 'ok', durationMs: '-1' }],
])('%s is one line that names the field', async (_name, path, form) => {
  const { post } = await start()
  const { status, text } = await post(path, form as Record<string, string>)
  expect(status).toBe(400)
  expect(text).toMatch(/^error=.* Compare it with \/openapi\.json\.\n$/)
})

test('a body that is no form, or too large, is refused', async () => {
  const { app, post } = await start()
  const json = await app.inject({ method: 'POST', url: '/api/v1/registration/nonce', payload: machine })
  expect([json.statusCode, json.body]).toEqual([415, expect.stringContaining('error=The body is no form.')])
  const large = await post('claim', { ...machine, document: 'a'.repeat(21 * 1024) })
  expect([large.status, large.text]).toEqual([413, 'error=The body is larger than 20 KB. Send less.\n'])
})

test('forms stay outside: the rest of the API takes JSON only', async () => {
  const { app } = await start()
  const headers = { ...asOperator, 'content-type': 'application/x-www-form-urlencoded' }
  expect((await app.inject({ method: 'POST', url: '/api/v1/pools', headers, payload: 'a=b' })).statusCode).toBe(415)
})

test('values of the store cannot add lines to an answer', async () => {
  const state = scene()
  state.record = { ...state.record!, name: 'linux\ntoken=mine' }
  const { post } = await start(state)
  const { nonce = '' } = lines((await post('nonce', machine)).text)
  const claimed = await post('claim', { ...machine, nonce, key, document: `vm-3 ${nonce}` })
  expect(lines(claimed.text)).toMatchObject({ pool: 'linux token=mine', token })
})

test('a store that fails is told as such, and nothing of its insides', async () => {
  const { post } = await start()
  await database.close()
  database = await openDatabase({ kind: 'sqlite-memory' })
  expect(await post('nonce', machine)).toMatchObject({
    status: 500,
    text: 'error=The service failed on this request; its log has the cause.\n',
  })
})

describe('the timeline of a boot', () => {
  const report = (change: Partial<BootReport>): BootReport => ({
    poolId: 7,
    machineId: '3',
    machine: 'linux000003',
    createdAt: '2026-11-21T07:00:00Z',
    generation: 1,
    phase: 'package',
    result: 'ok',
    durationMs: 900,
    detail: '',
    at: 5,
    wallTimeMs: 1_700_000_000_000,
    ...change,
  })

  test('is told by life, the newest first, with cause and fix of what failed', async () => {
    const state = world()
    state.boots = [
      report({}),
      report({ generation: 2 }),
      report({ generation: 2, phase: 'user', result: 'failed', cause: 'disk-full', detail: 'full' }),
    ]
    state.gone = [{ memory: { name: 'linux000003', generation: 2 }, goneAt: 9 }]
    const app = await apiOf(state)
    for (const id of ['linux000003', '3']) {
      const answer = await app.inject({ url: `/api/v1/pools/7/machines/${id}/boot`, headers: asOperator })
      expect(answer.json()).toMatchObject({
        machine: 'linux000003',
        lives: [
          {
            generation: 2,
            phases: [
              { phase: 'package', result: 'ok', durationMs: 900, atMs: 1_700_000_000_000 },
              {
                phase: 'user',
                result: 'failed',
                cause: 'disk-full',
                causeText: expect.any(String),
                fix: expect.any(String),
                detail: 'full',
              },
            ],
          },
          { generation: 1, phases: [{ phase: 'package' }] },
        ],
      })
    }
  })

  test('is empty for a machine that told nothing, and 404 for one that nobody knows', async () => {
    const state = world()
    const app = await apiOf(state)
    expect((await app.inject({ url: '/api/v1/pools/7/machines/nobody/boot', headers: asOperator })).statusCode).toBe(404)
    state.gone = [{ memory: { name: 'linux000003', generation: 1 } }]
    expect((await app.inject({ url: '/api/v1/pools/7/machines/3/boot', headers: asOperator })).json()).toEqual({
      poolId: 7,
      machine: 'linux000003',
      lives: [],
    })
  })
})

test('a key is known to the store by its digest only', async () => {
  const { post } = await start()
  const { nonce = '' } = lines((await post('nonce', machine)).text)
  await post('claim', { ...machine, nonce, key, document: `vm-3 ${nonce}` })
  const rows = await database.db.selectFrom('claims').selectAll().execute()
  expect(JSON.stringify(rows)).not.toContain(key)
  expect(rows[0]?.key_hash).toBe(createHash('sha256').update(key).digest('hex'))
})
