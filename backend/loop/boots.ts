/** What machines tell of their boots: in the memory of each, in the pool's trouble and times. Pure but for reading the news. */
import { bootPhases, failureIn, type BootFailure, type BootPhase } from '../core/boot.ts'
import type { BootTrouble, Instant, Machine } from '../core/snapshot.ts'
import type { AzureMachine, MachineMemory, PoolMemory, PoolRecord } from './ports.ts'
import type { BootReport, Boots, Life } from './ports-boot.ts'
import { percentiles, type Percentiles } from './windows.ts'

/** So many machines in a row with the same cause pause growth. */
const failuresMax = 3
/** From the pause, and from each try that failed, to the next: doubled up to the last. */
const tryMs = { first: 5 * 60_000, last: 60 * 60_000 } as const
/** A report may be faster than the list that shows its machine. */
const waitMsMax = 5 * 60_000
const timesKept = 50
/** Characters of a script's last line; in UTF-8 below the 4 KB of a report. */
const lineMax = 1_000

/**
 * A life whose start failed, seen now for the first time. `raw`: the words of the machine or of Azure. `unheard`: the machine could not
 * report it itself, which is so before its claim; which life it was.
 */
export type FailedStart = BootFailure & {
  readonly machine: string
  readonly bornAt: Instant
  readonly raw?: string
  readonly unheard?: Omit<Life, 'poolId' | 'machine'>
}

type Remembered = {
  readonly pool: PoolMemory
  readonly machines: ReadonlyMap<string, MachineMemory>
  /** Of machines that were not listed yet. */
  readonly reports: readonly BootReport[]
}

/** Reports that came since the last pass. A pool in which nothing boots and no one-job agent works is not asked about. */
export async function readReports(boots: Boots, state: Remembered, record: PoolRecord, now: Instant): Promise<readonly BootReport[]> {
  const { tearDownAfterUse } = record.settings
  const waiting = state.reports.filter(({ at }) => now - at < waitMsMax)
  const isExpected = [...state.machines.values()].some(({ stage }) => reporting.has(stage) || (tearDownAfterUse && stage === 'busy'))
  const news = isExpected ? await boots.since(record.poolId, state.pool.reportsReadTo ?? -1) : []
  return [...waiting, ...news]
}

const reporting: ReadonlySet<string> = new Set<Machine['stage']>(['creating', 'starting', 'reimaging', 'failed', 'unclear'])

/** The reports of machines that are listed have been taken; those of others wait. */
export function rememberRead(memory: PoolMemory, reports: readonly BootReport[]): PoolMemory {
  const last = reports.at(-1)?.at
  return last === undefined || last <= (memory.reportsReadTo ?? -1) ? memory : { ...memory, reportsReadTo: last }
}

/** The memory of a machine after reports of its present life, and the times of the phases that they tell of. */
export function withReports(
  before: MachineMemory,
  reports: readonly BootReport[],
): { readonly memory: MachineMemory; readonly phases: readonly { readonly phase: BootPhase; readonly ms: number }[] } {
  const news = reports.filter(
    ({ createdAt, generation, at }) =>
      createdAt === before.createdAt && generation === before.generation && at > (before.boot?.at ?? -Infinity),
  )
  const memory = news.reduce((each, report) => ({ ...each, boot: bootAfter(each.boot, report) }), before)
  return { memory, phases: news.flatMap(({ phase, result, durationMs: ms }) => (result === 'ok' ? [{ phase, ms }] : [])) }
}

function bootAfter(
  before: MachineMemory['boot'],
  { phase, result, cause = 'unknown', at }: BootReport,
): NonNullable<MachineMemory['boot']> {
  const finished = phase === 'finished' || before?.finished === true ? { finished: true as const } : {}
  return { phase, at, ...finished, ...(result === 'failed' ? { failed: cause } : {}) }
}

/** The failed boot of a machine that never came online: by its own report, else by what Azure says of a failed extension. */
export function failedBoot({ boot }: MachineMemory, { failure }: Pick<AzureMachine, 'failure'>): BootFailure | undefined {
  if (boot?.failed !== undefined) return { phase: boot.phase, cause: boot.failed }
  return failure !== undefined && (failure.ours || /^VMExtension/.test(failure.code)) ? failureIn(failure.message) : undefined
}

