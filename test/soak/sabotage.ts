/** For each invariant one variant of the service that is broken on purpose. A checker that does not catch it proves nothing. */
import type { Intent, Journal, JournalChange, Lease, Pipelines, PoolRecord, ScaleSet } from '../../backend/loop/ports.ts'
import type { HeldLease } from '../../backend/loop/ports-replicas.ts'
import type { Known, Reading } from '../../backend/core/snapshot.ts'
import type { Boots } from '../../backend/loop/ports-boot.ts'
import type { World } from '../../backend/simulator/facts.ts'
import { drawPlan, minuteMs, type Plan, type PlanKind } from './plan.ts'
import type { Breakage } from './replica.ts'
import { judgePlan } from './seeds.ts'

export type Caught = {
  readonly caught: boolean
  readonly seed?: number
  /** Seeds that were tried. */ readonly after: number
  readonly detail?: string
}
export type SabotageResult = Readonly<Record<string, Caught>>

export const seedsMax = 50
const hours = 3

type Sabotage = {
  /** A new breakage for each run: some remember what they saw. */
  readonly breakage: () => Breakage
  readonly kind?: PlanKind
  /** Makes the situation likelier in which the fault shows. */
  readonly plan?: (plan: Plan) => Plan
}

/** Each by the invariant that it breaks. */
export const sabotages: Readonly<Record<string, Sabotage>> = {
  // Jobs are not seen, and an agent counts as unregistered although it was not asked.
  S1: { breakage: () => ({ pipelines: blindToJobs }) },
  // The maximum is taken for three more than it is.
  S2: { breakage: () => ({ record: (record) => withSettings(record, { machinesMax: record.settings.machinesMax + 3 }) }), plan: busier },
  // Every machine in the scale set counts as the pool's own.
  S3: { breakage: () => ({ record: (record) => ({ ...record, replaceConfirmed: true }) }), plan: withStrangers },
  // The journal is written after the calls.
  S4: { breakage: () => ({ journal: writesLate }) },
  // A lease is never given up, and the journal takes anybody's commits.
  S5: { breakage: () => ({ lease: neverLost, journal: takesAnyLease }), plan: withTakeOver },
  // A list that could not be read counts as an empty one.
  S6: { breakage: () => ({ pipelines: unknownIsEmpty, scaleSet: unknownIsOld() }), plan: withFailingReads },
  // The capacity that is written is two lower than it is, without compare-and-swap.
  S7: { breakage: () => ({ scaleSet: lowersCapacity }) },
  // Agents that went away look as if a person had disabled them: no budget holds them.
  S8: { breakage: () => ({ pipelines: lostLooksDisabled }), plan: withOutage },
  // A change is sent twice, as a client does that repeats without looking.
  S9: { breakage: () => ({ scaleSet: sendsTwice }) },
  // Agents are never disabled, and machines do not know that they have one job only.
  S10: { breakage: () => ({ pipelines: neverDisables, extension: withoutOnce }), plan: tornDown },
  // A machine whose agent was taken out gets another credential for the same life.
  S11: { breakage: () => ({ pipelines: registersAgain }) },
  // A pause is not looked at.
  S12: { breakage: () => ({ record: (record) => withSettings(record, { paused: false }) }), plan: withPause },
  // Intents are written without their reason.
  S13: { breakage: () => ({ journal: (journal) => rewriting(journal, (intent) => ({ ...intent, reason: {} as Intent['reason'] })) }) },
  // Deadlines are counted on the computer's clock.
  S14: { breakage: () => ({ clock: (clock) => ({ ...clock, now: () => clock.wallTimeMs() }) }), kind: 'clock' },
  // The standby goes up and down by the hour.
  S15: {
    breakage: () => ({
      record: (record, worldMs) => withSettings(record, { standby: record.settings.standby + (Math.floor(worldMs / (40 * minuteMs)) % 2) }),
    }),
    kind: 'steady',
  },
  // Each machine that does not start seems to have a reason of its own.
  'boot-trouble': { breakage: () => ({ boots: silent, scaleSet: failsAnew() }), plan: withBrokenScript },
}

/** Runs each variant until it is caught, over 50 seeds at most. */
export async function runSabotage(
  names: readonly string[] = Object.keys(sabotages),
  progress: (line: string) => void = () => {},
): Promise<SabotageResult> {
  const result: Record<string, Caught> = {}
  for (const name of names) {
    result[name] = await hunt(name)
    progress(`${name}: ${result[name].caught ? `caught by seed ${result[name].seed}` : 'not caught'}`)
  }
  return result
}

