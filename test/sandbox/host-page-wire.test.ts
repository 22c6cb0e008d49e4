/** Values on their way between frames, and the colours of a theme. The browser test has the SDK on the other side. */
import { readFileSync } from 'node:fs'
import { createChannel } from '../../sandbox/host-page/page/channel.ts'
import type { Channel } from '../../sandbox/host-page/page/channel.ts'
import { themeOf } from '../../sandbox/host-page/page/themes.ts'
import { revive, serialize } from '../../sandbox/host-page/page/wire.ts'

type Loose = ReturnType<typeof JSON.parse>

function cross(value: unknown, keepsUnderscores = false): Loose {
  const functions: ((...args: readonly unknown[]) => unknown)[] = []
  const expose = (method: (...args: readonly unknown[]) => unknown): Record<string, unknown> => ({
    __proxyFunctionId: functions.push(method),
  })
  const text = JSON.stringify({ value: serialize(value, { expose, keepsUnderscores }) })
  return revive(JSON.parse(text).value, (id) => functions[id - 1]!)
}

describe('a value that crosses', () => {
  test.each([0, '', false, 'text', [1, [2]], { a: { b: [true] } }])('stays itself: %j', (value) => expect(cross(value)).toEqual(value))

  test('keeps dates and functions, and loses null', () => {
    const crossed = cross({ at: new Date(5), add: (a: number, b: number) => a + b, nothing: null })
    expect(crossed).toEqual({ at: new Date(5), add: expect.any(Function) })
    expect(crossed.add(2, 3)).toBe(5)
  })

  test('keeps what refers back to itself, and what stands in two places', () => {
    const shared = { name: 'shared' }
    const pool: Loose = { name: 'linux', agents: [], one: shared, two: shared }
    pool.agents.push({ pool })
    const crossed = cross(pool)
    expect(crossed.agents[0].pool).toBe(crossed)
    expect(crossed).not.toHaveProperty('__circularReferenceId')
    expect([crossed.one, crossed.two]).toEqual([shared, shared])
  })

  test('loses names with an underscore unless they are asked for', () => {
    expect(cross({ id: 1, __etag: 2 })).toEqual({ id: 1 })
    expect(cross({ id: 1, __etag: 2 }, true)).toEqual({ id: 1, __etag: 2 })
  })

  test('is cut off where it is deeper than a hundred objects', () => {
    let deep: Loose = { end: true }
    for (let level = 0; level < 200; level++) deep = { deep }
    expect(JSON.stringify(cross(deep)).match(/[{]/g)).toHaveLength(100)
  })

  test('says what an error says', () => {
    expect(cross(Object.assign(new TypeError('No pool 7.'), { status: 404 }))).toEqual({
      name: 'TypeError',
      message: 'No pool 7.',
      status: 404,
    })
  })
})

describe('a channel', () => {
  /** Two channels back to back. */
  function pair(objects: Loose): { readonly caller: Channel; readonly sent: Loose[] } {
    const sent: Loose[] = []
    const callee: Channel = createChannel((text) => sent.push(JSON.parse(text)) && caller.receive(text), objects)
    const caller: Channel = createChannel((text) => callee.receive(text), {})
    return { caller, sent }
  }

  test('carries callbacks back and forth', async () => {
    const { caller } = pair({ pools: { each: (take: (name: string) => unknown) => Promise.all(['a', 'b'].map(take)) } })
    expect(await caller.invoke('pools', 'each', [(name: string) => name.toUpperCase()])).toEqual(['A', 'B'])
  })

  test('calls own functions of registered objects only', async () => {
    const { caller } = pair({ pools: { name: 'linux' } })
    await expect(caller.invoke('pools', 'toString', [])).rejects.toMatchObject({ message: 'The object pools has no method toString.' })
    await expect(caller.invoke('pools', 'name', [])).rejects.toMatchObject({ message: 'The object pools has no method name.' })
    await expect(caller.invoke('toString', 'call', [])).rejects.toMatchObject({ message: 'The page has no object toString.' })
    expect(await caller.invoke('pools', '', [])).toEqual({ name: 'linux' })
  })

  test("echoes the handshake's token, and ignores what is no message", async () => {
    const sent: string[] = []
    const channel = createChannel((text) => sent.push(text), { host: { hello: () => 'there' } })
    for (const text of ['{', 'null', '"text"', '{"id":"x"}', '{"id":9,"result":1}', 7, undefined]) channel.receive(text)
    channel.receive(JSON.stringify({ id: 1, instanceId: 'host', methodName: 'hello', handshakeToken: 'abc' }))
    await new Promise(setImmediate)
    expect(sent.map((text) => JSON.parse(text))).toEqual([{ id: 1, result: 'there', handshakeToken: 'abc' }])
  })
})

describe.each(['light', 'dark', 'high-contrast'] as const)('the theme %s', (name) => {
  const defaults = JSON.parse(readFileSync(require.resolve('azure-devops-ui/buildScripts/cssDefaults.json'), 'utf8'))

  test('has every variable of azure-devops-ui, of the same kind', () => {
    const theme = themeOf(name)
    const triple = /^\d+, \d+, \d+$/
    const wrong = Object.keys(defaults).filter((key) => theme[key] === undefined || triple.test(theme[key]) !== triple.test(defaults[key]))
    expect(wrong).toEqual([])
  })
})
