/** What a seed draws: settings, traffic, faults, the undocumented side of Azure, people, crashes. One seed is one plan. */
import type { PoolSettings } from '../../backend/core/settings.ts'
import type { Behaviours, FaultName } from '../../backend/simulator/facts-life.ts'
import { createRandom, type Random } from '../../backend/simulator/random.ts'

export const hourMs = 3_600_000
export const minuteMs = 60_000

export type PlanKind = 'swarm' | 'steady' | 'clock'
export type PlannedJob = { readonly at: number; readonly durationMs: number; readonly demands: readonly string[] }
export type PlannedFault = {
  readonly name: FaultName
  readonly rate: number
  readonly from: number
  readonly until: number
  readonly sizeMs?: number
}
export const personDoings = [
  'delete',
  'reimage',
  'save',
  'unsave',
  'adopt',
  'force-delete',
  'change-maximum',
  'change-standby',
  'pause',
  'steal-tag',
  'overprovision',
  'lower-quota',
  'add-foreign-agent',
  'lower-parallel-jobs',
] as const
export type PlannedDoing = {
  readonly at: number
  readonly what: (typeof personDoings)[number] | 'try-again'
  readonly forMs: number
  readonly number: number
}
export const processFaults = [
  'crash-before-send',
  'crash-after-send',
  'take-over',
  'lease-lost',
  'commit-fails',
  'commit-answer-lost',
] as const
export type ProcessFault = (typeof processFaults)[number]
export type PlannedProcessFault = { readonly at: number; readonly what: ProcessFault; readonly onChange: boolean; readonly forMs: number }

export type Plan = {
  readonly seed: number
  readonly kind: PlanKind
  readonly untilMs: number
  /** Faults, people and crashes end here; from then on the pool has to converge. */
  readonly calmAt: number
  readonly settings: Partial<PoolSettings>
  readonly machinesAtStart: number
  readonly replaceConfirmed: boolean
  readonly behaviours: Partial<Behaviours>
  readonly subnetSize: number
  readonly coreLimit: number
  readonly jobs: readonly PlannedJob[]
  /** Jobs that run at any time, back to back; only in steady pools. */
  readonly constantJobs: number
  readonly faults: readonly PlannedFault[]
  readonly people: readonly PlannedDoing[]
  readonly processFaults: readonly PlannedProcessFault[]
  readonly jumps: readonly { readonly at: number; readonly ms: number }[]
  readonly deleteAt?: number
}

/** Faults by how often each strikes: per call or life where below 1, per hour and pool where they come by themselves. Overlaps are drawn as a behaviour. */
const rates: Readonly<
  Record<Exclude<FaultName, 'person-saves-nothing' | 'overlapping-operation'>, readonly [least: number, most: number]>
> = {
  throttled: [0.005, 0.05],
  'throttled-without-retry-after': [0.005, 0.05],
  'azure-5xx': [0.005, 0.08],
  'azure-lost-before': [0.005, 0.05],
  'azure-lost-after': [0.005, 0.08],
  'token-expired': [0.005, 0.03],
  'role-removed': [0.002, 0.02],
  'scale-set-gone': [0.002, 0.02],
  'stale-list': [0.02, 0.3],
  'partial-list': [0.005, 0.05],
  'capacity-read-zero': [0.01, 0.1],
  'stale-capacity': [0.02, 0.3],
  'operation-gone': [0.01, 0.2],
  quota: [0.02, 0.2],
  'subnet-full': [0.01, 0.1],
  'allocation-failed': [0.02, 0.15],
  'creation-failed': [0.02, 0.15],
  'extension-failed': [0.02, 0.15],
  'custom-script-failed': [0.02, 0.15],
  'stuck-creating': [0.01, 0.08],
  'stuck-deleting': [0.01, 0.08],
  'slow-delete': [0.02, 0.2],
  'reimage-failed': [0.02, 0.15],
  'vanished-machine': [0.3, 3],
  'appeared-machine': [0.2, 1],
  'machine-stops': [0.3, 3],
  'sign-in-page': [0.005, 0.05],
  'devops-throttled': [0.005, 0.05],
  'devops-5xx': [0.005, 0.08],
  'devops-lost-before': [0.005, 0.05],
  'devops-lost-after': [0.005, 0.08],
  'stale-agents': [0.02, 0.2],
  'stale-jobs': [0.02, 0.2],
  'agent-never-online': [0.02, 0.15],
  'agent-flaps': [0.5, 6],
  'agent-dies': [0.3, 4],
  'job-assigned-during-removal': [0.05, 0.5],
  'once-ignored': [0.05, 0.5],
  'job-cancelled': [0.5, 6],
  'maintenance-job': [0.5, 4],
  'person-disables-agent': [0.2, 2],
  'person-deletes-agent': [0.2, 2],
}
export const faultNames = Object.keys(rates) as readonly (keyof typeof rates)[]

