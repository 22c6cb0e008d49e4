/** The audit of a demo's own data passes; the same data with one record changed does not. */
import { execFile } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import Libsql from 'libsql'
import type { Audit } from '../../backend/cli/audit.ts'
import { run } from './support.ts'

jest.setTimeout(180_000)

const root = join(__dirname, '..', '..')
let kept: string
let history: string

beforeAll(async () => {
  kept = mkdtempSync(join(tmpdir(), 'audit-'))
  const args = ['--for', '25m', '--speed', '400', '--headless', '--json', '--seed', '7', '--max', '15', '--tear-down', '--data', kept]
  await promisify(execFile)(process.execPath, [join(root, 'dist', 'main.js'), 'demo', ...args], { maxBuffer: 2 ** 26 })
  history = join(kept, readdirSync(kept).find((name) => name.startsWith('demo-')) ?? '')
})
afterAll(() => rmSync(kept, { recursive: true, force: true }))

const audited = async (data: string) => {
  const { code, out } = await run(`audit --json --data ${data}`)
  return { code, audits: JSON.parse(out) as readonly Audit[] }
}

test('a demo kept to every invariant that its data can show', async () => {
  const { code, audits } = await audited(kept)
  const verdicts = audits.flatMap(({ pools }) => pools.flatMap((pool) => pool.verdicts))
  expect(verdicts.flatMap(({ invariant, findings }) => findings.map(({ detail }) => `${invariant}: ${detail}`))).toEqual([])
  expect([code, audits[0]?.broken]).toEqual([0, 0])
  const judged = Object.fromEntries(verdicts.map(({ invariant, judged: count }) => [invariant, count > 0]))
  expect(judged).toMatchObject({
    S1: true,
    S2: true,
    S3: true,
    S4: true,
    S5: true,
    S6: true,
    S7: true,
    S9: true,
    S12: true,
    S13: true,
    S14: true,
  })
  expect(verdicts.find(({ invariant }) => invariant === 'S15')?.notChecked).toMatch(/no day of constant jobs/)
})

test('says each invariant in a line, and what it could not check', async () => {
  const { code, out } = await run(`audit --data ${history}`)
  expect(code).toBe(0)
  expect(out).toMatch(/^ {2}S1 {2}holds, \d+ judged$/m)
  expect(out).toMatch(/^ {2}S15 not checked: /m)
  expect(out).toMatch(/^No invariant is broken\.$/m)
})

test('a directory without a database is refused with the next step', async () => {
  const { code, err } = await run(`audit --data ${tmpdir()}/nothing-here`)
  expect(code).toBe(66)
  expect(err).toMatch(/There is no service\.db in .*Name the data directory/)
})

// ---------------------------------------------------------------- one record changed

type Tamper = (database: Libsql.Database, data: string) => void
type Snapshot = { scaleSet: { value: { claim: string } }; machines: { value: Record<string, unknown>[] } } & Record<string, object>

const exec =
  (sql: string): Tamper =>
  (database) =>
    void database.exec(sql)

/** The first intent of a kind, and the snapshot of its pass to change. */
function inSnapshot(kind: string, change: (snapshot: Snapshot, intent: { action: { machines: { id: string }[] } }) => void): Tamper {
  return (database) => {
    const sql = `select passes.id as id, snapshot, action from intents join passes on passes.at = written_at where kind = ? and state = 'settled'`
    const row = database.prepare(sql).get([kind]) as { id: number; snapshot: string; action: string }
    const snapshot = JSON.parse(row.snapshot) as Snapshot
    change(snapshot, { action: JSON.parse(row.action) as { machines: { id: string }[] } })
    database.prepare('update passes set snapshot = ? where id = ?').run([JSON.stringify(snapshot), row.id])
  }
}

const machineOf = (snapshot: Snapshot, id: string | undefined) => snapshot.machines.value.find((machine) => machine['id'] === id)!
const grow = `(select id from intents where kind = 'grow' and state = 'settled' limit 1)`
const reimage = `(select id from intents where kind = 'reimage' and state = 'settled' limit 1)`
const set = (name: string, value: string, which: string): Tamper => exec(`update intents set ${name} = '${value}' where id = ${which}`)

const inHistory =
  (change: (text: string) => string): Tamper =>
  (_database, data) => {
    const file = join(data, 'sandbox', 'history.jsonl')
    writeFileSync(file, change(readFileSync(file, 'utf8')))
  }

const addEvents =
  (...events: readonly object[]): Tamper =>
  (database, data) => {
    const { scale_set_id: scaleSetId, id: poolId } = database.prepare('select * from pools').get() as { scale_set_id: string; id: number }
    const lines = events.map((event) => `${JSON.stringify({ event: { at: 1e12, scaleSetId, poolId, ...event } })}\n`)
    appendFileSync(join(data, 'sandbox', 'history.jsonl'), lines.join(''))
  }

