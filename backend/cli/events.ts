/** `events`: the Diagnostics entries, and with `-f` those to come. */
import type { LogList, LogView } from '../api/contract.ts'
import type { Client } from './client.ts'
import { wallTime } from './duration.ts'
import { exitCodes, Failure, type ExitCode } from './exit.ts'
import { answer, type Io } from './io.ts'
import { findPool } from './pools.ts'
import { harmless } from './text.ts'

export type EventsOptions = { readonly pool?: string; readonly follow: boolean; readonly top: number }

/** Newest last, as a log is read. Following prints one JSON object a line with `--json`. */
export async function events(client: Client, io: Io, options: EventsOptions, signal: AbortSignal): Promise<ExitCode> {
  const { poolId } = await findPool(client, options.pool)
  const { entries } = await client.get<LogList>(`/pools/${poolId}/log?top=${options.top}`)
  const oldestFirst = [...entries].reverse()
  if (!options.follow) {
    answer(io, oldestFirst, () => oldestFirst.map((entry) => inWords(entry, io)).join('\n') || 'Nothing happened yet.')
    return exitCodes.ok
  }
  const print = (entry: LogView): void => io.out(io.json ? JSON.stringify(entry) : inWords(entry, io))
  oldestFirst.forEach(print)
  for await (const event of client.events(`/events?poolId=${poolId}&after=${oldestFirst.at(-1)?.id ?? 0}`, signal)) {
    if (event.event === 'log') print(JSON.parse(event.data) as LogView)
  }
  if (signal.aborted) return exitCodes.ok
  throw new Failure(exitCodes.unreachable, `The service at ${client.url} ended the stream. Run the command again once it is back.`)
}

function inWords(entry: LogView, io: Io): string {
  const colour = entry.level === 'error' ? 'red' : entry.level === 'warning' ? 'yellow' : 'dim'
  return `${io.paint(wallTime(entry.atMs), 'dim')}  ${io.paint(entry.level.padEnd(7), colour)}  ${entry.operation.padEnd(16)}  ${harmless(entry.message)}`
}
