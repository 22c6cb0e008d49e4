/** How a command ends: a sentence for people and a number for scripts. The numbers are documented in docs/cli.md. */
import { StoreError } from '../store/errors.ts'

export const exitCodes = {
  ok: 0,
  /** The answer is no: a check failed, a change was refused, the job cannot run. */
  no: 1,
  usage: 2,
  /** A file that was named cannot be read. */
  noInput: 66,
  /** The service or Azure DevOps does not answer. */
  unreachable: 69,
  /** A fault of this program. */
  internal: 70,
  /** The computer refused: port in use, disk full, a database that cannot be opened, a process that does not start. */
  system: 71,
  notAllowed: 77,
  configuration: 78,
  /** 128 + SIGINT. */
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A command that ends here: one sentence with the next step, and its exit code. Never a stack trace. */
export class Failure extends Error {
  readonly exitCode: ExitCode
  constructor(exitCode: ExitCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.exitCode = exitCode
  }
}

/** As the file system, SQLite and PostgreSQL name it. */
const diskFull: ReadonlySet<string> = new Set(['ENOSPC', 'SQLITE_FULL', '53100'])

/** The failure that an error of the operating system, the store or this program means to the person at the terminal. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error
  const code = codeOf(error)
  if (error instanceof StoreError) {
    // A service that runs goes on by itself; one that ended does not.
    const next = diskFull.has(error.code) ? ' The service ended; start it again then.' : ''
    return new Failure(exitCodes.system, error.message + next, error)
  }
  const text = error instanceof Error ? error.message : String(error)
  if (code !== undefined && diskFull.has(code))
    return new Failure(
      exitCodes.system,
      `The disk is full (${text}). Free some space on the data directory's disk and start again; nothing is half-written.`,
      error,
    )
  if (code === 'EACCES' || code === 'EPERM')
    return new Failure(
      exitCodes.notAllowed,
      `The operating system refuses access (${text}). Run as a user who may, or name another --data directory.`,
      error,
    )
  if (code === 'EROFS')
    return new Failure(exitCodes.system, `The file system is read-only (${text}). Name a writable directory with --data.`, error)
  return new Failure(exitCodes.internal, `Scale Set Agents stopped at a fault of its own: ${text}. Report it with the lines below.`, error)
}

/** The failure of listening on a port. */
export function listenFailure(error: unknown, host: string, port: number): Failure {
  const code = codeOf(error)
  if (code === 'EADDRINUSE')
    return new Failure(
      exitCodes.system,
      `Port ${port} on ${host} is in use. Stop the program that uses it, or choose another with --port (0 takes a free one).`,
      error,
    )
  if (code === 'EACCES')
    return new Failure(
      exitCodes.notAllowed,
      `Port ${port} on ${host} may not be used by this user. Choose one above 1023 with --port.`,
      error,
    )
  return asFailure(error)
}

/** `code` of a system error or of its cause. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'cause' in error ? codeOf(error.cause) : undefined
}
