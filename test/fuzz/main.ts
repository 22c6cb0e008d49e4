/** `npm run fuzz:claim`: mutants of right claims, of which none may be accepted and none may throw. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const usage = 'Usage: npm run fuzz:claim -- [--count N] [--seed S] [--json]'

try {
  main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}

function main(): void {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const startedMs = performance.now()
  const result = fuzz(whole('seed', values.seed, 0), whole('count', values.count, 1))
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10
  const { mutations, accepted, crashes } = result
  if (values.json) console.log(JSON.stringify({ ...result, seconds }))
  else console.log(`${mutations} mutations of seed ${result.seed} in ${seconds} s: ${accepted} accepted, ${crashes} crashes.`)
  if (accepted + crashes > 0) process.exitCode = 1
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name} is "${text}"; give a whole number of at least ${least}. ${usage}`)
  return value
}