async function hunt(name: string): Promise<Caught> {
  const sabotage = sabotages[name]
  if (sabotage === undefined) throw new Error(`There is no sabotage "${name}"; the names are ${Object.keys(sabotages).join(', ')}.`)
  for (let seed = 1; seed <= seedsMax; seed++) {
    const drawn = drawPlan(seed, hours, sabotage.kind ?? 'swarm')
    const detail = await breakIt(name, sabotage, sabotage.plan?.(drawn) ?? drawn)
    if (detail !== undefined) return { caught: true, seed, after: seed, detail }
  }
  return { caught: false, after: seedsMax }
}

/** What the checker says of this invariant; undefined when it saw nothing. */
async function breakIt(name: string, sabotage: Sabotage, plan: Plan): Promise<string | undefined> {
  const { violations } = await judgePlan(plan, sabotage.breakage, name)
  return violations.find(({ invariant }) => invariant === name)?.detail
}

export function sabotageText(result: SabotageResult): string {
  return Object.entries(result)
    .map(([name, { caught, seed, detail }]) =>
      caught ? `${name}: caught by seed ${seed}: ${detail}` : `${name}: NOT CAUGHT within ${seedsMax} seeds`,
    )
    .join('\n')
}

// ---------------------------------------------------------------- broken ports

function blindToJobs(port: Pipelines): Pipelines {
  return {
    ...port,
    jobs: async (poolId, signal) => mapped(await port.jobs(poolId, signal), (jobs) => jobs.map(({ agentId: _hidden, ...job }) => job)),
    agents: async (poolId, signal) =>
      mapped(await port.agents(poolId, signal), (agents) => agents.map(({ requestId: _hidden, ...agent }) => agent)),
    removeAgent: async () => ({ kind: 'done' }),
  }
}

function unknownIsEmpty(port: Pipelines): Pipelines {
  const filled = async <T>(reading: Promise<Reading<readonly T[]>>): Promise<Reading<readonly T[]>> => {
    const answer = await reading
    return answer.known ? answer : { known: true, at: lastAt, value: [] }
  }
  let lastAt = 0
  const noted = <T>(reading: Reading<T>): Reading<T> => {
    if (reading.known) lastAt = reading.at
    return reading
  }
  return {
    ...port,
    jobs: async (poolId, signal) => noted(await filled(port.jobs(poolId, signal))),
    agents: async (poolId, signal) => noted(await filled(port.agents(poolId, signal))),
  }
}

/** The last good list stands for every failed one, as if it had just been read. */
function unknownIsOld(): (port: ScaleSet) => ScaleSet {
  return (port) => {
    let last: Known<Awaited<ReturnType<ScaleSet['machines']>> extends Reading<infer T> ? T : never> | undefined
    return {
      ...port,
      machines: async (signal) => {
        const reading = await port.machines(signal)
        if (reading.known) last = reading
        return reading.known ? reading : (last ?? reading)
      },
    }
  }
}

function lowersCapacity(port: ScaleSet): ScaleSet {
  return { ...port, setCapacity: (seen, capacity, signal) => port.setCapacity({ ...seen, etag: '*' }, Math.max(0, capacity - 3), signal) }
}

function lostLooksDisabled(port: Pipelines): Pipelines {
  return {
    ...port,
    agents: async (poolId, signal) =>
      mapped(await port.agents(poolId, signal), (agents) =>
        agents.map((agent) => (agent.online || agent.name.includes('placeholder') ? agent : { ...agent, online: true, enabled: false })),
      ),
  }
}

function silent(boots: Boots): Boots {
  return { ...boots, since: async () => [] }
}

function failsAnew(): (port: ScaleSet) => ScaleSet {
  const causes = ['disk-full', 'proxy', 'package-lock', 'tls-interception'] as const
  return (port) => ({
    ...port,
    machines: async (signal) =>
      mapped(await port.machines(signal), (machines) =>
        machines.map((machine) => {
          const { failure } = machine
          if (failure === undefined) return machine
          const cause = causes[Number(machine.id) % causes.length] ?? 'proxy'
          return { ...machine, failure: { ...failure, message: `enableagent failed in package [${cause}]: no` } }
        }),
      ),
  })
}

function sendsTwice(port: ScaleSet): ScaleSet {
  const twice = async <T>(send: () => Promise<T>): Promise<T> => {
    const first = await send()
    await send()
    return first
  }
  return {
    ...port,
    deleteMachines: (ids, signal) => twice(() => port.deleteMachines(ids, signal)),
    reimageMachines: (ids, signal) => twice(() => port.reimageMachines(ids, signal)),
  }
}

function neverDisables(port: Pipelines): Pipelines {
  return {
    ...port,
    setEnabled: async (poolId, agentId, enabled, signal) =>
      enabled ? port.setEnabled(poolId, agentId, enabled, signal) : { kind: 'done' },
  }
}

