/** `npm run bench:decide -- --json`: how long one decision takes on 1,000 machines and 5,000 jobs. Bound: 5 ms. */
import { decide } from '../backend/core/decide.ts'
import type { Job, Machine, PoolSnapshot } from '../backend/core/snapshot.ts'
import { defaultSettings } from '../backend/core/settings.ts'

const machineCount = 1_000
const jobCount = 5_000
const rounds = 300
const boundMs = 5
const now = 10_000_000

const agent = (id: number, enabled = true) => ({ id, name: `linux${id}`, online: true, enabled, version: '4.268.0' })

function machine(id: number): Machine {
  const facts = { id: String(id), name: `linux${id}`, generation: 1 + (id % 3), since: now - id * 1_000 }
  switch (id % 8) {
    case 0:
      return { ...facts, stage: 'creating' }
    case 1:
      return { ...facts, stage: 'starting', after: 'reimage' }
    case 2:
      return { ...facts, stage: 'draining', agent: agent(id, false), cause: 'used', next: 'reimage' }
    case 3:
      return { ...facts, stage: 'used', agent: agent(id) }
    case 4:
      return { ...facts, stage: 'offline', agent: { ...agent(id), online: false } }
    case 5:
      return { ...facts, stage: 'idle', agent: agent(id) }
    default:
      return { ...facts, stage: 'busy', agent: agent(id), requestId: id }
  }
}

function job(requestId: number): Job {
  const demands = ['Agent.Version -gtVersion 2.182.1', 'docker', 'node -equals 20.19.0', ...(requestId % 10 === 0 ? ['xcode'] : [])]
  return {
    requestId,
    name: `job ${requestId}`,
    pipeline: 'ci',
    seenAt: now - 60_000,
    demands,
    ...(requestId < machineCount ? { agentId: requestId } : {}),
  }
}

const known = <T>(value: T) => ({ known: true, at: now - 1_000, value }) as const
const snapshot: PoolSnapshot = {
  poolId: 1,
  wallTimeMs: Date.UTC(2026, 10, 21),
  jobs: known(Array.from({ length: jobCount }, (_, index) => job(index))),
  agents: known({ others: [], orphans: [], placeholder: { agentId: 1, version: '4.268.0', capabilities: {} }, newestVersion: '4.268.0' }),
  scaleSet: known({
    capacity: machineCount,
    claim: 'ours',
    extension: 'current',
    claimRefreshedAt: now,
    operationRunning: false,
    singlePlacementGroup: false,
    blockers: [],
  }),
  machines: known(Array.from({ length: machineCount }, (_, index) => machine(index))),
  capabilities: known({ docker: '24', node: '20.19.0', 'Agent.OS': 'Linux' }),
  asked: 0,
  owed: 0,
  deleteInFlight: false,
  recentUpdates: [],
  rooms: [],
  lowestSurplus: 3,
  peakDemand: 900,
  boot: {},
  reimage: {},
}
const settings = { ...defaultSettings, machinesMax: 1_000, standby: 10, tearDownAfterUse: true }

const times = Array.from({ length: rounds }, () => {
  const startedAt = performance.now()
  decide(snapshot, settings, now)
  return performance.now() - startedAt
})
  .slice(rounds / 10)
  .toSorted((left, right) => left - right)
const at = (share: number): number => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(3))
const { steps, reasons } = decide(snapshot, settings, now)
const result = {
  machines: machineCount,
  jobs: jobCount,
  rounds: times.length,
  p50Ms: at(0.5),
  p99Ms: at(0.99),
  boundMs,
  steps: steps.length,
  reasons: reasons.length,
  holds: at(0.99) <= boundMs,
}
console.log(
  process.argv.includes('--json')
    ? JSON.stringify(result)
    : `decide on ${machineCount} machines and ${jobCount} jobs: p50 ${result.p50Ms} ms, p99 ${result.p99Ms} ms (bound ${boundMs} ms)`,
)
process.exitCode = result.holds ? 0 : 1
