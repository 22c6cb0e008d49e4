/** One seed: builds the world, runs the service in it under everything the plan holds, judges it, lets it calm down. */
import { defaultSettings, type PoolSettings } from '../../backend/core/settings.ts'
import type { PoolRecord } from '../../backend/loop/ports.ts'
import type { Order } from '../../backend/loop/ports-people.ts'
import type { World, WorldEvent } from '../../backend/simulator/facts.ts'
import type { FaultName } from '../../backend/simulator/facts-life.ts'
import { createRandom } from '../../backend/simulator/random.ts'
import { createWorld } from '../../backend/simulator/world.ts'
import { openDatabase, type Database } from '../../backend/store/database.ts'
import { createJournal } from '../../backend/store/journal.ts'
import { addPoolAndScaleSet, scaleSetId } from '../support/service.ts'
import { createVirtualTime } from '../support/virtual-time.ts'
import { worldBoots } from '../support/world-boots.ts'
import { createChecker } from './checker.ts'
import { calmFindings, createCalmWatch } from './calm.ts'
import type { Entry, Violation } from './history.ts'
import { addForeignAgent, personDoes } from './people.ts'
import { minuteMs, type Plan, type PlannedProcessFault } from './plan.ts'
import { boundsOf, startReplica, type Breakage, type Replica } from './replica.ts'
import { add, createPassCounter, emptyCounts, type Counts } from './tally.ts'
import { createTrace } from './trace.ts'

export type SeedResult = {
  readonly seed: number
  readonly simulatedMs: number
  readonly events: number
  /** Passes, each with its decision. */
  readonly decisions: number
  readonly jobs: number
  readonly removals: number
  readonly violations: readonly Violation[]
  readonly counts: Counts
  /** Equal for two runs that did the same. */
  readonly hash: number
  /** The actions in order without times, for comparing runs. */
  readonly actions: readonly string[]
  readonly story: readonly string[]
}

const ownerId = 'soak'
/** A standby process is started this long before it has to take over. */
const warmUpMs = 15_000
/** In calm weather a job starts at once or after a boot: the slowest boot and two passes. */
export const probeAfterMs = 50 * minuteMs

/** `only`: the one invariant whose breach ends the run; otherwise any does. */
export async function runSeed(
  plan: Plan,
  options: { readonly breakage?: Breakage; readonly verbose?: boolean; readonly only?: string } = {},
): Promise<SeedResult> {
  const run = await createRun(plan, options.breakage ?? {}, options.verbose === true)
  await run.start()
  const isOver = () => run.checker.violations.some(({ invariant }) => options.only === undefined || invariant === options.only)
  await run.time.run(plan.untilMs, isOver)
  if (!isOver()) await run.judgeCalm()
  await run.end()
  return run.result()
}

