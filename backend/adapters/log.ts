/** Structured log lines without secrets. */
import { pino } from 'pino'
import type { DestinationStream } from 'pino'
import type { Log } from '../loop/ports.ts'
import { scrub } from './scrub.ts'

/** Field names whose value never reaches a log line, whatever it looks like. */
const secretFields = ['authorization', 'token', 'pat', 'password', 'clientSecret', 'secret', 'protectedSettings', 'cookie']

/** Writes one JSON line per call to `destination`, standard output unless given. */
export function createLog(
  options: { readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent'; readonly destination?: DestinationStream } = {},
): Log {
  const paths = secretFields.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  const logger = pino(
    { level: options.level ?? 'info', base: null, redact: { paths, censor: '[secret]' } },
    scrubbed(options.destination ?? pino.destination(1)),
  )
  return {
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  }
}

/** At any depth, where pino's own paths end after the third. */
const secretField = new RegExp(`"(${secretFields.join('|')})":"(?:[^"\\\\]|\\\\.)*"`, 'gi')

/** The whole line is scrubbed once it is text, so that no field, error or nested object is missed. */
function scrubbed(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(scrub(line.replace(secretField, '"$1":"[secret]"'))) }
}
