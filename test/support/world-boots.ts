/** The machines of the world tell of their boots: what their scripts would report, from what happened to them. */
import { bootPhases, type BootPhase } from '../../backend/core/boot.ts'
import { extensionName } from '../../backend/loop/extension.ts'
import type { BootReport, Boots } from '../../backend/loop/ports-boot.ts'
import type { MachineFacts, World, WorldEvent } from '../../backend/simulator/facts.ts'

export type WorldBoots = Boots & { readonly reports: readonly BootReport[] }

/** A script that fails in the world says this. */
const failingLine = 'enableagent failed in package [hash-mismatch]: The SHA-256 of the agent package is another. Look for a cache.'

/** Reports of one pool; `isOneJob` tells whether its agents end after a job. */
export function worldBoots(world: World, poolId: number, scaleSetId: string, isOneJob: () => boolean): WorldBoots {
  const reports: BootReport[] = []
  const told = new Map<string, BootPhase>()
  world.watch((event) => {
    const happened = reportOf(event)
    const machine = happened === undefined ? undefined : machineOf(event)
    if (happened !== undefined && machine !== undefined) tell(machine, happened)
  })
  return {
    reports,
    add: async (report) => void reports.push(report),
    of: async (_poolId, machine) => reports.filter((report) => report.machine === machine),
    since: async (_poolId, since) => reports.slice(reports.findLastIndex(({ at }) => at <= since) + 1),
  }

  function reportOf(event: WorldEvent): { readonly upTo: BootPhase; readonly fails?: true } | undefined {
    switch (event.kind) {
      case 'agent-added':
        return event.by === 'machine' ? { upTo: 'configure' } : undefined
      case 'agent-online':
        return { upTo: 'online' }
      case 'machine-failed':
        return { upTo: 'package', fails: true }
      case 'job-finished':
        return isOneJob() ? { upTo: 'finished' } : undefined
      default:
        return undefined
    }
  }

  function machineOf(event: WorldEvent): MachineFacts | undefined {
    if ('poolId' in event) return event.poolId === poolId ? machineOfAgent(event.agentId) : undefined
    if (event.kind !== 'machine-failed' || event.scaleSetId.toLowerCase() !== scaleSetId.toLowerCase()) return undefined
    const machine = machineNamed(event.machine)
    return machine?.failure?.extension === extensionName ? machine : undefined
  }

  function machineOfAgent(agentId: number | undefined): MachineFacts | undefined {
    return machineNamed(world.truth.agents(poolId).find(({ id }) => id === agentId)?.machine?.instanceId)
  }

  function machineNamed(id: string | undefined): MachineFacts | undefined {
    return world.truth.machines(scaleSetId).find(({ instanceId }) => instanceId === id)
  }

  /** All phases up to this one that the present life has not told yet; the last may fail. */
  function tell(machine: MachineFacts, { upTo, fails }: { readonly upTo: BootPhase; readonly fails?: true }): void {
    const life = `${machine.instanceId}/${machine.createdAt}/${machine.reimages}`
    const from = bootPhases.indexOf(told.get(life) ?? 'prerequisites')
    const first = told.has(life) ? from + 1 : 0
    const last = bootPhases.indexOf(upTo)
    told.set(life, bootPhases[Math.max(from, last)] ?? upTo)
    for (let index = first; index <= last; index++) {
      const phase = bootPhases[index] ?? upTo
      const failed = fails === true && index === last
      add(machine, phase, failed)
    }
  }

  function add({ instanceId, computerName, createdAt, reimages }: MachineFacts, phase: BootPhase, failed: boolean): void {
    reports.push({
      poolId,
      machineId: instanceId,
      machine: computerName,
      createdAt: String(createdAt),
      generation: reimages + 1,
      phase,
      result: failed ? 'failed' : 'ok',
      durationMs: 1_000 * (1 + bootPhases.indexOf(phase)),
      detail: failed ? failingLine : '',
      ...(failed ? { cause: 'hash-mismatch' } : {}),
      at: Math.max((reports.at(-1)?.at ?? 0) + 0.001, world.now()),
      wallTimeMs: world.now(),
    })
    // Nobody asks for the oldest ones any more; the array stays short.
    if (reports.length > 2_000) reports.splice(0, 1_000)
  }
}
