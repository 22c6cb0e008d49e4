/** C17: what people ask of a real service is in its records, and its log proves that none was taken away. */
import Libsql from 'libsql'
import { join } from 'node:path'
import type { PoolCreated } from '../../backend/api/contract.ts'
import { run } from '../cli/support.ts'
import { api, createRig, scaleSetId, type Rig } from '../deploy/running.ts'

let rig: Rig
beforeAll(async () => {
  rig = await createRig()
}, 60_000)
afterAll(() => rig.close())

const heads = () =>
  rig.log
    .map((line) => JSON.parse(line) as { readonly msg: string; readonly record: number; readonly hash: string })
    .filter(({ msg }) => msg === 'The records of what people changed end here.')

test('the log of a service names the last record at its start and after each change, and misses what is taken away', async () => {
  const first = await rig.start('data')
  const { pool } = await api<PoolCreated>(first, 'POST', '/pools', { poolName: 'linux', scaleSetId, settings: { standby: 0 } })
  await api(first, 'POST', `/pools/${pool.poolId}/pause`)
  await first.stop()
  const second = await rig.start('data')
  await second.stop()
  expect(heads().map(({ record }) => record)).toEqual([0, 1, 2, 2])
  const head = heads().at(-1)?.hash
  const data = join(rig.folder, 'data')
  const { code, out } = await run(`audit --data ${data} --head ${head}`)
  expect([code, out]).toEqual([
    0,
    expect.stringContaining(`What people changed: 2 records, none changed. The last one has the hash ${head}.`),
  ])

  const database = new Libsql(join(data, 'service.db'))
  database.exec(`delete from audit; delete from settings_history`)
  database.close()
  expect((await run(`audit --data ${data}`)).code).toBe(0)
  expect(await run(`audit --data ${data} --head ${head}`)).toMatchObject({ code: 1, out: expect.stringContaining(String(head)) })
}, 60_000)
