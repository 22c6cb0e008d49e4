import { PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { explained, isLost, StoreError } from './errors.ts'

const connectTimeoutMs = 10_000
const statementTimeoutMs = 30_000
/** A replica that was stopped in the middle of a commit must not keep the lease's row locked for longer. */
const idleInTransactionMs = 10_000
/** The server's limits are set for each transaction: a pooler that gives each one another session refuses them at the start of one. */
const begin = `begin; set local statement_timeout = ${statementTimeoutMs}; set local idle_in_transaction_session_timeout = ${idleInTransactionMs}`

/** PostgreSQL by its URL. With `ca` the connection is encrypted and the server's certificate checked against it. */
export function postgresDialect(url: string, ca: string | undefined, name: string): PostgresDialect {
  const pool = new pg.Pool({
    connectionString: ca === undefined ? url : withoutSslMode(url),
    ...(ca === undefined ? {} : { ssl: { ca } }),
    max: 10,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs,
  })
  // A connection that breaks would end the process: idle, in use between two statements, or given up and not closed yet. The query
  // that it breaks rejects, and the next one opens another connection or reports why it cannot.
  const ignore = () => undefined
  pool.on('error', ignore).on('connect', (client) => client.on('error', ignore))
  return new PostgresDialect({ pool: worded(pool, name) })
}

/** In pg an `sslmode` of the URL would overrule the given authority. */
function withoutSslMode(url: string): string {
  const parsed = new URL(url)
  parsed.searchParams.delete('sslmode')
  return parsed.href
}

function worded(pool: pg.Pool, name: string): PostgresPool {
  return {
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect().catch((error: unknown) => Promise.reject(explained(error, name)))
      // It is not used again: its answers would be those of the statement that it still owes.
      let broken = false
      const reworded = (error: unknown): never => {
        const known = explained(error, name)
        broken ||= known instanceof StoreError && isLost(known)
        throw known
      }
      // The server rolls back by itself when the connection ends; the error before this one is the reason to tell.
      const giveUp = () => {
        broken = true
        return { command: 'ROLLBACK', rowCount: 0, rows: [] }
      }
      const rollback = async (text: string) => (broken ? giveUp() : client.query(text).catch(giveUp))
      const query = (text: string, values: unknown[]) =>
        text === 'rollback' ? rollback(text) : client.query(text === 'begin' ? begin : text, values).catch(reworded)
      const release = () => client.release(broken)
      // Kysely's type also has the cursors of streaming, which nothing here uses.
      return { query, release } as unknown as PostgresPoolClient
    },
  }
}
