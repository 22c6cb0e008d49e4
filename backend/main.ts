#!/usr/bin/env node
/** The process: its arguments, streams and signals. Everything else is in cli/. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scrub } from './adapters/scrub.ts'
import { exitCodes } from './cli/exit.ts'
import { runProgram } from './cli/program.ts'
import { processEnvironment } from './environment.ts'

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second time the person means it.
    if (stop.signal.aborted) process.exit(exitCodes.interrupted)
    stop.abort(signal)
  })
}
// Node would print the error as it is, with whatever stands in it.
process.on('uncaughtException', (error) => {
  process.stderr.write(`Scale Set Agents stopped at a fault of its own: ${scrub(error.stack ?? String(error))}\n`)
  process.exit(exitCodes.internal)
})
// `events -f | head` closes the pipe: that is an end, not a fault.
process.stdout.on('error', () => stop.abort('EPIPE'))

const packageFolder = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { readonly version: string }

process.exitCode = await runProgram(process.argv.slice(2), {
  env: processEnvironment,
  fetch,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: process.stdout.isTTY ? () => ({ columns: process.stdout.columns, rows: process.stdout.rows }) : undefined,
  stop: stop.signal,
  packageFolder,
  version,
})
