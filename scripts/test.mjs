/** Runs every suite and prints the true totals over all of them as the last line. `npm test -- test/core` narrows jest. */
import { runBats, runJest } from './suites.mjs'

const args = process.argv.slice(2)
const results = [runJest(args)]
if (args.length === 0) results.push(runBats())
report(results)

function report(totals) {
  const passed = sum(totals.map((one) => one.passed))
  const failed = sum(totals.map((one) => one.failed))
  const skipped = totals.flatMap((one) => one.skipped)
  for (const name of skipped) console.log(`skipped: ${name}`)
  const inCi = process.env.CI === 'true'
  if (inCi && skipped.length > 0) console.log('A skipped test fails CI: mend it or delete it.')
  if (passed + failed === 0) console.log('No test ran: check the path given to npm test.')
  process.exitCode = failed > 0 || passed === 0 || (inCi && skipped.length > 0) ? 1 : 0
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`)
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0)
}
