/** Judges the service's actions against the truth of the world after every entry. Imports nothing from the service's core. */
import type { Bounds, Entry, Judge, Scene, Violation } from './history.ts'
import { bootsJudge } from './judges/boots.ts'
import { capacityJudge } from './judges/capacity.ts'
import { intentsJudge } from './judges/intents.ts'
import { livesJudge } from './judges/lives.ts'
import { ownershipJudge } from './judges/ownership.ts'
import { readsJudge } from './judges/reads.ts'
import { removalJudge } from './judges/removal.ts'
import { createLedger } from './ledger.ts'

export type Checker = {
  judge(entry: Entry): void
  readonly violations: readonly Violation[]
}

/** Of each invariant. */
const violationsKept = 5

export function createChecker(scene: Scene, bounds: Bounds): Checker {
  const violations: Violation[] = []
  const report = (invariant: string, at: number, detail: string): void => {
    if (violations.filter((each) => each.invariant === invariant).length < violationsKept) violations.push({ invariant, at, detail })
  }
  const ledger = createLedger(scene, bounds)
  const judges: readonly Judge[] = [
    capacityJudge(scene, ledger, report),
    bootsJudge(scene, ledger, report),
    removalJudge(scene, ledger, report),
    ownershipJudge(scene, ledger, report),
    intentsJudge(ledger, report),
    readsJudge(report),
    livesJudge(scene, ledger, report),
  ]
  return {
    violations,
    judge(entry) {
      if (entry.kind !== 'answered') ledger.enter(entry)
      for (const judge of judges) judge(entry)
      if (entry.kind === 'answered') ledger.enter(entry)
    },
  }
}
