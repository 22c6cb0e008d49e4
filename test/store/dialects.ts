import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { openDatabase, type Database, type DatabasePlace } from '../../backend/store/database.ts'
import type { Dialect } from '../../backend/store/schema.ts'

export type Host = {
  readonly dialect: Dialect
  /** The same place may be opened more than once: another replica. */
  newPlace(): Promise<DatabasePlace>
  open(): Promise<Database>
}

/** One suite for both databases: each test opens its own empty one, which is closed after it. */
export function forEachDialect(title: string, suite: (host: Host) => void): void {
  describe(`${title} on SQLite`, () => suite(withClosing('sqlite', async () => ({ kind: 'sqlite-memory' }))))
  describe(`${title} on PostgreSQL`, () => {
    beforeAll(postgres, 60_000)
    suite(withClosing('postgres', async () => (await postgres()).newDatabase()))
  })
}

function withClosing(dialect: Dialect, newPlace: () => Promise<DatabasePlace>): Host {
  const opened: Database[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()))
  })
  return {
    dialect,
    newPlace,
    async open() {
      const database = await openDatabase(await newPlace())
      opened.push(database)
      return database
    },
  }
}

export type PostgresServer = {
  readonly url: string
  newDatabase(): Promise<DatabasePlace>
  /** Ends the server and every connection; its data stay. */
  shutDown(): Promise<void>
  startAgain(): Promise<void>
  stop(): Promise<void>
}

let server: Promise<PostgresServer> | undefined
/** One server for all tests of a file, started when it is first asked for. */
export const postgres = (): Promise<PostgresServer> => (server ??= startPostgres())
afterAll(async () => (await server)?.stop())

async function startPostgres(): Promise<PostgresServer> {
  const child = spawn(process.execPath, [join(__dirname, 'postgres-server.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [url] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => [undefined])])) as [string | undefined]
  if (url === undefined)
    throw new Error('PostgreSQL did not start: see the message above; as root it needs to be able to add the user postgres.')
  let databases = 0
  const told = async (command: 'stop' | 'start'): Promise<void> => {
    child.stdin.write(`${command}\n`)
    await once(lines, 'line')
  }
  return {
    url,
    shutDown: () => told('stop'),
    startAgain: () => told('start'),
    async newDatabase() {
      const name = `test${++databases}`
      const client = new pg.Client(`${url}/postgres`)
      await client.connect()
      await client.query(`create database ${name} strategy file_copy`)
      await client.end()
      return { kind: 'postgres', url: `${url}/${name}` }
    },
    async stop() {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}