function withoutOnce(record: PoolRecord): PoolRecord {
  return withSettings(record, { tearDownAfterUse: false })
}

function registersAgain(port: Pipelines, world: World): Pipelines {
  return {
    ...port,
    async removeAgent(poolId, agentId, signal) {
      const agent = world.truth.agents(poolId).find((each) => each.id === agentId)
      const outcome = await port.removeAgent(poolId, agentId, signal)
      if (agent !== undefined && outcome.kind === 'done')
        world.devops.addAgent(poolId, { name: agent.name, version: agent.version, osDescription: '', systemCapabilities: {} })
      return outcome
    },
  }
}

function mapped<T, R>(reading: Reading<T>, map: (value: T) => R): Reading<R> {
  return reading.known ? { ...reading, value: map(reading.value) } : reading
}

// ---------------------------------------------------------------- a broken memory

function rewriting(journal: Journal, rewrite: (intent: Intent) => Intent): Journal {
  return {
    ...journal,
    commit: (poolId, lease, change) =>
      journal.commit(poolId, lease, change.newIntents === undefined ? change : { ...change, newIntents: change.newIntents.map(rewrite) }),
  }
}

function writesLate(journal: Journal): Journal {
  let held: JournalChange | undefined
  return {
    remembered: journal.remembered,
    async commit(poolId, lease, change) {
      const before = held
      held = change.newIntents === undefined ? undefined : change
      if (before !== undefined) await journal.commit(poolId, lease, before)
      if (held === undefined) await journal.commit(poolId, lease, change)
    },
  }
}

function takesAnyLease(journal: Journal, newest: () => Lease | undefined): Journal {
  return { ...journal, commit: (poolId, lease, change) => journal.commit(poolId, newest() ?? lease, change).catch(() => {}) }
}

function neverLost(current: () => HeldLease | undefined): () => HeldLease | undefined {
  let first: HeldLease | undefined
  return () => (first ??= current())
}

function withSettings(record: PoolRecord, settings: Partial<PoolRecord['settings']>): PoolRecord {
  return { ...record, settings: { ...record.settings, ...settings } }
}

// ---------------------------------------------------------------- situations

function busier(plan: Plan): Plan {
  return {
    ...plan,
    jobs: [
      ...plan.jobs,
      ...Array.from({ length: 40 }, (_each, index) => ({ at: (20 + index * 0.1) * minuteMs, durationMs: 5 * minuteMs, demands: [] })),
    ],
  }
}

function withStrangers(plan: Plan): Plan {
  return {
    ...plan,
    replaceConfirmed: false,
    faults: [
      ...plan.faults,
      { name: 'appeared-machine', rate: 4, from: 0, until: plan.calmAt },
      { name: 'agent-never-online', rate: 0.5, from: 0, until: plan.calmAt },
    ],
  }
}

function withTakeOver(plan: Plan): Plan {
  return {
    ...busier(plan),
    processFaults: [25, 60, 90].map((at) => ({ at: at * minuteMs, what: 'take-over', onChange: true, forMs: 30_000 }) as const),
  }
}

function withFailingReads(plan: Plan): Plan {
  return {
    ...plan,
    faults: [
      ...plan.faults.filter(({ name }) => name !== 'sign-in-page'),
      { name: 'sign-in-page', rate: 0.3, from: 0, until: plan.calmAt },
      { name: 'azure-5xx', rate: 0.2, from: 0, until: plan.calmAt },
    ],
  }
}

function withOutage(plan: Plan): Plan {
  const settings = { ...plan.settings, tearDownAfterUse: false, machinesMax: 10, standby: 8 }
  return {
    ...plan,
    settings,
    behaviours: {},
    subnetSize: 4_091,
    coreLimit: 10_000,
    people: [],
    faults: [{ name: 'agent-dies', rate: 3_600, from: 40 * minuteMs, until: 40 * minuteMs + 15_000 }],
  }
}

function withBrokenScript(plan: Plan): Plan {
  return {
    ...busier(plan),
    settings: { ...plan.settings, machinesMax: 10, standby: 3 },
    subnetSize: 4_091,
    coreLimit: 10_000,
    people: [],
    processFaults: [],
    faults: [{ name: 'extension-failed', rate: 1, from: 10 * minuteMs, until: plan.calmAt }],
  }
}

function tornDown(plan: Plan): Plan {
  return { ...busier(plan), settings: { ...plan.settings, tearDownAfterUse: true } }
}

function withPause(plan: Plan): Plan {
  return { ...plan, people: [{ at: 20 * minuteMs, what: 'pause', forMs: 40 * minuteMs, number: 0 }] }
}
