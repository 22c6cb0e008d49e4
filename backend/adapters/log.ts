/** Structured log lines without secrets. */
import { pino } from 'pino'
import type { DestinationStream } from 'pino'
import type { Log } from '../loop/ports.ts'

/** Field names whose value never reaches a log line, whatever it looks like. */
const secretFields = ['authorization', 'token', 'pat', 'password', 'clientSecret', 'secret', 'protectedSettings', 'cookie']

/** What a secret looks like inside a text: the shape stays readable, the secret goes. */
const secretShapes: readonly (readonly [RegExp, string])[] = [
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[token]'],
  [/\b(Basic|Bearer)\s+[\w+/=.~-]{8,}/gi, '$1 [secret]'],
  [/\b(sig|client_secret|client_assertion|access_token|password)=[^&\s"']+/gi, '$1=[secret]'],
  // Personal access tokens of Azure DevOps: 52 characters of base 32 before 2024, 84 with a fixed mark since.
  [/\b[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}\b/g, '[pat]'],
  [/\b[a-z2-7]{52}\b/g, '[pat]'],
]

/** Takes everything that looks like a token, a PAT, a signature or an authorization header out of a text. */
export function scrub(text: string): string {
  return secretShapes.reduce((clean, [shape, mark]) => clean.replace(shape, mark), text)
}

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

/** The whole line is scrubbed once it is text, so that no field, error or nested object is missed. */
function scrubbed(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(scrub(line)) }
}
