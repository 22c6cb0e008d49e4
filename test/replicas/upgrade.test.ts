/** Databases as versions of before left them (test/replicas/older), each written by the built service of its time in a sandbox. */
import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import type { LogList, PoolList, SettingsView } from '../../backend/api/contract.ts'
import { defaultSettings } from '../../backend/core/settings.ts'
import { openDatabase } from '../../backend/store/database.ts'
import { api, createRig, scaleSetId, until, type Rig } from '../deploy/running.ts'

const older = join(__dirname, 'older')
let rig: Rig
beforeEach(async () => {
  rig = await createRig()
})
afterEach(() => rig.close())

/** As `create` statements, in an order that does not depend on their history. */
function tablesOf(file: string): readonly string[] {
  const database = new Libsql(file, { readonly: true })
  const rows = database.prepare('select sql from sqlite_master where sql is not null order by name').all() as { readonly sql: string }[]
  database.close()
  return rows.map(({ sql }) => sql)
}

function rowOf<T>(file: string, sql: string): T {
  const database = new Libsql(file, { readonly: true })
  const row = database.prepare(sql).get() as T
  database.close()
  return row
}

test.each(readdirSync(older))(
  '%s: the service brings it to its schema, knows its pool and what happened, and goes on with it',
  async (name) => {
    const file = join(rig.folder, 'upgraded', 'service.db')
    mkdirSync(join(rig.folder, 'upgraded'))
    cpSync(join(older, name), file)
    const { id: poolId } = rowOf<{ id: number }>(file, 'select id from pools')
    const before = rowOf<{ epoch: number; renewed_at: number }>(file, 'select epoch, renewed_at from lease')
    // Azure DevOps has the pool still; of its machines there is none any more.
    for (let id = 0; id < poolId;) {
      const pool = rig.sandbox.world.devops.addPool(`pool${id}`, false)
      if (pool.ok) id = pool.value.id
    }
    const service = await rig.start('upgraded')
    try {
      expect(service.clock.now()).toBeGreaterThan(before.renewed_at)
      const { pools } = await api<PoolList>(service, 'GET', '/pools')
      expect(pools).toMatchObject([{ poolId, name: 'linux', scaleSetId, version: 2, machinesMax: 4, standby: 2 }])
      const { settings } = await api<SettingsView>(service, 'GET', `/pools/${poolId}/settings`)
      expect(settings).toEqual({ ...defaultSettings, machinesMax: 4, standby: 2, capabilities: { test: 'yes' } })
      const { entries } = await api<LogList>(service, 'GET', `/pools/${poolId}/log?top=100`)
      expect(entries.map(({ message }) => message).join()).toContain('2 more machines needed: 0 jobs waiting and 2 on standby')
      await until(() => (rig.sandbox.world.truth.machines(scaleSetId).length === 2 ? true : undefined)).catch(async () =>
        console.log(
          JSON.stringify((await api<PoolList>(service, 'GET', '/pools')).pools),
          (await api<LogList>(service, 'GET', `/pools/${poolId}/log?top=100`)).entries.map(({ message }) => message),
        ),
      )
    } finally {
      await service.stop()
    }
    await (await openDatabase({ kind: 'sqlite', file: join(rig.folder, 'new.db') })).close()
    expect(tablesOf(file)).toEqual(tablesOf(join(rig.folder, 'new.db')))
    expect(rowOf(file, 'pragma integrity_check')).toMatchObject({ integrity_check: 'ok' })
    expect(rowOf<{ epoch: number }>(file, `select epoch from lease where scope = 'service'`).epoch).toBe(before.epoch + 1)
  },
)
