/** The truth of the world in numbers, for benchmarks and the terminal view. Nothing here passes a fault switch. */
import type { RequestFacts, World } from '../backend/simulator/facts.ts'
import type { SandboxClock } from './clock.ts'

export type Known = { readonly scaleSets: ReadonlySet<string>; readonly pools: ReadonlySet<number> }
export type WaitSummary = { readonly jobs: number; readonly p50Ms: number; readonly p95Ms: number; readonly maxMs: number }

export function summarize(world: World, clock: SandboxClock, known: Known): object {
  const now = clock.nowMs()
  return {
    now,
    at: clock.toIso(now),
    scaleSets: [...known.scaleSets].map((id) => scaleSetSummary(world, id)),
    pools: [...known.pools].map((id) => poolSummary(world, id)),
    faults: Object.fromEntries(world.faults()),
    faultCounts: Object.fromEntries(world.faultCounts()),
  }
}

function scaleSetSummary(world: World, id: string): object {
  const facts = world.truth.scaleSet(id)
  const machines = world.truth.machines(id)
  return {
    id,
    exists: facts !== undefined,
    capacity: facts?.capacity ?? 0,
    machines: machines.length,
    byState: countBy(machines.map((machine) => machine.provisioningState)),
    byAgentProcess: countBy(machines.map((machine) => machine.agentProcess)),
    machineMs: world.truth.machineMs(id),
  }
}

function poolSummary(world: World, id: number): object {
  const agents = world.truth.agents(id)
  const requests = world.truth.requests(id)
  const finished = requests.filter((request) => request.result !== undefined)
  const unfinished = requests.filter((request) => request.result === undefined)
  return {
    id,
    agents: agents.length,
    online: agents.filter((agent) => agent.online).length,
    waiting: unfinished.filter((request) => request.assignedAt === undefined).length,
    running: unfinished.filter((request) => request.assignedAt !== undefined).length,
    finished: countBy(finished.map((request) => request.result ?? 'none')),
    waits: waitSummary(requests),
  }
}

/** From queued to received by the agent, of every job that got that far. */
function waitSummary(requests: readonly RequestFacts[]): WaitSummary {
  const waits = requests
    .flatMap(({ queuedAt, receivedAt }) => (receivedAt === undefined ? [] : [receivedAt - queuedAt]))
    .sort((a, b) => a - b)
  const at = (share: number): number => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0
  return { jobs: waits.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) }
}

function countBy(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
