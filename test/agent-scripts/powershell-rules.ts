/** What enableagent.ps1 must not do, each rule as a list of what breaks it. */
import { commandsOf, nodesOf, syntaxErrors, variablesOf, type Script } from './powershell.ts'

export type Rule = (script: Script) => readonly string[]

const forbiddenCommands =
  /^(Invoke-Expression|Invoke-Command|Start-Process|Start-Transcript|ConvertTo-SecureString|Register-ScheduledTask|Start-Job)$/i
const secrets = ['token', 'password', 'pat']

/** Windows PowerShell 5.1 does not know these, though PowerShell 7 and the grammar may. */
const newerOperators: Rule = ({ root }) => nodesOf(root, 'pipeline_chain_tail').map(({ text }) => text)

/** `Verb-Noun` only, or a program by its whole file name: no aliases, whose meaning a profile can change. */
const aliases: Rule = ({ root }) =>
  commandsOf(root)
    .filter(({ text }) => !/^[&.] /.test(text))
    .map(({ name }) => name)
    .filter((name) => !/^[A-Z]\w+-[A-Z]\w+$/.test(name))

const commands: Rule = ({ root }) =>
  commandsOf(root)
    .map(({ name }) => name)
    .filter((name) => forbiddenCommands.test(name))

/** Arguments can be logged by a policy, and a program's arguments are read by every account. */
const secretArguments: Rule = ({ root }) =>
  commandsOf(root)
    .filter(({ node }) => variablesOf(node).some((variable) => secrets.includes(variable)))
    .map(({ text }) => text)

/** A block that is empty, or does nothing but hide the failure, must say why it returns. */
const emptyCatches: Rule = ({ root }) =>
  nodesOf(root, 'catch_clause')
    .filter((clause) => nodesOf(clause, 'statement_list').length === 0)
    .map(({ text }) => text)

const strictMode: Rule = ({ root }) => {
  const first = root.text.slice(0, root.text.indexOf('\nfunction '))
  return ['Set-StrictMode -Version Latest', "$ErrorActionPreference = 'Stop'"].filter((line) => !first.includes(`\n${line}\n`))
}

export const rules: Readonly<Record<string, Rule>> = {
  'is PowerShell': syntaxErrors,
  'uses no operator that Windows PowerShell 5.1 lacks': newerOperators,
  'uses no alias': aliases,
  'uses no command that runs text or shows secrets': commands,
  'gives no secret to a command as an argument': secretArguments,
  'swallows no failure': emptyCatches,
  'stops at the first failure, in strict mode': strictMode,
}
