/** `npm run kill`: SIGKILL at random moments under load; nothing that was answered is lost, nothing is done twice. */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { killService, type KillReport } from './kill.ts'

const usage = 'Usage: npm run kill -- [--times N] [--seed N] [--json]'

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
})

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      times: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const [times, seed] = [number('times', values.times), number('seed', values.seed)]
  const startedMs = performance.now()
  const report = await killService({ times, seed, packageFolder: fileURLToPath(new URL('..', import.meta.url)) })
  const seconds = Math.round((performance.now() - startedMs) / 1_000)
  console.log(values.json ? JSON.stringify({ ...report, seconds }) : textOf(report, seconds))
  if (report.lost.length + report.breaches.length > 0) process.exitCode = 1
}

function number(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is "${text}"; give a whole number of at least 1. ${usage}`)
  return value
}

function textOf(report: KillReport, seconds: number): string {
  const { kills, whileStarting, intents, calls, jobs, acknowledged, lost, busyKills, doubleEffects, breaches } = report
  return [
    `${kills} kills in ${seconds} s, ${whileStarting} of them while it started; ${jobs} jobs ended, ${intents} intents, ${calls} changes asked for.`,
    `${acknowledged.settings} changes of settings were answered and ${acknowledged.entries} entries shown: ${lost.length} lost or damaged.`,
    `${busyKills} busy kills, ${doubleEffects} double effects, ${breaches.length} breaches in the audit.`,
    ...lost,
    ...breaches,
  ].join('\n')
}
