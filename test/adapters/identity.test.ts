import { createIdentity, type PeoplesDevOps } from '../../backend/adapters/identity.ts'
import { createTestClock, createTestMetrics, json, page, reset, silence, startServer, type Answerer, type Outside } from './outside.ts'

const never = new AbortController().signal
const ada = { authenticatedUser: { id: 'a-1', providerDisplayName: 'Ada Brandt' } }
const rows = { count: 2, value: [{ id: 7 }, { id: 9 }] }

let outside: Outside
let identity: PeoplesDevOps
beforeEach(async () => {
  outside = await startServer(json(ada))
  identity = createIdentity({ config: { url: `${outside.url}/fabrikam` }, clock: createTestClock(), metrics: createTestMetrics() })
})
afterEach(async () => {
  await identity.close()
  await outside.close()
})

test('asks with the token of the person who that is, and for which pools', async () => {
  expect(await identity.person('her.own.token', never)).toEqual({ kind: 'known', value: { id: 'a-1', name: 'Ada Brandt' } })
  outside.answer = json(rows)
  expect(await identity.pools('her.own.token', 'manage', never)).toEqual({ kind: 'known', value: [7, 9] })
  expect(await identity.pools('another.one.x', 'use', never)).toEqual({ kind: 'known', value: [7, 9] })
  expect(outside.received.map(({ url, headers }) => [url, headers.authorization])).toEqual([
    ['/fabrikam/_apis/connectionData', 'Bearer her.own.token'],
    ['/fabrikam/_apis/distributedtask/pools?actionFilter=manage', 'Bearer her.own.token'],
    ['/fabrikam/_apis/distributedtask/pools?actionFilter=use', 'Bearer another.one.x'],
  ])
})

test.each<[string, Answerer, string]>([
  ['a sign-in page', page(203), 'notAccepted'],
  ['a redirect to it', page(302, { location: 'https://example.com/signin' }), 'notAccepted'],
  ['401', json({}, 401), 'notAccepted'],
  ['403', json({ typeKey: 'AccessDeniedException', message: 'no' }, 403), 'forbidden'],
  ['404', json({ typeKey: 'X', message: 'no' }, 404), 'unknown'],
  ['500', json({}, 500), 'unknown'],
  ['a limit', json({}, 429), 'unknown'],
  ['something without a person', json({ authenticatedUser: {} }), 'unknown'],
  ['half of a text', (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"authe'), 'unknown'],
  ['a broken connection', reset, 'unknown'],
])('%s', async (_, answer, kind) => {
  outside.answer = answer
  expect((await identity.person('her.own.token', never)).kind).toBe(kind)
})

test('a redirect is not followed, so the token goes nowhere else', async () => {
  const elsewhere = await startServer(json(ada))
  outside.answer = page(307, { location: `${elsewhere.url}/fabrikam/_apis/connectionData` })
  expect(await identity.person('her.own.token', never)).toEqual({ kind: 'notAccepted' })
  expect(elsewhere.received).toEqual([])
  await elsewhere.close()
})

test('an end of the wait is no refusal', async () => {
  outside.answer = silence
  expect((await identity.person('her.own.token', AbortSignal.timeout(50))).kind).toBe('unknown')
})

test('agent pools are made with the token of the person', async () => {
  outside.answer = json({ id: 12, name: 'linux', options: 'none' })
  expect(await identity.organization('her.own.token').addPool('linux', never)).toMatchObject({ kind: 'done', value: { id: 12 } })
  expect(outside.received.at(-1)).toMatchObject({ method: 'POST', headers: { authorization: 'Bearer her.own.token' } })
})
