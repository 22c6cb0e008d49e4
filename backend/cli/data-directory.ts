/** What a service leaves in its data directory for the commands that want to reach it. */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf, exitCodes, Failure } from './exit.ts'

const keyFile = 'operator-key'
const sessionKeyFile = 'session-key'
const addressFile = 'service.json'

/** Makes the directory, for this user only, when it is not there. */
export function prepareDataDirectory(directory: string): void {
  try {
    makeDirectory(directory)
  } catch (error) {
    throw new Failure(
      exitCodes.system,
      `The data directory ${directory} cannot be made (${codeOf(error) ?? String(error)}). Name another with --data, or make it for this user.`,
      error,
    )
  }
}

/** Not mkdirSync's own recursion: where a parent is there but takes no directory, as in /proc, Node 20 asks for ever. */
function makeDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return
  const parent = dirname(directory)
  if (!existsSync(parent)) makeDirectory(parent)
  mkdirSync(directory, { mode: 0o700 })
}

/** The operator key of the service: the given one, the stored one, or a new one that is stored for this user only. */
export function operatorKeyFor(directory: string, given: string | undefined): string {
  return given ?? keptKey(directory, keyFile, 'The operator key', ', or set SCALE_SET_AGENTS_OPERATOR_KEY')
}

/** What sessions are signed with: the stored key, or a new one that is stored for this user only. */
export function sessionKeyFor(directory: string): string {
  return keptKey(directory, sessionKeyFile, 'The key of the sessions', '')
}

function keptKey(directory: string, name: string, what: string, otherStep: string): string {
  const known = readKey(directory, name)
  if (known !== undefined) return known
  const key = newKey()
  const file = join(directory, name)
  try {
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx' })
    // The mode given above is narrowed by the umask only; this holds whatever the umask.
    chmodSync(file, 0o600)
  } catch (error) {
    // An empty file left by a full disk would be in the way of the next start.
    if (codeOf(error) !== 'EEXIST') rmSync(file, { force: true })
    if (codeOf(error) === 'ENOSPC') throw error
    throw new Failure(
      exitCodes.system,
      `${what} cannot be stored in ${file} (${codeOf(error) ?? String(error)}). Make the data directory writable for this user${otherStep}.`,
      error,
    )
  }
  return key
}

/** The key a service stored there, if one did. */
export function readOperatorKey(directory: string): string | undefined {
  return readKey(directory, keyFile)
}

/** 32 random bytes as text. */
export function newKey(): string {
  return randomBytes(32).toString('base64url')
}

function readKey(directory: string, name: string): string | undefined {
  const text = readIfThere(join(directory, name))?.trim()
  return text === '' ? undefined : text
}

/** Notes where the service of this directory listens. */
export function noteAddress(directory: string, url: string): void {
  writeFileSync(join(directory, addressFile), `${JSON.stringify({ url })}\n`, { mode: 0o600 })
}

/** Takes the note away again, unless another service wrote its own meanwhile. */
export function forgetAddress(directory: string, url: string): void {
  if (readAddress(directory) === url) rmSync(join(directory, addressFile), { force: true })
}

/** Where the service of this directory listens, if one runs. */
export function readAddress(directory: string): string | undefined {
  const text = readIfThere(join(directory, addressFile))
  const url = /"url":"(http:\/\/[^"]+)"/.exec(text ?? '')?.[1]
  return url !== undefined && URL.canParse(url) ? url : undefined
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new Failure(
      exitCodes.notAllowed,
      `${path} cannot be read (${codeOf(error) ?? String(error)}). Run as the user of the service, or set SCALE_SET_AGENTS_URL and SCALE_SET_AGENTS_OPERATOR_KEY.`,
      error,
    )
  }
}
