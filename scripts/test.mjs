/**
 * Runs every suite and prints the true totals over all of them as the last line. `npm test -- test/core` narrows jest.
 * Only the whole run can tell all that the service asks Azure for, so only then the role is compared, as one more test.
 */
import { availableParallelism } from 'node:os'
import { checkRole, recordActions } from './azure-role.mjs'
import { root, runBats, runJest } from './suites.mjs'

/** Suites that measure time, or whose leases end in real time, run alone, after the others. */
const measuring = 'test/(browser/large|security/flood|replicas/outage)\\.test\\.ts$'

const args = process.argv.slice(2)
report(args.length === 0 ? runEverything() : [runJest(args)])

function runEverything() {
  const { result, recorded } = recordActions(root, () => [
    runJest([`--maxWorkers=${availableParallelism()}`, `--testPathIgnorePatterns=/node_modules/|${measuring}`]),
    runJest(['--runInBand', measuring]),
  ])
  return [...result, checkRole(root, recorded), runBats()]
}

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
