import { readFileSync } from 'node:fs'
import path from 'node:path'
import { bootCauses, bootFix, bootText, classify, failureIn } from '../../backend/core/boot.ts'
import type { BootCause, BootPhase } from '../../backend/core/boot.ts'

describe('the cause of a failed boot', () => {
  test.each<readonly [string, string, BootCause, BootPhase | undefined]>([
    [
      "the script's own mark",
      'x\nenableagent failed in package [hash-mismatch]: The file is another. curl: Connection refused',
      'hash-mismatch',
      undefined,
    ],
    [
      'its mark before the words of programs',
      'enableagent failed in user [user-is-admin]: No space left on device',
      'user-is-admin',
      undefined,
    ],
    ['words, where the mark names none', 'enableagent failed in package [unknown]: tar: No space left on device', 'disk-full', undefined],
    [
      'words, where the mark has a name that is none',
      'enableagent failed in package [gremlins]: Could not get lock',
      'package-lock',
      undefined,
    ],
    [
      'a failing Custom Script',
      "failure when processing extension 'CustomScript'. No space left on device",
      'custom-script-failed',
      undefined,
    ],
    ['name resolution', 'curl: (6) Could not resolve host: dev.azure.com', 'name-resolution', undefined],
    ['a proxy', 'curl: (56) Received HTTP code 407 from proxy after CONNECT', 'proxy', undefined],
    ['an inspecting device', 'SSL certificate problem: self-signed certificate in certificate chain', 'tls-interception', undefined],
    ['a proxy in words', 'status 407 came from the proxy', 'proxy', undefined],
    ['a proxy in other words', 'the proxy of the house said 407', 'proxy', undefined],
    ['a hash in other words', 'sha256 of the file: they differ', 'hash-mismatch', undefined],
    ['a right in other words', 'The identity need to manage: no such permission', 'pool-permission', 'configure'],
    ['the agent’s packages in other words', 'dependencies of the agent are missing', 'dependencies-failed', undefined],
    ['a download', 'the file could not be downloaded', 'download-blocked', undefined],
    ['a clock', 'SSL certificate problem: certificate is not yet valid', 'clock-skew', undefined],
    ['a lock', 'E: Could not get lock /var/lib/dpkg/lock-frontend', 'package-lock', undefined],
    ['a hash', 'the SHA-256 does not match', 'hash-mismatch', undefined],
    ['the agent’s packages', './bin/installdependencies.sh failed', 'dependencies-failed', undefined],
    ['a download, in its phase', 'Failed to connect to download.example port 443', 'download-blocked', 'package'],
    ['a credential, in its phase', 'VS30063: You are not authorized to access', 'credential-refused', 'configure'],
    ['a right, in its phase', 'Access denied. The identity needs manage permission', 'pool-permission', 'configure'],
    ['a name, in its phase', 'Pool 3 already contains an agent with name m1.', 'name-taken', 'configure'],
    ['nothing that is known', 'exit code 1', 'unknown', undefined],
    ['words of any phase, in one', 'write error: No space left on device', 'disk-full', 'configure'],
    ['words of one phase, where it is not known', 'TF14045', 'pool-permission', undefined],
    ['words of another phase', 'Failed to connect to dev.azure.com', 'unknown', 'configure'],
  ])('%s', (_what, detail, cause, phase) => expect(classify({ detail, ...(phase === undefined ? {} : { phase }) })).toBe(cause))

  test('is found in what Azure says of our extension, with its phase', () => {
    const azure = 'failure when processing extension \'Agent\'. Error message: "enableagent failed in proof [clock-skew]: Set the clock."'
    expect(failureIn(azure)).toEqual({ phase: 'proof', cause: 'clock-skew' })
    expect(failureIn('The script returned the exit code 100.')).toEqual({ cause: 'unknown' })
    expect(failureIn('enableagent failed in bed [disk-full]: no')).toEqual({ cause: 'unknown' })
  })
})

test('a failed start reads as a sentence', () => {
  expect(`m1 failed to start${bootText({ phase: 'package', cause: 'disk-full' })}`).toBe(
    'm1 failed to start in package: disk full. The disk of the machine is full. Use a larger operating system disk, or a smaller image.',
  )
  expect(bootText({ cause: 'silence' })).toMatch(/^: silence\. Nothing was heard /)
})

describe('docs/errors.md', () => {
  const page = readFileSync(path.join(__dirname, '../../docs/errors.md'), 'utf8')
  test.each(bootCauses)('words %s as the service does', (name) => {
    const { cause, fix } = bootFix[name]
    expect([cause, fix].every((sentence) => sentence.endsWith('.'))).toBe(true)
    expect(page).toContain(`| <a id="${name}"></a>\`${name}\` | ${cause} | ${fix} |`)
  })
})
