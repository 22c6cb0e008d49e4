/** Runs seeds in one process for each core; each takes the next seed when it is done with one. */
import { fork } from 'node:child_process'
import type { SeedReport } from './seeds.ts'
import { judgePlan } from './seeds.ts'
import { planOf, type Wish } from './wish.ts'

/** Rejects when a process ends by itself; its output is above. */
export async function spread(wishes: Iterable<Wish>, cores: number, report: (wish: Wish, report: SeedReport) => void): Promise<void> {
  const left = wishes[Symbol.iterator]()
  await Promise.all(Array.from({ length: cores }, () => runChild(left, report)))
}

function runChild(left: Iterator<Wish>, report: (wish: Wish, report: SeedReport) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? '', [], { execArgv: ['--enable-source-maps'] })
    let wish: Wish | undefined
    const next = (): void => {
      const { done, value } = left.next()
      wish = done === true ? undefined : value
      if (wish === undefined) child.disconnect()
      else child.send(wish)
    }
    child.on('message', (answer: SeedReport) => {
      if (wish !== undefined) report(wish, answer)
      next()
    })
    child.on('error', reject)
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`A soak process ended with code ${code}; its output is above.`))))
    next()
  })
}

/** The part of a child: a wish comes in, its report goes out. */
export function work(): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', (wish: Wish) => {
      judgePlan(planOf(wish)).then(
        (report) => process.send?.(report),
        (error: unknown) => {
          console.error(`Seed ${wish.seed} ended with an error: ${error instanceof Error ? error.stack : String(error)}`)
          process.exit(1)
        },
      )
    })
    process.on('disconnect', resolve)
  })
}
