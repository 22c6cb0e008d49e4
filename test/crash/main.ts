/** `npm run crash`: the service dies at every I/O of the recorded runs, in every way, and has to come back unharmed. */
import { parseArgs } from 'node:util'
import { runEveryCase, type CrashReport, type Failure } from './every-case.ts'
import { scripts } from './scripts.ts'

const usage = 'Usage: npm run crash -- [--script NAME] [--json]'

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
})

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { script: { type: 'string' }, json: { type: 'boolean', default: false } } })
  const chosen = scripts.filter(({ name }) => values.script === undefined || name === values.script)
  if (chosen.length === 0)
    throw new Error(`There is no script "${values.script}"; there are ${scripts.map(({ name }) => `"${name}"`).join(', ')}. ${usage}`)
  const startedMs = performance.now()
  const report = await runEveryCase(chosen)
  const seconds = Math.round((performance.now() - startedMs) / 1_000)
  console.log(values.json ? JSON.stringify({ ...report, seconds }) : textOf(report, seconds))
  if (report.violations > 0 || (values.script === undefined && report.missing.length > 0)) process.exitCode = 1
}

function textOf(report: CrashReport, seconds: number): string {
  const { boundaries, bySide, cases, byWhat, simulatedHours, violations, missing, failures } = report
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')
  return [
    `${boundaries} boundaries in ${report.scripts} recorded runs (${list(bySide)}).`,
    `${cases} cases (${list(byWhat)}), ${simulatedHours} simulated hours in ${seconds} s.`,
    missing.length === 0 ? 'Every kind of action occurs.' : `Actions that do not occur: ${missing.join(', ')}.`,
    ...failures.map(lineOf),
    `${violations} violations.`,
  ].join('\n')
}

function lineOf({ script, boundary, what, details }: Failure): string {
  const where = boundary === undefined ? '' : `, boundary ${boundary.at} (${boundary.side}: ${boundary.name})`
  return `${script}${where}, ${what}: ${details.join('; ')}`
}