/** Steady and clock seeds come in fixed places, so that any long row of seeds has some. */
export function kindOf(seed: number): PlanKind {
  return seed % 60 === 7 ? 'steady' : seed % 25 === 3 ? 'clock' : 'swarm'
}

export function drawPlan(seed: number, hours: number, kind: PlanKind = kindOf(seed)): Plan {
  const random = createRandom(seed).fork('plan')
  return kind === 'steady' ? steadyPlan(seed, random) : swarmPlan(seed, random, hours, kind)
}

/** A reusable pool, always the same number of jobs, nothing goes wrong: nothing may be done for a day. */
function steadyPlan(seed: number, random: Random): Plan {
  const constantJobs = 1 + random.below(4)
  const standby = random.below(3)
  return {
    ...quietPlan(seed, 'steady', 25 * hourMs),
    settings: {
      standby,
      machinesMax: constantJobs + standby + random.below(4),
      idleDelayMinutes: random.pick([0, 5, 30]) ?? 5,
      tearDownAfterUse: false,
    },
    constantJobs,
  }
}

export function quietPlan(seed: number, kind: PlanKind, untilMs: number): Plan {
  return {
    seed,
    kind,
    untilMs,
    calmAt: untilMs,
    settings: {},
    machinesAtStart: 0,
    replaceConfirmed: false,
    behaviours: {},
    subnetSize: 4_091,
    coreLimit: 10_000,
    jobs: [],
    constantJobs: 0,
    faults: [],
    people: [],
    processFaults: [],
    jumps: [],
  }
}

function swarmPlan(seed: number, random: Random, hours: number, kind: PlanKind): Plan {
  const untilMs = hours * hourMs
  const calmAt = Math.max(untilMs - 1.25 * hourMs, untilMs / 2)
  const machinesMax = random.chance(0.2) ? 16 + random.below(15) : 2 + random.below(9)
  return {
    ...quietPlan(seed, kind, untilMs),
    calmAt,
    settings: drawSettings(random.fork('settings'), machinesMax, kind),
    machinesAtStart: random.chance(0.15) ? 1 + random.below(2) : 0,
    replaceConfirmed: random.chance(0.5),
    behaviours: drawBehaviours(random.fork('behaviours')),
    subnetSize: random.chance(0.1) ? machinesMax - 1 + random.below(3) : 4_091,
    coreLimit: random.chance(0.15) ? 2 * (machinesMax - 1) : 10_000,
    jobs: drawJobs(random.fork('jobs'), machinesMax, untilMs),
    jumps: kind === 'clock' || random.chance(0.2) ? drawJumps(random.fork('jumps'), calmAt) : [],
    ...(kind === 'swarm' ? drawHardships(random.fork('hardships'), calmAt) : {}),
  }
}

function drawHardships(random: Random, calmAt: number): Partial<Plan> {
  return {
    faults: drawFaults(random.fork('faults'), calmAt),
    people: drawPeople(random.fork('people'), calmAt),
    processFaults: drawProcessFaults(random.fork('processes'), calmAt),
    ...(random.chance(0.12) ? { deleteAt: calmAt - random.between(0, 30 * minuteMs) } : {}),
  }
}

function drawSettings(random: Random, machinesMax: number, kind: PlanKind): Partial<PoolSettings> {
  const standby = random.below(Math.min(4, machinesMax))
  const windows = kind === 'swarm' && random.chance(0.25)
  return {
    machinesMax,
    standby,
    tearDownAfterUse: random.chance(0.55),
    savedMax: random.pick([0, 1, 1, 2]) ?? 1,
    idleDelayMinutes: random.pick([0, 2, 5, 10, 15, 30]) ?? 5,
    startMinutesMax: random.pick([8, 10, 10, 15]) ?? 10,
    ...(windows
      ? {
          standbyWindows: [{ days: [0, 1, 2, 3, 4, 5, 6], from: '01:00', to: '02:00', standby: random.below(machinesMax) }],
          timeZone: random.pick(['UTC', 'Europe/Berlin', 'America/New_York']) ?? 'UTC',
        }
      : {}),
    ...(random.chance(0.15) ? { capabilities: { gpu: '1' } } : {}),
  }
}

function drawBehaviours(random: Random): Partial<Behaviours> {
  return {
    capacityFalls: random.pick(['acceptance', 'acceptance', 'late', 'completion']) ?? 'acceptance',
    overlapRefused: random.chance(0.25),
    etagIgnored: random.chance(0.15),
    reimageChangesVmId: random.chance(0.3),
    tagsReplaced: random.chance(0.6),
    instanceIdsReused: random.chance(0.25),
  }
}

