/** All cases of the recorded runs: each boundary that was crossed, with everything that can happen there. */
import type { ActionKind } from '../../backend/core/decision.ts'
import { noActions } from '../support/action-kinds.ts'
import { databaseFaults, phases, type Boundary, type Side, type Strike } from './boundary.ts'
import type { Breakage } from './process.ts'
import { runCase, type CaseResult } from './run-case.ts'
import { scripts, type Script } from './scripts.ts'

export type Failure = {
  readonly script: string
  readonly boundary?: Boundary & { readonly at: number }
  readonly what: string
  readonly details: readonly string[]
}
export type CrashReport = {
  readonly scripts: number
  readonly boundaries: number
  readonly bySide: Readonly<Record<Side, number>>
  readonly cases: number
  readonly byWhat: Readonly<Record<string, number>>
  readonly simulatedHours: number
  /** Actions in the recorded runs; each kind has to occur. */
  readonly actions: Readonly<Record<ActionKind, number>>
  readonly missing: readonly string[]
  readonly violations: number
  readonly failures: readonly Failure[]
}

/** What can happen at a boundary: a process can die at any; only what is written can be refused, and only a database is slow. */
export function strikesAt({ side, writes }: Boundary, at: number): readonly Strike[] {
  const faults = side !== 'database' ? [] : writes ? databaseFaults : []
  return [...phases, ...faults].map((what) => ({ at, what }))
}

/** Each script as recorded, then with each strike. `watch` hears of every case, and ends the run by answering false. */
export async function runEveryCase(
  chosen: readonly Script[] = scripts,
  breakage: () => Breakage = () => ({}),
  watch: (done: number, failures: readonly Failure[]) => boolean = () => true,
): Promise<CrashReport> {
  const actions: Record<string, number> = { ...noActions }
  const bySide: Record<Side, number> = { 'azure-devops': 0, azure: 0, database: 0, process: 0 }
  const byWhat: Record<string, number> = {}
  const failures: Failure[] = []
  let [boundaries, cases, simulatedMs] = [0, 0, 0]
  const judge = (script: Script, { violations, simulatedMs: ms }: CaseResult, strike?: Strike, boundary?: Boundary): void => {
    simulatedMs += ms
    const details = violations.map(({ invariant, detail }) => `${invariant}: ${detail}`)
    const where = strike === undefined || boundary === undefined ? {} : { boundary: { ...boundary, at: strike.at } }
    if (details.length > 0) failures.push({ script: script.name, ...where, what: strike?.what ?? 'as recorded', details })
  }
  run: for (const script of chosen) {
    const recorded = await runCase(script, undefined, breakage())
    judge(script, recorded)
    boundaries += recorded.boundaries.length
    for (const [kind, count] of recorded.actions) actions[kind] = (actions[kind] ?? 0) + count
    for (const [at, boundary] of recorded.boundaries.entries()) {
      bySide[boundary.side] += 1
      for (const strike of strikesAt(boundary, at)) {
        judge(script, await runCase(script, strike, breakage()), strike, boundary)
        cases += 1
        byWhat[strike.what] = (byWhat[strike.what] ?? 0) + 1
        if (!watch(cases, failures)) break run
      }
    }
  }
  return {
    ...{ scripts: chosen.length, boundaries, bySide, cases, byWhat, actions: actions as CrashReport['actions'], failures },
    simulatedHours: Math.round(simulatedMs / 3_600_000),
    missing: Object.entries(actions).flatMap(([kind, count]) => (count === 0 ? [kind] : [])),
    violations: failures.length,
  }
}
