/** docs/boot.md, the service and enableagent.sh name the same phases, exit codes and causes. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { bootCauses, bootPhases } from '../../backend/core/boot.ts'

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
