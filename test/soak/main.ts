/** `npm run soak`: many seeds of the service's life in virtual time, judged against the truth of the world. */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { hourMs } from './plan.ts'
import { regressions } from './regressions.ts'
import { createTotals, failureText, reproductionText, textOf, type SeedFailure, type Totals } from './report.ts'
import { runSeed } from './run-seed.ts'
import { runSabotage, sabotageText } from './sabotage.ts'
import { judgePlan } from './seeds.ts'
import { shrink, type Reproduction } from './shrink.ts'
import { spread, work } from './spread.ts'
import { namesIn, planOf, type Wish } from './wish.ts'

const usage =
  'Usage: npm run soak -- [--seeds N] [--hours H] [--json], or --seed S [--hours H] [--faults A,B] [--settings C,D] [--json], or --sabotage [--json]'
/** A failing seed is run again some 50 times; when many fail, the first ones say enough. */
const shrunkMax = 3
/** A run of a night says how far it is. */
const progressEvery = 1_000

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
})

async function main(): Promise<void> {
  if (process.send !== undefined) return work()
  const { sabotage, wish, seeds, hours, json } = readOptions()
  if (sabotage) return printSabotage(json)
  if (wish !== undefined) return replay(wish, json)
  const startedMs = performance.now()
  const cores = Math.min(availableParallelism(), seeds)
  const totals = createTotals()
  await spread(wishes(seeds, hours), cores, (each, report) => tell(totals, totals.add(each, report), seeds))
  const summary = {
    ...totals.summary({ wallMs: performance.now() - startedMs, cores, regressions: regressions.length }),
    smallest: await shrunk(totals.failures()),
  }
  console.log(json ? JSON.stringify(summary) : textOf(summary))
  if (summary.violations > 0 || summary.missing.length > 0) process.exitCode = 1
}

function readOptions() {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: {
      seeds: { ...text, default: '300' },
      hours: { ...text, default: '4' },
      seed: text,
      faults: text,
      settings: text,
      sabotage: flag,
      json: flag,
    },
  })
  const number = (name: string, given: string, least: number): number => {
    const value = Number(given)
    if (!Number.isFinite(value) || value < least) throw new Error(`--${name} is "${given}"; give a number of at least ${least}. ${usage}`)
    return value
  }
  const { seed, faults, settings, sabotage, json } = values
  const hours = number('hours', values.hours, 1)
  if (seed === undefined && (faults ?? settings) !== undefined) throw new Error(`--faults and --settings belong to one --seed. ${usage}`)
  const kept = { ...(faults !== undefined && { faults: namesIn(faults) }), ...(settings !== undefined && { settings: namesIn(settings) }) }
  const wish: Wish | undefined = seed === undefined ? undefined : { seed: Math.round(number('seed', seed, 0)), hours, ...kept }
  return { seeds: Math.round(number('seeds', values.seeds, 1)), hours, wish, sabotage, json }
}

function* wishes(seeds: number, hours: number): Generator<Wish> {
  for (const { was: _was, ...wish } of regressions) yield wish
  for (let seed = 1; seed <= seeds; seed++) yield { seed, hours }
}

/** At once and on standard error: a run that is ended in the night has told what it found. */
function tell(totals: Totals, failures: readonly SeedFailure[], seeds: number): void {
  for (const failure of failures) console.error(failureText(failure))
  if (totals.done % progressEvery === 0) console.error(`${totals.done} of ${seeds + regressions.length} seeds are done.`)
}

async function shrunk(failures: readonly SeedFailure[]): Promise<readonly Reproduction[]> {
  const first = failures.filter(({ seed }, at) => failures.findIndex((each) => each.seed === seed) === at).slice(0, shrunkMax)
  const reproductions: Reproduction[] = []
  for (const failure of first) {
    const reproduction = await shrinkReal(failure, failure.invariant)
    console.error(reproductionText(reproduction))
    reproductions.push(reproduction)
  }
  return reproductions
}

function shrinkReal(wish: Wish, invariant: string): Promise<Reproduction> {
  return shrink(wish, invariant, async (plan, only) => (await judgePlan(plan, undefined, only)).violations)
}

/** One seed with its whole story, and what of it is enough. */
async function replay(wish: Wish, json: boolean): Promise<void> {
  const { story } = await runSeed(planOf(wish), { verbose: true })
  const report = await judgePlan(planOf(wish))
  const first = report.violations[0]
  const smallest = first === undefined ? undefined : await shrinkReal(wish, first.invariant)
  if (json) console.log(JSON.stringify({ ...report, ...(smallest !== undefined && { smallest }) }))
  else
    console.log(
      [
        ...story,
        '',
        ...report.violations.map(({ invariant, at, detail }) => `${invariant} broken after ${(at / hourMs).toFixed(3)} h: ${detail}`),
        ...(smallest === undefined ? [] : [reproductionText(smallest)]),
        `Seed ${wish.seed}: ${report.violations.length} violations, hash ${report.hash}.`,
      ].join('\n'),
    )
  if (first !== undefined) process.exitCode = 1
}

async function printSabotage(json: boolean): Promise<void> {
  const result = await runSabotage(undefined, (line) => console.error(line))
  console.log(json ? JSON.stringify(result) : sabotageText(result))
  if (Object.values(result).some(({ caught }) => !caught)) process.exitCode = 1
}
