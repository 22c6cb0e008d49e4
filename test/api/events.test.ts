import type { AddressInfo } from 'node:net'
import type { App } from '../../backend/api/parts.ts'
import { apiOf, asOperator, logEntry, world, type World } from './fixture.ts'
import { sessionOf, signInApi, user } from './people.ts'

/** Reads frames of the stream until `wanted` of them are there. */
async function frames(address: string, wanted: number, headers: Record<string, string> = {}, whileOpen: () => void = () => undefined) {
  const ended = new AbortController()
  const response = await fetch(address, { headers: { ...asOperator, ...headers }, signal: ended.signal })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  let text = ''
  const seen = () => text.split('\n\n').filter((frame) => frame.startsWith('event:'))
  const decoder = new TextDecoder()
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    if (text === '') whileOpen()
    text += decoder.decode(chunk, { stream: true })
    if (seen().length >= wanted) break
  }
  ended.abort()
  return seen().map((frame) =>
    Object.fromEntries(frame.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)])),
  )
}

async function listening(state: World, app?: App) {
  app ??= await apiOf(state)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, address: `http://127.0.0.1:${port}/api/v1/events` }
}

test('a client sees each pool, then passes and new log entries as they come', async () => {
  const state = world()
  state.log = [logEntry(4)]
  const { app, address } = await listening(state)
  const pass = () =>
    setTimeout(() => {
      state.log.push(logEntry(5, { message: 'Grew by 2.' }))
      for (const listener of state.listeners) listener(7)
    }, 50)
  const seen = await frames(address, 3, {}, pass)
  expect(seen.map(({ event, id }) => [event, id])).toEqual([
    ['pass', undefined],
    ['pass', undefined],
    ['log', '5'],
  ])
  expect(JSON.parse(seen[2]!['data']!)).toMatchObject({ poolId: 7, message: 'Grew by 2.' })
  await app.close()
})

test('a client that comes back gets what it missed', async () => {
  const state = world()
  state.log = [logEntry(4), logEntry(5), logEntry(6)]
  const { app, address } = await listening(state)
  const ids = (seen: readonly Record<string, string>[]) => seen.filter(({ event }) => event === 'log').map(({ id }) => id)
  expect(ids(await frames(address, 3, { 'last-event-id': '4' }))).toEqual(['5', '6'])
  expect(ids(await frames(`${address}?after=5&poolId=7`, 2))).toEqual(['6'])
  await app.close()
})

test('no more than fifty clients are served, and one that left makes room', async () => {
  const state = world()
  const { app, address } = await listening(state)
  const open = Array.from({ length: 50 }, () => new AbortController())
  await Promise.all(open.map(({ signal }) => fetch(address, { headers: asOperator, signal })))
  const refused = await fetch(address, { headers: asOperator })
  expect([refused.status, ((await refused.json()) as { message: string }).message]).toEqual([
    503,
    expect.stringContaining('as many clients as it may'),
  ])
  open[0]!.abort()
  while (state.listeners.size === 50) await new Promise((resolve) => setImmediate(resolve))
  expect((await frames(address, 1)).length).toBe(1)
  for (const each of open) each.abort()
  await app.close()
})

test('a person sees the pools of the session only, until it ends', async () => {
  const state = world()
  const ending = new AbortController()
  const waits: number[] = []
  state.deadline = (ms) => {
    waits.push(ms)
    return ending.signal
  }
  const signedIn = await signInApi(state)
  const headers = await sessionOf(signedIn.app, user)
  const { app, address } = await listening(state, signedIn.app)
  const response = await fetch(`${address}`, { headers })
  setTimeout(() => {
    for (const poolId of [8, 7]) for (const listener of state.listeners) listener(poolId)
    setTimeout(() => ending.abort(), 50)
  }, 50)
  const text = await response.text()
  expect(text.match(/"poolId":\d+/g)).toEqual(['"poolId":7', '"poolId":7'])
  expect(text).not.toContain('secret-pool')
  expect(waits[0]).toBeGreaterThan(50_000)
  expect(waits[0]).toBeLessThanOrEqual(60_000)
  await app.close()
})

test('a person who asks for the stream of another pool sees nothing of it', async () => {
  const state = world()
  const signedIn = await signInApi(state)
  const headers = await sessionOf(signedIn.app, user)
  const { app, address } = await listening(state, signedIn.app)
  const ended = new AbortController()
  const response = await fetch(`${address}?poolId=8`, { headers, signal: ended.signal })
  const reader = response.body!.getReader()
  const first = new TextDecoder().decode((await reader.read()).value)
  for (const listener of state.listeners) listener(8)
  expect(first).toBe(': connected\n\n')
  expect(await Promise.race([reader.read().then(() => 'more'), new Promise((resolve) => setTimeout(() => resolve('nothing'), 100))])).toBe(
    'nothing',
  )
  ended.abort()
  await app.close()
})
