import { createHash } from 'node:crypto'
import fastify from 'fastify'
import type { AgentScripts } from '../../backend/api/agent-scripts.ts'
import type { ApiParts } from '../../backend/api/parts.ts'
import { scripts as scriptsRoute } from '../../backend/api/routes/scripts.ts'
import { withFormerScripts } from '../../backend/cli/script-memory.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { createNotes } from '../../backend/store/notes.ts'

let database: Database
beforeEach(async () => {
  database = await openDatabase({ kind: 'sqlite-memory' })
})
afterEach(() => database.close())

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
const script = (name: string, text: string) => ({ name, sha256: hashOf(text), body: Buffer.from(text) })
const versionOf = (text: string): AgentScripts => ({
  version: '1',
  files: [script('enableagent.sh', text), script('enableagent.ps1', `${text} for Windows`)],
})
const start = (text: string) => withFormerScripts(versionOf(text), createNotes(database))

test('a machine that is being created during an upgrade gets the script that its model names, from replicas of either version', async () => {
  const [older, newer] = [await start('old'), await start('new')]
  const asked = async (scripts: AgentScripts, text: string) => {
    const app = fastify()
    scriptsRoute(app as never, { scripts } as ApiParts)
    const { statusCode, body } = await app.inject({ url: `/scripts/1/${hashOf(text)}/pool-7/enableagent.sh` })
    return statusCode === 200 ? body : 'none'
  }
  expect([await asked(newer, 'old'), await asked(older, 'new')]).toEqual(['old', 'new'])
  expect([await asked(newer, 'new'), await asked(newer, 'never')]).toEqual(['new', 'none'])
})

test('the scripts of three versions are kept, and a start without news writes nothing', async () => {
  for (const text of ['a', 'b', 'c', 'd']) await start(text)
  const kept = await createNotes(database).kept('agent-scripts')
  const { former } = await start('d')
  const found = async (text: string) => (await former?.('enableagent.sh', hashOf(text)))?.body.toString()
  expect([await found('a'), await found('b'), await found('d')]).toEqual([undefined, 'b', 'd'])
  expect(await createNotes(database).kept('agent-scripts')).toBe(kept)
})

test('a script that was changed in the database is not served', async () => {
  const { former } = await start('a')
  const notes = createNotes(database)
  await notes.keep('agent-scripts', ((await notes.kept('agent-scripts')) ?? '').replace('"body":"a"', '"body":"evil"'))
  expect(await former?.('enableagent.sh', hashOf('a'))).toBeUndefined()
})
