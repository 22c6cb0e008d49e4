import { defaultSettings } from '../../backend/core/settings.ts'
import { extensionFor, type EntryParts } from '../../backend/cli/extension-entry.ts'
import { extensionName, extensionState, growthBlocker } from '../../backend/loop/extension.ts'
import type { AzureScaleSet, PoolRecord } from '../../backend/loop/ports.ts'

const pat = 'the-token-in-the-model'
const script = { body: Buffer.from(''), sha256: 'c'.repeat(64) }
const parts: EntryParts = {
  scripts: {
    version: '2',
    files: [
      { ...script, name: 'enableagent.sh' },
      { ...script, name: 'enableagent.ps1', sha256: 'd'.repeat(64) },
    ],
  },
  serviceUrl: 'https://service.example',
  organizationUrl: 'https://dev.azure.com/fabrikam',
  packages: {
    get: (platform, version) => ({
      known: true,
      at: 0,
      value: { version, url: `https://agents.example/${platform}`, sha256: 'e'.repeat(64) },
    }),
  },
  pat,
}
const record = (settings: Partial<PoolRecord['settings']> = {}, name = 'linux'): PoolRecord =>
  ({ poolId: 7, name, settings: { ...defaultSettings, ...settings } }) as PoolRecord
const set = (change: Partial<AzureScaleSet> = {}): AzureScaleSet =>
  ({ os: 'linux', skuName: 'Standard_D4s_v5', extensions: [], ...change }) as unknown as AzureScaleSet

function entryOf(settings: Partial<PoolRecord['settings']> = {}, scaleSet = set(), name = 'linux', of = parts) {
  const entry = extensionFor(of)(record(settings, name), scaleSet)
  if (!entry.known) throw new Error(entry.why)
  return entry.value
}
const parametersOf = (...given: Parameters<typeof entryOf>) => entryOf(...given).protectedSettings?.['enableScriptParameters']

test('the entry on Linux', () => {
  expect(entryOf()).toEqual({
    name: extensionName,
    publisher: 'Microsoft.VisualStudio.Services',
    type: 'TeamServicesAgentLinux',
    version: '1.28',
    settings: {
      isPipelinesAgent: true,
      agentFolder: '/agent',
      agentDownloadUrl: 'https://agents.example/linux-x64',
      agentDownloadSha256: 'e'.repeat(64),
      enableScriptDownloadUrl: `https://service.example/scripts/2/${'c'.repeat(64)}/pool-7/enableagent.sh`,
      enableScriptSha256: 'c'.repeat(64),
      integrityMode: 'enforce',
    },
    protectedSettings: { enableScriptParameters: 'https://service.example 7' },
    after: [],
  })
})

test('the entry on Windows', () => {
  const entry = entryOf({ tearDownAfterUse: true }, set({ os: 'windows' }))
  expect(entry).toMatchObject({
    type: 'TeamServicesAgent',
    settings: {
      agentFolder: 'C:\\agent',
      enableScriptDownloadUrl: `https://service.example/scripts/2/${'d'.repeat(64)}/pool-7-once/enableagent.ps1`,
    },
    protectedSettings: { enableScriptParameters: '-service https://service.example -poolId 7 -runArgs --once' },
  })
})

test('one job for an agent is the word --once, on Linux as well; Arm sizes get their own agent', () => {
  expect(parametersOf({ tearDownAfterUse: true })).toBe('https://service.example 7 --once')
  expect(entryOf({}, set({ skuName: 'Standard_D4ps_v5' })).settings['agentDownloadUrl']).toBe('https://agents.example/linux-arm64')
})

test("the user's own Custom Script extension runs first", () => {
  const extensions = [{ name: 'mine', publisher: 'p', type: 'CustomScript', settings: {}, after: [] }]
  expect(entryOf({}, set({ extensions })).after).toEqual(['mine'])
})

