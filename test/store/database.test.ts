import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import { sql } from 'kysely'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { explained, isLost, StoreError } from '../../backend/store/errors.ts'
import { lastInstant } from '../../backend/store/history.ts'
import { forEachDialect, postgres } from './dialects.ts'
import { fullMemory, heldJournal, logEntry, machine, pass, poolId } from './support.ts'

const newer =
  /was written by a newer version of Scale Set Agents \(schema 99, this version knows \d+\): start the newer version, or restore/

forEachDialect('a database', (host) => {
  test('that a newer version wrote is refused', async () => {
    const place = host.dialect === 'sqlite' ? ({ kind: 'sqlite', file: join(directory(), 'newer.db') } as const) : await host.newPlace()
    const database = await openDatabase(place)
    await database.db.updateTable('meta').set({ value: '99' }).execute()
    await database.close()
    await expect(openDatabase(place)).rejects.toThrow(newer)
  })

  test('opens again with everything in it', async () => {
    const place =
      host.dialect === 'sqlite' ? ({ kind: 'sqlite', file: join(directory(), 'a', 'b', 'service.db') } as const) : await host.newPlace()
    const before = await openDatabase(place)
    const first = await heldJournal(before)
    await first.journal.commit(poolId, first.lease, { pool: fullMemory, machines: [machine('1')], pass: pass(4_000) })
    await first.leases.release()
    await before.close()
    const after = await openDatabase(place)
    const second = await heldJournal(after)
    expect(second.lease.epoch).toBe(first.lease.epoch + 1)
    expect(await second.journal.remembered(poolId)).toEqual({ pool: fullMemory, machines: [machine('1')], openIntents: [] })
    expect(await lastInstant(after)).toBe(4_000)
    await after.close()
  })
})

