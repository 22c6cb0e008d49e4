/** The emulated VM extension against a machine in memory. */
import { createHash } from 'node:crypto'
import { pipelinesExtension } from '../../sandbox/vm-extension/settings.ts'
import { splitShellWords } from '../../sandbox/vm-extension/shell-words.ts'
import { runVmExtension } from '../../sandbox/vm-extension/vm-extension.ts'
import type { ExtensionResult, ExtensionRun, Ran } from '../../sandbox/vm-extension/vm-extension.ts'
import { splitWindowsParameters } from '../../sandbox/vm-extension/windows-parameters.ts'
import { scene, setId } from '../simulator/support.ts'

const agentUrl = 'https://download/agent/4.1.0/vsts-agent-linux-x64-4.1.0.tar.gz?sv=1'
const scriptUrl = 'https://service/scripts/abc/enableagent.sh'
const settings = { isPipelinesAgent: true, agentFolder: '/agent', agentDownloadUrl: agentUrl, enableScriptDownloadUrl: scriptUrl }
const protectedSettings = { enableScriptParameters: 'https://service 7 --once' }
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const hashes = { agentDownloadSha256: sha256('package'), enableScriptSha256: sha256('script').toUpperCase() }

type Machine = {
  files: Map<string, { content: string; mode: number }>
  ran: { argv: readonly string[]; environment: object; timeoutMs: number }[]
  downloads: string[]
  run: (own?: Partial<ExtensionRun>) => Promise<ExtensionResult>
}

/** `script` is what the enable script does. */
function machine(script: (files: Machine['files']) => Partial<Ran> = () => ({}), download = contentOf): Machine {
  const files: Machine['files'] = new Map()
  const made: Machine = {
    files,
    ran: [],
    downloads: [],
    run: (own) =>
      runVmExtension({
        os: 'linux',
        settings,
        protectedSettings,
        download: async (url) => {
          made.downloads.push(url)
          return Buffer.from(download(url, made.downloads.length))
        },
        host: {
          exists: async (path) => files.has(path),
          write: async (path, bytes, mode) => void files.set(path, { content: bytes.toString(), mode }),
          run: async (argv, environment, timeoutMs) => {
            made.ran.push({ argv, environment, timeoutMs })
            return { exitCode: 0, stdout: '', stderr: '', ...script(files) }
          },
        },
        ...own,
      }),
  }
  return made
}

function contentOf(url: string, _call: number): string {
  return url === agentUrl ? 'package' : 'script'
}

test('both downloads are saved and the script is run with its parameters', async () => {
  const { run, files, ran } = machine()
  expect(await run({ environment: { https_proxy: 'http://proxy:3128' } })).toMatchObject({ ok: true, code: 75 })
  expect(Object.fromEntries(files)).toEqual({
    '/agent/vsts-agent-linux-x64-4.1.0.tar.gz': { content: 'package', mode: 0o777 },
    '/agent/enableagent.sh': { content: 'script', mode: 0o777 },
  })
  const argv = ['/bin/bash', '/agent/enableagent.sh', 'https://service', '7', '--once']
  expect(ran).toMatchObject([{ argv, environment: { https_proxy: 'http://proxy:3128' } }])
})

test('a configured machine is left alone', async () => {
  const { run, files, downloads, ran } = machine()
  files.set('/agent/.agent', { content: '{}', mode: 0o644 })
  expect(await run()).toMatchObject({ ok: true, code: 77 })
  expect([downloads, ran]).toEqual([[], []])
})

test('public parameters win over protected ones', async () => {
  const { run, ran } = machine()
  await run({ settings: { ...settings, enableScriptParameters: "- 8 'a b'" } })
  expect(ran[0]!.argv.slice(2)).toEqual(['-', '8', 'a b'])
})

test('a failing script is an error with the end of what it printed', async () => {
  const { run } = machine(() => ({ exitCode: 20, stdout: `${'x'.repeat(5_000)}\nenableagent failed in proof`, stderr: 'curl: no route' }))
  const { ok, code, message } = await run()
  expect([ok, code]).toEqual([false, 76])
  expect(message).toMatch(/exit code 20\. curl: no route\nx+\nenableagent failed in proof$/)
  expect(message.length).toBeLessThan(2_200)
})

describe('a download', () => {
  const failing = (times: number) => (url: string, call: number) => {
    if (call <= times) throw new Error('connection reset')
    return contentOf(url, call)
  }

  test('is tried three times', async () => {
    const { run, downloads } = machine(undefined, failing(2))
    expect((await run()).ok).toBe(true)
    expect(downloads).toEqual([agentUrl, agentUrl, agentUrl, scriptUrl])
  })

  test('that fails three times is an error', async () => {
    const { run, downloads, ran } = machine(undefined, failing(3))
    expect(await run()).toMatchObject({ ok: false, code: 71, message: expect.stringContaining('connection reset') })
    expect([downloads.length, ran]).toEqual([3, []])
  })

  test('of the script has a code of its own', async () => {
    const onlyAgent = (url: string): string => {
      if (url === scriptUrl) throw new Error('404')
      return 'package'
    }
    expect(await machine(undefined, onlyAgent).run()).toMatchObject({ ok: false, code: 73 })
  })
})