async function createRun(plan: Plan, breakage: Breakage, verbose: boolean) {
  const time = createVirtualTime()
  const world = createWorld({ seed: plan.seed, behaviours: plan.behaviours, subnetSize: plan.subnetSize, coreLimit: plan.coreLimit })
  const poolId = addPoolAndScaleSet(world, plan.machinesAtStart)
  addCustomScript(world)
  addNeighbour(world)
  const database = await openDatabase({ kind: 'sqlite-memory' })
  const settings: PoolSettings = { ...defaultSettings, ...plan.settings }
  const book = createBook(poolId, settings, plan.replaceConfirmed)
  const boots = worldBoots(world, poolId, scaleSetId, () => book.record()?.settings.tearDownAfterUse === true)
  const counts = emptyCounts()
  const trace = createTrace(verbose)
  const scene = { truth: world.truth, poolId, scaleSetId, ownerId, tearDownAfterUse: settings.tearDownAfterUse }
  const checker = createChecker(scene, boundsOf(book.initial))
  const calm = createCalmWatch(scene)
  const figures = { events: 0, decisions: 0, jobs: 0, removals: 0 }
  const countPass = createPassCounter(counts, () => book.record()?.settings)
  const enter = (entry: Entry): void => {
    trace.enter(entry)
    if (entry.kind === 'world') countEvent(entry.event)
    if (entry.kind === 'committed') for (const intent of entry.intents) add(counts.actions, intent.kind)
    checker.judge(entry)
  }
  world.watch((event) => {
    calm.enter(event)
    enter({ kind: 'world', event })
  })
  const random = createRandom(plan.seed).fork('calls')
  let replicas = 0
  let shown: readonly string[] = []
  let leader: Replica | undefined
  const people = {
    world,
    now: time.now,
    after: (ms: number, go: () => void) => schedule(time.now() + ms, go),
    poolId,
    scaleSetId,
    coreLimit: plan.coreLimit,
    record: book.record,
    set: book.set,
    order: book.order,
    enter,
    shown: () => shown,
  }
  const schedule = (at: number, go: () => void): void =>
    time.after(at - time.now(), () => {
      world.advance(time.now())
      go()
    })

  return {
    time,
    checker,
    async start() {
      // Machines that were there before are up by the time the service comes.
      await time.run(minuteMs)
      world.advance(minuteMs)
      if (plan.replaceConfirmed) enter({ kind: 'replace-confirmed', at: time.now() })
      for (const job of plan.jobs) schedule(job.at, () => queue(job.durationMs, job.demands))
      for (let i = 0; i < plan.constantJobs; i++) schedule(2 * minuteMs + i * 1_000, () => keepBusy())
      for (const fault of plan.faults) schedule(fault.from, () => setFault(world, plan, fault.name, fault))
      for (const doing of plan.people) schedule(doing.at, () => personDoes(people, doing))
      for (const fault of plan.processFaults) schedule(fault.at, () => void strikeProcess(fault))
      for (const jump of plan.jumps) schedule(jump.at, () => time.jumpWall(jump.ms))
      if (plan.deleteAt !== undefined) schedule(plan.deleteAt, () => book.set({ deleting: true, paused: false }))
      if (plan.seed % 3 === 0) addForeignAgent(people, 0)
      schedule(plan.calmAt, () => calmDown())
      leader = await launch()
    },
    judgeCalm: async () => {
      world.advance(time.now())
      for (const detail of await calmFindings({
        plan,
        scene,
        calm,
        record: book.record(),
        journal: createJournal(database, time.clock),
        now: time.now(),
      }))
        trace.violation('liveness', time.now(), detail)
      if (plan.kind === 'steady') for (const detail of trace.steadyActions()) trace.violation('S15', time.now(), detail)
    },
    async end() {
      leader?.kill()
      await database.close()
    },
    result: (): SeedResult => {
      for (const [name, count] of world.faultCounts()) add(counts.faults, name, count)
      return {
        seed: plan.seed,
        simulatedMs: time.now(),
        ...figures,
        violations: [...checker.violations, ...trace.violations()],
        counts,
        hash: trace.hash(),
        actions: trace.actions(),
        story: trace.story(),
      }
    },
  }

  function countEvent(event: WorldEvent): void {
    figures.events += 1
    if (event.kind === 'job-queued') figures.jobs += 1
    if (event.kind === 'delete-accepted' || event.kind === 'reimage-accepted') figures.removals += event.machines.length
  }

  function queue(durationMs: number, demands: readonly string[]): void {
    // Nobody uses a pool that is being deleted.
    if (book.record()?.settings.deleting === false) world.queueJob({ poolId, durationMs, demands })
  }

  /** Queues a job as soon as one of these has ended. */
  function keepBusy(): void {
    const random = createRandom(plan.seed).fork(`job-${figures.jobs}`)
    const id = world.queueJob({ poolId, durationMs: random.logNormal({ p50: 5 * minuteMs, p95: 20 * minuteMs }) })
    const stop = world.watch((event) => {
      if ((event.kind !== 'job-finished' && event.kind !== 'job-abandoned') || event.requestId !== id) return
      stop()
      time.after(0, keepBusy)
    })
  }

  function launch(): Promise<Replica> {
    replicas += 1
    return startReplica({
      name: `replica-${replicas}`,
      world,
      time,
      database,
      boots,
      random: random.fork(String(replicas)),
      ownerId,
      poolId,
      record: book.record,
      forget: book.forget,
      enter,
      breakage,
      ordersTaken: (ids) => {
        for (const order of book.taken(ids)) enter({ kind: 'order', order, at: time.now() })
      },
      onPass: (latest) => {
        const { machines } = latest.snapshot
        if (machines.known) shown = machines.value.map(({ id }) => id)
        figures.decisions += 1
        trace.pass(latest, time.now())
        countPass(latest)
      },
      onTrouble: (message) => trace.trouble(message, time.now()),
      onDeath: () =>
        time.after(
          5_000 + random.below(60_000),
          () =>
            void launch().then((next) => {
              leader = next
            }),
        ),
    })
  }

  async function strikeProcess(fault: PlannedProcessFault): Promise<void> {
    const struck = (): void => {
      add(counts.faults, fault.what)
      trace.note(`${fault.what} strikes ${leader?.name}`, time.now())
    }
    if (fault.what === 'take-over') return takeOver(fault.forMs, struck)
    if (fault.what === 'lease-lost') return loseLease(database, struck)
    leader?.arm(fault.what, fault.onChange, struck)
  }

  /** A second process stands by; the first is paused beyond its lease, goes on later, and is stopped. */
  async function takeOver(forMs: number, struck: () => void): Promise<void> {
    const old = leader
    if (old?.alive !== true) return
    const next = await launch()
    time.after(warmUpMs, () => {
      if (!old.alive) return
      struck()
      old.pause()
      leader = next
    })
    time.after(warmUpMs + 45_000 + forMs, () => old.resume())
    time.after(warmUpMs + 75_000 + forMs, () => old.kill())
  }

  function calmDown(): void {
    for (const name of [...world.faults().keys()]) world.setFault(name, undefined)
    if (plan.coreLimit !== 10_000) world.setCoreLimit(10_000)
    for (const request of world.truth.requests(poolId))
      if (request.result === undefined && request.demands.includes('gpu')) world.cancelJob(request.id)
    if (plan.deleteAt === undefined && plan.kind !== 'steady')
      schedule(plan.calmAt + probeAfterMs, () => {
        for (let i = 0; i < 3; i++) queue(minuteMs, [])
      })
  }
}

