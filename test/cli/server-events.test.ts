import { readServerEvents, type ServerEvent } from '../../backend/cli/server-events.ts'

async function read(...chunks: readonly string[]): Promise<readonly ServerEvent[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk))
      controller.close()
    },
  })
  const events: ServerEvent[] = []
  for await (const event of readServerEvents(body, new AbortController().signal)) events.push(event)
  return events
}

it('reads events however the network cuts them', async () => {
  const expected = [
    { event: 'log', id: '7', data: '{"a":1}' },
    { event: 'message', data: 'one\ntwo' },
  ]
  const text = 'event: log\nid: 7\ndata: {"a":1}\n\n: heartbeat\n\ndata: one\ndata: two\n\n'
  expect(await read(text)).toEqual(expected)
  expect(await read(...text)).toEqual(expected)
})

it('leaves out an event that was cut off', async () => {
  expect(await read('data: whole\n\ndata: ha')).toEqual([{ event: 'message', data: 'whole' }])
})

it('refuses an event without an end', async () => {
  await expect(read('data: ' + 'x'.repeat(1_000_001))).rejects.toThrow('longer than')
})