describe('a database file', () => {
  test('of a newer version is left byte for byte as it was', async () => {
    const file = join(directory(), 'newer.db')
    const database = await openDatabase({ kind: 'sqlite', file })
    await database.db.updateTable('meta').set({ value: '99' }).execute()
    await database.close()
    const before = readFileSync(file)
    await expect(openDatabase({ kind: 'sqlite', file })).rejects.toThrow(newer)
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test('is durable at every commit', async () => {
    const database = await openDatabase({ kind: 'sqlite', file: join(directory(), 'service.db') })
    const pragma = async (name: string) =>
      Object.values((await sql<Record<string, unknown>>`${sql.raw(`pragma ${name}`)}`.execute(database.db)).rows[0] ?? {})[0]
    expect([await pragma('journal_mode'), await pragma('synchronous'), await pragma('foreign_keys')]).toEqual(['wal', 2, 1])
    await database.close()
  })

  test('that is none says so', async () => {
    const file = join(directory(), 'notes.txt')
    writeFileSync(file, 'These are notes, and there are more of them than one page of a database holds. '.repeat(100))
    await expect(openDatabase({ kind: 'sqlite', file })).rejects.toThrow(
      `The file ${file} is not a database: name another file, or move this one away to start with an empty one.`,
    )
  })

  test('that cannot be made or opened says what to check', async () => {
    const place = directory()
    const blocked = join(place, 'file')
    writeFileSync(blocked, '')
    for (const file of [place, join(blocked, 'service.db')]) {
      const sentence = `The database ${file} cannot be opened for writing: check that its directory exists and that this user may write there.`
      await expect(openDatabase({ kind: 'sqlite', file })).rejects.toThrow(sentence)
    }
  })

  test('on a full disk says so, keeps what it had and goes on when there is room', async () => {
    const database = await openDatabase({ kind: 'sqlite', file: join(directory(), 'service.db') })
    const { journal, lease } = await heldJournal(database)
    await setPagesMax(database, 1)
    const commit = () => journal.commit(poolId, lease, { machines: [machine('1')], log: [logEntry('x'.repeat(100_000))] })
    await expect(commit()).rejects.toThrow(/The disk of the database .*service\.db is full and nothing was written: free some space/)
    expect((await journal.remembered(poolId)).machines).toEqual([])
    await setPagesMax(database, 100_000)
    await commit()
    expect((await journal.remembered(poolId)).machines).toHaveLength(1)
    await database.close()
  })

  test('that may only be read by now says so, and goes on when it may be written again', async () => {
    const database = await openDatabase({ kind: 'sqlite', file: join(directory(), 'service.db') })
    const { journal, lease } = await heldJournal(database)
    await sql`pragma query_only = 1`.execute(database.db)
    const commit = () => journal.commit(poolId, lease, { machines: [machine('1')] })
    await expect(commit()).rejects.toThrow(/The database .*service\.db cannot be opened for writing: check that its directory exists/)
    expect((await journal.remembered(poolId)).machines).toEqual([])
    await sql`pragma query_only = 0`.execute(database.db)
    await commit()
    expect((await journal.remembered(poolId)).machines).toHaveLength(1)
    await database.close()
  })

  test('locked by another process says so', async () => {
    const file = join(directory(), 'service.db')
    const database = await openDatabase({ kind: 'sqlite', file })
    const other = new Libsql(file)
    other.exec('begin immediate')
    await sql`pragma busy_timeout = 20`.execute(database.db)
    await expect(heldJournal(database)).rejects.toThrow(
      `The database ${file} is locked by another process: stop the other service that uses this file.`,
    )
    other.exec('rollback')
    other.close()
    await heldJournal(database)
    await database.close()
  })
})

describe('a database server', () => {
  beforeAll(postgres, 60_000)

  test('that refuses or does not answer says why, without the password', async () => {
    const server = await postgres()
    const { host } = new URL(server.url)
    const open = (url: string) => openDatabase({ kind: 'postgres', url })
    await expect(open(`postgres://postgres:wrong@${host}/postgres`)).rejects.toThrow(
      `The database ${host}/postgres refused the sign-in: check user and password in the database URL.`,
    )
    await expect(open(`${server.url}/nowhere`)).rejects.toThrow(`The database ${host}/nowhere does not exist on the server: create it,`)
    await expect(open('postgres://u:secret@127.0.0.1:1/x')).rejects.toThrow(
      'The database 127.0.0.1:1/x does not answer (connect ECONNREFUSED 127.0.0.1:1): check that it runs',
    )
  })

  test('whose connection breaks in the middle of a commit wrote nothing, and the next commit works', async () => {
    const database = await openDatabase(await (await postgres()).newDatabase())
    const { journal, lease } = await heldJournal(database)
    await sql`create function cut() returns trigger language plpgsql as 'begin perform pg_terminate_backend(pg_backend_pid()); return new; end'`.execute(
      database.db,
    )
    await sql`create trigger cut before insert on log for each row execute function cut()`.execute(database.db)
    await expect(journal.commit(poolId, lease, { machines: [machine('1')], log: [logEntry('x')] })).rejects.toThrow(
      /^The database 127.* does not answer \(/,
    )
    expect((await journal.remembered(poolId)).machines).toEqual([])
    await journal.commit(poolId, lease, { machines: [machine('1')] })
    expect((await journal.remembered(poolId)).machines).toHaveLength(1)
    await database.close()
  })
})

test.each([
  ['EAI_AGAIN', 'getaddrinfo EAI_AGAIN db'],
  ['08P01', 'server_login_failed: PgBouncer waits for the server'],
  ['53300', 'sorry, too many clients already'],
  [undefined, 'timeout exceeded when trying to connect'],
  [undefined, 'Query read timeout'],
])('a server that cannot be asked now (%s, %s) is waited for', (code, message) => {
  const fault = explained(Object.assign(new Error(message), { code }), 'db/agents') as StoreError
  expect([isLost(fault), fault.message]).toEqual([
    true,
    `The database db/agents does not answer (${message}): check that it runs and that host, port and firewall let this computer in.`,
  ])
})

test('a server that follows another one is no place to write to', () => {
  const fault = explained(
    Object.assign(new Error('cannot execute UPDATE in a read-only transaction'), { code: '25006' }),
    'db',
  ) as StoreError
  expect([isLost(fault), fault.message]).toEqual([false, expect.stringContaining('let the database URL name the primary server')])
})

test('a fault that nobody can act on keeps the words of the driver', () => {
  const fault = new Error('constraint failed')
  expect(explained(fault, 'x')).toBe(fault)
  expect(explained(Object.assign(new Error('no space'), { code: 'ENOSPC' }), 'x')).toBeInstanceOf(StoreError)
})

const directories: string[] = []
afterAll(() => directories.forEach((path) => rmSync(path, { recursive: true })))

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'scale-set-agents-'))
  directories.push(path)
  return path
}

async function setPagesMax(database: Database, pages: number): Promise<void> {
  await sql`${sql.raw(`pragma max_page_count = ${pages}`)}`.execute(database.db)
}
