/** docs/backup.md as a program: back up while the service runs, restore elsewhere, go on; and what is refused. */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import type { LogList, MachineList, PoolCreated, PoolList, Readiness } from '../../backend/api/contract.ts'
import type { Service } from '../../backend/cli/service.ts'
import { api, createRig, scaleSetId, until, type Rig } from './running.ts'

let rig: Rig
let poolId: number
let machines: readonly string[]
let before: { readonly at: number; readonly operatorKey: string; readonly epoch: number }

beforeAll(async () => {
  rig = await createRig()
  const service = await rig.start('first')
  poolId = (await api<PoolCreated>(service, 'POST', '/pools', { poolName: 'linux', scaleSetId, settings: { standby: 2, machinesMax: 5 } }))
    .pool.poolId
  machines = await until(async () => {
    const found = await standing(service).catch(() => [])
    return found.length === 2 ? found : undefined
  })
  backUp('first', 'backup')
  before = { at: service.clock.now(), operatorKey: service.operatorKey, epoch: epochOf('backup') }
  await service.stop()
}, 60_000)
afterAll(() => rig.close())

test('a copy that was made while the service ran is whole', () => {
  const copy = new Libsql(file('backup'), { readonly: true })
  expect(copy.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }])
  copy.close()
})

test('restored elsewhere, the service goes on: same key, same pools, its machines still its own', async () => {
  cpSync(join(rig.folder, 'backup'), join(rig.folder, 'restored'), { recursive: true })
  const service = await rig.start('restored')
  try {
    expect(service.operatorKey).toBe(before.operatorKey)
    const { pools } = await api<PoolList>(service, 'GET', '/pools')
    expect(pools).toMatchObject([{ poolId, name: 'linux', machinesMax: 5, standby: 2 }])
    expect(epochOf('restored')).toBeGreaterThan(before.epoch)
    await until(async () => ((await readiness(service)).ready ? true : undefined))
    expect(await standing(service)).toEqual(machines)
    // Nothing grew twice, and what happened before the backup is still told.
    expect(rig.sandbox.world.truth.machines(scaleSetId)).toHaveLength(2)
    const { entries } = await api<LogList>(service, 'GET', `/pools/${poolId}/log`)
    expect(entries.some(({ message }) => message !== '')).toBe(true)
  } finally {
    await service.stop()
  }
}, 60_000)

test('a database of a newer version is refused with the next step, byte for byte untouched, and nothing is sent', async () => {
  cpSync(join(rig.folder, 'backup'), join(rig.folder, 'newer'), { recursive: true })
  change('newer', `pragma journal_mode = wal; update meta set value = '99' where key = 'schema'`)
  const bytes = readFileSync(file('newer'))
  await expect(rig.start('newer')).rejects.toThrow(
    /was written by a newer version of Scale Set Agents \(schema 99.*: start the newer version, or restore a backup/,
  )
  expect(readFileSync(file('newer')).equals(bytes)).toBe(true)
})

test('a second service on the same file is refused while the process of the first one lives, and takes over once it is gone', async () => {
  cpSync(join(rig.folder, 'backup'), join(rig.folder, 'shared'), { recursive: true })
  const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'])
  change('shared', `update lease set holder = '${hostname()}/${other.pid}/first', expires_at = 1`)
  await expect(rig.start('shared')).rejects.toThrow(
    `Another service (process ${other.pid}) uses the data directory ${join(rig.folder, 'shared')}. Stop it first, or name another directory with --data.`,
  )
  other.kill('SIGKILL')
  await new Promise((resolve) => other.once('exit', resolve))
  const service = await rig.start('shared')
  await until(async () => ((await readiness(service)).ready ? true : undefined))
  await service.stop()
}, 60_000)

const file = (folder: string): string => join(rig.folder, folder, 'service.db')

/** What docs/backup.md says: the database by SQLite itself, the keys as files. */
function backUp(from: string, to: string): void {
  mkdirSync(join(rig.folder, to))
  change(from, `vacuum into '${file(to)}'`)
  cpSync(join(rig.folder, from, 'operator-key'), join(rig.folder, to, 'operator-key'))
}

function change(folder: string, sql: string): void {
  const database = new Libsql(file(folder))
  database.exec(sql)
  database.close()
}

function epochOf(folder: string): number {
  const database = new Libsql(file(folder))
  const row = database.prepare('select max(epoch) as epoch from lease').get() as { readonly epoch: number }
  database.close()
  return row.epoch
}

/** Names of the machines that idle or start, in their order. */
async function standing(service: Service): Promise<readonly string[]> {
  const { machines: found } = await api<MachineList>(service, 'GET', `/pools/${poolId}/machines`)
  return found
    .filter(({ stage }) => stage === 'idle')
    .map(({ name }) => name)
    .toSorted()
}

async function readiness({ url }: Service): Promise<Readiness> {
  return (await (await fetch(`${url}/readyz`)).json()) as Readiness
}
