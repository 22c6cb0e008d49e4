/** What the API stands on, by shape: the loop, the store and the adapters are given to it. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify'
import type { Decision } from '../core/decision.ts'
import type { PoolSettings } from '../core/settings.ts'
import type { Instant, PoolSnapshot } from '../core/snapshot.ts'
import type { Boots } from '../loop/ports-boot.ts'
import type { Clock, Intent, Log, LogEntry, Settings, StoredPass } from '../loop/ports.ts'
import type { Organization } from '../loop/pool-parts.ts'
import type { Pools } from '../loop/pools.ts'
import type { Registrar } from '../registration/registrar.ts'
import type { AgentScripts } from './agent-scripts.ts'
import type { NotReadyState } from './contract.ts'
import type { Asker, Right } from './rights.ts'
import type { SignIn } from './sign-in.ts'

export type ApiParts = {
  /** Opens everything that is not open: Basic password (any user name) or Bearer token. */
  readonly operatorKey: string
  /** Opens the nudge only: for the service hook. Without it the nudge takes the operator key. */
  readonly hookSecret?: string
  /** People of the extension. Without it there is the operator key only. */
  readonly signIn?: SignIn
  /** Nobody but this computer reaches the service: what watches it needs no key. */
  readonly isLocal: boolean
  readonly version: string
  /** Of the organization or collection, without a slash at its end. */
  readonly organizationUrl: string
  /** Of the organization, for people. */
  readonly organizationName: string
  readonly clock: Clock
  /** Floods are of this world, also where the service's own clock runs faster. */
  readonly realTime: RealTime
  readonly log: Log
  readonly loop: LoopView
  readonly pools: Pools
  readonly settings: Settings & SettingsHistoryReader
  readonly history: HistoryReader
  readonly organization: Pick<Organization, 'pool'>
  readonly metrics: { text(): Promise<string>; readonly contentType: string }
  readonly scripts: AgentScripts
  /** Judges what machines send. */
  readonly registrar: Registrar
  readonly boots: Pick<Boots, 'of'>
  /** Why this replica may not change any pool now; `undefined` while it may. */
  readonly leaseProblem: () => string | undefined
  /** What Azure and Azure DevOps tell of this service itself: its credential, its rights, its clock. */
  readonly troubles: () => readonly { readonly state: NotReadyState; readonly sentence: string }[]
}

/** `nowMs` only rises. */
export type RealTime = { nowMs(): number; sleep(ms: number, signal: AbortSignal): Promise<void> }

/** What the loop saw and decided last. */
export type Latest = { readonly snapshot: PoolSnapshot; readonly decision: Decision; readonly at: Instant }

export interface LoopView {
  nudge(poolId?: number): void
  /** Whichever replica holds the pool. */
  latest(poolId: number): Promise<Latest | undefined>
  /** Undefined for a pool that another replica holds. */
  own(poolId: number): Latest | undefined
  /** Calls after each pass; the function that it returns ends that. */
  onPass(listener: (poolId: number) => void): () => void
  lastPassAt(poolId: number): Instant | undefined
}

export interface SettingsHistoryReader {
  history(poolId: number, top: number): Promise<readonly SettingsChange[]>
}
type SettingsChange = {
  readonly version: number
  readonly by: string
  readonly wallTimeMs: number
  readonly before: PoolSettings
  readonly after: PoolSettings
}

/** Newest first, except `log` with `after`. `before` and `after` are ids, not included. */
export interface HistoryReader {
  log(poolId: number, query: LogQuery): Promise<readonly LogEntry[]>
  passes(poolId: number, query: { readonly top: number; readonly before?: number }): Promise<readonly StoredPass[]>
  intents(poolId: number, query: { readonly top: number; readonly open?: boolean }): Promise<readonly Intent[]>
  /** By id or name: the one that is there, then those that left. */
  machine(
    poolId: number,
    idOrName: string,
  ): Promise<readonly { readonly memory: { readonly name: string; readonly generation: number }; readonly goneAt?: Instant }[]>
  waits(poolId: number): Promise<{
    readonly jobs: number
    readonly p50Ms?: number
    readonly p95Ms?: number
    readonly startedJobs: number
    readonly lostToOnceRace: number
  }>
}
export type LogQuery = {
  readonly top: number
  readonly before?: number
  readonly after?: number
  readonly level?: LogEntry['level']
  readonly machine?: string
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

declare module 'fastify' {
  interface FastifyContextConfig {
    right: Right
    /** For whoever watches whether the service lives. */
    isProbe?: true
  }
  interface FastifyRequest {
    asker: Asker
  }
}
