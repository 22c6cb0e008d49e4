/** `audit` and the records of what people changed: of a file, and of a PostgreSQL. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import type { Audit } from '../../backend/cli/audit.ts'
import { headOf } from '../../backend/store/audit.ts'
import { openDatabase, type DatabasePlace } from '../../backend/store/database.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { postgres } from '../store/dialects.ts'
import { defaultSettings, poolId, stillClock } from '../store/support.ts'
import { run } from './support.ts'

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'audit-people-'))
})
afterEach(() => rmSync(data, { recursive: true }))
beforeAll(postgres, 60_000)

/** What somebody did to a database in which Ada made a pool and Bob changed it; the hash of the last record. */
async function changedByPeople(place: DatabasePlace, ...statements: readonly string[]): Promise<string> {
  const database = await openDatabase(place)
  const settings = createSettings(database, stillClock())
  await settings.addPool({ poolId, name: 'linux', scaleSetId: '/s', settings: defaultSettings, by: 'Ada' })
  await settings.updateSettings(poolId, 1, { ...defaultSettings, standby: 5 }, 'Bob')
  const { hash } = await headOf(database.db)
  for (const statement of statements) await sql.raw(statement).execute(database.db)
  await database.close()
  return hash
}

const file = (): DatabasePlace => ({ kind: 'sqlite', file: join(data, 'service.db') })

async function urlOf(): Promise<string> {
  const place = await (await postgres()).newDatabase()
  return place.kind === 'postgres' ? place.url : ''
}

const withDatabase = (url: string) => ({
  env: { SCALE_SET_AGENTS_ORGANIZATION_URL: 'https://dev.azure.com/org', SCALE_SET_AGENTS_DATABASE_URL: url },
})

test('records of a file that nobody touched are whole, with and without the hash of the log', async () => {
  const hash = await changedByPeople(file())
  for (const head of ['', ` --head ${hash}`]) {
    const { code, out } = await run(`audit --data ${data}${head}`)
    expect([code, out]).toEqual([
      0,
      expect.stringContaining(`What people changed: 2 records, none changed. The last one has the hash ${hash}.`),
    ])
  }
})

test('the first record that is wrong is named, and the answer is no', async () => {
  await changedByPeople(file(), `update audit set record = replace(record, 'Ada', 'Eve')`)
  const { code, out } = await run(`audit --data ${data}`)
  expect(code).toBe(1)
  expect(out).toMatch(/^What people changed: broken\. Record 1 of what people changed does not follow .* It reads .*Eve.*\n1 breaches\.$/m)
})

test('records that were taken from the end are missed by whoever kept the hash', async () => {
  const hash = await changedByPeople(file(), `delete from audit where id = 2`, `delete from settings_history`, `delete from pools`)
  expect((await run(`audit --data ${data}`)).code).toBe(0)
  const { code, out } = await run(`audit --json --data ${data} --head ${hash}`)
  const [{ people, broken }] = JSON.parse(out) as [Audit]
  expect([code, broken, people?.records]).toEqual([1, 1, 1])
  expect(people?.broken).toContain(hash)
})

test('a database of a version without records is read all the same', async () => {
  await changedByPeople(file(), `drop table audit`, `update meta set value = '3' where key = 'schema'`)
  const { code, out } = await run(`audit --data ${data}`)
  expect([code, out]).toEqual([0, expect.stringContaining('What people changed: not checked, an older version wrote this database.')])
})

test('a PostgreSQL is read where the settings of the service say', async () => {
  const url = await urlOf()
  const hash = await changedByPeople({ kind: 'postgres', url })
  const whole = await run(`audit --data ${data} --head ${hash}`, {}, withDatabase(url))
  expect([whole.code, whole.err, whole.out]).toEqual([0, '', expect.stringContaining(`${new URL(url).host}`)])
  expect(whole.out).toContain(`What people changed: 2 records, none changed. The last one has the hash ${hash}.`)
  const touched = await urlOf()
  await changedByPeople({ kind: 'postgres', url: touched }, `update settings_history set "by" = 'Ada'`)
  const broken = await run(`audit --data ${data}`, {}, withDatabase(touched))
  expect([broken.code, broken.out]).toEqual([
    1,
    expect.stringMatching(/The history shows version 2 of the settings of pool linux otherwise/),
  ])
})

test('a PostgreSQL that does not answer, or is none of a service, is told with the next step and without its password', async () => {
  const empty = await urlOf()
  for (const [url, code, sentence] of [
    ['postgres://u:geheim@127.0.0.1:1/x', 71, /The database 127\.0\.0\.1:1 does not answer .*: check that it runs/],
    [empty, 66, /cannot be read as the database of a service \(.*"meta" does not exist/],
  ] as const) {
    const answer = await run(`audit --data ${data}`, {}, withDatabase(url))
    expect([answer.code, answer.err]).toEqual([code, expect.stringMatching(sentence)])
    expect(answer.err).not.toContain('geheim')
  }
})

test('without any database the next step is told', async () => {
  const { code, err } = await run(`audit --data ${data}`)
  expect([code, err]).toEqual([
    66,
    expect.stringMatching(/There is no service\.db in .*for a service on PostgreSQL, run this with the settings/),
  ])
})
