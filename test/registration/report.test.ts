import type { BootPhase } from '../../backend/core/boot.ts'
import { createBoots } from '../../backend/store/boots.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { poolId } from '../store/support.ts'
import { claim, key, memory, registrarOf, token, type Registrar } from './support.ts'

let database: Database
beforeEach(async () => {
  database = await openDatabase({ kind: 'sqlite-memory' })
})
afterEach(() => database.close())

const tell = (registrar: Registrar, phase: BootPhase, change: object = {}) =>
  registrar.report({ poolId, machine: 'vmss000003', key, phase, result: 'ok', durationMs: 1_200, detail: '', ...change }, '10.0.0.3')

test('what a machine tells is kept for its life, with its times', async () => {
  const { registrar, state } = registrarOf(database)
  await claim(registrar)
  state.nowMs += 5_000
  expect(await tell(registrar, 'package')).toEqual({ status: 204 })
  expect(await createBoots(database).of(poolId, 'vmss000003')).toEqual([
    {
      poolId,
      machineId: '3',
      machine: 'vmss000003',
      createdAt: '2026-11-21T08:00:00Z',
      generation: 1,
      phase: 'package',
      result: 'ok',
      durationMs: 1_200,
      detail: '',
      at: 1_005_000,
      wallTimeMs: 1_700_001_005_000,
    },
  ])
  expect(state.phases).toEqual(['package ok 1200'])
})

test('a failed phase gets its named cause, and the pool looks at once', async () => {
  const { registrar, state } = registrarOf(database)
  await claim(registrar)
  const detail = 'enableagent failed in package [hash-mismatch]: The package is not the one that Azure DevOps states.\ncurl: …'
  await tell(registrar, 'package', { result: 'failed', detail })
  expect(await createBoots(database).of(poolId, 'vmss000003')).toMatchObject([{ result: 'failed', cause: 'hash-mismatch', detail }])
  expect(state.nudges).toEqual([poolId])
})

test('an agent online and a finished job wake the pool; the phases between do not', async () => {
  const { registrar, state } = registrarOf(database)
  await claim(registrar)
  for (const phase of ['user', 'configure', 'start'] as const) await tell(registrar, phase)
  expect(state.nudges).toEqual([])
  await tell(registrar, 'online')
  await tell(registrar, 'finished')
  expect(state.nudges).toEqual([poolId, poolId])
})

test('a key that claimed nothing, or another machine, may not report', async () => {
  const { registrar } = registrarOf(database)
  expect((await tell(registrar, 'online')).status).toBe(401)
  await claim(registrar)
  expect((await tell(registrar, 'online', { key: 'b'.repeat(64) })).status).toBe(401)
  expect((await tell(registrar, 'online', { machine: 'vmss000004' })).status).toBe(401)
  expect((await tell(registrar, 'online', { poolId: 99 })).status).toBe(401)
  expect(await createBoots(database).of(poolId, 'vmss000003')).toEqual([])
})

test('a detail loses secrets and control characters, and keeps to 4 KB', async () => {
  const { registrar } = registrarOf(database)
  await claim(registrar)
  await tell(registrar, 'configure', { detail: `a\u001b[31mred\r\n\ttab ${token} ${'ü'.repeat(3_000)}` })
  const [stored] = await createBoots(database).of(poolId, 'vmss000003')
  expect(stored?.detail).toMatch(/^a\[31mred\n\ttab \[token\] ü+$/)
  expect(Buffer.byteLength(stored?.detail ?? '')).toBeLessThanOrEqual(4_096)
})

test('reports of the life before stay with that life', async () => {
  const { registrar, state } = registrarOf(database)
  await claim(registrar)
  state.remembered = [memory('3', { generation: 2 })]
  await claim(registrar, { key: 'c'.repeat(64) })
  await tell(registrar, 'finished')
  await tell(registrar, 'package', { key: 'c'.repeat(64) })
  const reports = await createBoots(database).of(poolId, 'vmss000003')
  expect(reports.map(({ generation, phase }) => [generation, phase])).toEqual([
    [1, 'finished'],
    [2, 'package'],
  ])
})

test('a machine that reports without end is slowed down', async () => {
  const { registrar } = registrarOf(database)
  await claim(registrar)
  const answers = await Promise.all(Array.from({ length: 70 }, () => tell(registrar, 'start')))
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(10)
})
