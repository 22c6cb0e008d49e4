/** What the registration of machines stands on, and what it answers. */
import type { BootPhase } from '../core/boot.ts'
import type { Reading } from '../core/snapshot.ts'
import type { AgentPackages, Boots, Registrations } from '../loop/ports-boot.ts'
import type { Clock, Log, MachineMemory, NewLogEntry, PoolRecord } from '../loop/ports.ts'
import type { Proof, Verdict } from './attestation.ts'
import type { MachineLists } from './machine-lists.ts'
import type { ScaleSetFacts } from './scale-set-facts.ts'

export type RegistrationParts = {
  readonly clock: Clock
  readonly log: Log
  readonly organizationUrl: string
  readonly pool: (poolId: number) => Promise<PoolRecord | undefined>
  readonly registrations: Registrations
  readonly boots: Boots
  /** What the loop remembers of the machines of a pool. */
  readonly remembered: (poolId: number) => Promise<readonly MachineMemory[]>
  readonly lists: MachineLists
  /** Ten minutes old at most. */
  readonly scaleSet: (scaleSetId: string) => Promise<ScaleSetFacts>
  readonly verify: (proof: Proof) => Verdict
  readonly packages: AgentPackages
  /** What a machine registers its agent with. Never stored, never logged. */
  readonly credential: () => Promise<Reading<string>>
  /** Writes an entry of the pool's Diagnostics. */
  readonly tell: (poolId: number, entry: NewLogEntry) => Promise<void>
  /** Takes out of a text what looks like a secret. */
  readonly scrub: (text: string) => string
  readonly metrics: { bootPhase(poolId: number, phase: BootPhase, result: 'ok' | 'failed', tookMs: number): void }
  /** A machine told something that the pool's next pass should not wait for. */
  readonly nudge: (poolId: number) => void
}

/** To the machine: lines of `name=value`, nothing, or a sentence. What it is refused for is told to the operator only. */
export type Answer =
  | { readonly status: 200; readonly lines: Readonly<Record<string, string>> }
  | { readonly status: 204 }
  | { readonly status: 401 | 403; readonly error: string }
  | { readonly status: 429 | 503; readonly error: string; readonly retryAfterMs: number }

/** Why a claim ends: for good, or for now. `why` is the exact reason with the next step. */
export type Stop =
  | { readonly stop: 'refused'; readonly why: string }
  /** `ours`: an operator has to mend something. */
  | { readonly stop: 'later'; readonly why: string; readonly retryAfterMs: number; readonly ours: boolean }

export const refused = (why: string): Stop => ({ stop: 'refused', why })
export const later = (retryAfterMs: number, why: string): Stop => ({ stop: 'later', why, retryAfterMs, ours: false })
export const unready = (why: string): Stop => ({ stop: 'later', why, retryAfterMs: 30_000, ours: true })
