/** docs/boot.md, the service and both scripts name the same phases, exit codes, causes and limits. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { bootCauses, bootPhases } from '../../backend/core/boot.ts'
import { commandsOf, functionsOf, readScript, tableOf, type Script } from './powershell.ts'

const read = (file: string): string => readFileSync(path.join(__dirname, '../..', file), 'utf8')
const document = read('docs/boot.md')
const script = read('agent-scripts/linux/enableagent.sh').replace(/^ *#.*$/gm, '')

/** First cells of the rows of one section's table, without the heading. */
function rowsOf(section: string): readonly string[] {
  const text = document.split(`## ${section}\n`)[1]?.split('\n## ')[0] ?? ''
  return text.split('\n').filter((line) => line.startsWith('| `'))
}

const nameIn = (row: string): string => /`([^`]+)`/.exec(row)?.[1] ?? ''

test('the document has every phase, in order', () => {
  expect(rowsOf('Phases').map(nameIn)).toEqual([...bootPhases])
})

test('the document has every cause once', () => {
  expect(rowsOf('Causes').map(nameIn).sort()).toEqual([...bootCauses].sort())
})

test('the script ends each phase with the exit code of the document', () => {
  const codes = Object.fromEntries([...script.matchAll(/\[(\w+)\]=(\d\d)\b/g)].map((match) => [match[1], match[2]]))
  const documented = rowsOf('Phases').map((row) => [nameIn(row), row.split('|')[3]?.trim()] as const)
  expect(codes).toEqual(Object.fromEntries(documented.filter(([, code]) => code !== '')))
})

test('the script names only causes that the service knows', () => {
  const known: readonly string[] = bootCauses
  const named = [...script.matchAll(/(?:fail|troubled|command_or_fail) ([a-z]+(?:-[a-z]+)*) /g)].map((match) => match[1]!)
  expect(named.length).toBeGreaterThan(25)
  expect(named.filter((cause) => !known.includes(cause))).toEqual([])
  const judged = [...script.matchAll(/^ {4}([a-z-]+) '.*' \\?$/gm)].map((match) => match[1]!)
  expect(judged.filter((cause) => !known.includes(cause))).toEqual([])
})

test('the script has a next step for every cause that it names', () => {
  const advice = script.split('advice() {')[1]!.split('\n}')[0]!
  const byService = ['custom-script-failed', 'silence', 'claim-refused', 'unknown']
  const missing = bootCauses.filter((cause) => !byService.includes(cause) && !advice.includes(` ${cause}) `))
  expect(missing).toEqual([])
})

test('the script tries as often and waits as long as the document says', () => {
  const cells = Object.fromEntries(rowsOf('Phases').map((row) => [nameIn(row), { does: cellOf(row, 2), again: cellOf(row, 5) }]))
  const limit = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)\\b`).exec(script)?.[1])
  const minutes = (name: string): string => `${limit(name) / 60} min`
  expect(cells['prerequisites']?.does).toContain(`${limit('mib_free_min') / 1024} GiB free`)
  expect(cells['prerequisites']?.again).toBe(`a package manager's lock for ${minutes('seconds_lock_max')}`)
  expect(cells['proof']?.again).toBe(
    `network and metadata service ${minutes('seconds_network_max')}; a service that says when to ask again (429, 503) ` +
      `${minutes('seconds_service_max')}; a wrong clock ${minutes('seconds_clock_max')}; all together ${minutes('seconds_service_max')}`,
  )
  expect(cells['package']?.again).toBe(
    `the download ${limit('download_tries')} times; a damaged one never; ` +
      `libraries ${limit('library_tries')} times, and a lock for ${minutes('seconds_lock_max')}`,
  )
  expect(cells['configure']?.again).toBe(`${limit('config_tries')} times, unless the cause cannot pass`)
  expect(cells['online']?.again).toContain(`looks for ${minutes('seconds_network_max')}`)
  expect(cells['finished']?.again).toContain(`the report for ${minutes('seconds_finished_max')}`)
  expect([cells['user']?.again, cells['start']?.again]).toEqual(['no', 'no'])
  expect(document).toContain(`tried again for ${limit('seconds_report_max')} s while the service is away`)
  expect(document).toContain(`systemd ${limit('systemd_min')} or newer`)
})

describe('enableagent.ps1', () => {
  let windows: Script
  let functions: ReturnType<typeof functionsOf>
  beforeAll(async () => {
    windows = await readScript(path.join(__dirname, '../../agent-scripts/windows/enableagent.ps1'))
    functions = functionsOf(windows)
  })

  test('ends each phase with the exit code of the document', () => {
    const { usage, ...codes } = tableOf(windows, '$ExitCodes')
    expect(usage).toBe('2')
    expect(codes).toEqual(
      Object.fromEntries(rowsOf('Phases').flatMap((row) => (cellOf(row, 3) === '' ? [] : [[nameIn(row), cellOf(row, 3)]]))),
    )
  })

  test('names in each phase only causes that the document has for it', () => {
    const works = [...windows.text.matchAll(/@\{ name = '(\w+)'; work = \{ ([\w-]+) \}/g)]
    const documented = new Map(
      rowsOf('Phases').map((row) => [nameIn(row), [...cellOf(row, 4).matchAll(/`([a-z-]+)`/g)].map(([, name]) => name!)]),
    )
    expect(works).toHaveLength(7)
    for (const [, phase = '', work = ''] of works) {
      const own = documented.get(phase)!
      const known = own.includes('configure') ? documented.get('configure')! : own
      expect([phase, causesOf(work).filter((cause) => !known.includes(cause))]).toEqual([phase, []])
    }
  })

  test('tries as often and waits as long as the document says', () => {
    const again = Object.fromEntries(rowsOf('Phases').map((row) => [nameIn(row), cellOf(row, 5)]))
    const seconds = (name: string): number => Number(new RegExp(`^\\$${name} = (\\d+)$`, 'm').exec(windows.text)?.[1])
    expect(again['proof']).toContain(`service 2 min`)
    expect([seconds('NetworkSeconds'), seconds('ServiceSeconds'), seconds('ClockSeconds')]).toEqual([2 * 60, 10 * 60, 60])
    expect(again['package']).toContain('the download 4 times')
    expect(textOf('Get-AgentPackage')).toContain('-Tries 4 ')
    expect(again['configure']).toContain('3 times')
    expect(textOf('Invoke-Configuration')).toContain('$try -ge 3')
    expect(again['online']).toContain('Windows 5 min')
    expect(textOf('Wait-Online')).toContain('-lt 300')
  })

  function textOf(name: string): string {
    return functions.get(name)?.text ?? ''
  }

  /** Of a phase's own functions. What every request may end with is the same for all; one look at the user only warns. */
  function causesOf(work: string): readonly string[] {
    const others = ['Invoke-Http', 'Get-Cause', 'Send-Report', 'Test-PrimaryAdministrator']
    const seen = new Set<string>()
    const visit = (name: string): void => {
      const node = functions.get(name)
      if (node === undefined || seen.has(name) || others.includes(name)) return
      seen.add(name)
      for (const { name: called } of commandsOf(node)) visit(called)
    }
    visit(work)
    const patterns = [/New-(?:Passing)?Failure '([\w-]+)'/g, /-Cause '([\w-]+)'/g, /, '([a-z]+-[a-z-]+|unknown|proxy)'\)/g]
    return [...seen].flatMap((name) => patterns.flatMap((pattern) => [...textOf(name).matchAll(pattern)].map(([, cause = '']) => cause)))
  }
})

/** Counted from one. */
function cellOf(row: string, column: number): string {
  return row.split('|')[column]?.trim() ?? ''
}
