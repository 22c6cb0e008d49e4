/** How machines are shown: a few groups of stages, in the order of a machine's life. Colours are classes of hub.css. */
import type { MachineView, PoolSummary } from '../../backend/api/contract.ts'

type Stage = MachineView['stage']
export type StageGroup = { readonly id: string; readonly name: string; readonly stages: readonly Stage[] }

export const stageGroups: readonly StageGroup[] = [
  { id: 'busy', name: 'running a job', stages: ['busy'] },
  { id: 'idle', name: 'idle', stages: ['idle'] },
  { id: 'starting', name: 'starting', stages: ['starting'] },
  { id: 'creating', name: 'being created', stages: ['creating'] },
  { id: 'reimaging', name: 'being reimaged', stages: ['used', 'reimaging'] },
  { id: 'leaving', name: 'leaving', stages: ['draining', 'disabled', 'unregistered', 'deleting'] },
  { id: 'unhealthy', name: 'unhealthy', stages: ['failed', 'offline'] },
  { id: 'saved', name: 'saved', stages: ['saved'] },
  { id: 'others', name: 'not ours or unclear', stages: ['foreign', 'unclear'] },
]

export type GroupCount = { readonly group: StageGroup; readonly count: number }

/** The groups that have machines, with how many. */
export function groupsOf(stages: NonNullable<PoolSummary['stages']>): readonly GroupCount[] {
  return stageGroups
    .map((group) => ({ group, count: group.stages.reduce((sum, stage) => sum + (stages[stage] ?? 0), 0) }))
    .filter(({ count }) => count > 0)
}

export function groupOf(stage: Stage): StageGroup | undefined {
  return stageGroups.find(({ stages }) => stages.includes(stage))
}
