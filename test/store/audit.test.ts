/** The chain of what people changed: written by the store, judged by the audit. */
import { sql } from 'kysely'
import { auditPeople, questions, type Answers } from '../../backend/cli/audit-people.ts'
import { headOf, type Head } from '../../backend/store/audit.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { migrate } from '../../backend/store/migrate.ts'
import { createSettings } from '../../backend/store/settings.ts'
import { forEachDialect, postgres } from './dialects.ts'
import { defaultSettings, poolId, stillClock } from './support.ts'

const linux = { poolId, name: 'linux', scaleSetId: '/s/linux', settings: { ...defaultSettings, standby: 2 }, by: 'Ada' }
const changed = (standby: number) => ({ ...linux.settings, standby })

async function answersOf({ db }: Database): Promise<Answers> {
  const ask = async (question: string) => (await sql.raw<Answers['pools'][number]>(question).execute(db)).rows
  return { records: await ask(questions.records), changes: await ask(questions.changes), pools: await ask(questions.pools) }
}

const recordsOf = async (database: Database) =>
  (await answersOf(database)).records.map(({ record }) => JSON.parse(String(record)) as Record<string, unknown>)

/** Five records: made, three changes of its settings, an order. */
async function changedByPeople(database: Database): Promise<readonly Head[]> {
  const heads: Head[] = []
  const settings = createSettings(database, stillClock(), (head) => void heads.push(head))
  await settings.addPool(linux)
  for (const [version, by] of ['Ada', 'Bob', 'Eve'].entries()) await settings.updateSettings(poolId, version + 1, changed(version + 5), by)
  await settings.addOrder(poolId, { machineId: '4', order: 'delete', by: 'Bob', force: true })
  return heads
}

