/** Reads a stream of server-sent events (WHATWG HTML, "Server-sent events"). */

export type ServerEvent = { readonly event: string; readonly id?: string; readonly data: string }

/** Longest event that is read; a longer one ends the stream. */
const longestEvent = 1_000_000

/** The events of `body` as they arrive, until it ends or `signal` aborts. Comment lines are skipped. */
export async function* readServerEvents(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncIterable<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read()
      if (done) return
      const blocks = (rest + value).split(/\r?\n\r?\n/)
      rest = blocks.pop() ?? ''
      if (rest.length > longestEvent) throw new Error(`An event of the service is longer than ${longestEvent} characters.`)
      for (const block of blocks) {
        const event = parseEvent(block)
        if (event !== undefined) yield event
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function parseEvent(block: string): ServerEvent | undefined {
  const fields = block.split(/\r?\n/).map((line) => /^(event|id|data): ?(.*)$/.exec(line))
  const valuesOf = (name: string): readonly string[] => fields.flatMap((field) => (field?.[1] === name ? [field[2] ?? ''] : []))
  const data = valuesOf('data')
  if (data.length === 0) return undefined
  const id = valuesOf('id').at(-1)
  return { event: valuesOf('event').at(-1) ?? 'message', ...(id === undefined ? {} : { id }), data: data.join('\n') }
}
