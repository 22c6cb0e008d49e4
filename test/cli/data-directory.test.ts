import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
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
import { asFailure, exitCodes, listenFailure } from '../../backend/cli/exit.ts'
import { StoreError } from '../../backend/store/errors.ts'

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
