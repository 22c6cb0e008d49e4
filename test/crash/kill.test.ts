/** What the kill run calls lost or damaged, shown on databases that are. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { defaultSettings } from '../../backend/core/settings.ts'
import type { Client } from '../../backend/cli/client.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { createHistory } from '../../backend/store/history.ts'
import { createSettings, type SettingsStore } from '../../backend/store/settings.ts'
import { createAcknowledged } from './acknowledged.ts'

let folder: string
let file: string
let database: Database
let settings: SettingsStore

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kill-test-'))
  file = join(folder, 'service.db')
  database = await openDatabase({ kind: 'sqlite', file })
  settings = createSettings(database, { now: () => 0, wallTimeMs: () => 0 })
  await settings.addPool({ poolId: 1, name: 'linux', scaleSetId: 'linux', settings: defaultSettings, by: 'ada' })
})
afterEach(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

/** The API in front of that database; `stores` false answers without storing. */
function client(stores: boolean): Client {
  const get = async (path: string): Promise<unknown> => {
    if (path.includes('/log')) return { entries: await createHistory(database).log(1, { top: 20 }) }
    const record = (await settings.pool(1))!
    return { poolId: 1, version: record.version, settings: record.settings }
  }
  const send = async (_method: string, _path: string, body: unknown): Promise<unknown> => {
    const { version, settings: wanted } = body as { version: number; settings: object }
    if (stores) await settings.updateSettings(1, version, { ...defaultSettings, ...wanted }, 'ada')
    return { poolId: 1, version: version + 1, settings: wanted }
  }
  return { get, send } as unknown as Client
}

test('what was answered and is stored is not lost', async () => {
  const known = createAcknowledged()
  for (let turn = 0; turn < 3; turn++) await known.work(client(true), 1)
  expect(known.count().settings).toBe(3)
  expect(known.count().entries).toBeGreaterThan(0)
  expect(known.missingIn(file)).toEqual([])
})

test('a change that was answered and not stored is lost', async () => {
  const known = createAcknowledged()
  await known.work(client(false), 1)
  expect(known.missingIn(file)).toEqual(['the settings 1/2 were answered and are not stored'])
})

test('an entry that was shown and is not there any more is lost', async () => {
  const known = createAcknowledged()
  await known.work(client(true), 1)
  await database.db.deleteFrom('log').where('id', '=', 1).execute()
  expect(known.missingIn(file)).toEqual(['the log entry 1 was shown and is not stored'])
})

test('a damaged file is noticed', async () => {
  await createAcknowledged().work(client(true), 1)
  await sql`pragma wal_checkpoint(truncate)`.execute(database.db)
  await database.close()
  const bytes = readFileSync(file)
  bytes.fill(0x5a, 4_096, bytes.length)
  writeFileSync(file, bytes)
  expect(createAcknowledged().missingIn(file)).toEqual([expect.stringMatching(/^the database is damaged: /)])
  rmSync(file)
  database = await openDatabase({ kind: 'sqlite', file })
})
