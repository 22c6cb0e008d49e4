/** What the registration of machines remembers, and what it tells the loop. */
import type { BootCause, BootFailure, BootPhase } from '../core/boot.ts'
import type { BootTrouble, Instant, Reading } from '../core/snapshot.ts'

/** What is remembered of the boot of a machine's present generation. */
export type MachineBoot = {
  /** The last report; `finished` once its one job ended. */
  readonly boot?: { readonly phase: BootPhase; readonly at: Instant; readonly failed?: BootCause; readonly finished?: true }
  /** Its start failed: counted once. */
  readonly bootFailure?: BootFailure
  /** The last job of an agent that had the machine's name before the machine was made: no job of this life. */
  readonly formerJob?: number
}

/** What is remembered of the boots of a pool. */
export type PoolBoots = {
  readonly bootTrouble?: BootTrouble
  /** Reports up to this instant have been taken. */
  readonly reportsReadTo?: Instant
  /** Recent durations of each phase in ms, newest last, at most 50. */
  readonly phaseMs?: Readonly<Partial<Record<BootPhase, readonly number[]>>>
}

/** One life of a machine, as a claim and a report name it. */
export type Life = {
  readonly poolId: number
  readonly machineId: string
  /** Computer name. */
  readonly machine: string
  /** Azure's creation time: identity only. */
  readonly createdAt: string
  readonly generation: number
}

/** What a machine told of one phase of its boot, or what the service found out about it. */
export type BootReport = Life & {
  readonly phase: BootPhase
  readonly result: 'ok' | 'failed'
  readonly durationMs: number
  /** At most 4 KB. */
  readonly detail: string
  /** Only of a failed phase. */
  readonly cause?: BootCause
  readonly at: Instant
  readonly wallTimeMs: number
}

/** The reports of machines' boots: written by the registration, read by the loop, the API and `why`. */
export interface Boots {
  /** The stored `at` is later than that of every report of the pool before it. */
  add(report: BootReport): Promise<void>
  /** Of every life of the machine of that computer name, oldest first, at most 500. They outlive their machine. */
  of(poolId: number, machine: string): Promise<readonly BootReport[]>
  /** Reports with `at` after `since`, oldest first, at most 500: what is news to the loop. */
  since(poolId: number, since: Instant): Promise<readonly BootReport[]>
}

/** Nonces and claims. One credential per life (S11): the row is committed before the credential is answered. */
export interface Registrations {
  addNonce(nonce: { readonly poolId: number; readonly machine: string; readonly nonce: string }): Promise<void>
  /** Takes the nonce away. False when it was never given to this machine, was used, or is older than five minutes. */
  useNonce(nonce: { readonly poolId: number; readonly machine: string; readonly nonce: string }): Promise<boolean>
  /** `again`: the same key claimed before; `taken`: another key did, or this one too often. */
  claim(life: Life, keyHash: string): Promise<'issued' | 'again' | 'taken'>
  /** The life whose claim this key is; undefined when there is none. */
  lifeOf(poolId: number, machine: string, keyHash: string): Promise<Life | undefined>
}

/** How Azure DevOps names the systems that it has agents for. */
export type AgentPlatform = 'linux-x64' | 'linux-arm64' | 'win-x64'

/** An agent to install. Without a hash there is no package: what a machine downloads is always checked. */
export type AgentPackage = { readonly version: string; readonly url: string; readonly sha256: string }

/** The packages that Azure DevOps offers, as last read. */
export interface AgentPackages {
  /** The pinned version, or the newest for `''`. Unknown, with the reason in a sentence, when there is none to be had. */
  get(platform: AgentPlatform, version: string): Reading<AgentPackage>
}