describe('integrity', () => {
  const wrong = { agentDownloadSha256: sha256('x'), enableScriptSha256: sha256('y') }
  test.each([
    ['legacy', wrong, true],
    ['agentenforce', { ...wrong, agentDownloadSha256: hashes.agentDownloadSha256 }, true],
    ['agentenforce', wrong, false],
    ['enforce', hashes, true],
    ['enforce', { ...hashes, agentDownloadSha256: wrong.agentDownloadSha256 }, false],
    ['enforce', { ...hashes, enableScriptSha256: wrong.enableScriptSha256 }, false],
    ['enforce', { agentDownloadSha256: hashes.agentDownloadSha256 }, false],
    ['strict', hashes, false],
  ])('%s with %j: %s', async (integrityMode, given, ok) => {
    const { run, ran } = machine()
    expect((await run({ settings: { ...settings, ...given, integrityMode } })).ok).toBe(ok)
    expect(ran).toHaveLength(ok ? 1 : 0)
  })
})

test.each(['isPipelinesAgent', 'agentFolder', 'agentDownloadUrl', 'enableScriptDownloadUrl', 'enableScriptParameters'])(
  'without %s nothing runs',
  async (name) => {
    const given = Object.fromEntries(Object.entries({ ...settings, ...protectedSettings }).filter(([key]) => key !== name))
    const { run, downloads } = machine()
    expect(await run({ settings: given, protectedSettings: {} })).toMatchObject({
      ok: false,
      code: 1000,
      message: expect.stringContaining(name),
    })
    expect(downloads).toEqual([])
  },
)

describe('on Windows', () => {
  const windows = {
    os: 'windows' as const,
    settings: { ...settings, agentFolder: 'C:\\agent', enableScriptDownloadUrl: 'https://service/enableagent.ps1' },
    protectedSettings: { enableScriptParameters: '-service - -poolId 7 -pool "my pool" -token s3cret' },
  }
  const configured = (files: Machine['files']): Partial<Ran> => {
    files.set('C:\\agent\\.agent', { content: '{}', mode: 0o644 })
    return {}
  }

  test('the token is in the environment and never an argument', async () => {
    const { run, ran } = machine(configured)
    expect((await run(windows)).ok).toBe(true)
    const named = ['-service', '-', '-poolId', '7', '-pool', 'my pool', '-token', 'ENABLE_AGENT_PAT_TOKEN']
    expect(ran).toEqual([
      {
        argv: ['PowerShell.exe', 'C:\\agent\\enableagent.ps1', ...named],
        environment: { ENABLE_AGENT_PAT_TOKEN: 's3cret' },
        timeoutMs: 1_800_000,
      },
    ])
  })

  test('a script that leaves no .agent has failed', async () => {
    expect(await machine().run(windows)).toMatchObject({ ok: false, code: 76, message: expect.stringContaining('.agent') })
  })

  test('parameters without a token stay as they are', () => {
    expect(splitWindowsParameters('-service https://service -poolId 7 -runArgs --once')).toEqual({
      words: ['-service', 'https://service', '-poolId', '7', '-runArgs', '--once'],
      secrets: {},
    })
  })
})

describe('words are split as by shlex', () => {
  test.each([
    ['', []],
    ['  a\tb\n c ', ['a', 'b', 'c']],
    [`'a b' "c d"`, ['a b', 'c d']],
    [`a'b c'd`, ['ab cd']],
    [`'' ""`, ['', '']],
    [String.raw`a\ b \"c\'`, ['a b', `"c'`]],
    [String.raw`"a\"b\\c\d$e"`, [String.raw`a"b\c\d$e`]],
    [String.raw`'a\'b`, [String.raw`a\b`]],
    [`"it's" 'say "x"'`, ["it's", 'say "x"']],
    ['a#b #c', ['a#b', '#c']],
    ['--token=$(x);y|z', ['--token=$(x);y|z']],
  ])('%j', (text, words) => {
    expect(splitShellWords(text)).toEqual(words)
  })

  test.each([`'a`, `a "b`, 'a\\'])('%j is refused', (text) => {
    expect(() => splitShellWords(text)).toThrow('stands alone')
  })
})

test('the settings are found in the model of a scale set', () => {
  const found = pipelinesExtension(scene().world.truth.scaleSet(setId)!)
  expect(found).toEqual({ settings: { isPipelinesAgent: true, enableScriptParameters: 'https://service 1' }, protectedSettings: {} })
})