/** The user's own script, which runs before our extension. */
function addCustomScript(world: World): void {
  const extension = { name: 'prepare', properties: { publisher: 'Microsoft.Azure.Extensions', type: 'CustomScript', settings: {} } }
  world.azure.patchScaleSet(scaleSetId, { properties: { virtualMachineProfile: { extensionProfile: { extensions: [extension] } } } })
}

/** Another team's scale set, in use: nothing of it may change by us. */
function addNeighbour(world: World): void {
  world.azure.putScaleSet(scaleSetId.replace(/linux$/, 'neighbour'), {
    location: 'westeurope',
    skuName: 'Standard_D2_v3',
    capacity: 2,
    tags: { ScaleSetAgentsOwner: 'neighbour/9/1' },
    properties: { virtualMachineProfile: { osProfile: { computerNamePrefix: 'other' } } },
  })
}

/** A fault is on from now until its time; a short outage gives way to what the fault was before. */
function setFault(world: World, plan: Plan, name: FaultName, fault: Plan['faults'][number]): void {
  const setting = ({ rate, until, sizeMs }: Plan['faults'][number]) => ({
    rate,
    untilMs: until,
    ...(sizeMs === undefined ? {} : { sizeMs }),
  })
  const before = plan.faults.find((each) => each.name === name && each.from === 0 && each !== fault)
  world.setFault(name, setting(fault))
  if (before === undefined || fault.from === 0) return
  const restore = world.watch(() => {
    if (world.now() < fault.until) return
    restore()
    if (world.now() < plan.calmAt) world.setFault(name, setting(before))
  })
}

/** The lease goes to somebody else for a moment. */
async function loseLease(database: Database, struck: () => void): Promise<void> {
  struck()
  await database.db
    .updateTable('lease')
    .set((of) => ({ epoch: of('epoch', '+', 1), holder: 'rival', expires_at: 0 }))
    .execute()
}

/** The pool's record as people write it and the service reads it. */
function createBook(poolId: number, settings: PoolSettings, replaceConfirmed: boolean) {
  const initial: PoolRecord = {
    poolId,
    name: 'linux',
    scaleSetId,
    settings,
    version: 1,
    orders: [],
    replaceConfirmed,
  }
  let record: PoolRecord | undefined = initial
  let orders = 0
  return {
    initial,
    record: () => record,
    forget: () => {
      record = undefined
    },
    set(change: Partial<PoolSettings>) {
      if (record !== undefined) record = { ...record, settings: { ...record.settings, ...change }, version: record.version + 1 }
    },
    order(order: Omit<Order, 'id'>) {
      orders += 1
      if (record !== undefined) record = { ...record, orders: [...record.orders, { ...order, id: orders }] }
    },
    taken(ids: readonly number[]): readonly Order[] {
      const taken = record?.orders.filter((order) => ids.includes(order.id)) ?? []
      if (record !== undefined) record = { ...record, orders: record.orders.filter((order) => !ids.includes(order.id)) }
      return taken
    },
  }
}
