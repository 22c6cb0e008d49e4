/** Counts of what a run has covered: kinds of actions, codes of reasons, faults. A zero is a hole in the soak. */
import type { ReasonCode } from '../../backend/core/decision.ts'
import { whyStays } from '../../backend/core/retire.ts'
import { standbyAt } from '../../backend/core/schedule.ts'
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { CompleteSnapshot } from '../../backend/core/snapshot.ts'
import type { Latest } from '../../backend/loop/follow.ts'
import { noActions } from '../support/action-kinds.ts'
import { faultNames, processFaults } from './plan.ts'

export type Counts = {
  readonly actions: Record<string, number>
  readonly reasons: Record<string, number>
  readonly faults: Record<string, number>
}

const reasonCodes: Readonly<Record<ReasonCode, 0>> = {
  need: 0,
  enough: 0,
  'learn-capabilities': 0,
  'no-agent-could-take': 0,
  'passed-over': 0,
  'parallel-jobs': 0,
  maximum: 0,
  room: 0,
  'update-rate': 0,
  'backing-off': 0,
  'boot-trouble': 0,
  owed: 0,
  paused: 0,
  unknown: 0,
  'too-old': 0,
  'not-ours': 0,
  'scale-set-blocked': 0,
  leaves: 0,
  'leave-together': 0,
  saved: 0,
  restored: 0,
  orphan: 0,
  stays: 0,
  'unhealthy-budget': 0,
  'mass-failure': 0,
  'delete-in-flight': 0,
  'azure-busy': 0,
  refused: 0,
  upkeep: 0,
  placeholder: 0,
  invariant: 0,
}

export function emptyCounts(): Counts {
  return {
    actions: { ...noActions },
    reasons: { ...reasonCodes },
    faults: Object.fromEntries([...faultNames, ...processFaults].map((name) => [name, 0])),
  }
}

export function addCounts(into: Counts, more: Counts): void {
  for (const group of ['actions', 'reasons', 'faults'] as const)
    for (const [name, count] of Object.entries(more[group])) add(into[group], name, count)
}

/** The names that were never counted. A reason that reports a breach has to stay at zero. */
export function holes(counts: Counts): readonly string[] {
  return Object.values(counts).flatMap((group) =>
    Object.entries(group as Record<string, number>).flatMap(([name, count]) => (count === 0 && name !== 'invariant' ? [name] : [])),
  )
}

export function add(group: Record<string, number>, name: string, count = 1): void {
  group[name] = (group[name] ?? 0) + count
}

/** Every `everyPass`-th pass one machine is asked why it stays, as a person would. */
const everyPass = 10

export function createPassCounter(counts: Counts, settings: () => PoolSettings | undefined): (latest: Latest) => void {
  let passes = 0
  return ({ snapshot, decision }) => {
    for (const { reason } of decision.steps) add(counts.reasons, reason.code)
    for (const { code } of decision.reasons) add(counts.reasons, code)
    passes += 1
    const present = settings()
    if (passes % everyPass !== 0 || present === undefined) return
    if (!snapshot.machines.known || !snapshot.jobs.known || !snapshot.agents.known || !snapshot.scaleSet.known) return
    const machine = snapshot.machines.value[passes % Math.max(1, snapshot.machines.value.length)]
    if (machine !== undefined)
      add(counts.reasons, whyStays(snapshot as CompleteSnapshot, present, machine, standbyAt(present, snapshot.wallTimeMs)).code)
  }
}
