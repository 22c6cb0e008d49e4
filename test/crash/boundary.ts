/** Every I/O of a process passes here: it is counted, and at one of them the process may die or its database may fail. */

export const phases = ['before-send', 'sent', 'answered'] as const
export type Phase = (typeof phases)[number]
export const databaseFaults = ['answer-lost', 'disk-full', 'read-only', 'slow'] as const
export type DatabaseFault = (typeof databaseFaults)[number]

export type Side = 'azure-devops' | 'azure' | 'database' | 'process'
/** One crossing of the process' edge. `writes`: it changes something on the other side. */
export type Boundary = { readonly side: Side; readonly name: string; readonly writes: boolean }
/** What happens at the boundary of that number, counted from 0 over all processes of a run. */
export type Strike = { readonly at: number; readonly what: Phase | DatabaseFault }

/** What an I/O needs of the process that does it. */
export type Mortal = {
  alive(): boolean
  /** It dies at this moment: nothing it waits for ever goes on. */
  die(): void
  sleep(ms: number): Promise<void>
}

export type Edge = {
  readonly crossed: readonly Boundary[]
  /** Calls that leave now arrive late: the process that sent them is dead by then, and the next one at work. */
  isLate(): boolean
  cross<T>(mortal: Mortal, boundary: Boundary, io: () => Promise<T>): Promise<T>
}

/** How long a database stays full, read-only or slow. */
const faultMs = 60_000
const slowMs = 8_000

export function createEdge(now: () => number, strike?: Strike): Edge {
  const crossed: Boundary[] = []
  const fault = databaseFaults.find((each) => each === strike?.what)
  let struckAt: number | undefined
  let late = false
  return {
    crossed,
    isLate: () => late,
    async cross(mortal, boundary, io) {
      if (!mortal.alive()) return never()
      const number = crossed.push(boundary) - 1
      const phase = number === strike?.at ? strike.what : undefined
      if (phase !== undefined) struckAt = now()
      if (boundary.side === 'database') await databaseFails(mortal, boundary)
      return passed(mortal, phase, io)
    },
  }

  async function passed<T>(mortal: Mortal, phase: Strike['what'] | undefined, io: () => Promise<T>): Promise<T> {
    if (phase === 'before-send') return dead(mortal)
    const answer = outcome(phase === 'sent' ? sentLate(io) : io())
    if (phase === 'sent') return dead(mortal)
    const { value, error } = await answer
    if (phase === 'answered') return dead(mortal)
    if (!mortal.alive()) return never()
    if (error !== undefined) throw error
    if (phase === 'answer-lost') throw new Error('The database did not answer; what it was told is done.')
    return value as T
  }

  async function databaseFails(mortal: Mortal, { writes }: Boundary): Promise<void> {
    if (struckAt === undefined || now() - struckAt >= faultMs) return
    if (fault === 'slow') await mortal.sleep(slowMs)
    if (writes && (fault === 'disk-full' || fault === 'read-only')) throw new Error(`The database cannot be written: ${fault}.`)
  }

  function sentLate<T>(io: () => Promise<T>): Promise<T> {
    late = true
    const answer = io()
    late = false
    return answer
  }
}

/** Nobody may be there any more to hear of an error. */
function outcome<T>(answer: Promise<T>): Promise<{ readonly value?: T; readonly error?: Error }> {
  return answer.then(
    (value) => ({ value }),
    (error: unknown) => ({ error: error instanceof Error ? error : new Error(String(error)) }),
  )
}

function dead(mortal: Mortal): Promise<never> {
  mortal.die()
  return never()
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}
