/** `npm run soak`: many seeds of the service's life in virtual time, judged against the truth of the world. */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { drawPlan, hourMs } from './plan.ts'
import { summarize, textOf, type Summary } from './report.ts'
import { runSeed } from './run-seed.ts'
import { runSabotage, sabotageText } from './sabotage.ts'
import { judgeSeed, type SeedReport } from './seeds.ts'

const usage = 'Usage: npm run soak -- [--seeds N] [--hours H] [--seed S] [--sabotage] [--json]'

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
})

async function main(): Promise<void> {
  if (process.send !== undefined) return work()
  const options = readOptions()
  if (options.sabotage) return printSabotage(options.json)
  if (options.seed !== undefined) return replay(options.seed, options.hours, options.json)
  const startedMs = performance.now()
  const cores = Math.min(availableParallelism(), options.seeds)
  const seeds = Array.from({ length: options.seeds }, (_each, index) => index + 1)
  const reports = await spread(seeds, options.hours, cores)
  const summary = summarize(reports, { wallMs: performance.now() - startedMs, cores, hours: options.hours })
  print(summary, options.json)
}

function print(summary: Summary, json: boolean): void {
  console.log(json ? JSON.stringify(summary) : textOf(summary))
  if (summary.violations > 0 || summary.missing.length > 0) process.exitCode = 1
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '300' },
      hours: { type: 'string', default: '4' },
      seed: { type: 'string' },
      sabotage: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const number = (name: string, text: string, least: number): number => {
    const value = Number(text)
    if (!Number.isFinite(value) || value < least) throw new Error(`--${name} is "${text}"; give a number of at least ${least}. ${usage}`)
    return value
  }
  return {
    seeds: Math.round(number('seeds', values.seeds, 1)),
    hours: number('hours', values.hours, 1),
    ...(values.seed === undefined ? {} : { seed: Math.round(number('seed', values.seed, 0)) }),
    sabotage: values.sabotage,
    json: values.json,
  }
}

/** One seed with its whole story. */
async function replay(seed: number, hours: number, json: boolean): Promise<void> {
  const result = await runSeed(drawPlan(seed, hours), { verbose: true })
  const report = await judgeSeed(seed, hours)
  if (json) console.log(JSON.stringify(report))
  else
    console.log(
      [
        ...result.story,
        '',
        ...report.violations.map(({ invariant, at, detail }) => `${invariant} broken after ${(at / hourMs).toFixed(3)} h: ${detail}`),
        `Seed ${seed}: ${report.violations.length} violations, hash ${report.hash}.`,
      ].join('\n'),
    )
  if (report.violations.length > 0) process.exitCode = 1
}

async function printSabotage(json: boolean): Promise<void> {
  const result = await runSabotage(undefined, (line) => console.error(line))
  console.log(json ? JSON.stringify(result) : sabotageText(result))
  if (Object.values(result).some(({ caught }) => !caught)) process.exitCode = 1
}

/** Runs the seeds in one process for each core; each takes the next seed when it is done with one. */
function spread(seeds: readonly number[], hours: number, cores: number): Promise<readonly SeedReport[]> {
  const left = [...seeds]
  const reports: SeedReport[] = []
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(process.argv[1] ?? '', [], { execArgv: ['--enable-source-maps'] })
      const next = (): void => {
        const seed = left.shift()
        if (seed === undefined) return void child.disconnect()
        child.send({ seed, hours })
      }
      child.on('message', (report: SeedReport) => {
        reports.push(report)
        next()
      })
      child.on('error', reject)
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`A soak process ended with code ${code}; its output is above.`)),
      )
      next()
    })
  return Promise.all(Array.from({ length: cores }, one)).then(() => reports)
}

/** The part of a child: a seed comes in, its report goes out. */
function work(): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', ({ seed, hours }: { seed: number; hours: number }) => {
      judgeSeed(seed, hours).then(
        (report) => process.send?.(report),
        (error: unknown) => {
          console.error(`Seed ${seed} ended with an error: ${error instanceof Error ? error.stack : String(error)}`)
          process.exit(1)
        },
      )
    })
    process.on('disconnect', resolve)
  })
}
