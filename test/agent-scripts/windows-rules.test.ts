/** The gate for enableagent.ps1 is proven by small scripts that it must refuse, and by their like that it must let pass. */
import { parseScript } from './powershell.ts'
import { rules } from './powershell-rules.ts'

const head = "param(\n  [string] $a\n)\nSet-StrictMode -Version Latest\n$ErrorActionPreference = 'Stop'\n"
const tail = '\nfunction Get-Nothing {\n  return 1\n}\n'

describe('is refused:', () => {
  test.each([
    ['a missing brace', 'if ($a) {\n  Get-Item x\n', 'is PowerShell'],
    ['an unterminated string', "$b = 'x\n", 'is PowerShell'],
    ['a here-string that does not end', '$b = @"\nx\n  "@\n', 'is PowerShell'],
    ['the ternary operator', "$b = $a ? 'x' : 'y'", 'is PowerShell'],
    ['the null-coalescing operator', "$b = $a ?? 'x'", 'is PowerShell'],
    ['a chain with &&', 'Get-Item x && Get-Item y', 'uses no operator that Windows PowerShell 5.1 lacks'],
    ['a chain with ||', 'Get-Item x || Get-Item y', 'uses no operator that Windows PowerShell 5.1 lacks'],
    ['an alias', 'iwr https://example.com', 'uses no alias'],
    ['an alias in a pipeline', 'Get-Item x | % { $_ }', 'uses no alias'],
    ['text that is run', 'Invoke-Expression $a', 'uses no command that runs text or shows secrets'],
    ['a task with its password as a parameter', 'Register-ScheduledTask -TaskName x', 'uses no command that runs text or shows secrets'],
    ['a credential as an argument', 'Write-Log $token', 'gives no secret to a command as an argument'],
    ['a credential of the script as an argument', 'Write-Log $script:Token', 'gives no secret to a command as an argument'],
    ['a credential in an expandable argument', 'Write-Log "--token $token"', 'gives no secret to a command as an argument'],
    ['a password in a nested argument', 'Write-Log ("x" + $Password)', 'gives no secret to a command as an argument'],
    ['an empty catch', 'try {\n  Get-Item x\n} catch {\n}', 'swallows no failure'],
  ])('%s', async (_name, body, rule) => {
    expect((await problems(head + body + tail))[rule]).not.toEqual([])
  })

  test('a script that is not strict', async () => {
    const found = await problems(`${head.replace('Latest', '2')}${tail}`)
    expect(found['stops at the first failure, in strict mode']).toEqual(['Set-StrictMode -Version Latest'])
  })
})

describe('is let pass:', () => {
  test.each([
    ['a plain script', ''],
    ['a credential in an index', "$b = @{}\n$b['TOKEN'] = $token"],
    ['a credential in a method call', '$b.Contains($token)'],
    ['a script block that is called', '& $a | Out-Null'],
    ['a catch that answers', 'try {\n  Get-Item x\n} catch {\n  return\n}'],
  ])('%s', async (_name, body) => {
    expect(Object.values(await problems(head + body + tail)).flat()).toEqual([])
  })
})

async function problems(text: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const script = await parseScript(text)
  return Object.fromEntries(Object.entries(rules).map(([name, rule]) => [name, rule(script)]))
}