describe('a pool that keeps its credential in the model', () => {
  test('tells the machine all it needs, and nothing of it in the open settings', () => {
    const settings = { tokenInModel: true, tearDownAfterUse: true, sudo: false, holdUpgrades: false, proxy: 'http://proxy:3128' }
    expect(parametersOf(settings, set(), "Ada's pool")).toBe(
      `- 7 --once --organization https://dev.azure.com/fabrikam --pool 'Ada'\\''s pool' --sha256 ${'e'.repeat(64)} --no-sudo --allow-upgrades --proxy http://proxy:3128 --token ${pat}`,
    )
    expect(parametersOf(settings, set({ os: 'windows' }), 'my pool')).toBe(
      `-service - -poolId 7 -organization https://dev.azure.com/fabrikam -pool my%20pool -sha256 ${'e'.repeat(64)} -noSudo -allowUpgrades -proxy http://proxy:3128 -runArgs --once -token ${pat}`,
    )
    expect(JSON.stringify(entryOf(settings).settings)).not.toContain(pat)
  })

  test('names no pool that PowerShell would run', () => {
    const name = `$(calc) & 'a' "b" \`c\` {d}; é|%20`
    const words = String(parametersOf({ tokenInModel: true }, set({ os: 'windows' }), name)).split(' ')
    const told = words[words.indexOf('-pool') + 1] ?? ''
    expect(told).toMatch(/^[\w.%-]+$/)
    expect(decodeURIComponent(told)).toBe(name)
  })

  test('tells that its agents are interactive, which others learn from the service', () => {
    const parameters = (settings: Partial<PoolRecord['settings']>) => String(parametersOf(settings, set({ os: 'windows' })))
    expect(parameters({ tokenInModel: true, interactive: true })).toContain(' -interactive ')
    expect(parameters({ tokenInModel: true })).not.toContain('-interactive')
    expect(parameters({ interactive: true })).toBe('-service https://service.example -poolId 7')
  })

  test('is written again when the token is another one', () => {
    const [before, after] = [parts, { ...parts, pat: 'another-token' }].map((of) => entryOf({ tokenInModel: true }, set(), 'linux', of))
    expect(before?.settings['enableScriptDownloadUrl']).not.toBe(after?.settings['enableScriptDownloadUrl'])
  })

  test('needs a personal access token', () => {
    const { pat: _pat, ...without } = parts
    expect(extensionFor(without)(record({ tokenInModel: true }), set())).toMatchObject({
      known: false,
      why: expect.stringContaining('SCALE_SET_AGENTS_REGISTRAR_PAT'),
    })
  })

  test('no other pool holds one', () => {
    expect(JSON.stringify(entryOf())).not.toContain(pat)
  })
})

describe('the state of the model', () => {
  const wanted = (settings: Partial<PoolRecord['settings']> = {}) => extensionFor(parts)(record(settings), set())
  /** As Azure shows it: protected settings are never told again. */
  const holding = (settings: Partial<PoolRecord['settings']> = {}) => {
    const { protectedSettings: _hidden, version: _version, ...shown } = entryOf(settings)
    return set({ extensions: [shown] })
  }

  test('is current although Azure hides the parameters, and outdated when they are others', () => {
    expect(extensionState(holding(), wanted(), false)).toBe('current')
    expect(extensionState(holding(), wanted({ tearDownAfterUse: true }), false)).toBe('outdated')
    for (const change of [{ sudo: false }, { holdUpgrades: false }, { proxy: 'http://proxy:3128' }])
      expect(extensionState(holding({ tokenInModel: true }), wanted({ tokenInModel: true, ...change }), false)).toBe('outdated')
    expect(extensionState(set(), wanted(), false)).toBe('absent')
  })

  test('what machines ask for when they claim does not change the model', () => {
    for (const change of [{ sudo: false }, { holdUpgrades: false }, { proxy: 'http://proxy:3128' }])
      expect(extensionState(holding(), wanted(change), false)).toBe('current')
  })

  test('without a package the entry stays, and a pool without an entry does not grow', () => {
    const unknown = { known: false, why: 'no package was ever read' } as const
    expect(extensionState(holding({ tearDownAfterUse: true }), unknown, false)).toBe('current')
    expect(growthBlocker(holding(), unknown)).toBeUndefined()
    expect(extensionState(set(), unknown, false)).toBe('current')
    expect(growthBlocker(set(), unknown)).toBe('its new machines would not become agents: no package was ever read')
    expect(growthBlocker(set(), wanted())).toBeUndefined()
  })

  test('a deleted pool leaves no entry behind and asks for none', () => {
    const unknown = { known: false, why: 'no package' } as const
    expect(extensionState(set(), unknown, true)).toBe('absent')
    expect(extensionState(holding(), unknown, true)).toBe('current')
  })

  test('a system without a script of ours is told as such', () => {
    const scripts = { version: '2', files: [] }
    expect(extensionFor({ ...parts, scripts })(record(), set({ os: 'windows' }))).toEqual({
      known: false,
      why: 'this service has no enableagent.ps1',
    })
  })
})
