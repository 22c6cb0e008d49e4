/** Server-sent events from the body of an answer: the browser's own EventSource cannot send the session. */

export type ServerEvent = { readonly event: string; readonly data: unknown }

const unreadCharsMax = 2_000_000

/** Resolves when the stream ends. Rejects when the connection breaks or the stream is none. */
export async function readEvents(body: ReadableStream<Uint8Array>, onEvent: (event: ServerEvent) => void): Promise<void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let unread = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (unread + decoder.decode(value, { stream: true })).split('\n\n')
    unread = blocks.pop() ?? ''
    if (unread.length > unreadCharsMax) throw new Error('The stream sends an event without an end.')
    for (const block of blocks) {
      const event = eventOf(block)
      if (event !== undefined) onEvent(event)
    }
  }
}

/** Comments, which keep the connection open, are no events. */
function eventOf(block: string): ServerEvent | undefined {
  const lines = block.split('\n')
  const field = (name: string): string | undefined => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
  const [event, data] = [field('event'), field('data')]
  return event === undefined || data === undefined ? undefined : { event, data: JSON.parse(data) as unknown }
}
