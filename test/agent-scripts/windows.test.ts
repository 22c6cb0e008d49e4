/**
 * enableagent.ps1 cannot run here: this checks that it is PowerShell and that its structure is that of the boot's phase table.
 * Its behaviour is tested by agent-scripts/windows/tests on a Windows host.
 */
import path from 'node:path'
import { bootCauses, bootPhases } from '../../backend/core/boot.ts'
import { commandsOf, functionsOf, nodesOf, parseScript, readScript, syntaxErrors, tableOf, variablesOf, type Script } from './powershell.ts'
import { rules } from './powershell-rules.ts'

const folder = path.join(__dirname, '../../agent-scripts/windows')
const exitCodes = { usage: 2, prerequisites: 10, proof: 20, package: 30, user: 40, configure: 50, start: 60, online: 70 }

let script: Script
beforeAll(async () => {
  script = await readScript(path.join(folder, 'enableagent.ps1'))
})

describe('enableagent.ps1', () => {
  test.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(rule(script)).toEqual([])
  })

  test('is read the same with a byte order mark and with Windows line ends', async () => {
    const windows = await parseScript(`\uFEFF${script.text.replaceAll('\n', '\r\n')}`)
    expect(syntaxErrors(windows)).toEqual([])
    expect([...functionsOf(windows).keys()]).toEqual([...functionsOf(script).keys()])
  })

  test('is plain ASCII: Windows PowerShell 5.1 reads a file without a mark in the code page of the machine', () => {
    expect([...script.text].filter((character) => character > '~' || (character < ' ' && character !== '\n'))).toEqual([])
  })

  test('takes the arguments of the contract', () => {
    const parameters = variablesOf(need(nodesOf(script.root, 'param_block')[0], 'no param block'))
    const contract = 'service poolid runargs organization pool sha256 nosudo allowupgrades interactive proxy token resume'
    expect(parameters.filter((name) => !['true', 'false'].includes(name))).toEqual(contract.split(' '))
  })

  test('goes through the phases of the boot in their order', () => {
    const names = [...functionText('Invoke-Main').matchAll(/@\{ name = '(\w+)'; work = \{ ([\w-]+) \}/g)]
    expect(names.map(([, name]) => name)).toEqual(bootPhases.slice(0, -1))
    for (const [, , work = ''] of names) expect(functionsOf(script).has(work)).toBe(true)
  })

  test('reports every phase from one place, and the end of the one job', () => {
    const reporters = callersOf('Send-Report')
    expect(reporters).toEqual(['Invoke-Phase', 'Complete-Machine'])
    expect(functionText('Complete-Machine')).toContain("phase = 'finished'; result = 'ok'")
  })

  test('ends with the exit codes of the contract and no other', () => {
    const table = Object.entries(tableOf(script, '$ExitCodes')).map(([name, code]) => [name, Number(code)])
    expect(Object.fromEntries(table)).toEqual(exitCodes)
    expect(nodesOf(script.root, 'flow_control_statement').filter(isExit).map(textOf)).toEqual(['exit $code'])
    const answers = [
      ...['Invoke-Main', 'Invoke-Resume']
        .map(functionText)
        .join('\n')
        .matchAll(/^ +return (.+)$/gm),
    ].map(([, value]) => value)
    expect(
      answers.filter((value) => !/^(0|\(Invoke-Resume\)|\$ExitCodes\['\w+'\]|\$ExitCodes\[\$phase\.name\])$/.test(value ?? '')),
    ).toEqual([])
  })

  test('names causes of the table only, each with its next step', () => {
    const fixes = tableOf(script, '$Fixes')
    expect(Object.keys(fixes).filter((cause) => !(bootCauses as readonly string[]).includes(cause))).toEqual([])
    expect(Object.values(fixes).filter((fix) => !/^[A-Z].+\.$/.test(fix))).toEqual([])
    expect(usedCauses().filter((cause) => !(cause in fixes))).toEqual([])
    expect(Object.keys(fixes).filter((cause) => !usedCauses().includes(cause))).toEqual([])
  })

  test('ends a failure with the line that the service reads', () => {
    expect(functionText('Invoke-Phase')).toContain('"enableagent failed in $name [$cause]: $sentence $($Fixes[$cause])"')
  })

  test('makes each request at one place, with a time-out and a limit of tries', () => {
    expect(callersOf('Invoke-WebRequest')).toEqual(['Invoke-Http'])
    expect(functionText('Invoke-Http')).toMatch(/for \(\$try = 1; \$try -le \$Tries; \$try\+\+\)/)
    expect(functionText('Invoke-Http')).toMatch(/Invoke-WebRequest .*-TimeoutSec \$TimeoutSeconds -UseBasicParsing/)
    const calls = commandsOf(script.root).filter(({ name }) => name === 'Invoke-Http')
    expect(calls.length).toBeGreaterThan(6)
    expect(
      calls.filter(({ text }) => !/ -Tries \d+ .*-Cause '/.test(`${text.replace(/-TimeoutSeconds \d+ /, '')} `)).map(({ text }) => text),
    ).toEqual([])
    expect(script.text).not.toMatch(/Net\.WebClient|HttpClient|WebRequest\]|Start-BitsTransfer/)
  })

  test('asks the metadata service past every proxy', () => {
    const calls = commandsOf(script.root).filter(({ name, text }) => name === 'Invoke-Http' && /Metadata/.test(text))
    expect(calls.length).toBeGreaterThan(0)
    expect(callersOf('Get-Seconds')).toEqual(['Request-Plan', 'Get-Document'])
    expect(calls.filter(({ text }) => !text.includes('-Direct')).map(({ text }) => text)).toEqual([])
  })

  test('has no loop without an end', () => {
    const loops = nodesOf(script.root, 'while_statement', 'do_statement').map(({ text }) => text.split('\n')[0])
    expect(loops.filter((line) => /\$true/.test(line ?? ''))).toEqual([])
    expect([...script.text.matchAll(/for \([^;]*; ;/g)].length).toBe(1)
    expect(functionText('Invoke-Configuration')).toContain('$try -ge 3')
  })

  test('gives the credential to the environment of config.cmd and to nothing else', () => {
    const uses = [...functionsOf(script)].filter(([, node]) => variablesOf(node).includes('token')).map(([name]) => name)
    expect(uses).toEqual(['Find-UsageProblem', 'Resolve-Token', 'Get-Plan', 'Get-Inputs', 'Assert-NoLeak', 'Add-Secret'])
    expect(functionText('Get-Inputs')).toContain("$inputs['VSTS_AGENT_INPUT_TOKEN'] = $script:token")
    expect(functionText('Resolve-Token')).toContain('$env:ENABLE_AGENT_PAT_TOKEN = $null')
    expect(functionText('Get-Plan').indexOf("$Plan.Remove('token')")).toBeLessThan(functionText('Get-Plan').indexOf('Write-Whole'))
  })

  test('gives config.cmd nothing but fixed words', () => {
    const words = [...functionText('Invoke-Configuration').matchAll(/\$arguments \+?= (.+)/g)].map(([, value]) => value ?? '')
    expect(words).toHaveLength(4)
    expect(words.filter((value) => !/^'[\w \-./]+'$/.test(value))).toEqual([])
  })

  test('ignores what the image must not set for the agent, and nothing else', () => {
    const reserved = reservedInputs()
    const refused =
      'URL AUTH TOKEN USERNAME PASSWORD POOL AGENT RUNASSERVICE DEPLOYMENTGROUP DEPLOYMENTGROUPNAME ADDDEPLOYMENTGROUPTAGS PROJECTNAME'
    const honoured = 'WORK PROXYURL PROXYUSERNAME PROXYPASSWORD SSLCACERT'
    expect(['AGENT_DIAGLOGPATH', 'WORKER_DIAGLOGPATH', 'MY_AGENT_DIAGLOGPATH'].filter((name) => reserved.test(name))).toHaveLength(2)
    expect(refused.split(' ').filter((name) => !reserved.test(`VSTS_AGENT_INPUT_${name}`))).toEqual([])
    expect(honoured.split(' ').filter((name) => reserved.test(`VSTS_AGENT_INPUT_${name}`))).toEqual([])
  })

  test('registers its tasks before the agent, and the marker before the report', () => {
    const register = functionText('Register-Agent')
    expect(register.indexOf('Register-Tasks')).toBeLessThan(register.indexOf('Invoke-Configuration'))
    expect(register.indexOf('Invoke-Configuration')).toBeLessThan(register.indexOf('Assert-NoLeak'))
    const complete = functionText('Complete-Machine')
    expect(complete.indexOf('Write-Whole')).toBeLessThan(complete.indexOf('Send-Report'))
  })

  test('switches TLS 1.2 on for every way in: also the starter sends requests', () => {
    const lines = nodesOf(script.root, 'assignment_expression').filter(({ text }) => text.includes('::SecurityProtocol ='))
    expect(lines).toHaveLength(1)
    expect([...functionsOf(script).values()].filter(({ text }) => text.includes('SecurityProtocol'))).toEqual([])
    expect(lines[0]?.startIndex).toBeLessThan(script.text.indexOf('function Invoke-Main'))
  })

  test('asks no service for a credential over plain HTTP, except on its own computer', () => {
    const [, pattern = ''] = need(/\$service -notmatch '(.+)'/.exec(script.text), 'no rule for -service')
    const isTaken = (address: string) => new RegExp(pattern, 'i').test(address)
    const local = ['http://127.0.0.1:7200', 'http://localhost', 'http://[::1]:1/x']
    expect(['https://service.example', 'https://10.0.0.4:7200/agents', ...local].map(isTaken)).toEqual(Array(5).fill(true))
    const plain = [
      'http://service.example',
      'http://127.0.0.1.example.com',
      'http://localhost@example.com',
      'http://10.0.0.4',
      'https:///x',
    ]
    expect(plain.map(isTaken)).toEqual(Array(5).fill(false))
  })

  test('gives every way to ask the service one try for each nonce, and ends with the cause', () => {
    const calls = commandsOf(script.root).filter(({ text }) => /registration\/(nonce|claim)"/.test(text))
    expect(calls.map(({ text }) => / -Tries 1 /.test(text))).toEqual([true, true])
    const proof = functionText('Request-Plan')
    for (const limit of ["$trouble.Data['secondsMax']", '$ServiceSeconds', 'throw $trouble']) expect(proof).toContain(limit)
    for (const name of ['organizationUrl', 'pool', 'agent', 'runMode']) expect(functionText('Request-PlanOnce')).toContain(`'${name}'`)
  })

  test('restarts an interactive machine that was not restarted since it was registered, and calls it online only then', () => {
    expect(functionText('Test-Needless')).toContain("$phase -eq 'online' -and $RebootNeeded")
    expect(callersOf('Start-Restart')).toEqual(['Invoke-Main', 'Invoke-Resume'])
    expect(functionText('Start-Agent')).toContain('$script:RebootNeeded = Test-Path "HKLM:\\$UnrestartedKey"')
    const desktop = functionText('Initialize-Desktop')
    expect(desktop).toContain('CreateSubKey($UnrestartedKey, $check, [Microsoft.Win32.RegistryOptions]::Volatile)')
    expect(desktop).toContain("Set-Policy 'OOBE' @('DisablePrivacyExperience')")
    const register = functionText('Register-Agent')
    expect(register.indexOf('Initialize-Desktop')).toBeLessThan(register.indexOf('Invoke-Configuration'))
  })

  test('holds upgrades back before the package, and takes the place of logs out of the image before the agent', () => {
    expect(callersOf('Suspend-WindowsUpdate')).toEqual(['Install-Package'])
    const register = functionText('Register-Agent')
    expect(register.indexOf('Clear-LogPath')).toBeGreaterThan(0)
    expect(register.indexOf('Clear-LogPath')).toBeLessThan(register.indexOf('Register-Tasks'))
  })

  test('fetches an issuer from one host and path only', () => {
    expect(functionText('Get-Issuer')).toContain(
      "$uri.Host -ne 'www.microsoft.com' -or -not $uri.AbsolutePath.StartsWith('/pkiops/certs/')",
    )
  })
})

describe('the Pester tests', () => {
  test('are PowerShell', async () => {
    const tests = await readScript(path.join(folder, 'tests/enableagent.Tests.ps1'))
    expect(syntaxErrors(tests)).toEqual([])
    expect(nodesOf(tests.root, 'pipeline_chain_tail')).toEqual([])
  })

  test('mock only what the script has, or what Windows has', async () => {
    const tests = await readScript(path.join(folder, 'tests/enableagent.Tests.ps1'))
    const called = new Set(commandsOf(script.root).map(({ name }) => name))
    const mocked = commandsOf(tests.root).flatMap(({ name, text }) => (name === 'Mock' ? [text.split(/\s+/)[1] ?? ''] : []))
    expect(mocked.length).toBeGreaterThan(5)
    expect(mocked.filter((name) => !called.has(name))).toEqual([])
  })
})

function functionText(name: string): string {
  return need(functionsOf(script).get(name), `no function ${name}`).text
}

function callersOf(command: string): readonly string[] {
  return [...functionsOf(script)].filter(([, node]) => commandsOf(node).some(({ name }) => name === command)).map(([name]) => name)
}

/** Every cause that the script can throw, give as the cause of a request, or conclude from words. */
function usedCauses(): readonly string[] {
  const patterns = [/New-Failure '([\w-]+)'/g, /-Cause '([\w-]+)'/g, /Get-Cause \S+ '([\w-]+)'/g, /\$cause = '([\w-]+)'/g]
  const spoken = patterns.flatMap((pattern) => [...script.text.matchAll(pattern)].map(([, cause = '']) => cause))
  const concluded = ['Get-Cause', 'Get-ConfigurationCause'].flatMap((name) =>
    [...functionText(name).matchAll(/(?:return|,) '([a-z-]+)'(?=\)?,?$)/gm)].map(([, cause = '']) => cause),
  )
  return [...spoken, ...concluded]
}

/** .NET and JavaScript read this pattern alike. */
function reservedInputs(): RegExp {
  const [, first = '', second = ''] = need(/\$ReservedInputs = '(.+)' \+\n +'(.+)'/.exec(script.text), 'no $ReservedInputs')
  return new RegExp(first + second, 'i')
}

function isExit({ text }: { readonly text: string }): boolean {
  return text.startsWith('exit')
}

function textOf({ text }: { readonly text: string }): string {
  return text
}

function need<T>(value: T | null | undefined, problem: string): T {
  if (value === null || value === undefined) throw new Error(`enableagent.ps1 has ${problem}.`)
  return value
}
