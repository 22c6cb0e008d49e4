/** What a command may do to the terminal: data to stdout, messages to stderr. */
import { painter, type Paint } from './text.ts'

export type Io = {
  readonly json: boolean
  readonly paint: Paint
  out(text: string): void
  err(text: string): void
}

export type Streams = { readonly out: (text: string) => void; readonly err: (text: string) => void }

/** An {@link Io} that ends every text with a line feed. */
export function createIo(streams: Streams, options: { readonly json: boolean; readonly colour: boolean }): Io {
  return {
    json: options.json,
    paint: painter(options.colour && !options.json),
    out: (text) => streams.out(`${text}\n`),
    err: (text) => streams.err(`${text}\n`),
  }
}

/** Prints `data` as JSON, or `words` for people. */
export function answer(io: Io, data: unknown, words: () => string): void {
  io.out(io.json ? JSON.stringify(data, undefined, 2) : words())
}