/** Jobs as a stream with bursts; some with demands. */
function drawJobs(random: Random, machinesMax: number, untilMs: number): readonly PlannedJob[] {
  const perHour = 8 + random.below(6 * Math.min(machinesMax, 12))
  const p50 = random.between(1, 8) * minuteMs
  const gpu = random.chance(0.3)
  const jobs: PlannedJob[] = []
  for (let at = random.exponential(hourMs / perHour); at < untilMs - 15 * minuteMs; at += random.exponential(hourMs / perHour)) {
    const burst = random.chance(0.08) ? 1 + random.below(machinesMax) : 1
    for (let i = 0; i < burst; i++) {
      const demands = random.chance(0.2)
        ? [random.pick(['docker', 'maven -gtVersion 3.0', gpu ? 'gpu' : 'git', 'Agent.Version -gtVersion 2.163.1']) ?? 'git']
        : []
      jobs.push({ at: Math.round(at), durationMs: random.logNormal({ p50, p95: p50 * 4 }), demands })
    }
  }
  return jobs
}

function drawFaults(random: Random, calmAt: number): readonly PlannedFault[] {
  const share = random.pick([0, 0.1, 0.25, 0.5]) ?? 0.25
  const drawn = faultNames
    .filter(() => random.chance(share))
    .map((name): PlannedFault => {
      const [least, most] = rates[name]
      return {
        name,
        rate: random.between(least, most),
        from: 0,
        until: calmAt,
        ...(name.startsWith('stuck-') ? { sizeMs: random.between(10, 40) * minuteMs } : {}),
      }
    })
  return [...drawn, ...drawBursts(random, calmAt), ...drawBrokenStarts(random.fork('broken starts'), calmAt)]
}

/** A script or a package stays broken until somebody mends it. */
function drawBrokenStarts(random: Random, calmAt: number): readonly PlannedFault[] {
  if (!random.chance(0.15)) return []
  const from = random.between(0, calmAt)
  const until = Math.min(calmAt, from + random.between(15, 90) * minuteMs)
  return [{ name: random.pick(['extension-failed', 'custom-script-failed'] as const) ?? 'extension-failed', rate: 1, from, until }]
}

/** An outage: for some seconds or minutes one thing goes wrong nearly always. */
function drawBursts(random: Random, calmAt: number): readonly PlannedFault[] {
  const kinds = [
    'agent-flaps',
    'agent-dies',
    'azure-5xx',
    'devops-5xx',
    'sign-in-page',
    'azure-lost-after',
    'devops-lost-after',
    'throttled',
    'scale-set-gone',
    'role-removed',
    'partial-list',
    'capacity-read-zero',
    'agent-never-online',
  ] as const
  return Array.from({ length: random.below(3) }, (): PlannedFault => {
    const name = random.pick(kinds) ?? 'azure-5xx'
    const from = random.between(0, calmAt)
    const isStream = name === 'agent-flaps' || name === 'agent-dies'
    const ms = isStream ? random.between(5_000, 20_000) : random.between(0.5, 8) * minuteMs
    return {
      name,
      rate: isStream ? 3_600 : random.between(0.5, 1),
      from,
      until: Math.min(calmAt, from + ms),
      ...(isStream ? { sizeMs: random.between(3, 20) * minuteMs } : {}),
    }
  })
}

function drawPeople(random: Random, calmAt: number): readonly PlannedDoing[] {
  const share = random.pick([0, 2, 6]) ?? 2
  const doings = Array.from({ length: random.below(share + 1) }, (): PlannedDoing => ({
    at: random.between(10 * minuteMs, calmAt - 25 * minuteMs),
    what: random.pick(personDoings) ?? 'delete',
    forMs: random.between(3, 20) * minuteMs,
    number: random.below(1_000),
  }))
  const tries = random.chance(0.3) ? [{ at: random.between(20 * minuteMs, calmAt), what: 'try-again', forMs: 0, number: 0 } as const] : []
  return [...doings, ...tries].toSorted((left, right) => left.at - right.at)
}

function drawProcessFaults(random: Random, calmAt: number): readonly PlannedProcessFault[] {
  const count = random.pick([0, 1, 3, 6]) ?? 1
  return Array.from({ length: count }, (): PlannedProcessFault => ({
    at: random.between(minuteMs, calmAt - 5 * minuteMs),
    what: random.pick(processFaults) ?? 'crash-before-send',
    onChange: random.chance(0.8),
    forMs: random.between(5, 150) * 1_000,
  })).toSorted((left, right) => left.at - right.at)
}

/** The computer's clock is put right, or wrong: an hour or a day, there and back. */
function drawJumps(random: Random, calmAt: number): readonly { at: number; ms: number }[] {
  const sizes = [hourMs, -hourMs, 24 * hourMs, -24 * hourMs]
  return Array.from({ length: 3 }, () => ({ at: random.between(20 * minuteMs, calmAt), ms: random.pick(sizes) ?? hourMs })).toSorted(
    (left, right) => left.at - right.at,
  )
}
