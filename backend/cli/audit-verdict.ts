/** What an audit says of one invariant. */
import type { AuditIntent, AuditMachine, AuditPass, PoolHistory, Ref } from './audit-journal.ts'
import type { WorldHistory } from './audit-world.ts'

export type Finding = { readonly detail: string; readonly records: readonly string[] }
export type Verdict = {
  readonly invariant: string
  /** Records that were judged. */
  readonly judged: number
  readonly findings: readonly Finding[]
  /** What of it this history cannot show, and why. */
  readonly notChecked?: string
}
/** Looks at one pool's history, and at the world's where a sandbox kept one. */
export type Judge = (pool: PoolHistory, world: WorldHistory | undefined) => Verdict

export const intentName = (intent: AuditIntent): string => `intent ${intent.id}`
export const passName = (pass: AuditPass): string => `pass ${pass.id}`

/** It left for the outside, or may have: only what the gateway kept back certainly did not. */
export function maySent(intent: AuditIntent): boolean {
  return !(intent.state === 'superseded' && intent.error?.code === 'left')
}

/** The other side said that it did it. */
export function hadEffect(intent: AuditIntent): boolean {
  return intent.state === 'accepted' || intent.state === 'settled'
}

export function machineIn(pass: AuditPass, ref: Ref): AuditMachine | undefined {
  const { machines } = pass.snapshot
  return machines.known ? machines.value.find(({ id, generation }) => id === ref.id && generation === ref.generation) : undefined
}

/** Each intent of these kinds that may have been sent, with the pass in which it was decided. Counts those whose pass is not kept. */
export function decided(
  pool: PoolHistory,
  kinds: readonly string[],
): { readonly decisions: readonly { readonly intent: AuditIntent; readonly pass: AuditPass }[]; readonly without: number } {
  const intents = pool.intents.filter((intent) => kinds.includes(intent.kind) && maySent(intent))
  const decisions = intents.flatMap((intent) => {
    const pass = pool.passOf(intent)
    return pass === undefined ? [] : [{ intent, pass }]
  })
  return { decisions, without: intents.length - decisions.length }
}

/** For `notChecked`, when some records are gone. */
export function pruned(without: number): { readonly notChecked?: string } {
  return without === 0 ? {} : { notChecked: `the passes of ${without} of its intents are not kept any more` }
}