const tampered: readonly (readonly [invariant: string, what: string, Tamper])[] = [
  [
    'S1',
    'a machine had a job when it was reimaged',
    inSnapshot('reimage', (snapshot, { action }) => Object.assign(machineOf(snapshot, action.machines[0]?.id), { requestId: 99 })),
  ],
  [
    'S1',
    'its agent was still registered',
    inSnapshot('reimage', (snapshot, { action }) => Object.assign(machineOf(snapshot, action.machines[0]?.id), { agent: { id: 5 } })),
  ],
  [
    'S1',
    'the world saw a job die',
    addEvents({ kind: 'job-assigned', requestId: 900, machine: '77' }, { kind: 'delete-accepted', machines: ['77'] }),
  ],
  ['S2', 'growth beyond the maximum', set('capacity', '{"from":0,"to":99}', grow)],
  ['S2', 'the world saw a capacity beyond it', addEvents({ kind: 'capacity', from: 1, to: 99, by: 'patch' })],
  ['S3', 'growth of a scale set that is another service’s', inSnapshot('grow', (snapshot) => (snapshot.scaleSet.value.claim = 'other'))],
  [
    'S3',
    'a reimage of a stranger',
    inSnapshot('reimage', (snapshot, { action }) => Object.assign(machineOf(snapshot, action.machines[0]?.id), { stage: 'foreign' })),
  ],
  ['S4', 'a call without an intent', exec(`delete from intents where id = ${grow}`)],
  ['S4', 'a call before its intent', inHistory((text) => text.replaceAll(/"realMs":\d+/g, '"realMs":1'))],
  ['S5', 'an epoch that falls', exec(`update intents set epoch = 0 where rowid = (select max(rowid) from intents)`)],
  [
    'S6',
    'a removal without the agents',
    inSnapshot('reimage', (snapshot) => Object.assign(snapshot, { agents: { known: false, why: 'no' } })),
  ],
  ['S6', 'a removal on an old list', inSnapshot('reimage', (snapshot) => Object.assign(snapshot.machines, { at: -1e9 }))],
  ['S7', 'a lower capacity', set('capacity', '{"from":5,"to":3}', grow)],
  ['S7', 'a capacity written blindly', inHistory((text) => text.replaceAll(/,"ifMatch":"[^}]*?"(?=\})/g, ''))],
  [
    'S8',
    'three unhealthy machines at once',
    (database) => {
      const three = [1, 2, 3].map((n) => ({ id: String(n), name: `m${n}`, generation: 1, cause: 'went-offline' }))
      set('action', JSON.stringify({ kind: 'delete', machines: three }), reimage)(database, '')
      exec(`update intents set kind = 'delete' where action like '%went-offline%'`)(database, '')
    },
  ],
  [
    'S9',
    'a reimage twice in one life',
    exec(
      `create temporary table again as select * from intents where id = ${reimage}; update again set id = 'ffffffff-again'; insert into intents select * from again`,
    ),
  ],
  [
    'S9',
    'the world saw it twice',
    addEvents({ kind: 'reimage-accepted', machines: ['77'] }, { kind: 'reimage-accepted', machines: ['77'] }),
  ],
  [
    'S10',
    'a used machine enabled again',
    (database) => {
      inSnapshot('unregister', (snapshot) => snapshot.machines.value.forEach((machine) => Object.assign(machine, { warm: true })))(
        database,
        '',
      )
      exec(`update intents set kind = 'restore' where kind = 'unregister'`)(database, '')
    },
  ],
  [
    'S10',
    'the world saw a second job',
    addEvents({ kind: 'job-started', requestId: 900, machine: '77' }, { kind: 'job-started', requestId: 901, machine: '77' }),
  ],
  ['S11', 'a credential for a life that never began', exec(`insert into claims select id, '0', 'c', 7, 'm', 'hash', 1, 0 from pools`)],
  ['S12', 'work on a paused pool', exec(`update pools set settings = json_set(settings, '$.paused', json('true'))`)],
  [
    'S12',
    'a reimage of a saved machine',
    inSnapshot('reimage', (snapshot, { action }) => Object.assign(machineOf(snapshot, action.machines[0]?.id), { stage: 'saved' })),
  ],
  ['S13', 'a reason about something else', set('reason', '{"code":"need"}', reimage)],
  ['S13', 'a reason without words', exec(`update log set message = 'undefined machines' where intent_id = ${grow}`)],
  ['S14', 'time that runs backwards', exec(`update intents set written_at = -1 where rowid = (select max(rowid) from intents)`)],
  [
    'S15',
    'growth on a day of constant jobs',
    exec(
      `delete from passes where id > (select min(id) from passes); update passes set at = 0, last_at = 90000000;
       update pools set settings = json_set(settings, '$.tearDownAfterUse', json('false'));
       update intents set written_at = 50000000 where id = ${grow}`,
    ),
  ],
]

test.each(tampered)('%s is found broken: %s', async (invariant, _what, tamper) => {
  const data = mkdtempSync(join(tmpdir(), 'audit-tampered-'))
  try {
    cpSync(history, data, { recursive: true })
    const database = new Libsql(join(data, 'service.db'))
    tamper(database, data)
    database.close()
    const { code, audits } = await audited(data)
    const verdict = audits[0]?.pools[0]?.verdicts.find((each) => each.invariant === invariant)
    expect(verdict?.findings.length).toBeGreaterThan(0)
    expect(verdict?.findings.every(({ records }) => records.length > 0)).toBe(true)
    expect(code).toBe(1)
  } finally {
    rmSync(data, { recursive: true, force: true })
  }
})
