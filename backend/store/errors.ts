/** A fault of the database in one sentence with the next step. `cause` keeps the driver's own error. */
export class StoreError extends Error {
  readonly code: string
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StoreError'
    this.code = code
  }
}

/** Words what SQLite, PostgreSQL or the file system reported; an error nobody can act on is handed back as it is. */
export function explained(error: unknown, place: string): unknown {
  if (error instanceof StoreError || !hasMessage(error)) return error
  const code = codeOf(error)
  const sentence = sentences[code]?.(place, error.message)
  return sentence === undefined ? error : new StoreError(code, sentence, error)
}

type Reported = { readonly message: string; readonly code?: unknown }

const hasMessage = (error: unknown): error is Reported =>
  typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'

function codeOf({ message, code }: Reported): string {
  // libsql reports a file that cannot be opened without a code; pg does so for a connection that breaks.
  if (message.startsWith('ConnectionFailed')) return 'SQLITE_CANTOPEN'
  if (/^(Connection terminated|Client (was closed|has encountered a connection error) and is not queryable)/.test(message))
    return 'ECONNRESET'
  // pg's own limits, for a server that is silent: for a connection of the pool, for an answer, for the start of a connection.
  if (/^(timeout exceeded when trying to connect|Query read timeout|timeout expired)$/.test(message)) return 'ETIMEDOUT'
  if (typeof code !== 'string') return ''
  // SQLite's extended codes say more than a person needs: SQLITE_IOERR_FSYNC is SQLITE_IOERR.
  return code.startsWith('SQLITE_') ? code.split('_').slice(0, 2).join('_') : code
}

const noAccess = (place: string) =>
  `The database ${place} cannot be opened for writing: check that its directory exists and that this user may write there.`
const diskFull = (place: string) => `The disk of the database ${place} is full and nothing was written: free some space on it.`
const unreachable = (place: string, detail: string) =>
  `The database ${place} does not answer (${detail}): check that it runs and that host, port and firewall let this computer in.`
const refusedSignIn = (place: string) => `The database ${place} refused the sign-in: check user and password in the database URL.`

/**
 * Of the network, then of PostgreSQL: a protocol violation is what PgBouncer answers while the server behind it is away; too many
 * connections; the server ends connections, has crashed, or starts.
 */
const lost: readonly string[] = [
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['08000', '08001', '08003', '08004', '08006', '08P01', '53300', '57P01', '57P02', '57P03'],
]

/** The server could not be asked: it may answer later, by itself. */
export const isLost = (error: StoreError): boolean => lost.includes(error.code)

const sentences: Readonly<Record<string, (place: string, detail: string) => string>> = {
  SQLITE_CANTOPEN: noAccess,
  SQLITE_READONLY: noAccess,
  SQLITE_PERM: noAccess,
  EACCES: noAccess,
  EPERM: noAccess,
  EROFS: noAccess,
  ENOENT: noAccess,
  ENOTDIR: noAccess,
  EEXIST: noAccess,
  SQLITE_FULL: diskFull,
  ENOSPC: diskFull,
  '53100': diskFull,
  SQLITE_NOTADB: (place) => `The file ${place} is not a database: name another file, or move this one away to start with an empty one.`,
  SQLITE_CORRUPT: (place) => `The database ${place} is damaged: restore it from a backup, or move it away to start with an empty one.`,
  SQLITE_IOERR: (place, detail) =>
    `The disk of the database ${place} failed (${detail}): check the disk; use a local one, not a network share.`,
  SQLITE_BUSY: (place) => `The database ${place} is locked by another process: stop the other service that uses this file.`,
  ...Object.fromEntries(lost.map((code) => [code, unreachable])),
  '25006': (place) => `The database ${place} lets nobody write now: let the database URL name the primary server, not one that follows it.`,
  '28P01': refusedSignIn,
  '28000': refusedSignIn,
  '3D000': (place) => `The database ${place} does not exist on the server: create it, or correct the name in the database URL.`,
  '42501': (place) => `The database ${place} does not let this user create or change tables: grant it the right to do so.`,
}