/** What scripts could not report, as their last line in Azure's message tells it: for the timelines of their machines. */
export function reportsByAzure(
  poolId: number,
  failures: readonly FailedStart[],
  times: Pick<BootReport, 'at' | 'wallTimeMs'>,
): readonly BootReport[] {
  return failures.flatMap(({ machine, unheard, phase, cause, raw = '' }) => {
    if (unheard === undefined || phase === undefined) return []
    const detail = raw.slice(Math.max(0, raw.indexOf('enableagent failed'))).slice(0, lineMax)
    return [{ poolId, machine, ...unheard, phase, result: 'failed' as const, durationMs: 0, detail, cause, ...times }]
  })
}

/** An agent that was not online in time: nothing was heard of its machine, or it stopped on its way. */
export function lateStart({ boot }: MachineMemory, mayReport: boolean): BootFailure {
  if (boot === undefined) return { cause: mayReport ? 'silence' : 'unknown' }
  return { phase: boot.phase, cause: 'unknown' }
}

function phasePart(phase: BootPhase | undefined): { phase?: BootPhase } {
  return phase === undefined ? {} : { phase }
}

/** The trouble after machines failed, or after one came online, which ends it. */
export function troubleAfterBoots(
  before: BootTrouble | undefined,
  failures: readonly FailedStart[],
  cameOnline: boolean,
  now: Instant,
): BootTrouble | undefined {
  return cameOnline ? undefined : failures.reduce<BootTrouble | undefined>((trouble, each) => afterFailure(trouble, each, now), before)
}

/** Another cause counts anew, unless growth is paused already: then the trouble goes on under its newest name. */
function afterFailure(before: BootTrouble | undefined, { cause, phase, bornAt }: FailedStart, now: Instant): BootTrouble {
  const goesOn = before !== undefined && (before.cause === cause || before.paused !== undefined)
  const times = goesOn ? before.times + 1 : 1
  const trouble = { cause, ...phasePart(phase), times, lastAt: now }
  if (before?.paused !== undefined) return { ...trouble, paused: afterTry(before.paused, bornAt, now) }
  return times < failuresMax ? trouble : { ...trouble, paused: { since: now, tries: 0, tryAt: now + tryMs.first } }
}

/** Machines that were on their way before the pause are no tries. */
function afterTry(paused: NonNullable<BootTrouble['paused']>, bornAt: Instant, now: Instant): NonNullable<BootTrouble['paused']> {
  if (bornAt < paused.since) return paused
  const tries = paused.tries + 1
  return { ...paused, tries, tryAt: now + Math.min(tryMs.last, tryMs.first * 2 ** tries) }
}

/** A machine was asked for: the next try is a while away, whatever becomes of this one. */
export function afterGrowth(memory: PoolMemory, now: Instant): PoolMemory {
  return withTryAt(memory, now + tryMs.first)
}

/** A person asks for a try now. */
export function tryAgain(memory: PoolMemory, now: Instant): PoolMemory {
  return withTryAt(memory, now)
}

function withTryAt(memory: PoolMemory, tryAt: Instant): PoolMemory {
  const { bootTrouble } = memory
  if (bootTrouble?.paused === undefined) return memory
  return { ...memory, bootTrouble: { ...bootTrouble, paused: { ...bootTrouble.paused, tryAt } } }
}

/** Times of phases, newest last. */
export function rememberPhases(
  before: PoolMemory['phaseMs'] = {},
  phases: readonly { readonly phase: BootPhase; readonly ms: number }[],
): NonNullable<PoolMemory['phaseMs']> {
  return phases.reduce((all, { phase, ms }) => ({ ...all, [phase]: [...(all[phase] ?? []), ms].slice(-timesKept) }), before)
}

type PhaseTimes = Readonly<Partial<Record<BootPhase, Percentiles>>>

/** Made once for each new boot, not in every pass. */
const made = new WeakMap<object, PhaseTimes>()

/** The percentiles of the phases that were measured often enough. */
export function phaseTimes(phaseMs: PoolMemory['phaseMs']): PhaseTimes {
  if (phaseMs === undefined) return {}
  const known = made.get(phaseMs) ?? timesOf(phaseMs)
  made.set(phaseMs, known)
  return known
}

function timesOf(phaseMs: NonNullable<PoolMemory['phaseMs']>): PhaseTimes {
  return Object.fromEntries(
    bootPhases.flatMap((phase) => {
      const times = phase === 'finished' ? undefined : percentiles(phaseMs[phase] ?? [])
      return times === undefined ? [] : [[phase, times]]
    }),
  )
}
