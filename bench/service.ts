/** The service as a child process of a benchmark: the real wiring, and figures of its own process on demand. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLog } from '../backend/adapters/log.ts'
import { startService, type ServiceOptions } from '../backend/cli/service.ts'

export type ProcessFigures = {
  readonly residentMb: number
  /** Longest time for which nothing else could run. */
  readonly stallMs: number
  /** Share of one core. */
  readonly cpu: number
}
export type Ask = 'begin' | 'figures'

const samplingMs = 10
const delays = monitorEventLoopDelay({ resolution: samplingMs })
let residentMax = 0
let began = { cpu: process.cpuUsage(), at: performance.now() }

function begin(): void {
  delays.reset()
  delays.enable()
  residentMax = 0
  began = { cpu: process.cpuUsage(), at: performance.now() }
}

function figures(): ProcessFigures {
  const { user, system } = process.cpuUsage(began.cpu)
  return {
    residentMb: Math.round(residentMax / 2 ** 20),
    // What is recorded is the time between two samples.
    stallMs: Math.max(0, Math.round(delays.max / 1e6 - samplingMs)),
    cpu: Number(((user + system) / 1_000 / (performance.now() - began.at)).toFixed(2)),
  }
}

setInterval(() => (residentMax = Math.max(residentMax, process.memoryUsage.rss())), 250).unref()
process.once('disconnect', () => process.exit(0))
process.once('message', (options: Omit<ServiceOptions, 'log'>) => {
  void startService({ ...options, log: createLog({ level: 'error' }) }).then(({ url, operatorKey }) => {
    process.on('message', (ask: Ask) => (ask === 'begin' ? begin() : process.send?.(figures())))
    process.send?.({ url, operatorKey })
  })
})
