/** The chain of what people changed, from a PostgreSQL. Changes nothing. */
import pg from 'pg'
import { explained, StoreError } from '../store/errors.ts'
import type { Row } from './audit-journal.ts'
import { questions, schemaQuestion, schemaWithRecords, type Answers } from './audit-people.ts'
import { exitCodes, Failure } from './exit.ts'

const timeoutMs = 30_000

/** `undefined` when an older version wrote the database. @throws Failure when it does not answer or is none of a service. */
export async function readPostgres(url: string): Promise<Answers | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: timeoutMs, query_timeout: timeoutMs })
  try {
    await client.connect()
    // One moment for all of them: a service that runs may write meanwhile.
    await client.query('begin isolation level repeatable read read only')
    const ask = async (question: string): Promise<readonly Row[]> => (await client.query<Row>(question)).rows
    const [schema] = await ask(schemaQuestion)
    if (Number(schema?.['value']) < schemaWithRecords) return undefined
    return { records: await ask(questions.records), changes: await ask(questions.changes), pools: await ask(questions.pools) }
  } catch (error) {
    throw failureOf(error, new URL(url).host)
  } finally {
    await client.end()
  }
}

function failureOf(error: unknown, host: string): Failure {
  const told = explained(error, host)
  if (told instanceof StoreError) return new Failure(exitCodes.system, told.message, error)
  return new Failure(exitCodes.noInput, `The database ${host} cannot be read as the database of a service (${String(error)}).`, error)
}
