/** The figures of the service in Prometheus' text format. Every name begins with `scale_set_agents_`. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { BootPhase } from '../core/boot.ts'
import type { Counts, Metrics } from '../loop/ports.ts'

export type MetricsRegistry = Metrics & {
  /** A machine told how long a phase of its boot took. */
  bootPhase(poolId: number, phase: BootPhase, result: 'ok' | 'failed', tookMs: number): void
  /** Takes off the series of a pool that was deleted. */
  forget(poolId: number): Promise<void>
  /** The body of `/metrics`. */
  text(): Promise<string>
  readonly contentType: string
}

/** The counts of machines by stage; the others of {@link Counts} describe the queue and the scale set. */
const stages = ['idle', 'busy', 'starting', 'leaving', 'failed', 'saved', 'foreign', 'unclear'] as const satisfies readonly (keyof Counts)[]
const minutes = [1, 2, 5, 10, 20, 30, 60, 120, 180, 300, 450, 600, 900, 1800, 3600]
const milliseconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** `processFigures` adds memory, CPU and event-loop figures of this process. */
export function createMetrics(options: { readonly processFigures?: boolean } = {}): MetricsRegistry {
  const registry = new Registry()
  if (options.processFigures === true) collectDefaultMetrics({ register: registry })
  const figures = createFigures(registry)
  return {
    pass(poolId, counts, tookMs) {
      const pool = String(poolId)
      for (const stage of stages) figures.machines.set({ pool, stage }, counts[stage])
      for (const state of ['waiting', 'running'] as const) figures.queue.set({ pool, state }, counts[state])
      figures.capacity.set({ pool }, counts.capacity)
      figures.pass.observe({ pool }, tookMs / 1000)
    },
    passFailed: (poolId) => figures.passFailures.inc({ pool: String(poolId) }),
    call(api, operation, outcome, tookMs) {
      figures.calls.inc({ api, operation, outcome })
      figures.call.observe({ api, operation }, tookMs / 1000)
    },
    jobStarted: (poolId, waitedMs) => figures.wait.observe({ pool: String(poolId) }, waitedMs / 1000),
    booted: (poolId, tookMs) => figures.boot.observe({ pool: String(poolId) }, tookMs / 1000),
    assignmentsLost: (poolId, count) => figures.assignmentsLost.inc({ pool: String(poolId) }, count),
    bootPhase: (poolId, phase, result, tookMs) => figures.phase.observe({ pool: String(poolId), phase, result }, tookMs / 1000),
    action: (poolId, kind, outcome) => figures.actions.inc({ pool: String(poolId), kind, outcome }),
    // Counters stay: what was done here was done here.
    left: (poolId) => void forget([figures.machines, figures.queue, figures.capacity], String(poolId)),
    forget: (poolId) => forget(Object.values(figures), String(poolId)),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

/** A histogram's values carry its buckets too, which `remove` does not know: its series are named by the pool alone. */
async function forget(figures: readonly Figure[], pool: string): Promise<void> {
  for (const figure of figures) {
    const { values } = await figure.get()
    for (const { labels } of values.filter((value) => value.labels['pool'] === pool)) {
      const { le: _, ...series } = labels as Readonly<Record<string, string>>
      figure.remove(series)
    }
  }
}

type Figure = {
  get(): Promise<{ readonly values: readonly { readonly labels: Partial<Record<string, string | number>> }[] }>
  remove(labels: Readonly<Record<string, string>>): void
}

function createFigures(registry: Registry) {
  const named = <L extends string>(name: string, help: string, labelNames: readonly L[]) => ({
    name: `scale_set_agents_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  return {
    machines: new Gauge(named('machines', 'Machines of the scale set by stage.', ['pool', 'stage'])),
    queue: new Gauge(named('queue', 'Unfinished jobs of the pool: waiting or running.', ['pool', 'state'])),
    capacity: new Gauge(named('capacity', 'Capacity of the scale set as Azure has it.', ['pool'])),
    wait: new Histogram({ ...named('wait_seconds', 'Time from the first sight of a job to its start.', ['pool']), buckets: minutes }),
    pass: new Histogram({ ...named('pass_seconds', 'Duration of a pass.', ['pool']), buckets: milliseconds }),
    passFailures: new Counter(named('pass_failures_total', 'Passes that ended in an error.', ['pool'])),
    calls: new Counter(
      named('calls_total', 'Requests sent, by API, operation and outcome (ok, refused, throttled, unknown).', [
        'api',
        'operation',
        'outcome',
      ]),
    ),
    call: new Histogram({ ...named('call_seconds', 'Duration of a request.', ['api', 'operation']), buckets: milliseconds }),
    boot: new Histogram({
      ...named('boot_seconds', 'Time from the first sight of a machine to its agent online.', ['pool']),
      buckets: minutes,
    }),
    phase: new Histogram({
      ...named('boot_phase_seconds', 'Duration of a phase of a boot, as the machine measured it.', ['pool', 'phase', 'result']),
      buckets: minutes,
    }),
    assignmentsLost: new Counter(
      named('assignments_lost_total', 'Jobs assigned to an agent that ended after its one job; Azure DevOps gives them out again.', [
        'pool',
      ]),
    ),
    actions: new Counter(named('actions_total', 'Actions by kind and outcome.', ['pool', 'kind', 'outcome'])),
  }
}
