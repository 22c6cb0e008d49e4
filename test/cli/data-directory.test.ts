import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  forgetAddress,
  noteAddress,
  operatorKeyFor,
  prepareDataDirectory,
  readAddress,
  readOperatorKey,
} from '../../backend/cli/data-directory.ts'
import { openWhole } from '../../backend/cli/service.ts'
import { asFailure, exitCodes, listenFailure } from '../../backend/cli/exit.ts'
import { explained, StoreError } from '../../backend/store/errors.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'data-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('makes the operator key once, readable by its owner only', () => {
  const key = operatorKeyFor(folder, undefined)
  expect(key).toMatch(/^[\w-]{43}$/)
  expect(statSync(join(folder, 'operator-key')).mode & 0o777).toBe(0o600)
  expect(operatorKeyFor(folder, undefined)).toBe(key)
  expect(readOperatorKey(folder)).toBe(key)
})

it('does not store a key that was given', () => {
  expect(operatorKeyFor(folder, 'given-by-environment')).toBe('given-by-environment')
  expect(readOperatorKey(folder)).toBeUndefined()
})

it('is closed to others', () => {
  const directory = join(folder, 'a', 'b')
  prepareDataDirectory(directory)
  expect(statSync(directory).mode & 0o777).toBe(0o700)
})

it('says what to do where no directory can be', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => prepareDataDirectory(join(folder, 'file'))).toThrow(/cannot be made \(EEXIST\)\. Name another with --data/)
})

const onLinux = process.platform === 'linux' ? it : it.skip
onLinux('does not ask for ever where a parent takes no directory', () => {
  expect(() => prepareDataDirectory('/proc/no-such/data')).toThrow(/The data directory \/proc\/no-such\/data cannot be made \(ENOENT\)/)
})

it('knows where the service listens only while it runs', () => {
  expect(readAddress(folder)).toBeUndefined()
  noteAddress(folder, 'http://127.0.0.1:41234')
  expect(readAddress(folder)).toBe('http://127.0.0.1:41234')
  expect(readFileSync(join(folder, 'service.json'), 'utf8')).not.toContain('key')
  forgetAddress(folder, 'http://127.0.0.1:7100')
  expect(readAddress(folder)).toBe('http://127.0.0.1:41234')
  forgetAddress(folder, 'http://127.0.0.1:41234')
  expect(readAddress(folder)).toBeUndefined()
})

it.each([
  [Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }), exitCodes.system, 'The disk is full'],
  [
    new StoreError('newer', 'The database was written by a newer version: start the newer version.'),
    exitCodes.system,
    'The database was written by a newer version: start the newer version.',
  ],
  [
    explained(Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' }), 'service.db'),
    exitCodes.system,
    'The disk of the database service.db is full and nothing was written: free some space on it. The service ended; start it again then.',
  ],
  [Object.assign(new Error('permission denied'), { code: 'EACCES' }), exitCodes.notAllowed, 'refuses access'],
  [new TypeError('x is undefined'), exitCodes.internal, 'a fault of its own: x is undefined.'],
])('ends with a sentence for %s', (error, exitCode, sentence) => {
  const failure = asFailure(error)
  expect(failure.exitCode).toBe(exitCode)
  expect(failure.message).toContain(sentence)
})

it('says which port is in use and how to take another', () => {
  const failure = listenFailure(Object.assign(new Error('listen'), { code: 'EADDRINUSE' }), '127.0.0.1', 7200)
  expect([failure.exitCode, failure.message]).toEqual([
    exitCodes.system,
    'Port 7200 on 127.0.0.1 is in use. Stop the program that uses it, or choose another with --port (0 takes a free one).',
  ])
})

describe('a database that cannot be opened', () => {
  const fails = (file: string) => async () => {
    writeFileSync(`${file}-wal`, 'half')
    writeFileSync(file, 'half', { flag: 'a' })
    throw new StoreError('SQLITE_FULL', 'The disk is full.')
  }

  it('leaves no file behind when it is new', async () => {
    const file = join(folder, 'service.db')
    await expect(openWhole({ kind: 'sqlite', file }, fails(file))).rejects.toThrow('The disk is full.')
    expect(readdirSync(folder)).toEqual([])
  })

  it('is kept when it was there before', async () => {
    const file = join(folder, 'service.db')
    writeFileSync(file, 'everything')
    await expect(openWhole({ kind: 'sqlite', file }, fails(file))).rejects.toThrow('The disk is full.')
    expect(readFileSync(file, 'utf8')).toContain('everything')
  })
})