forEachDialect('what people changed', (host) => {
  test('is recorded with the person, before and after, and outlives the pool', async () => {
    const database = await host.open()
    const settings = createSettings(database, stillClock(5))
    await settings.addPool({ ...linux, replaceConfirmed: true })
    await settings.updateSettings(poolId, 1, changed(3), 'Ada "🦊" Ĝ')
    await settings.confirm(poolId, { takeOverFrom: 'them/3' }, 'Bob')
    await settings.addOrder(poolId, { machineId: '4', order: 'reimage', by: 'Bob', force: false })
    const at = 1_700_000_000_005
    const { name, scaleSetId } = linux
    const records = [
      { at, by: 'Ada', poolId, what: 'made', after: { name, scaleSetId, settings: linux.settings, replaceConfirmed: true } },
      { at, by: 'Ada "🦊" Ĝ', poolId, what: 'settings', version: 2, before: linux.settings, after: changed(3) },
      { at, by: 'Bob', poolId, what: 'confirmed', after: { takeOverFrom: 'them/3' } },
      { at, by: 'Bob', poolId, what: 'ordered', after: { machineId: '4', order: 'reimage', force: false } },
    ]
    expect(await recordsOf(database)).toEqual(records)
    expect(auditPeople(await answersOf(database)).broken).toBeUndefined()
    await settings.forget(poolId)
    expect(await recordsOf(database)).toEqual(records)
    await settings.addPool({ ...linux, settings: changed(9) })
    expect(auditPeople(await answersOf(database))).toEqual({ records: 5, head: (await headOf(database.db)).hash })
  })

  test('ends where the service says that it ends, after each record', async () => {
    const database = await host.open()
    expect(await headOf(database.db)).toEqual({ record: 0, hash: '' })
    const heads = await changedByPeople(database)
    expect(heads.map(({ record }) => record)).toEqual([1, 2, 3, 4, 5])
    expect(heads.at(-1)).toEqual(await headOf(database.db))
    for (const { hash } of heads) expect(auditPeople(await answersOf(database), hash).broken).toBeUndefined()
  })

  test('holds nothing of a change that was refused', async () => {
    const database = await host.open()
    const heads: Head[] = []
    const settings = createSettings(database, stillClock(), (head) => void heads.push(head))
    await settings.updateSettings(99, 1, changed(3), 'Ada')
    await settings.confirm(99, 'replace', 'Ada')
    await expect(settings.addOrder(99, { machineId: '1', order: 'delete', by: 'Ada', force: false })).rejects.toThrow(/foreign key/i)
    await settings.addPool({ poolId, name: 'linux', scaleSetId: '/s', settings: linux.settings })
    await settings.addPool(linux)
    expect([await recordsOf(database), heads]).toEqual([[], []])
  })

  test('begins with the changes of settings that a version without records left, and goes on', async () => {
    const database = await host.open()
    const settings = createSettings(database, stillClock())
    await settings.addPool(linux)
    await settings.updateSettings(poolId, 1, changed(3), 'Ada')
    await settings.addPool({ ...linux, poolId: 8 })
    await settings.updateSettings(poolId, 2, changed(4), 'Bob')
    await sql`drop table audit`.execute(database.db)
    await sql`alter table pools drop column take_over_from`.execute(database.db)
    await database.db.updateTable('meta').set({ value: '3' }).where('key', '=', 'schema').execute()
    await migrate(database.db, host.dialect, 'test')
    expect((await recordsOf(database)).map(({ by, version }) => [by, version])).toEqual([
      ['Ada', 2],
      ['Bob', 3],
    ])
    await settings.updateSettings(poolId, 3, changed(5), 'Eve')
    await settings.updateSettings(8, 1, changed(5), 'Eve')
    expect(auditPeople(await answersOf(database))).toEqual({ records: 4, head: (await headOf(database.db)).hash })
  })

  test.each<readonly [what: string, statement: string, sentence: RegExp]>([
    [
      'a record that was changed',
      `update audit set record = replace(record, 'Bob', 'Ada') where id = 3`,
      /^Record 3 of what people changed does not/,
    ],
    [
      'a record that was taken out',
      `delete from audit where id = 3`,
      /^Record 3 of what people changed is gone: the next one there is 4\.$/,
    ],
    [
      'a gap that was closed',
      `delete from audit where id = 3; update audit set id = 3 where id = 4; update audit set id = 4 where id = 5`,
      /^Record 3 of .* does not follow/,
    ],
    ['the first record, taken out', `delete from audit where id = 1`, /^Record 1 of .* is gone/],
    [
      'records in another order',
      `update audit set id = 9 where id = 2; update audit set id = 2 where id = 3; update audit set id = 3 where id = 9`,
      /^Record 2 of .* does not follow/,
    ],
    [
      'records in another order under their own hashes',
      `update audit set record = (select record from audit as other where other.id = 7 - audit.id) where id in (3, 4)`,
      /^Record 3 of .* does not follow/,
    ],
    ['a hash that was changed', `update audit set hash = 'x' where id = 5`, /^Record 5 of .* does not follow/],
    [
      'records taken from the end',
      `delete from audit where id > 3; delete from settings_history where version = 4`,
      /^No record .* has the hash/,
    ],
    ['all of them taken', `delete from audit; delete from settings_history`, /^No record .* has the hash/],
    [
      'a history that shows somebody else',
      `update settings_history set "by" = 'Ada' where version = 3`,
      /^The history shows version 3 of the settings of pool linux otherwise than record 3: it was changed\.$/,
    ],
    [
      'a history without a change',
      `delete from settings_history where version = 2`,
      /^The history of pool linux lacks version 2 .* record 2/,
    ],
    [
      'a change without a record',
      `insert into settings_history select pool_id, 7, 'Ada', wall_time_ms, "before", "after" from settings_history where version = 2`,
      /^Version 7 of the settings of pool linux, by Ada, has no record/,
    ],
    [
      'settings that no person changed',
      `update pools set settings = replace(settings, '"standby":7', '"standby":70')`,
      /^The settings of pool linux are not those of record 4: they were changed past the service\.$/,
    ],
  ])('%s is found', async (_, statements, sentence) => {
    const database = await host.open()
    const head = (await changedByPeople(database)).at(-1)
    expect(auditPeople(await answersOf(database), head?.hash).broken).toBeUndefined()
    for (const statement of statements.split(';')) await sql.raw(statement).execute(database.db)
    expect(auditPeople(await answersOf(database), head?.hash).broken).toMatch(sentence)
  })

  test('and written anew by somebody who knows how is found by a hash that was kept elsewhere, and by nothing else', async () => {
    const database = await host.open()
    const head = (await changedByPeople(database)).at(-1)
    for (const table of ['orders', 'pools', 'audit']) await sql.raw(`delete from ${table}`).execute(database.db)
    await createSettings(database, stillClock()).addPool({ ...linux, by: 'Somebody' })
    expect(auditPeople(await answersOf(database)).broken).toBeUndefined()
    expect(auditPeople(await answersOf(database), head?.hash).broken).toMatch(/^No record .*: records were taken from the end, or all of/)
  })
})

describe('what people changed through several replicas at once', () => {
  beforeAll(postgres, 60_000)

  test('is one chain, and no change waits for ever', async () => {
    const place = await (await postgres()).newDatabase()
    const replicas = await Promise.all([1, 2, 3].map(() => openDatabase(place)))
    const heads: Head[] = []
    const stores = replicas.map((database) => createSettings(database, stillClock(), (head) => void heads.push(head)))
    const pools = [1, 2, 3, 4]
    for (const id of pools) await stores[0]!.addPool({ ...linux, poolId: id })
    const rounds = Array.from({ length: 15 }, (_, round) => round)
    const orders = stores.flatMap((store) =>
      pools.flatMap((id) =>
        rounds.map((round) => store.addOrder(id, { machineId: `${round}`, order: 'reimage', by: 'Ada', force: false })),
      ),
    )
    const confirmations = stores.flatMap((store) => pools.map((id) => store.confirm(id, 'replace', 'Bob')))
    // One of each version wins; the others are refused and leave nothing.
    const changes = stores.flatMap((store) => pools.map((id) => store.updateSettings(id, 1, changed(7), 'Eve')))
    const won = (await Promise.all(changes)).filter((outcome) => outcome === 'ok').length
    await Promise.all([...orders, ...confirmations])
    const total = pools.length + orders.length + confirmations.length + pools.length
    expect(won).toBe(pools.length)
    const found = auditPeople(await answersOf(replicas[0]!))
    expect(found).toEqual({ records: total, head: (await headOf(replicas[1]!.db)).hash })
    expect(heads.map(({ record }) => record).toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, index) => index + 1))
    await Promise.all(replicas.map((database) => database.close()))
  }, 30_000)
})
