import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createDevOpsAuthorization,
  createRegistrarCredential,
  createTokenAuthorization,
  trustedCertificates,
} from '../../backend/adapters/credentials.ts'
import type { CredentialSource } from '../../backend/adapters/credentials.ts'
import { createTestClock, never } from './outside.ts'

function tokens(lifeMs: number) {
  const clock = createTestClock()
  const asked: string[] = []
  let made = 0
  const source: CredentialSource = () => {
    made += 1
    return {
      getToken: (scope) => {
        asked.push(String(scope))
        return Promise.resolve({ token: `t${String(asked.length)}`, expiresOnTimestamp: clock.real.wallTimeMs() + lifeMs })
      },
    }
  }
  return { clock, asked, made: () => made, authorization: createTokenAuthorization(source, 'scope/.default', clock), source }
}
const hour = 3_600_000

test('a token is asked for once, however many calls wait for it', async () => {
  const { authorization, asked } = tokens(hour)
  expect(await Promise.all([authorization.header(never), authorization.header(never), authorization.header(never)])).toEqual([
    'Bearer t1',
    'Bearer t1',
    'Bearer t1',
  ])
  expect(asked).toEqual(['scope/.default'])
})

test('a token is kept until five minutes before its end', async () => {
  const { authorization, clock } = tokens(hour)
  await authorization.header(never)
  clock.pass(hour - 6 * 60_000)
  expect(await authorization.header(never)).toBe('Bearer t1')
  clock.pass(2 * 60_000)
  expect(await authorization.header(never)).toBe('Bearer t2')
})

test('a short-lived token is used for half of its life', async () => {
  const { authorization, clock } = tokens(60_000)
  await authorization.header(never)
  clock.pass(20_000)
  expect(await authorization.header(never)).toBe('Bearer t1')
  clock.pass(20_000)
  expect(await authorization.header(never)).toBe('Bearer t2')
})

test('after a refusal both the token and the credential that might repeat it are made anew', async () => {
  const { authorization, made } = tokens(hour)
  await authorization.header(never)
  authorization.invalidate()
  expect(await authorization.header(never)).toBe('Bearer t2')
  expect(made()).toBe(2)
})

test('a failure is told to everyone who waits and forgotten', async () => {
  let fails = true
  const clock = createTestClock()
  const authorization = createTokenAuthorization(
    () => ({
      getToken: () =>
        fails
          ? Promise.reject(new Error('no network'))
          : Promise.resolve({ token: 't', expiresOnTimestamp: clock.real.wallTimeMs() + hour }),
    }),
    's',
    clock,
  )
  await expect(authorization.header(never)).rejects.toThrow('no network')
  fails = false
  expect(await authorization.header(never)).toBe('Bearer t')
})

test('one caller’s stop does not take the token from the others', async () => {
  const { authorization } = tokens(hour)
  const stop = new AbortController()
  const [stopped, other] = [authorization.header(stop.signal), authorization.header(never)]
  stop.abort()
  await expect(stopped).rejects.toThrow('did not come in time')
  expect(await other).toBe('Bearer t1')
})

test('Azure DevOps takes a PAT as the password of an empty user, or a token for its own application', async () => {
  const { source, clock, asked } = tokens(hour)
  const pat = createDevOpsAuthorization({ url: 'https://x', credential: { kind: 'pat', pat: 'secret' } }, source, clock)
  expect(await pat.header(never)).toBe(`Basic ${Buffer.from(':secret').toString('base64')}`)
  const entra = createDevOpsAuthorization({ url: 'https://x', credential: { kind: 'entra' } }, source, clock)
  expect(await entra.header(never)).toBe('Bearer t1')
  expect(asked).toEqual(['499b84ac-1321-427f-aa17-267ca6975798/.default'])
})

test('a certificate authority file that is none is refused in one sentence', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ca-'))
  writeFileSync(join(folder, 'ca.pem'), 'not a certificate')
  expect(() => trustedCertificates(join(folder, 'ca.pem'))).toThrow(/holds no PEM certificate\. Give/)
  expect(() => trustedCertificates(join(folder, 'absent.pem'))).toThrow(/cannot be read\. Give/)
  expect(trustedCertificates(undefined)).toBeUndefined()
})

describe('what machines register with', () => {
  test('is the personal access token as it is', async () => {
    const { source, clock, asked } = tokens(hour)
    const credential = createRegistrarCredential({ kind: 'pat', pat: 'p'.repeat(52) }, source, clock)
    expect(await credential()).toMatchObject({ known: true, value: 'p'.repeat(52) })
    expect(asked).toEqual([])
  })

  test("is a token for Azure DevOps, asked for once and without its scheme's name", async () => {
    const { source, clock, asked } = tokens(hour)
    const credential = createRegistrarCredential({ kind: 'entra' }, source, clock)
    expect([await credential(), await credential()]).toMatchObject([{ value: 't1' }, { value: 't1' }])
    expect(asked).toEqual(['499b84ac-1321-427f-aa17-267ca6975798/.default'])
  })

  test('is unknown when the identity gives none, and the reason holds no secret', async () => {
    const source: CredentialSource = () => ({ getToken: () => Promise.reject(new Error('refused client_secret=hunter2')) })
    const credential = createRegistrarCredential({ kind: 'entra' }, source, createTestClock())
    expect(await credential()).toEqual({ known: false, why: 'refused client_secret=[secret]' })
  })
})
